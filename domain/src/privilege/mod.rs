//! Privileges: named sets of actions, and the words in which an action is denied.
//!
//! Owns what each named privilege allows. Must not know who holds it: that is for
//! [`role`](crate::role). Start at [`cluster`].

/// The full name of an action on security itself.
macro_rules! security {
    ($tail:literal) => {
        concat!("cluster:admin/xpack/security/", $tail)
    };
}

pub mod action;
pub mod application;
mod catalogue;
pub mod cluster;
pub mod denial;
pub mod grant;
pub mod index;
pub mod restricted;
pub(crate) mod wildcard;
