//! Tests of the editor on real files.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

struct Stage {
    directory: tempfile::TempDir,
    paths: FilePaths,
}

impl Stage {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let paths = FilePaths {
            users: directory.path().join("users"),
            users_roles: directory.path().join("users_roles"),
        };
        Self { directory, paths }
    }

    fn editor(&self) -> Editor {
        Editor::open(self.paths.clone(), reserved(), || panic!("nobody else edits")).unwrap()
    }

    fn add(&self, name: &str, roles: &[&str]) -> Result<(), EditError> {
        self.editor().add(&name.into(), "hash", &names(roles))
    }

    fn holds(&self, users: &str, users_roles: &str) {
        let read = |path| fs::read_to_string(path).unwrap();
        assert_eq!(read(&self.paths.users), users);
        assert_eq!(read(&self.paths.users_roles), users_roles);
    }
}

fn reserved() -> ReservedNames {
    ReservedNames::new(true, Some("guest".into()))
}

fn names(roles: &[&str]) -> Vec<RoleName> {
    roles.iter().map(|role| RoleName::new(role)).collect()
}

#[test]
fn users_come_and_go_in_both_files() {
    let stage = Stage::new();
    stage.add("ann", &["admin", "monitor"]).unwrap();
    stage.add("bob", &["monitor"]).unwrap();
    stage.holds("ann:hash\nbob:hash\n", "admin:ann\nmonitor:ann,bob\n");
    stage.editor().set_hash(&"ann".into(), "other").unwrap();
    stage.holds("ann:other\nbob:hash\n", "admin:ann\nmonitor:ann,bob\n");
    let editor = stage.editor();
    editor.change_roles(&"ann".into(), &names(&["audit"]), &names(&["admin", "none"])).unwrap();
    drop(editor);
    stage.holds("ann:other\nbob:hash\n", "monitor:ann,bob\naudit:ann\n");
    stage.editor().remove(&"ann".into()).unwrap();
    stage.holds("bob:hash\n", "monitor:bob\n");
}

#[test]
fn a_new_user_inherits_no_role_of_a_name_that_was_left_behind() {
    let stage = Stage::new();
    fs::write(&stage.paths.users_roles, "superuser:ann,bob\n").unwrap();
    stage.add("ann", &[]).unwrap();
    stage.holds("ann:hash\n", "superuser:bob\n");
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let stage = Stage::new();
    stage.add("ann", &["admin"]).unwrap();
    let refused = |outcome: Result<(), EditError>, expected: &str| {
        let text = outcome.unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    refused(stage.add("ann", &[]), "user [ann] exists already");
    for reserved in ["elastic", "guest", "_anonymous"] {
        refused(stage.add(reserved, &[]), "is reserved and may not be used.");
    }
    for name in ["", " a", "\u{e9}", &"n".repeat(1025)] {
        refused(stage.add(name, &[]), "cannot be the name of a user: names have 1 to 1024");
    }
    refused(stage.add("a:b", &[]), "cannot stand in a file");
    refused(stage.add("#a", &[]), "cannot stand in a file");
    refused(stage.add("a,b", &["admin"]), "a comma stands between users");
    refused(stage.add("bob", &["x y", "\u{e9}"]), "cannot be the name of a role");
    refused(stage.add("bob", &["x:y"]), "cannot stand in a file");
    let editor = stage.editor();
    let nobody = Username::new("nobody");
    refused(editor.set_hash(&nobody, "hash"), "user [nobody] does not exist");
    refused(editor.remove(&nobody), "user [nobody] does not exist");
    refused(editor.change_roles(&nobody, &[], &[]), "user [nobody] does not exist");
    stage.holds("ann:hash\n", "admin:ann\n");
}

/// Identity case 11. The part of the file: it takes what the API refuses.
#[test]
fn names_may_have_as_many_characters_as_the_file_allows() {
    let stage = Stage::new();
    let long = "n".repeat(1024);
    stage.add(&long, &["admin"]).unwrap();
    stage.add("a,b", &[]).unwrap();
    let listing = Listing::read(&stage.paths, &reserved()).unwrap();
    assert_eq!(listing.users.get(long.as_str()).unwrap(), &names(&["admin"]));
    assert!(listing.problems.is_empty() && listing.users.contains_key("a,b"));
}

#[test]
fn a_listing_tells_what_a_server_would_skip() {
    let stage = Stage::new();
    assert!(Listing::read(&stage.paths, &reserved()).unwrap().users.is_empty());
    fs::write(&stage.paths.users, "ann:hash\nelastic:hash\nbad\nbob:$9$x$\n").unwrap();
    fs::write(&stage.paths.users_roles, "admin:ann,carl\nbad\n").unwrap();
    let listing = Listing::read(&stage.paths, &reserved()).unwrap();
    assert_eq!(listing.users, [("ann".into(), names(&["admin"]))].into());
    let lines: Vec<_> = listing.problems.iter().map(|(_, problem)| problem.line).collect();
    assert_eq!(lines, [2, 3, 4, 2]);
    // One who cannot log in is there all the same, to be mended or removed.
    stage.editor().set_hash(&"bob".into(), "hash").unwrap();
    assert!(Listing::read(&stage.paths, &reserved()).unwrap().users.contains_key("bob"));
}

#[test]
fn a_replaced_file_keeps_its_mode_and_a_new_one_is_its_owners_alone() {
    let stage = Stage::new();
    let mode = || fs::metadata(&stage.paths.users).unwrap().mode() & 0o7777;
    stage.add("ann", &[]).unwrap();
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&stage.paths.users, fs::Permissions::from_mode(0o664)).unwrap();
    stage.add("bob", &[]).unwrap();
    assert_eq!(mode(), 0o664);
    let mut names: Vec<_> = fs::read_dir(stage.directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["users", "users.lock"], "no roles, no file for them");
    // Who may read the one file may read the other.
    stage.add("carl", &["admin"]).unwrap();
    assert_eq!(fs::metadata(&stage.paths.users_roles).unwrap().mode() & 0o7777, 0o664);
}

#[test]
fn a_link_stays_a_link_and_what_it_leads_to_is_replaced() {
    let stage = Stage::new();
    fs::create_dir(stage.directory.path().join("held")).unwrap();
    symlink("held/users", &stage.paths.users).unwrap();
    let refusal = Editor::open(stage.paths.clone(), reserved(), || ()).unwrap_err();
    assert!(refusal.to_string().contains("the link leads nowhere"), "{refusal}");
    fs::write(stage.directory.path().join("held/users"), "").unwrap();
    stage.add("ann", &[]).unwrap();
    assert!(fs::symlink_metadata(&stage.paths.users).unwrap().is_symlink());
    assert_eq!(fs::read(stage.directory.path().join("held/users")).unwrap(), b"ann:hash\n");
}

#[test]
fn nothing_but_a_file_is_taken_for_the_lock() {
    let stage = Stage::new();
    let lock = stage.directory.path().join("users.lock");
    let refusal = || {
        let refusal = Editor::open(stage.paths.clone(), reserved(), || ()).unwrap_err();
        assert!(refusal.to_string().contains("users.lock] is not a regular file"), "{refusal}");
    };
    // Whoever runs the editor may be able to give away what the link leads to.
    fs::write(stage.directory.path().join("precious"), "").unwrap();
    for target in ["precious", "nowhere"] {
        symlink(target, &lock).unwrap();
        refusal();
        fs::remove_file(&lock).unwrap();
    }
    assert!(!stage.directory.path().join("nowhere").exists());
    fs::create_dir(&lock).unwrap();
    refusal();
    fs::remove_dir(&lock).unwrap();
    stage.add("ann", &[]).unwrap();
    assert_eq!(fs::metadata(&lock).unwrap().mode() & 0o7777, 0o600);
    stage.add("bob", &[]).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_not_written_over() {
    let stage = Stage::new();
    fs::create_dir(&stage.paths.users_roles).unwrap();
    let refusal = stage.add("ann", &["admin"]).unwrap_err().to_string();
    assert!(refusal.contains("not a regular file"), "{refusal}");
    assert!(!stage.paths.users.exists());
}

#[test]
fn what_an_earlier_run_left_half_written_is_no_hindrance() {
    let stage = Stage::new();
    fs::write(stage.directory.path().join("users.new"), "torn").unwrap();
    stage.add("ann", &[]).unwrap();
    assert_eq!(fs::read(&stage.paths.users).unwrap(), b"ann:hash\n");
    assert!(!stage.directory.path().join("users.new").exists());
}

#[test]
fn a_change_that_breaks_off_between_the_files_lets_nobody_in_and_gives_no_role() {
    let stage = Stage::new();
    let known = || Listing::read(&stage.paths, &reserved()).unwrap().users;
    // What is in the way of a file's replacement lets the change fail there.
    let in_the_way = |name: &str| {
        let path = stage.directory.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let obstacle = in_the_way("users.new");
    stage.add("ann", &["admin"]).unwrap_err();
    assert!(known().is_empty());
    fs::remove_dir(obstacle).unwrap();
    stage.add("ann", &["monitor"]).unwrap();
    assert_eq!(known(), [("ann".into(), names(&["monitor"]))].into());
    let obstacle = in_the_way("users_roles.new");
    stage.editor().remove(&"ann".into()).unwrap_err();
    assert!(known().is_empty());
    fs::remove_dir(obstacle).unwrap();
    stage.add("ann", &[]).unwrap();
    assert_eq!(known(), [("ann".into(), Vec::new())].into());
}

#[test]
fn editors_wait_for_each_other_and_no_change_is_lost() {
    let stage = Stage::new();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let stage = &stage;
            scope.spawn(move || {
                for number in 0..10 {
                    let name = Username::new(&format!("user-{worker}-{number}"));
                    let editor = Editor::open(stage.paths.clone(), reserved(), || ()).unwrap();
                    editor.add(&name, "hash", &names(&["admin"])).unwrap();
                }
            });
        }
    });
    let listing = Listing::read(&stage.paths, &reserved()).unwrap();
    assert_eq!(listing.users.len(), 40);
    assert!(listing.users.values().all(|roles| roles == &names(&["admin"])));
}

#[test]
fn who_has_to_wait_is_told() {
    let stage = Stage::new();
    let first = stage.editor();
    let was_told = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (told, waits) = std::sync::mpsc::channel();
        let was_told = &was_told;
        let paths = stage.paths.clone();
        scope.spawn(move || {
            let on_wait = || {
                was_told.store(true, Ordering::SeqCst);
                told.send(()).unwrap();
            };
            Editor::open(paths, reserved(), on_wait).unwrap();
        });
        waits.recv().unwrap();
        drop(first);
    });
    assert!(was_told.load(Ordering::SeqCst));
}
