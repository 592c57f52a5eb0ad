//! `users` and `users_roles`: one bad line never costs another, and no problem tells a secret.
#![no_main]

use jeton_realms::file::parse::{Problem, parse_users, parse_users_roles};
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
        let line = input.split(|byte| *byte == b'\n').nth(problem.line - 1).unwrap();
        let line = String::from_utf8_lossy(line);
        if let Some((_, secret)) = line.trim().split_once(':')
            && secret.len() > 20
        {
            assert!(!problem.to_string().contains(secret), "a problem tells no secret");
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
            printed.push_str(&format!("{role}:{username}\n"));
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
