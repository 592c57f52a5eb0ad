//! What the log says of who did what. Never a secret; refused logins at a bounded rate.

use core::fmt::Display;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jeton_domain::name::Username;
use jeton_domain::selector::Selector;
use jeton_domain::subject::Subject;
use jeton_domain::time::BootTime;
use jeton_store::tables::census::Counts;

/// Counts refused logins, so that guessers cannot fill the log.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    began: BootTime,
    told: u32,
    untold: u32,
}

impl Refusals {
    /// Tells of a login that was refused, `how`; after some in one second only their number.
    pub(crate) fn tell(&self, how: &str, username: &Username, address: IpAddr, now: BootTime) {
        let Some(untold) = self.admit(now) else { return };
        if untold > 0 {
            tracing::warn!(untold, "more logins were refused");
        }
        tracing::warn!(username = username.as_str(), %address, "{how}");
    }

    /// Whether one more may be told, and how many were not told in the second before.
    fn admit(&self, now: BootTime) -> Option<u32> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut untold = 0;
        if now.since_ms(window.began) >= 1_000 {
            untold = window.untold;
            *window = Window { began: now, told: 0, untold: 0 };
        }
        if window.told >= TOLD_A_SECOND {
            window.untold = window.untold.saturating_add(1);
            return None;
        }
        window.told = window.told.saturating_add(1);
        Some(untold)
    }
}

/// Tokens were revoked in bulk.
pub(crate) fn revoked_in_bulk(by: &Subject, selector: &Selector, counts: Counts) {
    let by = by.username.as_str();
    let Counts { invalidated, previously } = counts;
    tracing::info!(by, ?selector, invalidated, previously, "tokens were revoked in bulk");
}

/// A user or a role was changed: `what` was done to `name`.
pub(crate) fn changed(by: &Subject, what: &str, name: impl Display) {
    let name = name.to_string();
    tracing::info!(by = by.username.as_str(), name, "{what}");
}

/// Refused logins that the log names in one second.
const TOLD_A_SECOND: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_at_a_bounded_rate_and_the_rest_is_counted() {
        let refusals = Refusals::default();
        let at = BootTime::from_ms;
        let told = (0..25).filter(|_| refusals.admit(at(5_000)).is_some()).count();
        assert_eq!(told, 10);
        assert_eq!(refusals.admit(at(6_000)), Some(15));
        assert_eq!(refusals.admit(at(6_001)), Some(0));
    }
}
