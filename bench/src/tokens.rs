//! Texts of access tokens by the million: one piece of memory, and a file of lines as long.
//!
//! Owns where the tokens of a realm lie. Must not know what they are shown to.

use std::fs;
use std::io::{BufWriter, Write as _};

use jeton_domain::limits::TOKEN_CHARS;

use crate::error::{BenchError, Outcome, Trying};
use crate::http::request;
use crate::rows::username;
use crate::site::Site;

/// The access tokens of a realm, oldest first. Its users were granted them in turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    lines: Vec<u8>,
    users: usize,
    /// What stands around a token in the request that shows it.
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Tokens {
    /// No tokens yet, of so many users.
    pub(crate) fn new(users: usize) -> Self {
        Self::of(Vec::new(), users)
    }

    fn of(lines: Vec<u8>, users: usize) -> Self {
        let mut before = request("GET", "/_security/_authenticate", "Bearer ", "");
        let after = before.split_off(before.len().saturating_sub(END_OF_HEAD.len()));
        Self { lines, users, before, after }
    }

    /// Those that `store` wrote.
    pub(crate) fn load(site: &Site, realm: &str, users: usize) -> Outcome<Self> {
        let path = site.tokens(realm);
        let lines = fs::read(&path).trying(|| format!("no {}", path.display()))?;
        if lines.len().is_multiple_of(LINE_BYTES) && !lines.is_empty() {
            return Ok(Self::of(lines, users));
        }
        Err(BenchError::Setup(format!("{} is not a list of tokens", path.display())))
    }

    /// Writes them where they are looked for.
    pub(crate) fn store(&self, site: &Site, realm: &str) -> Outcome<()> {
        let path = site.tokens(realm);
        let what = || format!("cannot write {}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).trying(what)?;
        }
        let mut file = BufWriter::new(fs::File::create(&path).trying(what)?);
        file.write_all(&self.lines).and_then(|()| file.flush()).trying(what)
    }

    /// Adds one.
    pub(crate) fn push(&mut self, text: &[u8]) -> Outcome<()> {
        if text.len() != TOKEN_CHARS {
            return Err(BenchError::Setup("a token of odd length".to_owned()));
        }
        self.lines.extend_from_slice(text);
        self.lines.push(b'\n');
        Ok(())
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.lines.len() / LINE_BYTES
    }

    /// The text at a place; empty where there is none.
    pub(crate) fn text(&self, place: usize) -> &[u8] {
        let start = place.saturating_mul(LINE_BYTES);
        self.lines.get(start..start.saturating_add(TOKEN_CHARS)).unwrap_or_default()
    }

    /// The same as a string.
    pub(crate) fn string(&self, place: usize) -> String {
        String::from_utf8_lossy(self.text(place)).into_owned()
    }

    /// Puts the request that shows a token behind those in `out`.
    pub(crate) fn put_request(&self, place: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.before);
        out.extend_from_slice(self.text(place));
        out.extend_from_slice(&self.after);
    }

    /// What the answer to the token at a place must contain.
    pub(crate) fn contained(&self, place: usize) -> String {
        let name = username(place.checked_rem(self.users).unwrap_or_default());
        format!(r#""username":"{name}""#)
    }

    /// The first ones, so many at most.
    pub(crate) fn first(&self, count: usize) -> Self {
        let lines = self.lines.iter().take(count.saturating_mul(LINE_BYTES)).copied().collect();
        Self::of(lines, self.users)
    }
}

const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const LINE_BYTES: usize = TOKEN_CHARS + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_at_their_places() {
        let mut tokens = Tokens::new(2);
        for letter in ["a", "b", "c"] {
            tokens.push(letter.repeat(TOKEN_CHARS).as_bytes()).unwrap();
        }
        assert_eq!(tokens.len(), 3);
        assert_eq!(tokens.string(1), "b".repeat(TOKEN_CHARS));
        assert_eq!(tokens.contained(2), r#""username":"user-00000""#);
        assert_eq!((tokens.text(3), tokens.first(2).len()), (&b""[..], 2));
        assert!(tokens.push(b"short").is_err());
    }

    #[test]
    fn a_token_is_shown_as_any_request_shows_it() {
        let (mut tokens, mut shown) = (Tokens::new(1), Vec::new());
        let text = "a".repeat(TOKEN_CHARS);
        tokens.push(text.as_bytes()).unwrap();
        tokens.put_request(0, &mut shown);
        assert_eq!(shown, *crate::filling::show(&text));
    }
}
