//! What is done with tokens: one file a verb.

use jeton_domain::authentication::Authentication;
use jeton_domain::secret::Secret;

pub mod expire;
pub mod issue;
pub mod keys;
pub mod refresh;
pub mod revoke;
pub mod validate;

/// What a grant or a refresh gives.
#[derive(Debug)]
pub struct Granted {
    /// The text of the access token.
    pub access: Secret,
    /// The text of the refresh token, where there is one.
    pub refresh: Option<Secret>,
    /// Lifetime of an access token as configured, in whole seconds, rounded down.
    pub expires_in_s: i64,
    /// Who the token is for, as seen at this call.
    pub authentication: Authentication,
}
