//! The text of a `simple_query_string` query: pieces, operators, brackets.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::super::analysis::{self, Words};
use super::super::field_queries::one_of;
use super::super::minimum::Minimum;
use super::super::parse::{Parser, check_depth};
use super::super::refusal::QueryRefusal;
use super::super::schema::{FieldKind, FieldRef};
use super::super::term::{Case, Near, TermTest};
use super::super::tree::{Phrase, Query};
use super::{NEAR, Options};

/// The query in a text; none if it holds nothing that can be asked.
pub(super) fn read(
    parser: &mut Parser<'_>,
    options: &Options,
    given: &str,
    depth: usize,
) -> Result<Option<Query>, QueryRefusal> {
    let chars: Vec<char> = given.chars().collect();
    let closing = closing_brackets(&chars, options.operators.contains('\\'));
    let end = chars.len();
    let mut reader = Reader { parser, options, chars, closing, at: 0, end };
    let group = reader.group(depth)?;
    Ok(group.into_query(options.minimum.as_ref()))
}

/// Where the bracket that each opening one belongs to closes.
fn closing_brackets(chars: &[char], escapes: bool) -> BTreeMap<usize, usize> {
    let mut closing = BTreeMap::new();
    let mut open = Vec::new();
    let mut is_literal = false;
    for (at, char) in chars.iter().enumerate() {
        match char {
            _ if is_literal => is_literal = false,
            '\\' if escapes => is_literal = true,
            '(' => open.push(at),
            ')' => closing.extend(open.pop().map(|opened| (opened, at))),
            _ => {}
        }
    }
    closing
}

/// How clauses are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    And,
    Or,
}

/// Clauses read so far, at one level of brackets.
struct Group {
    held: Vec<Query>,
    /// How those that are held are joined.
    joined: Option<Joint>,
    /// How the next one is to be joined.
    pending: Option<Joint>,
    is_negated: bool,
    depth: usize,
}

impl Group {
    const fn new(depth: usize) -> Self {
        Self { held: Vec::new(), joined: None, pending: None, is_negated: false, depth }
    }

    /// Notes an operator, or a blank. Of several that join, the first holds; one that negates is
    /// for what stands directly behind it.
    fn operate(&mut self, operator: char) {
        self.is_negated = operator == '-' && !self.is_negated;
        let joint = match operator {
            '|' => Joint::Or,
            '+' => Joint::And,
            _ => return,
        };
        if !self.held.is_empty() && self.pending.is_none() {
            self.pending = Some(joint);
        }
    }

    /// Passes over a clause that asks nothing, and over the operators before it.
    fn pass_over(&mut self) {
        self.pending = None;
        self.is_negated = false;
    }

    fn add(&mut self, query: Query, otherwise: Joint) -> Result<(), QueryRefusal> {
        let query = if self.is_negated { Query::not(query) } else { query };
        self.is_negated = false;
        let joint = self.pending.take().unwrap_or(otherwise);
        if self.held.is_empty() {
            self.held.push(query);
            return Ok(());
        }
        if let Some(joined) = self.joined.filter(|joined| *joined != joint) {
            self.depth = self.depth.saturating_add(1);
            check_depth(self.depth)?;
            self.held = vec![combined(core::mem::take(&mut self.held), joined)];
        }
        self.joined = Some(joint);
        self.held.push(query);
        Ok(())
    }

    fn into_query(self, minimum: Option<&Minimum>) -> Option<Query> {
        let clauses = self.held.len();
        match (self.joined, minimum) {
            _ if clauses == 0 => None,
            (Some(Joint::Or), Some(minimum)) => {
                Some(Query::some_of(self.held, minimum.among(clauses).max(1)))
            }
            (joined, _) => Some(combined(self.held, joined.unwrap_or(Joint::And))),
        }
    }
}

fn combined(queries: Vec<Query>, joint: Joint) -> Query {
    match joint {
        Joint::And => Query::all_of(queries),
        Joint::Or => Query::any_of(queries),
    }
}

struct Reader<'r, 's> {
    parser: &'r mut Parser<'s>,
    options: &'r Options,
    chars: Vec<char>,
    closing: BTreeMap<usize, usize>,
    at: usize,
    end: usize,
}

impl Reader<'_, '_> {
    fn group(&mut self, depth: usize) -> Result<Group, QueryRefusal> {
        check_depth(depth)?;
        let mut group = Group::new(depth);
        while let Some(char) = self.peek(0) {
            let operator = Some(char).filter(|char| self.is_operator(*char));
            let clause = match operator {
                Some('(') => self.bracket(depth)?,
                Some('"') => self.phrase()?,
                None | Some('\\' | '*' | '~') => self.word()?,
                Some(operator) => {
                    self.step(1);
                    group.operate(operator);
                    continue;
                }
            };
            match clause {
                Some(clause) => group.add(clause, joint(self.options))?,
                None => group.pass_over(),
            }
        }
        Ok(group)
    }

    /// What stands in brackets; a bracket that never closes is passed over.
    fn bracket(&mut self, depth: usize) -> Result<Option<Query>, QueryRefusal> {
        let close = self.closing.get(&self.at).copied().filter(|close| *close < self.end);
        self.step(1);
        let Some(close) = close else { return Ok(None) };
        let end = core::mem::replace(&mut self.end, close);
        let group = self.group(depth.saturating_add(1))?;
        self.end = end;
        self.at = close.saturating_add(1);
        Ok(group.into_query(None))
    }

    /// What stands in quotes; a quote that never closes is passed over.
    fn phrase(&mut self) -> Result<Option<Query>, QueryRefusal> {
        self.step(1);
        let start = self.at;
        let mut text = String::new();
        loop {
            match self.peek(0) {
                None => {
                    self.at = start;
                    return Ok(None);
                }
                Some('\\') if self.is_operator('\\') => {
                    text.extend(self.peek(1));
                    self.step(2);
                }
                Some('"') => break,
                Some(char) => {
                    text.push(char);
                    self.step(1);
                }
            }
        }
        self.step(1);
        let slop = if self.is_active(NEAR) { self.distance() } else { None };
        self.clause(&Piece::Phrase(text, slop.unwrap_or(0)))
    }

    fn word(&mut self) -> Result<Option<Query>, QueryRefusal> {
        let mut text = String::new();
        while let Some(char) = self.peek(0) {
            let is_begun = !text.is_empty();
            match char {
                '\\' if self.is_operator(char) => {
                    text.extend(self.peek(1));
                    self.step(2);
                }
                _ if self.ends_word(Some(char)) => break,
                '*' if is_begun && self.is_operator(char) && self.ends_word(self.peek(1)) => {
                    self.step(1);
                    return self.clause(&Piece::Beginning(text));
                }
                _ => {
                    if let Some(edits) = is_begun.then(|| self.nearness()).flatten() {
                        return self.clause(&Piece::Near(text, edits));
                    }
                    text.push(char);
                    self.step(1);
                }
            }
        }
        self.clause(&Piece::Word(text))
    }

    fn nearness(&mut self) -> Option<u8> {
        if !self.is_operator('~') {
            return None;
        }
        self.distance().map(|edits| u8::try_from(edits).unwrap_or(EDITS_MAX).min(EDITS_MAX))
    }

    /// `~` and a number, at the end of a piece; without a number, the largest sensible one.
    fn distance(&mut self) -> Option<u32> {
        if self.peek(0) != Some('~') {
            return None;
        }
        let mut number: Option<u32> = None;
        let mut length = 1;
        while let Some(digit) = self.peek(length).and_then(|char| char.to_digit(10)) {
            number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit));
            length = length.saturating_add(1);
        }
        if !self.ends_word(self.peek(length)) {
            return None;
        }
        self.step(length);
        Some(number.unwrap_or_else(|| EDITS_MAX.into()))
    }

    /// What a piece asks of the fields: one of them has it. None if nothing of it can be asked.
    fn clause(&mut self, piece: &Piece) -> Result<Option<Query>, QueryRefusal> {
        self.parser.admit(self.options.fields.len())?;
        let asked = self.options.fields.iter().filter_map(|field| self.asked(field, piece));
        let asked: Vec<Query> = asked.collect();
        Ok(if asked.is_empty() { None } else { Some(Query::any_of(asked)) })
    }

    fn asked(&self, field: &FieldRef, piece: &Piece) -> Option<Query> {
        if piece.text().is_empty() {
            return None;
        }
        if field.kind == FieldKind::Boolean {
            return Some(match piece {
                Piece::Word(text) | Piece::Phrase(text, _) if text == "true" || text == "false" => {
                    Query::Term(field.clone(), TermTest::is(text))
                }
                Piece::Word(_) | Piece::Phrase(..) | Piece::Beginning(_) | Piece::Near(..) => {
                    Query::Nothing
                }
            });
        }
        let lower =
            |text: &str| if field.kind.is_analysed() { text.to_lowercase() } else { text.into() };
        let test = match piece {
            Piece::Beginning(text) => TermTest::beginning(&lower(text), Case::Kept),
            Piece::Near(text, edits) => {
                let text = lower(text).into();
                TermTest::Near(Near { text, edits: *edits, same: self.options.same })
            }
            Piece::Word(text) | Piece::Phrase(text, _) => {
                let words: Words = match field.kind {
                    FieldKind::Text => analysis::prose(text),
                    FieldKind::Address => analysis::addresses(text),
                    FieldKind::Keyword | FieldKind::Boolean | FieldKind::Flattened => {
                        vec![vec![text.clone()]]
                    }
                };
                return self.words(field, words, piece);
            }
        };
        Some(Query::Term(field.clone(), test))
    }

    fn words(&self, field: &FieldRef, words: Words, piece: &Piece) -> Option<Query> {
        if words.is_empty() {
            return None;
        }
        if let (Piece::Phrase(_, slop), 2..) = (piece, words.len()) {
            return Some(Query::Phrase(Phrase { field: field.clone(), words, slop: *slop }));
        }
        let clauses = words.iter().map(|alike| Query::Term(field.clone(), one_of(alike)));
        Some(combined(clauses.collect(), joint(self.options)))
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        let at = self.at.saturating_add(ahead);
        if at < self.end { self.chars.get(at).copied() } else { None }
    }

    const fn step(&mut self, by: usize) {
        self.at = self.at.saturating_add(by);
    }

    /// Whether a piece ends before this character, or at the end.
    fn ends_word(&self, char: Option<char>) -> bool {
        char.is_none_or(|char| self.is_operator(char) && !matches!(char, '-' | '*' | '~' | '\\'))
    }

    fn is_operator(&self, char: char) -> bool {
        let char = if char.is_whitespace() { ' ' } else { char };
        char != NEAR && self.is_active(char)
    }

    fn is_active(&self, operator: char) -> bool {
        self.options.operators.contains(operator)
    }
}

/// What a text consists of.
enum Piece {
    Word(String),
    Phrase(String, u32),
    Beginning(String),
    Near(String, u8),
}

impl Piece {
    fn text(&self) -> &str {
        match self {
            Self::Word(text)
            | Self::Phrase(text, _)
            | Self::Beginning(text)
            | Self::Near(text, _) => text,
        }
    }
}

/// How pieces without an operator between them are joined.
const fn joint(options: &Options) -> Joint {
    if options.needs_all { Joint::And } else { Joint::Or }
}

/// Most edits by which a word is still near another.
const EDITS_MAX: u8 = 2;
