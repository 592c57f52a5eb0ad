//! Tokens: their text, the pair they come in, and which changes of a pair are legal.
//!
//! One grant makes one pair: an access token and, except for `client_credentials`, a refresh token.

pub mod access;
pub mod key;
pub mod pair;
pub mod refresh;
pub mod text;
