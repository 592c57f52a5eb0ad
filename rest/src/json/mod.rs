//! JSON as the wire has it: reading with positions, writing in a fixed member order.
//!
//! Owns the text of parse errors and of numbers and strings. Must not know any endpoint. Start
//! with [`scan::Scanner`]; [`mod@object`] and [`mod@tree`] stand on it, [`mod@write`] is the
//! way out.

pub mod object;
pub mod scan;
pub mod text;
pub mod tree;
pub mod write;

use std::fmt;

/// Where a token starts: line and column, both from 1, the column in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}:{}]", self.line, self.column)
    }
}

/// Why a text is not the JSON that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text ended inside a value. Answered with a type of its own.
    #[error("{at} Unexpected end of input: {open}")]
    Truncated {
        /// Where the text ended.
        at: Position,
        /// What was still open.
        open: String,
    },
    /// The text breaks the grammar, repeats a member or exceeds a limit.
    #[error("{at} {problem}")]
    Syntax {
        /// Start of the offending token.
        at: Position,
        /// What is wrong, without values of the body: they may be secrets.
        problem: String,
    },
}
