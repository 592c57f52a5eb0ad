//! `jeton users` as an operator runs it, and the server that learns of it by itself.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

mod support;

use std::path::Path;

use rustix::process::Signal;
use support::program::{Running, SERVE, jeton, output, printed, typed};
use tempfile::TempDir;

/// A directory whose settings make cheap hashes.
fn stage() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("jeton-config");
    std::fs::create_dir(&config).unwrap();
    let settings = "xpack.security.authc.password_hashing.algorithm: bcrypt4\n";
    std::fs::write(config.join("jeton.yml"), settings).unwrap();
    directory
}

fn users(directory: &TempDir, arguments: &[&str]) -> String {
    printed(directory.path(), &[&["users"], arguments].concat())
}

/// What it says when it refuses.
fn refusal(directory: &TempDir, arguments: &[&str]) -> String {
    let output = output(directory.path(), &[&["users"], arguments].concat());
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn read(directory: &Path, name: &str) -> String {
    std::fs::read_to_string(directory.join("jeton-config").join(name)).unwrap()
}

fn write(directory: &TempDir, name: &str, text: &str) {
    std::fs::write(directory.path().join("jeton-config").join(name), text).unwrap();
}

#[test]
fn a_running_server_learns_of_users_by_itself() {
    let directory = stage();
    let arguments =
        [&SERVE[..], &["-E", "resource.reload.interval.high=10ms", "--log-format=json"]].concat();
    let mut server = Running::start(jeton(directory.path(), &arguments));
    assert_eq!(server.status_of("ann", "first-password"), 401);
    // A change of both files may be read in two steps: what counts is the login.
    let (first, other) = (("ann", "first-password"), ("ann", "other-password"));
    let read = "read the users files";
    users(&directory, &["useradd", "ann", "-p", "first-password", "-r", "superuser"]);
    server.wait_for_status(read, first, 200);
    users(&directory, &["passwd", "ann", "-p", "other-password"]);
    server.wait_for_status(read, other, 200);
    assert_eq!(server.status_of("ann", "first-password"), 401);
    users(&directory, &["roles", "ann", "-r", "superuser"]);
    server.wait_for_status(read, other, 403);
    users(&directory, &["userdel", "ann"]);
    server.wait_for_status(read, other, 401);
    let log = server.stop(Signal::TERM);
    assert!(!log.contains("other-password"), "{log}");
}

#[test]
fn the_files_are_those_of_the_settings_and_their_other_lines_stay() {
    let directory = stage();
    let named = "xpack.security.authc.realms.file.f1:\n  order: 0\n  files:\n    users: names\n    \
                 users_roles: their_roles\n";
    write(&directory, "jeton.yml", named);
    write(&directory, "names", "# ours\nodd line\nbob:{SHA}NuG4lcD58QZHSTZyUFMJVuem/IU=\n");
    write(&directory, "their_roles", "# ours\nodd line\nmonitor: bob\n");
    users(&directory, &["useradd", "ann", "-p", "a-password", "-r", "monitor,superuser"]);
    let text = read(directory.path(), "names");
    let (before, line) = text.split_at(text.find("ann").unwrap());
    assert_eq!(before, "# ours\nodd line\nbob:{SHA}NuG4lcD58QZHSTZyUFMJVuem/IU=\n");
    // Elasticsearch may read these files too, and knows no argon2id.
    assert!(line.starts_with("ann:$2a$10$") && line.len() == "ann:".len() + 60 + 1, "{line}");
    let roles = read(directory.path(), "their_roles");
    assert_eq!(roles, "# ours\nodd line\nmonitor: bob,ann\nsuperuser:ann\n");
    assert!(!directory.path().join("jeton-data").exists(), "no store is asked or made");
}

#[test]
fn a_password_is_asked_for_twice_and_never_shown() {
    let directory = stage();
    let useradd = ["users", "useradd", "ann"];
    let typed = |arguments: &[&str], text: &str| {
        let output = typed(directory.path(), arguments, text);
        let shown = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8(shown).unwrap().contains("staple"));
        output.status.success()
    };
    assert!(!typed(&useradd, "battery-staple\nanother-staple\n"));
    assert!(!typed(&useradd, ""));
    assert!(!directory.path().join("jeton-config/users").exists());
    assert!(typed(&useradd, "battery-staple\nbattery-staple\n"));
    let first = read(directory.path(), "users");
    assert!(typed(&["users", "passwd", "ann"], "other-staple\nother-staple\n"));
    let second = read(directory.path(), "users");
    assert!(first != second && second.starts_with("ann:$2a$04$"), "{second}");
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let directory = stage();
    users(&directory, &["useradd", "ann", "-p", "a-password", "-r", "viewer"]);
    let files = || ["users", "users_roles"].map(|name| read(directory.path(), name));
    let before = files();
    for (arguments, expected) in [
        (&["useradd", "ann", "-p", "a-password"][..], "user [ann] exists already"),
        (&["useradd", "elastic", "-p", "a-password"], "[elastic] is reserved"),
        (&["useradd", "bob", "-p", "short"], "at least [6] characters"),
        (&["useradd", " bob", "-p", "a-password"], "cannot be the name of a user"),
        (&["useradd", "\u{e9}", "-p", "a-password"], "cannot be the name of a user"),
        (&["useradd", "bob", "-p", "a-password", "-r", "a,\u{e9}"], "the name of a role"),
        (&["useradd", "bob", "-p", "a-password", "-r", ""], "the name of a role"),
        (&["userdel", "bob"], "user [bob] does not exist"),
        (&["passwd", "bob", "-p", "a-password"], "user [bob] does not exist"),
        (&["passwd", "ann", "-p", "short"], "at least [6] characters"),
        (&["roles", "bob", "-a", "viewer"], "user [bob] does not exist"),
        (&["roles", "bob"], "user [bob] does not exist"),
        (&["roles", "ann", "-a", "x,y", "-r", "y"], "both given and taken away"),
        (&["list", "bob"], "user [bob] does not exist"),
    ] {
        let said = refusal(&directory, arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(!said.contains("a-password"), "{said}");
    }
    assert_eq!(files(), before);
    let long = "p".repeat(4097);
    assert!(refusal(&directory, &["passwd", "ann", "-p", &long]).contains("at most [4096] bytes"));
    let off = "xpack.security.authc.realms.file.f1.enabled=false";
    assert!(refusal(&directory, &["list", "-E", off]).contains("turn the file realm off"));
}

#[test]
fn users_are_listed_with_their_roles_and_unknown_ones_are_marked() {
    let directory = stage();
    write(&directory, "roles.yml", "admins:\n  cluster: [ all ]\nbroken: [\n");
    let add = |name, roles| {
        let arguments = ["users", "useradd", name, "-p", "a-password", "-r", roles];
        let output = output(directory.path(), &arguments);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(!add("ann", "superuser,admins").contains("warning"));
    assert!(add("bob", "admins,nowhere").contains("roles [nowhere] are neither built in nor in"));
    users(&directory, &["useradd", "carl", "-p", "a-password"]);
    let listed = users(&directory, &["list"]);
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(
        lines.get(..3).unwrap(),
        [
            "ann             : superuser,admins",
            "bob             : admins,nowhere*",
            "carl            : -",
        ]
    );
    assert!(listed.contains("roles.yml]; it may have been made through the API"), "{listed}");
    assert_eq!(users(&directory, &["list", "ann"]), "ann             : superuser,admins\n");
    assert_eq!(users(&directory, &["roles", "carl"]), "carl            : -\n");
    let told = output(directory.path(), &["users", "roles", "carl", "-a", "elsewhere"]);
    assert!(String::from_utf8(told.stderr).unwrap().contains("roles [elsewhere]"));
    assert!(users(&directory, &["list", "carl"]).starts_with("carl            : elsewhere*\n"));
}

#[test]
fn lines_that_a_server_skips_are_told() {
    let directory = stage();
    write(&directory, "users", "ann:a-password\nelastic:a-password\nbob:$9$a-password$\n");
    let output = output(directory.path(), &["users", "list"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("users], line 2: user [elastic] is reserved"), "{told}");
    assert!(told.contains("users], line 3: password of user [bob] refused"), "{told}");
    assert!(!told.contains("a-password"), "{told}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "ann             : -\n");
}

#[test]
fn runs_at_the_same_time_lose_no_user() {
    let directory = stage();
    let mut runs: Vec<_> = (0..8)
        .map(|number| {
            let name = format!("user{number}");
            let arguments = ["users", "useradd", &name, "-p", "a-password", "-r", "viewer"];
            jeton(directory.path(), &arguments).spawn().unwrap()
        })
        .collect();
    for run in &mut runs {
        assert!(run.wait().unwrap().success());
    }
    assert_eq!(users(&directory, &["list"]).lines().count(), 8);
    assert_eq!(read(directory.path(), "users").lines().count(), 8);
}
