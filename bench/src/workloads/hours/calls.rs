//! One call, as a request makes it, and what must be answered.
//!
//! Owns the way from an act to the product and back. What is asked for when is the simulation's.

use std::sync::Arc;

use jeton_authority::Authority;
use jeton_authority::tokens::issue::Grant;
use jeton_authority::tokens::revoke::{Revocation, Revoked};
use jeton_domain::name::Username;
use jeton_domain::secret::Secret;
use jeton_domain::token::text::Half;
use jeton_store::tables::census::Counts;

use super::world::{Person, gateway, refused};
use crate::clock::Stopwatch;
use crate::error::{BenchError, Outcome};

/// What is asked for in one call.
pub(super) enum Act {
    /// A pair for somebody.
    Issue(Person),
    /// For whom the pair is, and the text of its refresh half.
    Refresh(Person, Secret),
    /// The half, its text, and whether it was not revoked before.
    Revoke(Half, Secret, bool),
}

/// A call that was answered as it must be.
pub(super) struct Done {
    /// Seconds until the answer.
    pub(super) seconds: f64,
    /// The pair that came of it, if one did, by its access token.
    pub(super) made: Option<(Person, Secret)>,
    /// Whether it was issued.
    pub(super) is_issue: bool,
}

/// Makes a call.
pub(super) async fn perform(authority: Arc<Authority>, act: Act) -> Outcome<Done> {
    let watch = Stopwatch::start();
    let caller = authority.admit(gateway()).await.map_err(refused("admit"))?;
    match act {
        Act::Issue(person) => {
            let name = person.username();
            let password = Arc::new(Secret::from(name.as_str()));
            let grant = Grant::Password { username: Username::new(&name), password };
            let granted = authority.issue(caller, grant).await.map_err(refused("issue"))?;
            let made = Some((person, granted.access));
            Ok(Done { seconds: watch.seconds(), made, is_issue: true })
        }
        Act::Refresh(person, text) => {
            let granted = authority.refresh(caller, &text).await.map_err(refused("refresh"))?;
            let made = Some((person, granted.access));
            Ok(Done { seconds: watch.seconds(), made, is_issue: false })
        }
        Act::Revoke(half, text, is_first) => {
            let revoked = authority.revoke(caller, Revocation::Token { half, text }).await;
            let revoked = revoked.map_err(refused("revoke"))?;
            let wanted = Counts { invalidated: is_first.into(), previously: (!is_first).into() };
            if revoked != Revoked::Counted(wanted) {
                return Err(BenchError::Answer(format!("{revoked:?} instead of {wanted:?}")));
            }
            Ok(Done { seconds: watch.seconds(), made: None, is_issue: false })
        }
    }
}
