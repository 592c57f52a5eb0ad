//! Callers who lose their rights while their request is under way: what it decided is not done.

use jeton_store::engine::{Engine as _, Key, Write};
use jeton_store::tables::roles;
use jeton_store::tables::users::{self, UserKind};

use crate::meddling::Meddling;
use crate::world::{Ordinary, PASSWORD, World};

/// How a caller loses their rights.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// The role is taken from the user.
    OfUser,
    /// The role is deleted.
    OfRole,
}

impl Loss {
    /// The write by which `ann` loses the role `held`, and the key that it changes.
    async fn write(self, engine: &Meddling) -> (Write, Key) {
        match self {
            Self::OfUser => {
                let key = users::key(UserKind::Native, "ann");
                let row = engine.get(&key).await.unwrap().unwrap();
                let mut record = users::decode(&row).unwrap();
                record.roles = Vec::new();
                let value = users::encode(&record);
                (Write::Put { key: key.clone(), value, tick_at: None }, key)
            }
            Self::OfRole => {
                let key = roles::key("held");
                (Write::Delete { key: key.clone() }, key)
            }
        }
    }
}

const APPLICATIONS: &str = r#"{"global":{"application":{"manage":{"applications":["test-*"]}}}}"#;
const EVERYTHING: &str = r#"{"cluster":["manage_security"]}"#;
const ONE: &str = r#"{"test-1":{"p":{"actions":["a:b"]}}}"#;
const MAPPING: &str = r#"{"enabled":true,"roles":["r"],"rules":{"field":{"username":"x"}}}"#;

#[tokio::test]
async fn who_loses_a_right_before_the_commit_is_refused() {
    let user = format!(r#"{{"password":"{PASSWORD}","roles":[]}}"#);
    for (role, method, target, body) in [
        (APPLICATIONS, "PUT", "privilege", ONE),
        (APPLICATIONS, "DELETE", "privilege/test-0/p", ""),
        (EVERYTHING, "PUT", "settings", r#"{"security":{"index.number_of_replicas":1}}"#),
        (EVERYTHING, "PUT", "user/bob", &user),
        (EVERYTHING, "DELETE", "user/carl", ""),
        (EVERYTHING, "PUT", "user/carl/_disable", ""),
        (EVERYTHING, "PUT", "role/other", r#"{"cluster":["all"]}"#),
        (EVERYTHING, "DELETE", "role/spare", ""),
        (EVERYTHING, "PUT", "role_mapping/m", MAPPING),
        (EVERYTHING, "DELETE", "role_mapping/spare", ""),
    ] {
        for loss in [Loss::OfUser, Loss::OfRole] {
            let engine = Meddling::new();
            let world = World::on(engine.as_engine(), Ordinary::default()).await;
            let root = async |target: &str, body: &str| {
                let target = format!("/_security/{target}");
                world.root("PUT", &target).json(body).send().await.expect(200);
            };
            root("role/held", role).await;
            root("role/spare", "{}").await;
            root("role_mapping/spare", MAPPING).await;
            root("privilege", &ONE.replace("test-1", "test-0")).await;
            world.user("ann", &["held"]).await;
            world.user("carl", &[]).await;
            let (write, changed) = loss.write(&engine).await;
            engine.meddle(write, changed);
            let target = format!("/_security/{target}");
            let call = world.call(method, &target).basic("ann", PASSWORD);
            let call = if body.is_empty() { call } else { call.json(body) };
            let answer = call.send().await;
            assert_eq!(answer.status, 403, "{method} {target} {loss:?}: {}", answer.text());
        }
    }
}

/// Each is asked for together with the row that says that nothing is to be done.
#[tokio::test]
async fn who_loses_a_right_before_an_answer_without_a_commit_is_refused() {
    let user = |name| users::key(UserKind::Native, name);
    let password = format!(r#"{{"password":"{PASSWORD}"}}"#);
    for (method, target, body, row, status) in [
        ("DELETE", "user/nobody", "", user("nobody"), 404),
        ("PUT", "user/nobody/_enable", "", user("nobody"), 400),
        ("PUT", "user/nobody/_disable", "", user("nobody"), 400),
        ("PUT", "user/nobody", r#"{"roles":[]}"#, user("nobody"), 400),
        ("PUT", "user/nobody/_password", &password, user("nobody"), 400),
        ("DELETE", "role/nothing", "", roles::key("nothing"), 404),
        ("DELETE", "role", r#"{"names":["nothing"]}"#, roles::key("nothing"), 200),
    ] {
        for loss in [None, Some(Loss::OfUser), Some(Loss::OfRole)] {
            let engine = Meddling::new();
            let world = World::on(engine.as_engine(), Ordinary::default()).await;
            let held = world.root("PUT", "/_security/role/held").json(EVERYTHING);
            held.send().await.expect(200);
            world.user("ann", &["held"]).await;
            if let Some(loss) = loss {
                let (write, changed) = loss.write(&engine).await;
                engine.meddle_at_read(row.clone(), write, changed);
            }
            let target = format!("/_security/{target}");
            let call = world.call(method, &target).basic("ann", PASSWORD);
            let call = if body.is_empty() { call } else { call.json(body) };
            let answer = call.send().await;
            let wanted = if loss.is_some() { 403 } else { status };
            assert_eq!(answer.status, wanted, "{method} {target} {loss:?}: {}", answer.text());
        }
    }
}
