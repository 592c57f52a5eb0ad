//! How values become JSON text and JSON text becomes values: said by whoever knows JSON.

use alloc::string::String;

use crate::value::Value;

/// The two directions of JSON, lent by a caller that knows it.
#[derive(Clone, Copy, Debug)]
pub struct JsonText {
    /// The value that all of a text is; nothing if it is not JSON, or more than is taken in.
    pub read: fn(&str) -> Option<Value>,
    /// The text of a value, without blanks between its tokens.
    pub print: fn(&Value) -> String,
}
