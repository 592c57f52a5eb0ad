//! The outcome of looking at credentials: who calls.

use alloc::sync::Arc;

use crate::id::PairId;
use crate::subject::{AuthenticationType, Subject};

/// Who calls, and how that is known.
#[derive(Clone, Debug)]
pub struct Authentication {
    /// Who is acting. A token's is the snapshot that it carries.
    pub subject: Arc<Subject>,
    /// How the credentials of *this* call were checked; a token's subject may say otherwise.
    pub kind: AuthenticationType,
    /// The pair whose access token was presented, where one was.
    pub pair: Option<PairId>,
}

impl Authentication {
    /// An authentication by anything but an access token.
    pub fn of(subject: Arc<Subject>) -> Self {
        let kind = subject.authentication_type;
        Self { subject, kind, pair: None }
    }
}
