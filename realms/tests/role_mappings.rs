//! Roles mapped to users of outside realms: by mappings in a real store, and by a file.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use jeton_domain::mapping::json::JsonText;
use jeton_domain::mapping::model::MappedUser;
use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::time::Timestamp;
use jeton_domain::value::{Map, Value};
use jeton_realms::mapping::RoleMapper;
use jeton_realms::mapping::file::{MappingFile, UnmappedGroups};
use jeton_realms::mapping::stored::StoredMappings;
use jeton_store::engine::BatchId;
use jeton_store::engine::memory::Memory;
use jeton_store::error::StoreError;
use jeton_store::store::Store;
use jeton_store::tables::role_mappings as table;
use serde_json::Value as Json;
use tempfile::TempDir;

/// A store with mappings, and a directory with a file of them.
struct Stage {
    store: Arc<Store>,
    stored: Arc<StoredMappings>,
    directory: TempDir,
    batches: AtomicU8,
}

impl Stage {
    async fn new() -> Self {
        let store = Store::open(Arc::new(Memory::new()), 1 << 20).await.unwrap();
        let stored = StoredMappings::new(Arc::clone(&store), JsonText { read, print });
        let (directory, batches) = (tempfile::tempdir().unwrap(), AtomicU8::new(0));
        Self { store, stored, directory, batches }
    }

    /// Writes a mapping as the verbs do.
    async fn put(&self, name: &str, mapping: &str) {
        let value = table::encode(name, &read(mapping).unwrap());
        let mut transaction = self.store.begin(self.store.tick(), self.batch_id());
        transaction.put(table::key(name), value);
        transaction.change(table::all_key());
        transaction.commit().await.unwrap();
    }

    async fn delete(&self, name: &str) {
        let mut transaction = self.store.begin(self.store.tick(), self.batch_id());
        transaction.delete(table::key(name));
        transaction.change(table::all_key());
        transaction.commit().await.unwrap();
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("role_mapping.yml")
    }

    fn file(&self, unmapped: UnmappedGroups) -> Arc<MappingFile> {
        Arc::new(MappingFile::new(self.path(), unmapped))
    }

    fn mapper(&self, file: Option<&Arc<MappingFile>>) -> RoleMapper {
        RoleMapper::new(Arc::clone(&self.stored), file.cloned())
    }

    fn batch_id(&self) -> BatchId {
        BatchId([self.batches.fetch_add(1, Ordering::Relaxed); 16])
    }
}

/// `ann` of the realm `ldap1`, with a name and two groups in a directory.
fn ann() -> MappedUser {
    let groups = ["CN=Admins, DC=E".to_owned(), "cn=staff,dc=e".to_owned()];
    let dn = Some("uid=ann,ou=people,dc=e");
    MappedUser::new(&Username::new("ann"), dn, &groups, &RealmName::new("ldap1"), Map::new())
}

async fn roles(mapper: &RoleMapper, user: &MappedUser) -> Vec<String> {
    let found = mapper.roles_of(user).await.unwrap();
    found.roles.iter().map(ToString::to_string).collect()
}

/// Counts how often a realm is told to forget its users.
fn count_evictions(mapper: &RoleMapper) -> Arc<AtomicUsize> {
    let evictions = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&evictions);
    mapper.on_change(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    evictions
}

fn mapping(roles: &str, rule: &str) -> String {
    format!(r#"{{"enabled":true,"roles":{roles},"rules":{rule}}}"#)
}

/// A rule that everybody fits.
const EVERYBODY: &str = r#"{"all":[]}"#;

const NOBODY: [&str; 0] = [];

const LATE: Timestamp = Timestamp::from_ms(i64::MAX);

#[tokio::test]
async fn a_user_has_the_roles_of_every_mapping_that_is_for_them() {
    let stage = Stage::new().await;
    let mapper = stage.mapper(None);
    assert_eq!(roles(&mapper, &ann()).await, NOBODY);
    let of_admins = r#"{"field":{"groups":"cn=admins,dc=e"}}"#;
    stage.put("b", &mapping(r#"["x","y","x"]"#, of_admins)).await;
    stage.put("c", &mapping(r#"["off"]"#, of_admins).replace("true", "false")).await;
    stage.put("d", &mapping(r#"["other"]"#, r#"{"field":{"realm.name":"ldap2"}}"#)).await;
    stage.put("a", &mapping(r#"["y","z"]"#, r#"{"field":{"username":"*"}}"#)).await;
    assert_eq!(roles(&mapper, &ann()).await, ["y", "z", "x"]);
}

/// Identity case 53.
#[tokio::test]
async fn a_template_turns_groups_into_roles_and_a_bad_one_costs_no_other_mapping() {
    let stage = Stage::new().await;
    let template = |source: &str| {
        format!(
            r#"{{"enabled":true,"role_templates":[{{"template":{{"source":"{source}"}},"format":"json"}}],"rules":{EVERYBODY}}}"#
        )
    };
    stage.put("bad", &template("{{#tojson}}realm{{/tojson}}")).await;
    stage.put("good", &template("{{#tojson}}groups{{/tojson}}")).await;
    let found = roles(&stage.mapper(None), &ann()).await;
    assert_eq!(found, ["CN=Admins, DC=E", "cn=staff,dc=e"]);
}

#[tokio::test]
async fn a_change_of_mappings_counts_at_once_and_tells_the_realm() {
    let stage = Stage::new().await;
    let mapper = stage.mapper(None);
    let evictions = count_evictions(&mapper);
    for role in ["one", "two"] {
        stage.put("m", &mapping(&format!(r#"["{role}"]"#), EVERYBODY)).await;
        assert_eq!(roles(&mapper, &ann()).await, [role]);
        assert_eq!(roles(&mapper, &ann()).await, [role]);
    }
    stage.delete("m").await;
    assert_eq!(roles(&mapper, &ann()).await, NOBODY);
    assert_eq!(evictions.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn more_mappings_than_one_page_of_a_scan_all_count() {
    let stage = Stage::new().await;
    let mut transaction = stage.store.begin(stage.store.tick(), stage.batch_id());
    for number in 0..2_500 {
        let (name, roles) = (format!("m{number:04}"), format!(r#"["r{number}"]"#));
        let value = read(&mapping(&roles, EVERYBODY)).unwrap();
        transaction.put(table::key(&name), table::encode(&name, &value));
    }
    transaction.change(table::all_key());
    transaction.commit().await.unwrap();
    assert_eq!(roles(&stage.mapper(None), &ann()).await.len(), 2_500);
}

#[tokio::test]
async fn what_rests_on_mapped_roles_conflicts_with_a_change_of_any_mapping() {
    let stage = Stage::new().await;
    let noted = stage.store.tick();
    let evidence = stage.mapper(None).roles_of(&ann()).await.unwrap().evidence;
    let commit = async || {
        let mut transaction = stage.store.begin(noted, stage.batch_id());
        transaction.guard(evidence.key.clone());
        transaction.delete(table::key("whatever"));
        transaction.commit().await.map(|_| ())
    };
    assert_eq!(commit().await, Ok(()));
    stage.put("m", &mapping(r#"["r"]"#, EVERYBODY)).await;
    assert_eq!(commit().await, Err(StoreError::Conflict));
}

#[tokio::test]
async fn a_row_that_holds_no_mapping_is_an_error_and_not_a_want_of_roles() {
    let stage = Stage::new().await;
    stage.put("m", r#"{"enabled":true}"#).await;
    stage.mapper(None).roles_of(&ann()).await.unwrap_err();
}

#[tokio::test]
async fn the_file_adds_its_roles_by_the_name_of_the_user_and_by_those_of_groups() {
    let stage = Stage::new().await;
    stage.put("m", &mapping(r#"["stored"]"#, EVERYBODY)).await;
    let text = "admins: [ 'cn=admins,dc=e' ]\nstored: [ 'cn=admins,dc=e' ]\n\
                ann: [ 'UID=Ann,OU=People,DC=E' ]\nnone: [ 'cn=*,dc=e' ]\n";
    fs::write(stage.path(), text).unwrap();
    let file = stage.file(UnmappedGroups::GiveNothing);
    let mapper = stage.mapper(Some(&file));
    assert_eq!(roles(&mapper, &ann()).await, ["stored"]);
    assert!(file.reload_if_changed(LATE));
    assert_eq!(roles(&mapper, &ann()).await, ["stored", "admins", "ann"]);
    let (bob, groups) = (Username::new("bob"), ["no name".to_owned()]);
    let bob = MappedUser::new(&bob, None, &groups, &RealmName::new("saml1"), Map::new());
    assert_eq!(roles(&mapper, &bob).await, ["stored"]);
}

#[tokio::test]
async fn groups_that_the_file_does_not_name_can_be_roles() {
    let stage = Stage::new().await;
    fs::write(stage.path(), "admins: [ 'cn=admins,dc=e' ]\n").unwrap();
    let file = stage.file(UnmappedGroups::AreRoles);
    file.reload_if_changed(LATE);
    assert_eq!(roles(&stage.mapper(Some(&file)), &ann()).await, ["admins", "staff"]);
}

#[tokio::test]
async fn a_file_that_changes_counts_at_the_next_reload_and_a_bad_one_maps_nothing() {
    let stage = Stage::new().await;
    let file = stage.file(UnmappedGroups::GiveNothing);
    let mapper = stage.mapper(Some(&file));
    let evictions = count_evictions(&mapper);
    for (text, wanted) in [
        (Some("a: [ 'cn=admins,dc=e' ]"), &["a"][..]),
        (Some("b: [ 'cn=admins,dc=e', nonsense ]"), &["b"]),
        (Some("b: [ 'cn=admins,dc=e'"), &[]),
        (Some("c: [ 'cn=staff,dc=e' ]"), &["c"]),
        (None, &[]),
    ] {
        match text {
            Some(text) => fs::write(stage.path(), text).unwrap(),
            None => fs::remove_file(stage.path()).unwrap(),
        }
        assert!(file.reload_if_changed(LATE) && !file.reload_if_changed(LATE), "{text:?}");
        assert_eq!(roles(&mapper, &ann()).await, wanted, "{text:?}");
    }
    assert_eq!(evictions.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn every_role_is_named_once() {
    let stage = Stage::new().await;
    stage.put("m", &mapping(r#"["r","r"]"#, EVERYBODY)).await;
    stage.put("n", &mapping(r#"["r"]"#, EVERYBODY)).await;
    let mapped = stage.mapper(None).roles_of(&ann()).await.unwrap();
    assert_eq!(mapped.roles, [RoleName::new("r")]);
}

fn read(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().map(|value| from_json(&value))
}

fn print(value: &Value) -> String {
    to_json(value).to_string()
}

fn from_json(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => Value::Integer(number.as_i64().unwrap()),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect()),
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), from_json(value)));
            Value::Map(members.collect())
        }
    }
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.clone().into(),
        Value::List(items) => items.iter().map(to_json).collect::<Vec<_>>().into(),
        Value::Map(map) => {
            let members = map.members().map(|(name, value)| (name.to_owned(), to_json(value)));
            Json::Object(members.collect())
        }
    }
}
