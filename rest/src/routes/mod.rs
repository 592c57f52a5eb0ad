//! One file a resource: reading its bodies, calling its verbs, printing its answers.
//!
//! A route parses and prints. It must not decide: what is allowed and what happens is the
//! authority's.

pub(crate) mod authenticate;
pub(crate) mod cache;
pub(crate) mod certificate;
pub(crate) mod health;
pub(crate) mod live;
pub(crate) mod privilege;
pub(crate) mod privilege_check;
pub(crate) mod query;
pub(crate) mod role;
pub(crate) mod role_bulk;
pub(crate) mod role_mapping;
pub(crate) mod root;
pub(crate) mod settings;
pub(crate) mod token;
pub(crate) mod user;

use bytes::Bytes;

use crate::error::ApiError;

/// The body, which must not be empty.
fn required(body: &Bytes) -> Result<&[u8], ApiError> {
    if body.is_empty() { Err(ApiError::parse("request body is required")) } else { Ok(body) }
}
