//! `users` and `users_roles`: one bad line never costs another, and no problem tells a secret.
#![no_main]

use std::fmt::Write as _;

use jeton_realms::file::parse::{Problem, Reason, parse_users, parse_users_roles};
use jeton_realms::password::UnknownHash;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    users(input);
    roles(input);
});

fn users(input: &[u8]) {
    let users = parse_users(input, |name| name == "elastic");
    check_lines(input, &users.problems);
    assert!(!users.hashes.contains_key("elastic"), "a reserved name is nobody's");
    let more = [input, b"\nlast:a-password"].concat();
    let more = parse_users(&more, |name| name == "elastic");
    assert_eq!(more.hashes.get("last").unwrap().verify(b"a-password"), Ok(true));
    let others = more.hashes.keys().filter(|name| name.as_str() != "last");
    assert!(others.eq(users.hashes.keys().filter(|name| name.as_str() != "last")));
    for problem in &users.problems {
        assert!(tells_nothing(&problem.reason), "{problem}");
    }
}

/// Whether a reason says no more of a line than a name and what kind of hash is unknown.
fn tells_nothing(reason: &Reason) -> bool {
    match reason {
        Reason::Encoding
        | Reason::Shape
        | Reason::Name(_)
        | Reason::Reserved(_)
        | Reason::Hash { error: UnknownHash::Scheme | UnknownHash::Malformed, .. } => true,
        Reason::Hash { error: UnknownHash::Rounds(digits), .. } => {
            digits.len() <= 10 && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
    }
}

fn roles(input: &[u8]) {
    let parsed = parse_users_roles(input);
    check_lines(input, &parsed.problems);
    let mut printed = String::new();
    for (username, roles) in &parsed.roles {
        assert!(!roles.is_empty());
        for role in roles {
            // A blank in front, as a role whose name begins with `#` would be a comment.
            writeln!(printed, " {role}:{username}").unwrap();
        }
    }
    let again = parse_users_roles(printed.as_bytes());
    assert!(again.problems.is_empty(), "{:?}", again.problems);
    assert_eq!(again.roles, parsed.roles, "what is printed reads back");
}

fn check_lines(input: &[u8], problems: &[Problem]) {
    let lines = input.split(|byte| *byte == b'\n').count();
    assert!(problems.iter().all(|problem| (1..=lines).contains(&problem.line)));
    assert!(problems.is_sorted_by(|a, b| a.line < b.line), "one problem a line, in order");
}
