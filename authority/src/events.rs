//! What the log says of who did what. Never a secret; what anybody can bring about as often as he
//! likes is told at a bounded rate, and what he sent for it at a bounded length.

use core::fmt::{self, Display};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jeton_domain::limits::STORED_NAME_CHARS_MAX;
use jeton_domain::name::Username;
use jeton_domain::selector::Selector;
use jeton_domain::subject::Subject;
use jeton_domain::time::BootTime;
use jeton_store::tables::census::Counts;
use tracing::field::debug;

/// What happens as often as somebody asks for it, and must not fill the log.
#[derive(Debug, Default)]
pub(crate) struct Frequent {
    refused_logins: Rate,
    undecided: Rate,
}

impl Frequent {
    /// Tells of a login that was refused, `how`; after some in one second only their number.
    pub(crate) fn refused(&self, how: &str, username: &Username, address: IpAddr, now: BootTime) {
        let Some(untold) = self.refused_logins.admit(now) else { return };
        if untold > 0 {
            tracing::warn!(untold, "more logins were refused");
        }
        tracing::warn!(username = ?Brief(username.as_str()), %address, "{how}");
    }

    /// Tells of a request that could not be decided; after some in one second only their number.
    pub(crate) fn undecided(&self, uri: &str, cause: &str, now: BootTime) {
        let Some(untold) = self.undecided.admit(now) else { return };
        if untold > 0 {
            tracing::warn!(untold, "more requests were answered as unavailable");
        }
        tracing::warn!(uri = ?Brief(uri), cause, "answered as unavailable");
    }
}

/// Bounds how often something is told.
#[derive(Debug, Default)]
struct Rate(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    began: BootTime,
    told: u32,
    untold: u32,
}

impl Rate {
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
    let (username, realm, chain) = match selector {
        Selector::Everything => (None, None, None),
        Selector::Realm(realm) => (None, Some(realm), None),
        Selector::User(name) => (Some(name), None, None),
        Selector::UserInRealm(name, realm) => (Some(name), Some(realm), None),
        Selector::Chain(first) => (None, None, Some(first)),
    };
    let username = username.map(|name| debug(Brief(name.as_str())));
    let realm = realm.map(|name| debug(Brief(name.as_str())));
    let chain = chain.map(debug);
    tracing::info!(
        by,
        username,
        realm,
        chain,
        invalidated,
        previously,
        "tokens were revoked in bulk"
    );
}

/// A user or a role was changed: `what` was done to `name`.
pub(crate) fn changed(by: &Subject, what: &str, name: impl Display) {
    let name = name.to_string();
    tracing::info!(by = by.username.as_str(), name, "{what}");
}

/// A text of any length that anybody may have sent, as it is told in a line: quoted and escaped, so
/// that it can neither end the line nor pass for another field, and whole, if the name of a stored
/// user may be as long.
struct Brief<'a>(&'a str);

impl fmt::Debug for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(STORED_NAME_CHARS_MAX) {
            None => fmt::Debug::fmt(self.0, f),
            Some((end, _)) => {
                fmt::Debug::fmt(self.0.get(..end).unwrap_or_default(), f)?;
                write!(f, "... ({} bytes)", self.0.len())
            }
        }
    }
}

/// Lines of a kind in one second.
const TOLD_A_SECOND: u32 = 10;

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;

    use super::*;

    /// What was written to the log.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_name_is_told_whole_up_to_a_length() {
        let told = |name: &str| format!("{:?}", Brief(name));
        let longest = "\u{e4}".repeat(STORED_NAME_CHARS_MAX);
        assert_eq!(told(&longest), format!("\"{longest}\""));
        let cut = format!("\"{longest}\"... (20000000 bytes)");
        assert_eq!(told(&"\u{e4}".repeat(10_000_000)), cut);
    }

    #[test]
    fn a_name_cannot_end_the_line_or_pass_for_another_field() {
        let name = Username::new("x\" address=1.2.3.4\n2026-11-22T11:00:00Z \u{1b}[2J INFO tokens");
        let lines = Lines::default();
        let log = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let address = IpAddr::from([10, 0, 0, 1]);
            Frequent::default().refused("refused", &name, address, BootTime::from_ms(5_000));
        });
        let written = lines.text();
        assert_eq!(written.matches('\n').count(), 1, "{written}");
        assert!(!written.contains('\u{1b}'), "{written}");
        assert!(written.contains("x\\\" address=1.2.3.4\\n2026"), "{written}");
    }

    #[test]
    fn what_is_frequent_is_told_at_a_bounded_rate_and_the_rest_is_counted() {
        let refusals = Rate::default();
        let at = BootTime::from_ms;
        let told = (0..25).filter(|_| refusals.admit(at(5_000)).is_some()).count();
        assert_eq!(told, 10);
        assert_eq!(refusals.admit(at(6_000)), Some(15));
        assert_eq!(refusals.admit(at(6_001)), Some(0));
    }
}
