//! Follow: what a change of a user means for tokens that were granted to them.
//!
//! Owns which tokens are theirs. Must not know which change it is.

use jeton_domain::name::{RealmName, Username};
use jeton_domain::selector::Selector;
use jeton_domain::time::Timestamp;
use jeton_store::error::StoreError;
use jeton_store::tables::users::UserKind;
use jeton_store::transaction::Transaction;

use crate::Authority;

impl Authority {
    /// Commits a change after which what was granted to a user before is not to count, where tokens
    /// follow their users: theirs are revoked in the same commit. Else they live on.
    ///
    /// No grant slips by: one that comes before the commit is covered by its cutoff, and one that
    /// was decided before and comes after it rests on the user's row and on the cutoffs over them,
    /// of which the commit names both.
    pub(crate) async fn commit_ending(
        &self,
        transaction: Transaction<'_>,
        kind: UserKind,
        name: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let realm = match kind {
            UserKind::Native => self.policy.native_realm.as_str(),
            UserKind::Reserved => RESERVED_REALM,
        };
        if !self.policy.follows_user_changes {
            return transaction.commit().await.map(drop);
        }
        let selector = Selector::UserInRealm(Username::new(name), RealmName::new(realm));
        self.commit_revoking(transaction, &selector, now).await
    }
}

/// The realm of built-in users.
const RESERVED_REALM: &str = "reserved";
