//! `roles.yml` beside the settings file: its roles count, and so does every later change of it.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

mod support;

use std::path::Path;

use support::Server;

/// Writes users whose password is `x-pack-test-password`, and their roles.
fn write_users(directory: &Path) {
    let line = "ann:$2a$04$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm\n";
    std::fs::write(directory.join("users"), line).unwrap();
    std::fs::write(directory.join("users_roles"), "ops:ann\n").unwrap();
}

/// The status of the banner as `ann` sees it.
fn status(server: &Server) -> String {
    let answer = server.talk(
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
         authorization: Basic YW5uOngtcGFjay10ZXN0LXBhc3N3b3Jk\r\n\r\n",
    );
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[track_caller]
fn check_soon(server: &Server, wanted: &str) {
    assert!((0..20_000).any(|_| status(server) == wanted), "never {wanted}");
}

/// Identity case 74.
#[test]
fn roles_of_the_file_count_at_the_start_and_after_each_change() {
    let directory = tempfile::tempdir().unwrap();
    write_users(directory.path());
    let file = directory.path().join("roles.yml");
    std::fs::write(&file, "bad: [\nops:\n  cluster: [ monitor ]\n").unwrap();
    let server = Server::start_in(directory, &["resource.reload.interval.high=10ms"]);
    assert_eq!(status(&server), "200");
    std::fs::write(&file, "ops: {}\n").unwrap();
    check_soon(&server, "403");
    std::fs::write(&file, "other: {}\nops:\n  cluster: [ all ]\n").unwrap();
    check_soon(&server, "200");
    std::fs::write(&file, "ops:\n  cluster: [ all ]\n  run_as: [ '/(/' ]\n").unwrap();
    check_soon(&server, "403");
    std::fs::write(&file, "ops:\n  cluster: [ all ]\n").unwrap();
    check_soon(&server, "200");
    std::fs::remove_file(&file).unwrap();
    check_soon(&server, "403");
}

#[test]
fn a_query_in_a_role_must_be_json() {
    let directory = tempfile::tempdir().unwrap();
    write_users(directory.path());
    let file = directory.path().join("roles.yml");
    let role = |query: &str| {
        format!(
            "ops:\n  cluster: [ monitor ]\n  indices:\n    - names: [ a ]\n      privileges: [ read ]\n      query: {query}\n"
        )
    };
    std::fs::write(&file, role("'{\"term\":{\"a\":1}}'")).unwrap();
    let server = Server::start_in(directory, &["resource.reload.interval.high=10ms"]);
    assert_eq!(status(&server), "200");
    std::fs::write(&file, role("'{\"term\":'")).unwrap();
    check_soon(&server, "403");
    std::fs::write(&file, role("{ term: { a: 1 } }")).unwrap();
    check_soon(&server, "200");
}
