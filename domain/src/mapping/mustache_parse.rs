//! Reads Mustache templates.
//!
//! A tag that opens or closes something, a comment or a change of delimiters takes its line with
//! it when nothing else stands there.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::mustache::Node;
use super::refusal::MustacheRefusal;
use crate::limits::{TEMPLATE_BYTES_MAX, TEMPLATE_DEPTH_MAX};

/// Reads a template.
pub(super) fn parse(source: &str) -> Result<Vec<Node>, MustacheRefusal> {
    if source.len() > TEMPLATE_BYTES_MAX {
        return Err(MustacheRefusal::TooLong);
    }
    let mut compiler = Compiler::new(source);
    while compiler.step()? {}
    match compiler.outer.pop() {
        None => Ok(compiler.nodes),
        Some(section) => Err(MustacheRefusal::UnclosedSection(section.opener.name)),
    }
}

struct Compiler<'a> {
    rest: &'a str,
    open: &'a str,
    close: &'a str,
    /// Text that is not yet a part.
    text: String,
    /// Whether that text began with its line.
    is_line_start: bool,
    /// The parts of the innermost open section.
    nodes: Vec<Node>,
    /// The open sections, each with the parts before it.
    outer: Vec<OpenSection>,
}

struct OpenSection {
    opener: Opener,
    before: Vec<Node>,
}

struct Opener {
    name: String,
    is_inverted: bool,
}

enum Tag<'a> {
    Escaped(&'a str),
    Raw(&'a str),
    Open(&'a str),
    Inverted(&'a str),
    Close(&'a str),
    Delimiters(&'a str),
    Comment,
}

impl Tag<'_> {
    /// Whether it takes its line with it when it stands there alone.
    const fn is_silent(&self) -> bool {
        match self {
            Self::Escaped(_) | Self::Raw(_) => false,
            Self::Open(_)
            | Self::Inverted(_)
            | Self::Close(_)
            | Self::Delimiters(_)
            | Self::Comment => true,
        }
    }
}

impl<'a> Compiler<'a> {
    const fn new(source: &'a str) -> Self {
        Self {
            rest: source,
            open: "{{",
            close: "}}",
            text: String::new(),
            is_line_start: true,
            nodes: Vec::new(),
            outer: Vec::new(),
        }
    }

    /// Takes in the text up to the next tag, and the tag; false at the end.
    fn step(&mut self) -> Result<bool, MustacheRefusal> {
        let Some((text, behind)) = self.rest.split_once(self.open) else {
            self.text.push_str(self.rest);
            self.flush();
            return Ok(false);
        };
        self.text.push_str(text);
        let tag = self.tag(behind)?;
        let is_alone = tag.is_silent() && self.drop_line();
        self.flush();
        self.is_line_start = is_alone;
        match tag {
            Tag::Escaped(name) => self.nodes.push(Node::Escaped(name.to_owned())),
            Tag::Raw(name) => self.nodes.push(Node::Raw(name.to_owned())),
            Tag::Open(name) => self.open_section(name, false)?,
            Tag::Inverted(name) => self.open_section(name, true)?,
            Tag::Close(name) => self.close_section(name)?,
            Tag::Delimiters(words) => self.set_delimiters(words)?,
            Tag::Comment => {}
        }
        Ok(true)
    }

    /// Reads a tag from behind its opening delimiter.
    fn tag(&mut self, behind: &'a str) -> Result<Tag<'a>, MustacheRefusal> {
        if let Some(inner) = behind.strip_prefix('{') {
            let name = self.until(inner, &["}", self.close].concat())?;
            return Ok(Tag::Raw(non_empty(name)?));
        }
        if let Some(inner) = behind.strip_prefix('=') {
            return Ok(Tag::Delimiters(self.until(inner, &["=", self.close].concat())?));
        }
        let inner = self.until(behind, self.close)?.trim();
        let mut rest = inner.chars();
        let sigil = rest.next().ok_or(MustacheRefusal::EmptyTag)?;
        let name = rest.as_str();
        match sigil {
            '!' => Ok(Tag::Comment),
            '#' => non_empty(name).map(Tag::Open),
            '^' => non_empty(name).map(Tag::Inverted),
            '/' => non_empty(name).map(Tag::Close),
            '&' => non_empty(name).map(Tag::Raw),
            '>' | '<' | '$' | '%' | '{' | '=' => {
                Err(MustacheRefusal::Unsupported(inner.to_owned()))
            }
            _ => Ok(Tag::Escaped(inner)),
        }
    }

    /// Splits off what stands before `end`, and goes on behind it.
    fn until(&mut self, text: &'a str, end: &str) -> Result<&'a str, MustacheRefusal> {
        let (inner, rest) = text.split_once(end).ok_or_else(|| {
            let shown = text.chars().take(SHOWN_CHARS_MAX).collect();
            MustacheRefusal::UnclosedTag(shown)
        })?;
        self.rest = rest;
        Ok(inner)
    }

    /// Drops the line of a tag if nothing but blanks stands there.
    fn drop_line(&mut self) -> bool {
        let before = match self.text.rsplit_once('\n') {
            Some((_, line)) => line,
            None if self.is_line_start => self.text.as_str(),
            None => return false,
        };
        let behind = self.rest.trim_start_matches([' ', '\t', '\r']);
        let rest = if behind.is_empty() { Some(behind) } else { behind.strip_prefix('\n') };
        let (Some(rest), true) = (rest, before.chars().all(|found| matches!(found, ' ' | '\t')))
        else {
            return false;
        };
        let kept = self.text.len().saturating_sub(before.len());
        self.text.truncate(kept);
        self.rest = rest;
        true
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.nodes.push(Node::Text(core::mem::take(&mut self.text)));
        }
    }

    fn open_section(&mut self, name: &str, is_inverted: bool) -> Result<(), MustacheRefusal> {
        if self.outer.len() >= TEMPLATE_DEPTH_MAX {
            return Err(MustacheRefusal::TooDeep);
        }
        let opener = Opener { name: name.to_owned(), is_inverted };
        let before = core::mem::take(&mut self.nodes);
        self.outer.push(OpenSection { opener, before });
        Ok(())
    }

    fn close_section(&mut self, name: &str) -> Result<(), MustacheRefusal> {
        let mismatch = |open: String| MustacheRefusal::Mismatch { open, close: name.to_owned() };
        let OpenSection { opener, before } =
            self.outer.pop().ok_or_else(|| mismatch(String::new()))?;
        if opener.name != name {
            return Err(mismatch(opener.name));
        }
        let nodes = core::mem::replace(&mut self.nodes, before);
        self.nodes.push(section(opener, nodes)?);
        Ok(())
    }

    fn set_delimiters(&mut self, words: &'a str) -> Result<(), MustacheRefusal> {
        let mut parts = words.split_whitespace();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(open), Some(close), None) if !open.contains('=') && !close.contains('=') => {
                (self.open, self.close) = (open, close);
                Ok(())
            }
            _ => Err(MustacheRefusal::Delimiters(words.to_owned())),
        }
    }
}

/// A section of what stands in it: a call, if its name is that of a function.
fn section(opener: Opener, nodes: Vec<Node>) -> Result<Node, MustacheRefusal> {
    let Opener { name, is_inverted } = opener;
    if is_inverted {
        return Ok(Node::Inverted { name, nodes });
    }
    let delimiter = name.strip_prefix("join delimiter='").and_then(|rest| rest.strip_suffix('\''));
    if let Some(delimiter) = delimiter {
        let delimiter = delimiter.to_owned();
        return Ok(Node::Join { name: argument(&name, &nodes)?, delimiter });
    }
    if name.eq_ignore_ascii_case("join") {
        return Ok(Node::Join { name: argument(&name, &nodes)?, delimiter: ",".to_owned() });
    }
    if name.eq_ignore_ascii_case("tojson") {
        return Ok(Node::ToJson { name: argument(&name, &nodes)? });
    }
    if name.eq_ignore_ascii_case("url") {
        return Ok(Node::Url { nodes });
    }
    Ok(Node::Section { name, nodes })
}

/// The one name in the parts of a call.
fn argument(function: &str, nodes: &[Node]) -> Result<String, MustacheRefusal> {
    match nodes {
        [Node::Text(name)] if !name.trim().is_empty() => Ok(name.trim().to_owned()),
        _ => Err(MustacheRefusal::Argument(function.to_owned())),
    }
}

fn non_empty(name: &str) -> Result<&str, MustacheRefusal> {
    let name = name.trim();
    if name.is_empty() { Err(MustacheRefusal::EmptyTag) } else { Ok(name) }
}

/// How much of an unclosed tag is shown, in characters.
const SHOWN_CHARS_MAX: usize = 40;
