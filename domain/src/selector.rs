//! Which tokens a bulk revocation covers.

use crate::id::PairId;
use crate::name::{RealmName, Username};
use crate::subject::Subject;

/// A set of pairs that dies in one commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// Every pair of every realm.
    Everything,
    /// Every pair of a realm.
    Realm(RealmName),
    /// Every pair of a user name, in whatever realm.
    User(Username),
    /// Every pair of a user of one realm.
    UserInRealm(Username, RealmName),
    /// Every pair of one session: the pair of the grant and its successors.
    Chain(PairId),
}

impl Selector {
    /// Whether it covers a pair of this subject and chain.
    pub fn covers(&self, subject: &Subject, chain: PairId) -> bool {
        let realm = &subject.effective_realm().name;
        match self {
            Self::Everything => true,
            Self::Realm(name) => name == realm,
            Self::User(name) => *name == subject.username,
            Self::UserInRealm(name, within) => *name == subject.username && within == realm,
            Self::Chain(first) => *first == chain,
        }
    }

    /// The selectors that cover pairs of this user of this realm, chains apart; widest first.
    pub fn covering(username: &Username, realm: &RealmName) -> [Self; 4] {
        [
            Self::Everything,
            Self::Realm(realm.clone()),
            Self::User(username.clone()),
            Self::UserInRealm(username.clone(), realm.clone()),
        ]
    }
}
