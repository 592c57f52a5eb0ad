//! The syntax of regular expressions, as Lucene has it.
//!
//! Supported: `|`, `&` (both), concatenation, `?`, `*`, `+`, `{n}`, `{n,}`, `{n,m}`, `~` (whatever
//! does not fit), `( )`, `[ ]`, `[^ ]`, `.`, `@` (any text), `#` (nothing at all), `" "` (literal
//! text), `\` before a literal character, and the shorthands `\d \D \s \S \w \W`. Ranges of numbers
//! and named automata, which begin with `<`, are refused.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::iter::Peekable;
use core::str::Chars;

use super::automaton::RegexRefusal;

/// A part of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// One character of a class.
    Take(Class),
    /// One after the other; without parts, the empty text.
    Concat(Vec<Self>),
    /// One of them.
    Union(Vec<Self>),
    /// What fits all of them.
    Intersection(Vec<Self>),
    /// What it does not fit.
    Complement(Box<Self>),
    /// The same several times; without `max`, as often as wanted.
    Repeat { node: Box<Self>, min: usize, max: Option<usize> },
}

/// A set of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Class {
    items: Vec<Item>,
    is_negated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Range(char, char),
    Shorthand(Shorthand, Polarity),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shorthand {
    Digit,
    Space,
    Word,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Polarity {
    Within,
    Outside,
}

impl Class {
    /// Whether the character belongs to the set.
    pub(super) fn contains(&self, found: char) -> bool {
        self.items.iter().any(|item| item.contains(found)) != self.is_negated
    }

    /// Every character.
    pub(super) const fn any() -> Self {
        Self { items: Vec::new(), is_negated: true }
    }

    /// This character only.
    pub(super) fn one(literal: char) -> Self {
        Self::of(Item::Range(literal, literal))
    }

    /// How much work it is to look for a character.
    pub(super) const fn weight(&self) -> usize {
        self.items.len().saturating_add(1)
    }

    /// Characters at which membership may change: between two of them, all are in or all are out.
    pub(super) fn bounds(&self) -> impl Iterator<Item = char> {
        self.items.iter().flat_map(Item::bounds).flatten()
    }

    /// No character.
    pub(super) const fn nothing() -> Self {
        Self { items: Vec::new(), is_negated: false }
    }

    /// The characters of these ranges, which are in order; those that touch become one.
    pub(super) fn of_ranges(ranges: &[(char, char)]) -> Self {
        let mut joined: Vec<(char, char)> = Vec::new();
        for &(first, last) in ranges {
            match joined.last_mut() {
                Some((_, end)) if following(*end) == Some(first) => *end = last,
                Some(_) | None => joined.push((first, last)),
            }
        }
        let items = joined.iter().map(|(first, last)| Item::Range(*first, *last)).collect();
        Self { items, is_negated: false }
    }

    fn of(item: Item) -> Self {
        Self { items: alloc::vec![item], is_negated: false }
    }
}

impl Item {
    fn bounds(&self) -> Vec<Option<char>> {
        let ranges: &[(char, char)] = match self {
            Self::Range(first, last) => &[(*first, *last)],
            Self::Shorthand(Shorthand::Digit, _) => &[('0', '9')],
            Self::Shorthand(Shorthand::Space, _) => &[('\t', '\n'), ('\r', '\r'), (' ', ' ')],
            Self::Shorthand(Shorthand::Word, _) => {
                &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]
            }
        };
        ranges.iter().flat_map(|(first, last)| [Some(*first), following(*last)]).collect()
    }

    fn contains(&self, found: char) -> bool {
        match self {
            Self::Range(first, last) => (*first..=*last).contains(&found),
            Self::Shorthand(shorthand, polarity) => {
                let is_within = match shorthand {
                    Shorthand::Digit => found.is_ascii_digit(),
                    Shorthand::Space => matches!(found, ' ' | '\t' | '\n' | '\r'),
                    Shorthand::Word => found.is_ascii_alphanumeric() || found == '_',
                };
                is_within == (*polarity == Polarity::Within)
            }
        }
    }
}

/// The next character, if there is one.
fn following(last: char) -> Option<char> {
    (last..=char::MAX).nth(1)
}

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Node, RegexRefusal> {
    let mut parser = Parser { rest: text.chars().peekable(), depth: 0 };
    if parser.rest.peek().is_none() {
        return Ok(Node::Concat(Vec::new()));
    }
    let node = parser.union()?;
    match parser.rest.next() {
        None => Ok(node),
        Some(_) => Err(RegexRefusal::Malformed),
    }
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
    depth: usize,
}

impl Parser<'_> {
    fn union(&mut self) -> Result<Node, RegexRefusal> {
        let first = self.intersection()?;
        let mut nodes = alloc::vec![first];
        while self.rest.next_if_eq(&'|').is_some() {
            nodes.push(self.intersection()?);
        }
        Ok(Node::Union(nodes))
    }

    fn intersection(&mut self) -> Result<Node, RegexRefusal> {
        let first = self.concat()?;
        if self.rest.peek() != Some(&'&') {
            return Ok(first);
        }
        let mut nodes = alloc::vec![first];
        while self.rest.next_if_eq(&'&').is_some() {
            nodes.push(self.concat()?);
        }
        Ok(Node::Intersection(nodes))
    }

    fn concat(&mut self) -> Result<Node, RegexRefusal> {
        let mut nodes = Vec::new();
        while !matches!(self.rest.peek(), None | Some('|' | '&' | ')')) {
            nodes.push(self.repeat()?);
        }
        if nodes.is_empty() {
            return Err(RegexRefusal::Malformed);
        }
        Ok(Node::Concat(nodes))
    }

    fn repeat(&mut self) -> Result<Node, RegexRefusal> {
        let mut node = self.complement()?;
        let mut repeats: usize = 0;
        while let Some(&operator) = self.rest.peek() {
            let (min, max) = match operator {
                '?' => (0, Some(1)),
                '*' => (0, None),
                '+' => (1, None),
                '{' => (0, Some(0)),
                _ => break,
            };
            self.rest.next();
            let (min, max) = if operator == '{' { self.bounds()? } else { (min, max) };
            // A chain of repetitions nests as groups do.
            repeats = repeats.saturating_add(1);
            if repeats > DEPTH_MAX {
                return Err(RegexRefusal::TooLarge);
            }
            node = Node::Repeat { node: Box::new(node), min, max };
        }
        Ok(node)
    }

    fn complement(&mut self) -> Result<Node, RegexRefusal> {
        let mut is_complement = false;
        while self.rest.next_if_eq(&'~').is_some() {
            is_complement = !is_complement;
        }
        let node = self.simple()?;
        Ok(if is_complement { Node::Complement(Box::new(node)) } else { node })
    }

    fn bounds(&mut self) -> Result<(usize, Option<usize>), RegexRefusal> {
        let min = self.count()?;
        let max = match self.rest.next() {
            Some('}') => return Ok((min, Some(min))),
            Some(',') if self.rest.next_if_eq(&'}').is_some() => return Ok((min, None)),
            Some(',') => self.count()?,
            Some(_) | None => return Err(RegexRefusal::Malformed),
        };
        if self.rest.next() != Some('}') || max < min {
            return Err(RegexRefusal::Malformed);
        }
        Ok((min, Some(max)))
    }

    fn count(&mut self) -> Result<usize, RegexRefusal> {
        let mut digits = alloc::string::String::new();
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        if digits.is_empty() {
            return Err(RegexRefusal::Malformed);
        }
        digits.parse().map_err(|_| RegexRefusal::TooLarge)
    }

    fn simple(&mut self) -> Result<Node, RegexRefusal> {
        match self.rest.next().ok_or(RegexRefusal::Malformed)? {
            '(' => self.group(),
            '[' => self.class(),
            '"' => self.literal_text(),
            '.' => Ok(Node::Take(Class::any())),
            '@' => {
                let any = Box::new(Node::Take(Class::any()));
                Ok(Node::Repeat { node: any, min: 0, max: None })
            }
            '#' => Ok(Node::Take(Class::nothing())),
            '\\' => self.escaped().map(|item| Node::Take(Class::of(item))),
            operator @ '<' => Err(RegexRefusal::Unsupported(operator)),
            '*' | '+' | '?' | '{' => Err(RegexRefusal::Malformed),
            literal => Ok(Node::Take(Class::one(literal))),
        }
    }

    fn group(&mut self) -> Result<Node, RegexRefusal> {
        if self.rest.next_if_eq(&')').is_some() {
            return Ok(Node::Concat(Vec::new()));
        }
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEPTH_MAX {
            return Err(RegexRefusal::TooLarge);
        }
        let node = self.union()?;
        self.depth = self.depth.saturating_sub(1);
        match self.rest.next() {
            Some(')') => Ok(node),
            Some(_) | None => Err(RegexRefusal::Malformed),
        }
    }

    fn literal_text(&mut self) -> Result<Node, RegexRefusal> {
        let mut nodes = Vec::new();
        loop {
            match self.rest.next().ok_or(RegexRefusal::Malformed)? {
                '"' => return Ok(Node::Concat(nodes)),
                literal => nodes.push(Node::Take(Class::one(literal))),
            }
        }
    }

    fn class(&mut self) -> Result<Node, RegexRefusal> {
        let is_negated = self.rest.next_if_eq(&'^').is_some();
        let mut items = Vec::new();
        loop {
            match self.rest.next().ok_or(RegexRefusal::Malformed)? {
                ']' if items.is_empty() => return Err(RegexRefusal::Malformed),
                ']' => return Ok(Node::Take(Class { items, is_negated })),
                '\\' => {
                    let item = self.escaped()?;
                    items.push(self.range_from(item)?);
                }
                literal => items.push(self.range_from(Item::Range(literal, literal))?),
            }
        }
    }

    /// Extends a single character to a range, where a `-` follows it.
    fn range_from(&mut self, item: Item) -> Result<Item, RegexRefusal> {
        let Item::Range(first, _) = item else {
            return Ok(item);
        };
        if self.rest.next_if_eq(&'-').is_none() {
            return Ok(item);
        }
        let last = match self.rest.next().ok_or(RegexRefusal::Malformed)? {
            '\\' => self.rest.next().ok_or(RegexRefusal::Malformed)?,
            ']' => return Err(RegexRefusal::Malformed),
            literal => literal,
        };
        if last < first {
            return Err(RegexRefusal::Malformed);
        }
        Ok(Item::Range(first, last))
    }

    fn escaped(&mut self) -> Result<Item, RegexRefusal> {
        use Polarity::{Outside, Within};
        let item = match self.rest.next().ok_or(RegexRefusal::Malformed)? {
            'd' => Item::Shorthand(Shorthand::Digit, Within),
            'D' => Item::Shorthand(Shorthand::Digit, Outside),
            's' => Item::Shorthand(Shorthand::Space, Within),
            'S' => Item::Shorthand(Shorthand::Space, Outside),
            'w' => Item::Shorthand(Shorthand::Word, Within),
            'W' => Item::Shorthand(Shorthand::Word, Outside),
            literal => Item::Range(literal, literal),
        };
        Ok(item)
    }
}

/// Deepest nesting of groups or of repetitions: bounds recursion.
const DEPTH_MAX: usize = 32;
