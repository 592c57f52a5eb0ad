//! Tests of the file realm on real files.

use std::fs;

use super::*;
use crate::testing::{World, attempt, cache, hashed, realm_ref};

struct Stage {
    directory: tempfile::TempDir,
    realm: FileRealm,
}

/// A moment at which every file of the test looks fresh.
const EARLY: Timestamp = Timestamp::from_ms(0);

/// A moment at which every file of the test looks old.
const LATE: Timestamp = Timestamp::from_ms(i64::MAX);

impl Stage {
    async fn new() -> Self {
        let world = World::new().await;
        let directory = tempfile::tempdir().unwrap();
        let paths = FilePaths {
            users: directory.path().join("users"),
            users_roles: directory.path().join("users_roles"),
        };
        let reserved = ReservedNames::new(true, None);
        let realm = realm_ref("file", "default_file");
        let realm = FileRealm::new(realm, paths, reserved, world.hasher, cache());
        Self { directory, realm }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).unwrap();
    }

    async fn vouched(&self, name: &str, password: &str) -> Option<User> {
        match self.realm.authenticate(&attempt(name, password)).await.unwrap() {
            Outcome::Success(vouched) => {
                assert_eq!(vouched.evidence, None);
                Some(vouched.user)
            }
            Outcome::Continue(_) => None,
            Outcome::Terminate(_) => panic!("the file realm leaves names to others"),
        }
    }
}

#[tokio::test]
async fn users_of_the_files_log_in_with_their_roles() {
    let stage = Stage::new().await;
    stage.write("users", &format!("ann:{}\nbob:clear-text\n", hashed("right-password")));
    stage.write("users_roles", "admin:ann\nmonitor:ann,carl\n");
    assert!(stage.realm.reload_if_changed(LATE));
    let ann = stage.vouched("ann", "right-password").await.unwrap();
    assert_eq!(ann.roles, [RoleName::new("admin"), RoleName::new("monitor")]);
    assert!(ann.enabled);
    assert!(stage.vouched("bob", "clear-text").await.unwrap().roles.is_empty());
    assert!(stage.vouched("ann", "wrong-password").await.is_none());
    assert!(stage.vouched("carl", "").await.is_none());
    let found = stage.realm.look_up(&Username::new("ann")).await.unwrap().unwrap();
    assert_eq!(found.user, ann);
}

#[tokio::test]
async fn missing_files_hold_nobody() {
    let stage = Stage::new().await;
    stage.realm.reload_if_changed(LATE);
    assert!(stage.vouched("ann", "right-password").await.is_none());
    stage.write("users", "ann:right-password\n");
    assert!(stage.realm.reload_if_changed(LATE));
    assert!(stage.vouched("ann", "right-password").await.is_some());
}

#[tokio::test]
async fn a_change_is_seen_at_the_next_reload_whatever_was_remembered() {
    let stage = Stage::new().await;
    stage.write("users", "ann:first-password\n");
    assert!(stage.realm.reload_if_changed(EARLY));
    assert!(stage.vouched("ann", "first-password").await.is_some());
    stage.write("users", "ann:other-password\n");
    assert!(stage.realm.reload_if_changed(EARLY));
    assert!(stage.vouched("ann", "first-password").await.is_none());
    assert!(stage.vouched("ann", "other-password").await.is_some());
}

#[tokio::test]
async fn files_that_have_not_changed_are_not_read_as_changed() {
    let stage = Stage::new().await;
    stage.write("users", "ann:first-password\n");
    assert!(stage.realm.reload_if_changed(LATE));
    assert!(!stage.realm.reload_if_changed(LATE));
    assert!(!stage.realm.reload_if_changed(EARLY));
}

#[tokio::test]
async fn a_deleted_file_drops_its_users() {
    let stage = Stage::new().await;
    stage.write("users", "ann:first-password\n");
    stage.write("users_roles", "admin:ann\n");
    assert!(stage.realm.reload_if_changed(LATE));
    fs::remove_file(stage.directory.path().join("users_roles")).unwrap();
    assert!(stage.realm.reload_if_changed(LATE));
    assert!(stage.vouched("ann", "first-password").await.unwrap().roles.is_empty());
    fs::remove_file(stage.directory.path().join("users")).unwrap();
    assert!(stage.realm.reload_if_changed(LATE));
    assert!(stage.vouched("ann", "first-password").await.is_none());
}

#[tokio::test]
async fn a_file_that_cannot_be_read_drops_all_its_users_until_it_can() {
    let stage = Stage::new().await;
    stage.write("users", "ann:first-password\n");
    assert!(stage.realm.reload_if_changed(LATE));
    let path = stage.directory.path().join("users");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(stage.realm.reload_if_changed(LATE));
    assert!(stage.vouched("ann", "first-password").await.is_none());
    fs::remove_dir(&path).unwrap();
    stage.write("users", "ann:first-password\n");
    assert!(stage.realm.reload_if_changed(LATE));
    assert!(stage.vouched("ann", "first-password").await.is_some());
}

#[tokio::test]
async fn a_file_that_is_replaced_under_its_name_is_seen() {
    let stage = Stage::new().await;
    stage.write("users", "ann:first-password\n");
    assert!(stage.realm.reload_if_changed(LATE));
    stage.write("users.new", "ann:other-password\n");
    let path = |name| stage.directory.path().join(name);
    fs::rename(path("users.new"), path("users")).unwrap();
    assert!(stage.realm.reload_if_changed(LATE));
    assert!(stage.vouched("ann", "other-password").await.is_some());
}
