//! Users: what bodies, names and passwords may look like at their edges.

use std::sync::Arc;

use jeton_store::engine::Engine;
use jeton_store::engine::memory::Memory;
use serde_json::{Value, json};

use crate::world::{Answer, Ordinary, PASSWORD, TOKEN, World, anonymous};

const WHO: &str = "/_security/_authenticate";
const JANE: &str = "/_security/user/jane";
const SHORT: &str = "Validation Failed: 1: passwords must be at least [6] characters long;";

async fn put(world: &World, body: &str) -> Answer {
    world.root("PUT", JANE).json(body).send().await
}

/// Whether `jane` logs in with this password, in a grant.
async fn logs_in(world: &World, password: &str) -> bool {
    let body = json!({"grant_type": "password", "username": "jane", "password": password});
    let status = world.root("POST", TOKEN).json(&body.to_string()).send().await.status;
    assert!([200, 401].contains(&status), "{status}");
    status == 200
}

/// Characters count, not bytes; every character counts, the zero byte too.
#[tokio::test]
async fn a_password_is_any_text_of_six_characters() {
    let world = World::new().await;
    for (password, other) in [
        ("éééééé", "eeeeee"),
        ("abc\0def", "abc\0xyz"),
        ("\0\0\0\0\0\0", "\0\0\0\0\0a"),
        ("      ", "       "),
        ("a:b:c:d", "a:b:c:e"),
    ] {
        put(&world, &json!({"password": password, "roles": []}).to_string()).await.expect(200);
        assert!(logs_in(&world, password).await, "{password:?}");
        assert!(!logs_in(&world, other).await, "{password:?}");
    }
    for short in ["ééééé", "12345", "", "\0\0\0\0\0"] {
        for target in [JANE, "/_security/user/new"] {
            let body = json!({"password": short, "roles": []}).to_string();
            let answer = world.root("PUT", target).json(&body).send().await;
            answer.is_error(400, "validation_exception", SHORT);
        }
        let body = json!({"password": short}).to_string();
        let answer = world.root("PUT", "/_security/user/jane/_password").json(&body).send().await;
        answer.is_error(400, "validation_exception", SHORT);
    }
    assert!(logs_in(&world, "a:b:c:d").await);
}

#[tokio::test]
async fn a_password_has_a_largest_size() {
    let world = World::new().await;
    let body = |bytes| json!({"password": "x".repeat(bytes), "roles": []}).to_string();
    put(&world, &body(4_096)).await.expect(200);
    assert!(logs_in(&world, &"x".repeat(4_096)).await);
    let reason = "Validation Failed: 1: passwords must be at most [4096] bytes long;";
    put(&world, &body(4_097)).await.is_error(400, "validation_exception", reason);
    let changed = world.root("PUT", "/_security/user/jane/_password");
    let changed = changed.json(&json!({"password": "x".repeat(4_097)}).to_string()).send().await;
    changed.is_error(400, "validation_exception", reason);
    assert!(!logs_in(&world, &"y".repeat(4_097)).await);
}

/// Half a character is none, and is never taken for another.
#[tokio::test]
async fn texts_that_are_none_are_refused() {
    let world = World::new().await;
    world.user("jane", &[]).await;
    for body in [
        r#"{"password":"\ud800aaaaaa","roles":[]}"#,
        r#"{"password":"aaaaaa\udc00","roles":[]}"#,
        r#"{"roles":[],"full_name":"\ud83d\ud83d"}"#,
        r#"{"roles":["\udfff"]}"#,
        r#"{"roles":[],"metadata":{"\ud800":1}}"#,
    ] {
        let answer = put(&world, body).await.expect(400);
        assert_eq!(answer.json()["error"]["type"], "x_content_parse_exception", "{body}");
    }
    assert!(logs_in(&world, PASSWORD).await);
    put(&world, r#"{"roles":[],"full_name":"\ud83d\ude00"}"#).await.expect(200);
    let shown = world.root("GET", JANE).send().await.expect(200).json();
    assert_eq!(shown["jane"]["full_name"], "😀");
}

/// The first that is wrong is told, in the order of the body.
#[tokio::test]
async fn members_are_judged_in_their_order() {
    let world = World::new().await;
    let parse = "parse_exception";
    let unknown = "failed to parse add user request. unexpected field [x]";
    let null = "expected field [password] to be of type string, but found [VALUE_NULL] instead";
    let null_hash =
        "expected field [password_hash] to be of type string, but found [VALUE_NULL] instead";
    let not_an_object = |found: &str| {
        format!("failed to parse add user request. expected an object but found [{found}] instead")
    };
    for (body, kind, reason) in [
        (r#"{"x":1,"password":"1"}"#, parse, unknown.to_owned()),
        (r#"{"password":"1","x":1}"#, "validation_exception", SHORT.to_owned()),
        (r#"{"password":null,"x":1}"#, parse, null.to_owned()),
        (r#"{"password":"123456","password_hash":null}"#, parse, null_hash.to_owned()),
        (r#"{"password_hash":null,"password":null}"#, parse, null_hash.to_owned()),
        (r#""text""#, parse, not_an_object("VALUE_STRING")),
        ("null", parse, not_an_object("VALUE_NULL")),
        ("  ", parse, not_an_object("null")),
    ] {
        put(&world, body).await.is_error(400, kind, &reason);
    }
    for body in [
        r#"{"enabled":true,"roles":[],"enabled":false}"#,
        r#"{"roles":[],"\u0072oles":["superuser"]}"#,
        r#"{"password":"123456","password":"1234567","roles":[]}"#,
        r#"{"roles":[],"metadata":{"a":1,"a":2}}"#,
    ] {
        let answer = put(&world, body).await.expect(400);
        assert!(answer.text().contains("Duplicate field '"), "{}", answer.text());
    }
    for media in ["text/plain", "application/x-www-form-urlencoded"] {
        let call = world.root("PUT", JANE).header("content-type", media);
        call.body(r#"{"password":"123456","roles":[]}"#).send().await.expect(406);
    }
    world.root("GET", JANE).send().await.is(404, "{}");
}

#[tokio::test]
async fn roles_are_a_list_or_a_text_with_commas() {
    let world = World::new().await;
    world.user("jane", &[]).await;
    let roles = async |given: &str| {
        let answer = put(&world, &format!(r#"{{"roles":{given}}}"#)).await;
        if answer.status != 200 {
            return answer.json()["error"]["type"].clone();
        }
        world.root("GET", JANE).send().await.expect(200).json()["jane"]["roles"].clone()
    };
    assert_eq!(roles(r#""""#).await, json!([]));
    assert_eq!(roles(r#""a,b c,superuser""#).await, json!(["a", "b c", "superuser"]));
    assert_eq!(roles(r#"["a","b","a"]"#).await, json!(["a", "b", "a"]));
    let long = "r".repeat(1_024);
    assert_eq!(roles(&format!("[\"{long}\"]")).await, json!([long]));
    let invalid = Value::from("action_request_validation_exception");
    for given in [r#""a,,b""#, r#"",a""#, r#""a, b""#, r#"["a,é"]"#, r#"["a\tb"]"#] {
        assert_eq!(roles(given).await, invalid, "{given}");
    }
    for given in ["1", "true", "null", r#"["a",null]"#, r#"[["a"]]"#] {
        assert_eq!(roles(given).await, "parse_exception", "{given}");
    }
}

/// What may stand in a name may stand in a path, percent-encoded.
#[tokio::test]
async fn names_are_whatever_can_be_printed() {
    let world = World::new().await;
    let long = "a".repeat(507);
    let body = r#"{"password":"s3cret-word","roles":[]}"#;
    for (encoded, name) in [
        (long.as_str(), long.as_str()),
        ("a%2Fb", "a/b"),
        ("a%20b", "a b"),
        ("%7E!$()*;'%22%3C", "~!$()*;'\"<"),
        ("a%3Fb%23c%25d", "a?b#c%d"),
        ("..", ".."),
        ("a%5Cb", "a\\b"),
    ] {
        let target = format!("/_security/user/{encoded}");
        world.root("PUT", &target).json(body).send().await.is(200, r#"{"created":true}"#);
        let shown = world.root("GET", &target).send().await.expect(200).json();
        assert_eq!(shown[name]["username"], name);
        world.root("PUT", &format!("{target}/_disable")).send().await.is(200, "{}");
        world.root("PUT", &format!("{target}/_enable")).send().await.is(200, "{}");
        let changed = world.root("PUT", &format!("{target}/_password"));
        changed.json(r#"{"password":"another-word"}"#).send().await.is(200, "{}");
        world.call("GET", WHO).basic(name, "another-word").send().await.expect(200);
        world.root("DELETE", &target).send().await.is(200, r#"{"found":true}"#);
    }
    for encoded in ["%7F", "a%09b", "a%00b", "%20", "a%0A", "%F0%9F%98%80", &"a".repeat(508)] {
        let target = format!("/_security/user/{encoded}");
        for (method, target, sent) in [
            ("PUT", target.clone(), body),
            ("PUT", format!("{target}/_enable"), ""),
            ("PUT", format!("{target}/_disable"), ""),
        ] {
            let call = world.root(method, &target);
            let call = if sent.is_empty() { call } else { call.json(sent) };
            let answer = call.send().await.expect(400);
            let kind = &answer.json()["error"]["type"];
            assert_eq!(kind, "action_request_validation_exception", "{method} {target}");
        }
        world.root("GET", &target).send().await.is(404, "{}");
        world.root("DELETE", &target).send().await.is(404, r#"{"found":false}"#);
    }
}

/// A pattern is a name like any other, and no blank is cut off.
#[tokio::test]
async fn users_are_named_as_they_are() {
    let world = World::new().await;
    for name in ["jane", "jan*"] {
        world.user(name, &[]).await;
    }
    let shown = async |names: &str| {
        let target = format!("/_security/user/{names}");
        let shown = world.root("GET", &target).send().await.json();
        shown.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(shown("jan*").await, ["jan*"]);
    assert_eq!(shown("*").await, Vec::<String>::new());
    assert_eq!(shown("x,jane").await, ["jane"]);
    assert_eq!(shown("jane,").await, ["jane"]);
    assert_eq!(shown("%20jane").await, Vec::<String>::new());
    for method in ["HEAD", "PATCH"] {
        world.root(method, JANE).send().await.expect(405);
    }
    // A comma may stand in a name, which can then be changed, but never be asked for.
    world.user("a,b", &[]).await;
    assert_eq!(shown("a,b").await, Vec::<String>::new());
    world.root("DELETE", "/_security/user/a,b").send().await.is(200, r#"{"found":true}"#);
}

/// Null replaces what it meets, and what meets it.
#[tokio::test]
async fn metadata_of_every_kind_are_merged_and_kept() {
    let world = World::new().await;
    world.user("jane", &[]).await;
    let merge = async |metadata: &str| {
        put(&world, &format!(r#"{{"roles":[],"metadata":{metadata}}}"#)).await.expect(200);
        world.root("GET", JANE).send().await.expect(200).json()["jane"]["metadata"].clone()
    };
    let first = json!({"a": {"b": {"c": 1, "d": [1]}, "n": null}, "s": "t"});
    assert_eq!(merge(&first.to_string()).await, first);
    assert_eq!(
        merge(r#"{"a":{"b":{"c":null,"d":[]},"n":{"x":1}},"s":{"y":-1.5}}"#).await,
        json!({"a": {"b": {"c": null, "d": []}, "n": {"x": 1}}, "s": {"y": -1.5}})
    );
    assert_eq!(
        merge(r#"{"a":{"b":null},"":{"_x":1}}"#).await,
        json!({"a": {"b": null, "n": {"x": 1}}, "s": {"y": -1.5}, "": {"_x": 1}})
    );
    assert_eq!(merge("{}").await["s"], json!({"y": -1.5}));
    let answer = put(&world, r#"{"roles":[],"metadata":null}"#).await;
    let reason = "expected field [metadata] to be of type object, but found [VALUE_NULL] instead";
    answer.is_error(400, "parse_exception", reason);
    let deep = |levels: usize| {
        let metadata = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        format!(r#"{{"roles":[],"metadata":{metadata}}}"#)
    };
    put(&world, &deep(63)).await.expect(200);
    world.root("GET", JANE).send().await.expect(200);
    put(&world, &deep(64)).await.expect(400);
    put(&world, &deep(1_000)).await.expect(400);
}

/// Costs that are not on the list are refused, for they would keep a thread busy at each login.
#[tokio::test]
async fn hashes_that_cost_too_much_are_refused() {
    let world = World::new().await;
    world.user("jane", &[]).await;
    let salt = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let bcrypt = |cost| format!("$2a${cost}$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm");
    let argon = |parameters| {
        format!("$argon2id$v=19${parameters}$AAECAwQFBgcICQoLDA0ODw${}", "A".repeat(43))
    };
    for hash in [
        bcrypt("31"),
        bcrypt("15"),
        bcrypt("03"),
        bcrypt("99"),
        format!("{{PBKDF2}}4294967295${salt}${salt}"),
        format!("{{PBKDF2}}1000001${salt}${salt}"),
        format!("{{PBKDF2_STRETCH}}+1000${salt}${salt}"),
        format!("{{PBKDF2}}1000${salt}$"),
        argon("m=4194304,t=1,p=1"),
        argon("m=19456,t=4294967295,p=1"),
        argon("m=19456,t=17,p=1"),
        argon("m=262145,t=2,p=1"),
        String::new(),
        " ".to_owned() + &bcrypt("04"),
        bcrypt("04") + "\n",
    ] {
        for (target, roles) in [(JANE, Some("a")), ("/_security/user/jane/_password", None)] {
            let mut body = json!({ "password_hash": hash });
            if roles.is_some() {
                body["roles"] = json!(roles);
            }
            let answer = world.root("PUT", target).json(&body.to_string()).send().await;
            let error = &answer.expect(400).json()["error"];
            assert_eq!(error["type"], "illegal_argument_exception", "{hash}");
            let reason = error["reason"].as_str().unwrap();
            assert!(reason.starts_with("The provided password hash is not a hash or"), "{reason}");
            assert!(hash.is_empty() || !reason.contains(&hash), "{reason}");
        }
    }
    assert!(logs_in(&world, PASSWORD).await);
}

/// A user may be in two realms: what becomes of one leaves the other's tokens alone.
#[tokio::test]
async fn tokens_of_a_namesake_follow_their_own_user() {
    let ordinary = Ordinary {
        follows_user_changes: true,
        file_users: &[("jane", "superuser")],
        ..Ordinary::default()
    };
    let world = World::with(ordinary).await;
    let of_file = world.pair("jane").await;
    let native = r#"{"password":"native-word","roles":[]}"#;
    put(&world, native).await.expect(200);
    let grant = r#"{"grant_type":"password","username":"jane","password":"native-word"}"#;
    let granted = world.root("POST", TOKEN).json(grant).send().await.expect(200).json();
    let of_native = granted["access_token"].as_str().unwrap();
    assert_eq!(world.whoami(of_native).await.expect(200).json()["lookup_realm"]["type"], "native");
    world.root("DELETE", JANE).send().await.expect(200);
    world.whoami(of_native).await.expect(401);
    let who = world.whoami(&of_file.access).await.expect(200).json();
    assert_eq!(who["lookup_realm"]["type"], "file");
}

/// Users of a realm that is off are still changed through the API.
#[tokio::test]
async fn tokens_follow_their_user_where_the_native_realm_is_off() {
    let engine: Arc<dyn Engine> = Arc::new(Memory::new());
    let following = || Ordinary { follows_user_changes: true, ..Ordinary::default() };
    let world = World::on(Arc::clone(&engine), following()).await;
    world.user("jane", &[]).await;
    let pair = world.pair("jane").await;
    drop(world);
    let world = World::on(engine, Ordinary { has_native_realm: false, ..following() }).await;
    world.whoami(&pair.access).await.expect(200);
    world.root("PUT", "/_security/user/jane/_disable").send().await.is(200, "{}");
    world.whoami(&pair.access).await.expect(401);
}

/// A token is that of the user as whom its maker acted.
#[tokio::test]
async fn a_token_made_as_another_follows_that_other() {
    let world = World::with(Ordinary { follows_user_changes: true, ..Ordinary::default() }).await;
    world.user("boss", &["superuser"]).await;
    for (changed, status) in [("boss", 200), ("jane", 401)] {
        world.user("jane", &["superuser"]).await;
        world.user("boss", &["superuser"]).await;
        let own = r#"{"grant_type":"client_credentials"}"#;
        let call = world.call("POST", TOKEN).basic("boss", PASSWORD).run_as("jane").json(own);
        let granted = call.send().await.expect(200).json();
        let token = granted["access_token"].as_str().unwrap();
        assert_eq!(world.whoami(token).await.expect(200).json()["username"], "jane");
        let target = format!("/_security/user/{changed}");
        world.root("DELETE", &target).send().await.expect(200);
        world.whoami(token).await.expect(status);
    }
}

/// The account that is one's own is that of the user as whom one acts.
#[tokio::test]
async fn ones_own_password_is_that_of_the_user_one_acts_as() {
    let world = World::with(Ordinary { anonymous: Some(anonymous(&[])), ..Ordinary::default() });
    let world = world.await;
    let own = "/_security/user/_password";
    let body = r#"{"password":"another-word"}"#;
    world.root("PUT", "/_security/role/runner").json(r#"{"run_as":["jane"]}"#).send().await;
    world.user("boss", &["runner"]).await;
    world.user("jane", &[]).await;
    world.user("june", &[]).await;
    let call = |target: &str| world.call("PUT", target).basic("boss", PASSWORD).json(body);
    call(own).run_as("june").send().await.expect(403);
    call(own).run_as("elastic").send().await.expect(403);
    call(own).run_as("nobody").send().await.expect(403);
    call("/_security/user/june/_password").run_as("jane").send().await.expect(403);
    call("/_security/user/boss/_password").run_as("jane").send().await.expect(403);
    call(own).run_as("jane").send().await.is(200, "{}");
    world.call("GET", WHO).basic("jane", "another-word").send().await.expect(200);
    for name in ["boss", "june"] {
        world.call("GET", WHO).basic(name, PASSWORD).send().await.expect(200);
    }
    let status = world.call("PUT", own).json(body).send().await.status;
    assert_eq!(status, 403);
}
