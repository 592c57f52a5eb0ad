//! The text of `users` and `users_roles`, read line by line.
//!
//! Owns the two formats and what is wrong with a line. Must not know where the files are or how
//! often they are read. One bad line never costs another.

use std::collections::BTreeMap;
use std::fmt;

use jeton_domain::name::{NameRefusal, RoleName, Username, check_referenced};

use crate::password::{StoredHash, UnknownHash};

/// What `users` says: who is in it, by which hash, and which lines are bad.
#[derive(Debug, Default)]
pub struct Users {
    /// The hash of each user's password.
    pub hashes: BTreeMap<Username, StoredHash>,
    /// The lines that are skipped.
    pub problems: Vec<Problem>,
}

/// What `users_roles` says: who has which roles, and which lines are bad.
#[derive(Debug, Default)]
pub struct UsersRoles {
    /// The roles of each user, in the order of the file.
    pub roles: BTreeMap<Username, Vec<RoleName>>,
    /// The lines that are skipped.
    pub problems: Vec<Problem>,
}

/// A line that is skipped, and why. Never holds what the line says of a password.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: Reason,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.reason)
    }
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Reason {
    /// It is not UTF-8.
    #[error("not UTF-8")]
    Encoding,
    /// It has no colon with something on both sides.
    #[error("expected [name:value]")]
    Shape,
    /// The name before the colon cannot be one.
    #[error("invalid name: {0}")]
    Name(NameRefusal),
    /// The name belongs to a built-in user.
    #[error("user [{0}] is reserved")]
    Reserved(Username),
    /// The hash cannot be verified. The user cannot log in.
    #[error("password of user [{username}] refused: {error}")]
    Hash {
        /// The user.
        username: Username,
        /// What is wrong with the hash.
        error: UnknownHash,
    },
}

/// Reads `users`: a line `name:hash` each, split at the first colon; the later line of two for
/// the same name wins, even where it is one that lets nobody in.
pub fn parse_users(bytes: &[u8], is_reserved: impl Fn(&str) -> bool) -> Users {
    let mut users = Users::default();
    for (line, text) in lines(bytes) {
        if let Err(reason) = text.and_then(|text| take_user(text, &is_reserved, &mut users)) {
            users.problems.push(Problem { line, reason });
        }
    }
    users
}

/// Reads `users_roles`: a line `role:user1,user2` each, split at the first colon.
pub fn parse_users_roles(bytes: &[u8]) -> UsersRoles {
    let mut all = UsersRoles::default();
    for (line, text) in lines(bytes) {
        if let Err(reason) = text.and_then(|text| take_role(text, &mut all.roles)) {
            all.problems.push(Problem { line, reason });
        }
    }
    all
}

fn take_user(
    text: &str,
    is_reserved: impl Fn(&str) -> bool,
    users: &mut Users,
) -> Result<(), Reason> {
    let (name, hash) = user_line(text).ok_or(Reason::Shape)?;
    if name.is_empty() || hash.is_empty() {
        return Err(Reason::Shape);
    }
    check_referenced(name).map_err(Reason::Name)?;
    let username = Username::new(name);
    if is_reserved(name) {
        return Err(Reason::Reserved(username));
    }
    match StoredHash::parse(hash) {
        Ok(hash) => {
            users.hashes.insert(username, hash);
            Ok(())
        }
        Err(error) => {
            users.hashes.remove(&username);
            Err(Reason::Hash { username, error })
        }
    }
}

fn take_role(text: &str, roles: &mut BTreeMap<Username, Vec<RoleName>>) -> Result<(), Reason> {
    let (role, users) = role_line(text)?;
    let role = RoleName::new(role);
    for user in users {
        let held = roles.entry(Username::new(user)).or_default();
        if !held.contains(&role) {
            held.push(role.clone());
        }
    }
    Ok(())
}

/// Name and hash of a line of `users`, either of which may be empty.
pub(super) fn user_line(text: &str) -> Option<(&str, &str)> {
    text.trim().split_once(':')
}

/// Role and users of a line of `users_roles`; there is at least one user.
pub(super) fn role_line(text: &str) -> Result<(&str, impl Iterator<Item = &str>), Reason> {
    let (role, users) = text.trim().split_once(':').ok_or(Reason::Shape)?;
    let role = role.trim();
    check_referenced(role).map_err(Reason::Name)?;
    let mut users = users.split(',').map(str::trim).filter(|user| !user.is_empty()).peekable();
    if users.peek().is_none() {
        return Err(Reason::Shape);
    }
    Ok((role, users))
}

/// The lines that are not comments, with their numbers. The end of the last line is no line.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, Result<&str, Reason>)> {
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let is_empty = bytes.is_empty();
    whole
        .split(|byte| *byte == b'\n')
        .zip(1..)
        .filter(move |_| !is_empty)
        .filter(|(line, _)| !line.starts_with(b"#"))
        .map(|(line, number)| (number, str::from_utf8(line).map_err(|_| Reason::Encoding)))
}

#[cfg(test)]
mod tests {
    use jeton_domain::user::reserved_user;

    use super::*;

    const HASH: &str = "$2a$04$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm";

    fn users(text: &str) -> Users {
        parse_users(text.as_bytes(), |name| reserved_user(name).is_some())
    }

    fn names(users: &Users) -> Vec<&str> {
        users.hashes.keys().map(Username::as_str).collect()
    }

    fn bad_lines(problems: &[Problem]) -> Vec<usize> {
        problems.iter().map(|problem| problem.line).collect()
    }

    /// Identity case 69.
    #[test]
    fn only_the_bad_lines_are_skipped() {
        let text = format!(
            "# a comment\nnohash:\nann:{HASH}\n:nouser\n\nnothing\n  bob:{HASH}\r\n\u{e9}:{HASH}"
        );
        let users = users(&text);
        assert_eq!(names(&users), ["ann", "bob"]);
        assert_eq!(bad_lines(&users.problems), [2, 4, 5, 6, 8]);
    }

    /// Identity case 70.
    #[test]
    fn reserved_names_are_ignored_unless_the_reserved_realm_is_off() {
        let text = format!("elastic:{HASH}\nann:{HASH}\n");
        let with_reserved = users(&text);
        assert_eq!(names(&with_reserved), ["ann"]);
        let reason = Reason::Reserved(Username::new("elastic"));
        assert_eq!(with_reserved.problems, [Problem { line: 1, reason }]);
        assert_eq!(names(&parse_users(text.as_bytes(), |_| false)), ["ann", "elastic"]);
    }

    /// Identity case 71.
    #[test]
    fn of_two_lines_for_a_user_the_later_wins() {
        let users = users("ann:first-password\nann:second-password\n");
        let hash = users.hashes.get("ann").unwrap();
        assert_eq!(hash.verify(b"first-password"), Ok(false));
        assert_eq!(hash.verify(b"second-password"), Ok(true));
    }

    #[test]
    fn a_later_line_that_nobody_can_verify_wins_too() {
        let users = users(&format!("ann:{HASH}\nann:$6$salt$hash\n"));
        assert!(users.hashes.is_empty());
        let problem = users.problems.first().unwrap().to_string();
        assert_eq!(problem, "line 2: password of user [ann] refused: unknown hash function");
    }

    /// Identity case 11. The part of the file: it loads names that the API refuses.
    #[test]
    fn names_may_have_1024_characters_and_hashes_may_have_colons() {
        let long = "n".repeat(1024);
        let users = users(&format!("{long}:{HASH}\n{long}x:{HASH}\nann:pass:word\n"));
        assert_eq!(names(&users), ["ann", long.as_str()]);
        assert_eq!(users.hashes.get("ann").unwrap().verify(b"pass:word"), Ok(true));
        assert_eq!(bad_lines(&users.problems), [2]);
    }

    #[test]
    fn spaces_around_the_colon_belong_to_name_and_hash() {
        let users = users("ann :secret\nbob: secret\n");
        assert_eq!(names(&users), ["bob"]);
        assert_eq!(users.hashes.get("bob").unwrap().verify(b" secret"), Ok(true));
    }

    #[test]
    fn a_line_that_is_not_utf_8_costs_no_other() {
        let users = parse_users(b"ann:secret\n\xff\xfe:secret\nbob:secret", |_| false);
        assert_eq!(names(&users), ["ann", "bob"]);
        assert_eq!(bad_lines(&users.problems), [2]);
    }

    #[test]
    fn empty_files_have_no_problems() {
        assert!(users("").problems.is_empty());
        assert!(users("# nothing yet\n").problems.is_empty());
        assert!(parse_users_roles(b"").problems.is_empty());
    }

    #[test]
    fn a_user_has_the_roles_of_every_line_that_names_them() {
        let text =
            "# comment\n admin :ann, bob\nmonitor:  bob ,ann ,, carl\nadmin:ann\n:x\nnone:\nbad";
        let parsed = parse_users_roles(text.as_bytes());
        let roles = |name: &str| -> Vec<String> {
            parsed.roles.get(name).unwrap().iter().map(ToString::to_string).collect()
        };
        assert_eq!(roles("ann"), ["admin", "monitor"]);
        assert_eq!(roles("bob"), ["admin", "monitor"]);
        assert_eq!(roles("carl"), ["monitor"]);
        assert_eq!(bad_lines(&parsed.problems), [5, 6, 7]);
    }

    #[test]
    fn problems_tell_nothing_of_a_password() {
        let users = users("ann:$secret$phrase\n\u{e9}:secret-phrase\nsecret-phrase\n");
        assert_eq!(users.problems.len(), 3);
        let text = format!("{:?}", users.problems);
        assert!(!text.contains("secret") && !text.contains("phrase"), "{text}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let lines = bytes.split(|byte| *byte == b'\n').count();
            let users = parse_users(&bytes, |_| false);
            proptest::prop_assert!(users.hashes.len() + users.problems.len() <= lines);
            parse_users_roles(&bytes);
        }
    }
}
