//! Changes to the text of `users` and `users_roles`.
//!
//! Owns which lines a change touches. Every other line stays as it is and where it is: comments,
//! lines that nobody understands, other users' lines. Must not know where the text is kept.

use jeton_domain::name::{RoleName, Username};

use crate::file::parse::{role_line, user_line};

/// What becomes of a line.
enum Fate {
    Kept,
    Dropped,
    Replaced(String),
}

/// Whether a line of `users` is about this user, whatever else is wrong with it.
pub(super) fn knows(users: &[u8], username: &Username) -> bool {
    lines_of(users, username) > 0
}

/// Gives a user this hash: in the line that counts, else in a new one. Of several lines for them
/// only that one stays.
pub(super) fn put_user(users: &[u8], username: &Username, hash: &str) -> Vec<u8> {
    let line = format!("{username}:{hash}");
    let mut left = lines_of(users, username);
    if left == 0 {
        return append(users, &line);
    }
    rewrite(users, |text| {
        if !is_of(text, username) {
            return Fate::Kept;
        }
        left = left.saturating_sub(1);
        if left == 0 { Fate::Replaced(line.clone()) } else { Fate::Dropped }
    })
}

/// Drops every line of a user.
pub(super) fn remove_user(users: &[u8], username: &Username) -> Vec<u8> {
    rewrite(users, |text| if is_of(text, username) { Fate::Dropped } else { Fate::Kept })
}

/// Gives a user a role: in the first line of that role, else in a new one.
pub(super) fn grant(users_roles: &[u8], username: &Username, role: &RoleName) -> Vec<u8> {
    let mut is_held = false;
    let mut is_placed = false;
    let placed = rewrite(users_roles, |text| {
        let Ok((named, mut users)) = role_line(text) else { return Fate::Kept };
        if named != role.as_str() {
            return Fate::Kept;
        }
        is_held |= users.any(|user| user == username.as_str());
        if std::mem::replace(&mut is_placed, true) {
            return Fate::Kept;
        }
        Fate::Replaced(format!("{},{username}", text.trim_end_matches([',', ' '])))
    });
    if is_held {
        users_roles.to_vec()
    } else if is_placed {
        placed
    } else {
        append(users_roles, &format!("{role}:{username}"))
    }
}

/// Takes from a user the roles that are meant. A line that names nobody any more goes.
pub(super) fn revoke(
    users_roles: &[u8],
    username: &Username,
    is_meant: impl Fn(&str) -> bool,
) -> Vec<u8> {
    rewrite(users_roles, |text| {
        let Ok((role, mut users)) = role_line(text) else { return Fate::Kept };
        if !is_meant(role) || !users.any(|user| user == username.as_str()) {
            return Fate::Kept;
        }
        let Some((before, list)) = text.split_once(':') else { return Fate::Kept };
        let others: Vec<&str> =
            list.split(',').filter(|user| user.trim() != username.as_str()).collect();
        if others.iter().all(|user| user.trim().is_empty()) {
            return Fate::Dropped;
        }
        Fate::Replaced(format!("{before}:{}", others.join(",")))
    })
}

fn lines_of(users: &[u8], username: &Username) -> usize {
    let mut count: usize = 0;
    rewrite(users, |text| {
        count = count.saturating_add(usize::from(is_of(text, username)));
        Fate::Kept
    });
    count
}

fn is_of(text: &str, username: &Username) -> bool {
    user_line(text).is_some_and(|(name, _)| name == username.as_str())
}

/// Decides line by line. Comments and what is not UTF-8 are not asked about; blanks around a line
/// stay.
fn rewrite(bytes: &[u8], mut fate_of: impl FnMut(&str) -> Fate) -> Vec<u8> {
    let mut output = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = str::from_utf8(line).ok().filter(|_| !line.starts_with(b"#"));
        match text.map_or(Fate::Kept, |text| fate_of(text.trim())) {
            Fate::Kept => output.extend_from_slice(line),
            Fate::Dropped => {}
            Fate::Replaced(new) => {
                let text = text.unwrap_or_default();
                let (start, end) = (text.trim_start(), text.trim_end());
                let before = text.strip_suffix(start).unwrap_or_default();
                let behind = text.strip_prefix(end).unwrap_or_default();
                output.extend_from_slice(before.as_bytes());
                output.extend_from_slice(new.as_bytes());
                output.extend_from_slice(behind.as_bytes());
            }
        }
    }
    output
}

fn append(bytes: &[u8], line: &str) -> Vec<u8> {
    let mut output = bytes.to_vec();
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        output.push(b'\n');
    }
    output.extend_from_slice(line.as_bytes());
    output.push(b'\n');
    output
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::file::parse::{parse_users, parse_users_roles};

    fn ann() -> Username {
        Username::new("ann")
    }

    fn check(changed: &[u8], expected: &str) {
        assert_eq!(String::from_utf8_lossy(changed), expected);
    }

    #[test]
    fn a_new_user_stands_at_the_end() {
        check(&put_user(b"", &ann(), "h"), "ann:h\n");
        check(&put_user(b"# who\n\nbob:x\n", &ann(), "h"), "# who\n\nbob:x\nann:h\n");
        check(&put_user(b"bob:x", &ann(), "h"), "bob:x\nann:h\n");
    }

    #[test]
    fn a_new_hash_stands_where_the_one_that_counted_stood() {
        let text = b"ann:old\n#ann:kept\nbob:x\n  ann:older\r\nanna:y\nann\n";
        let expected = "#ann:kept\nbob:x\n  ann:h\r\nanna:y\nann\n";
        check(&put_user(text, &ann(), "h"), expected);
        check(&put_user(b"ann:\n", &ann(), "h"), "ann:h\n");
    }

    #[test]
    fn a_removed_user_leaves_every_other_line_alone() {
        let text = b"ann:old\n#ann:kept\n\xff:x\nann :x\nann:again";
        assert_eq!(remove_user(text, &ann()), b"#ann:kept\n\xff:x\nann :x\n");
    }

    #[test]
    fn a_role_is_given_in_the_first_line_that_names_it() {
        let admin = RoleName::new("admin");
        check(&grant(b"", &ann(), &admin), "admin:ann\n");
        check(&grant(b"# x\nother:bob", &ann(), &admin), "# x\nother:bob\nadmin:ann\n");
        let text = b" admin : bob, carl \r\nadmin:dora\n";
        check(&grant(text, &ann(), &admin), " admin : bob, carl,ann \r\nadmin:dora\n");
        check(&grant(b"admin:bob, ,\n", &ann(), &admin), "admin:bob,ann\n");
        // A line without users means nothing to a server.
        check(&grant(b"admin:\n", &ann(), &admin), "admin:\nadmin:ann\n");
    }

    #[test]
    fn a_role_that_is_held_is_not_given_again() {
        let text = b"admin:bob\nadmin:carl, ann\n";
        assert_eq!(grant(text, &ann(), &RoleName::new("admin")), text);
    }

    #[test]
    fn roles_are_taken_wherever_they_are_given() {
        let text = b"# ann\nadmin: ann, bob\nmonitor:ann\nadmin:ann\n\xe9:ann\n:ann\n";
        let expected = b"# ann\nadmin: bob\nmonitor:ann\n\xe9:ann\n:ann\n";
        assert_eq!(revoke(text, &ann(), |role| role == "admin"), expected);
        let expected = b"# ann\nadmin: bob\n\xe9:ann\n:ann\n";
        assert_eq!(revoke(text, &ann(), |_| true), expected);
    }

    fn any_text() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            "(ann|bob|admin|#x)?[:, ]{0,2}(ann|bob|h)?(,| , )?(ann|bob)?[ \r]?",
            "\\PC{0,8}",
        ];
        let bytes = line.prop_map(String::into_bytes);
        let odd = prop_oneof![9 => bytes, 1 => Just(vec![0xff, b':', b'h'])];
        (prop::collection::vec(odd, 0..8), any::<bool>()).prop_map(|(lines, is_ended)| {
            let mut text = lines.join(&b'\n');
            if is_ended {
                text.push(b'\n');
            }
            text
        })
    }

    proptest! {
        #[test]
        fn a_user_who_was_put_is_read_back_and_nobody_else_changes(text in any_text()) {
            let before = parse_users(&text, |_| false);
            let changed = put_user(&text, &ann(), "secret");
            let mut after = parse_users(&changed, |_| false);
            prop_assert_eq!(after.hashes[&ann()].verify(b"secret"), Ok(true));
            after.hashes.remove(&ann());
            let others = |name: &&Username| **name != ann();
            prop_assert!(after.hashes.keys().eq(before.hashes.keys().filter(others)));
            prop_assert_eq!(&put_user(&changed, &ann(), "secret"), &changed);
            let gone = parse_users(&remove_user(&changed, &ann()), |_| false);
            prop_assert!(gone.hashes.keys().eq(after.hashes.keys()));
        }

        #[test]
        fn roles_given_and_taken_are_read_back_and_nobody_else_changes(text in any_text()) {
            let role = RoleName::new("admin");
            let before = parse_users_roles(&text).roles;
            let given = grant(&text, &ann(), &role);
            let mut with = parse_users_roles(&given).roles;
            prop_assert!(with[&ann()].contains(&role));
            let taken = revoke(&given, &ann(), |meant| meant == "admin");
            let mut without = parse_users_roles(&taken).roles;
            prop_assert!(without.get(&ann()).is_none_or(|roles| !roles.contains(&role)));
            for roles in [&mut with, &mut without] {
                roles.remove(&ann());
            }
            let mut others = before;
            others.remove(&ann());
            prop_assert_eq!(&with, &others);
            prop_assert_eq!(&without, &others);
        }
    }
}
