//! Users: put, show, delete, enable, disable, change of password.

use crate::world::{
    Ordinary, PASSWORD, Pair, TOKEN, World, anonymous, password_grant, refresh_grant,
};

const JANE: &str = "/_security/user/jane";
const KNOWN: &str = "/_security/user/known";
const WHO: &str = "/_security/_authenticate";

/// Identity cases 1, 3, 7.
#[tokio::test]
async fn a_user_is_created_then_updated() {
    let world = World::new().await;
    let body = r#"{"password":"s3cret-word","roles":"a,b","full_name":"Jane","metadata":{"k":1}}"#;
    world.root("PUT", JANE).json(body).send().await.is(200, r#"{"created":true}"#);
    world.root("POST", JANE).json(body).send().await.is(200, r#"{"created":false}"#);
    let body = r#"{"roles":[],"metadata":{"l":2}}"#;
    let target = format!("{JANE}?refresh=wait_for");
    world.root("PUT", &target).json(body).send().await.is(200, r#"{"created":false}"#);
    world.root("GET", JANE).send().await.is(
        200,
        r#"{"jane":{"username":"jane","roles":[],"full_name":null,"email":null,"metadata":{"k":1,"l":2},"enabled":true}}"#,
    );
}

/// Identity cases 3, 4, 5: a put with a password replaces, one without changes and merges; both
/// enable.
#[tokio::test]
async fn a_put_merges_metadata_only_without_a_password_and_always_enables() {
    let world = World::new().await;
    let put = async |body: &str| {
        world.root("PUT", JANE).json(body).send().await.expect(200);
        let shown = world.root("GET", JANE).send().await.expect(200).json();
        shown["jane"].clone()
    };
    let first = r#"{"password":"s3cret-word","roles":["a"],"metadata":{"a":1,"m":{"x":1,"l":[1]}},"email":"j@x","enabled":false}"#;
    assert_eq!(put(first).await["enabled"], false);
    let merged = put(r#"{"roles":[],"metadata":{"b":2,"m":{"y":2,"l":[2]}}}"#).await;
    let wanted = serde_json::json!({"a":1,"m":{"x":1,"l":[2],"y":2},"b":2});
    assert_eq!(merged["metadata"], wanted);
    assert_eq!((&merged["enabled"], &merged["email"]), (&true.into(), &serde_json::Value::Null));
    let replaced = put(r#"{"password":"s3cret-word","roles":[],"metadata":{"b":3}}"#).await;
    assert_eq!(replaced["metadata"], serde_json::json!({"b":3}));
    let cleared = put(r#"{"roles":[]}"#).await;
    assert_eq!(cleared["metadata"], serde_json::json!({}));
    world.call("GET", WHO).basic("jane", PASSWORD).send().await.expect(200);
}

const INVALID: &str = "action_request_validation_exception";
const UNFIT: &str = "validation_exception";
const ARGUMENT: &str = "illegal_argument_exception";
const PARSE: &str = "parse_exception";

fn name_rule(what: &str, max: usize) -> String {
    format!(
        "{what} names must be at least 1 and no more than {max} characters. They can contain \
         alphanumeric characters (a-z, A-Z, 0-9), spaces, punctuation, and printable symbols in \
         the Basic Latin (ASCII) block. Leading or trailing whitespace is not allowed."
    )
}

fn failed(messages: &[&str]) -> String {
    let numbered = (1..).zip(messages).map(|(number, text)| format!("{number}: {text};"));
    format!("Validation Failed: {}", numbered.collect::<String>())
}

/// Sends what must be refused, and makes sure that nothing of it is stored.
async fn check_refusals(world: &World, refusals: &[(&str, &str, &str, &str, String)]) {
    let stored = async || {
        let users = world.root("GET", "/_security/user").send().await.expect(200).text();
        users + &world.root("GET", "/_security/role").send().await.expect(200).text()
    };
    let before = stored().await;
    for (method, target, body, kind, reason) in refusals {
        let call = world.root(method, target);
        let call = if body.is_empty() { call } else { call.json(body) };
        let answer = call.send().await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, error["type"].as_str(), error["reason"].as_str()),
            (400, Some(*kind), Some(reason.as_str())),
            "{method} {target} {body}"
        );
        assert_eq!(stored().await, before, "{method} {target} {body}");
    }
}

/// A world in which `known` is a user and the anonymous user has a name.
async fn with_known() -> World {
    let ordinary = Ordinary { anonymous: Some(anonymous(&[])), ..Ordinary::default() };
    let world = World::with(ordinary).await;
    world.user("known", &["a"]).await;
    world
}

/// Identity cases 6, 8, 11, 12, 13.
#[tokio::test]
async fn a_put_under_a_name_that_may_not_be_is_refused_and_stores_nothing() {
    let world = with_known().await;
    let (user, role) = (name_rule("User", 507), name_rule("Role", 1024));
    let long_role = format!(r#"{{"password":"123456","roles":["{}"]}}"#, "r".repeat(1025));
    let bad_roles = r#"{"roles":[""," x","ok"]}"#;
    let roles = r#"{"password":"123456","roles":[]}"#;
    let missing = "roles are missing";
    let keys = "metadata keys may not start with [_]";
    let elastic = "user [elastic] is reserved and only the password can be changed";
    let nobody = "user [_anonymous] is anonymous and cannot be modified via the API";
    let long = "a".repeat(508);
    let refusals = [
        (long.as_str(), roles, vec![user.as_str()]),
        ("%C3%A9", roles, vec![&user]),
        ("%20a", roles, vec![&user]),
        ("a%20", roles, vec![&user]),
        ("jane", &long_role, vec![&role]),
        ("%20a", bad_roles, vec![&user, &role, &role]),
        ("elastic", roles, vec![elastic]),
        ("elastic", bad_roles, vec![elastic, &role, &role]),
        ("_anonymous", roles, vec![nobody]),
        ("_xpack", roles, vec!["user [_xpack] is internal"]),
        ("jane", "{}", vec![missing]),
        ("elastic", "{}", vec![missing]),
        ("known", r#"{"metadata":{"_x":1}}"#, vec![missing, keys]),
        ("known", r#"{"roles":[],"metadata":{"a":{"_x":1},"_y":2}}"#, vec![keys]),
    ];
    for (name, body, messages) in refusals {
        let target = format!("/_security/user/{name}");
        check_refusals(&world, &[("PUT", &target, body, INVALID, failed(&messages))]).await;
    }
}

/// Identity cases 2, 9, 10.
#[tokio::test]
async fn a_put_without_a_password_that_may_be_is_refused_and_stores_nothing() {
    let world = with_known().await;
    let short = "passwords must be at least [6] characters long";
    let twice = "password_hash has already been set";
    let none = "password must be specified unless you are updating an existing user";
    for (target, body, message) in [
        (JANE, r#"{"roles":[]}"#, none),
        (JANE, r#"{"password":"12345","roles":[]}"#, short),
        (KNOWN, r#"{"password":"12345","roles":[]}"#, short),
        (JANE, r#"{"password":"123456","password_hash":"x","roles":[]}"#, twice),
        (JANE, r#"{"password_hash":"x","password":"123456","roles":[]}"#, twice),
    ] {
        check_refusals(&world, &[("PUT", target, body, UNFIT, failed(&[message]))]).await;
    }
    let hash = "The provided password hash is not a hash or it could not be resolved to a \
                supported hash algorithm. The supported password hash algorithms are [bcrypt, \
                bcrypt4, bcrypt5, bcrypt6, bcrypt7, bcrypt8, bcrypt9, bcrypt10, bcrypt11, \
                bcrypt12, bcrypt13, bcrypt14, pbkdf2, pbkdf2_1000, pbkdf2_10000, pbkdf2_50000, \
                pbkdf2_100000, pbkdf2_500000, pbkdf2_1000000, pbkdf2_stretch, \
                pbkdf2_stretch_1000, pbkdf2_stretch_10000, pbkdf2_stretch_50000, \
                pbkdf2_stretch_100000, pbkdf2_stretch_500000, pbkdf2_stretch_1000000, argon2id]";
    for (target, body) in [
        (JANE, r#"{"password_hash":"changeme","roles":[]}"#),
        (KNOWN, r#"{"password_hash":"{SHA}NuG4lcD58QZHSTZyUFMJVuem/IU="}"#),
    ] {
        check_refusals(&world, &[("PUT", target, body, ARGUMENT, hash.to_owned())]).await;
    }
}

#[tokio::test]
async fn a_put_that_cannot_be_read_is_refused_and_stores_nothing() {
    let world = with_known().await;
    let wrong_kind =
        "expected field [password] to be of type string, but found [VALUE_NULL] instead";
    let wrong_flag =
        "expected field [enabled] to be of type boolean, but found [VALUE_STRING] instead";
    let other_name = "[username] in source does not match the username provided [known]";
    let unknown = "failed to parse add user request. unexpected field [x]";
    let parameter = "request [/_security/user/known] contains unrecognized parameter: [x]";
    let roles = r#"{"roles":[]}"#;
    for (target, body, kind, reason) in [
        (KNOWN, r#"{"username":"other","roles":[]}"#, ARGUMENT, other_name),
        (KNOWN, r#"{"roles":[],"password":null}"#, PARSE, wrong_kind),
        (KNOWN, r#"{"roles":[],"enabled":"no"}"#, PARSE, wrong_flag),
        (KNOWN, r#"{"roles":[],"x":1}"#, PARSE, unknown),
        (KNOWN, "", PARSE, "request body is required"),
        ("/_security/user/known?x=1", roles, ARGUMENT, parameter),
        (
            "/_security/user/known?refresh=soon",
            roles,
            ARGUMENT,
            "Unknown value for refresh: [soon].",
        ),
    ] {
        check_refusals(&world, &[("PUT", target, body, kind, reason.to_owned())]).await;
    }
}

/// A hash of every algorithm that is written is accepted, and the password behind it logs in.
#[tokio::test]
async fn a_hash_stands_for_its_password() {
    let world = World::new().await;
    for hash in [
        "$2a$04$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm",
        "{PBKDF2}1000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=$034eS2hj5FxHljzZNmhT4GIGod6KbeTnTS97ZJ5D73o=",
        "{PBKDF2_STRETCH}1000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=$DLg22qcvI4ce+znJz7yt/oUjUtviJvKK7oDcpNaGRSo=",
    ] {
        let body = format!(r#"{{"password_hash":"{hash}","roles":[]}}"#);
        world.root("PUT", JANE).json(&body).send().await.expect(200);
        world.call("GET", WHO).basic("jane", "x-pack-test-password").send().await.expect(200);
        world.call("GET", WHO).basic("jane", hash).send().await.expect(401);
        let shown = world.root("GET", JANE).send().await.expect(200).text();
        assert!(!shown.contains(hash) && !shown.contains("password"), "{shown}");
    }
}

/// Rules that need no privilege to be told come first, as on the wire; those about names do not.
#[tokio::test]
async fn whoever_may_not_put_users_is_told_so_after_the_form_of_the_request() {
    let world = World::new().await;
    world.user("jane", &[]).await;
    let put = async |target: &str, body: &str| {
        world.call("PUT", target).basic("jane", PASSWORD).json(body).send().await.status
    };
    assert_eq!(put(JANE, "{}").await, 400);
    assert_eq!(put(JANE, r#"{"roles":[]}"#).await, 403);
    assert_eq!(put("/_security/user/elastic", r#"{"roles":[]}"#).await, 403);
    for (method, path) in [("PUT", "jane/_disable"), ("POST", "jane/_enable"), ("DELETE", "jane")] {
        let target = format!("/_security/user/{path}");
        let answer = world.call(method, &target).basic("jane", PASSWORD).send().await.expect(403);
        assert!(answer.text().contains("is unauthorized for user [jane]"), "{}", answer.text());
    }
}

/// Identity cases 16, 17.
#[tokio::test]
async fn users_are_shown_by_name_and_all() {
    let ordinary = Ordinary { file_users: &[("fay", "superuser")], ..Ordinary::default() };
    let world = World::with(ordinary).await;
    world.user("jane", &[]).await;
    world.root("GET", "/_security/user/fay").send().await.is(404, "{}");
    let flagged = "/_security/user/jane?with_profile_uid=true";
    world.root("GET", flagged).send().await.expect(200);
    world.root("GET", "/_security/user?with_profile_uid=maybe").send().await.is_error(
        400,
        ARGUMENT,
        "Failed to parse value [maybe] as only [true] or [false] are allowed.",
    );
    world.root("GET", "/_security/user/nobody").send().await.is(404, "{}");
    let answer = world.root("GET", "/_security/user/jane,nobody,jane").send().await.expect(200);
    assert_eq!(answer.json().as_object().unwrap().len(), 1);
    let all = world.root("GET", "/_security/user").send().await.expect(200).json();
    assert_eq!(all.as_object().unwrap().len(), 8);
    assert_eq!(all["elastic"]["metadata"]["_reserved"], true);
    assert!(all.get("fay").is_none());
    world.root("GET", "/_security/user/kibana").send().await.is(
        200,
        r#"{"kibana":{"username":"kibana","roles":["kibana_system"],"full_name":null,"email":null,"metadata":{"_deprecated":true,"_deprecated_reason":"Please use the [kibana_system] user instead.","_reserved":true},"enabled":true}}"#,
    );
}

/// Identity cases 14, 15. A user may delete their own account.
#[tokio::test]
async fn a_user_is_deleted_once() {
    let ordinary = Ordinary { anonymous: Some(anonymous(&[])), ..Ordinary::default() };
    let world = World::with(ordinary).await;
    world.user("jane", &[]).await;
    world.root("DELETE", JANE).send().await.is(200, r#"{"found":true}"#);
    world.root("DELETE", JANE).send().await.is(404, r#"{"found":false}"#);
    world.root("DELETE", "/_security/user/kibana_system").send().await.is_error(
        400,
        "illegal_argument_exception",
        "user [kibana_system] is reserved and cannot be deleted",
    );
    for (name, reason) in [
        ("_anonymous", "user [_anonymous] is anonymous and cannot be deleted"),
        ("_system", "user [_system] is internal"),
    ] {
        let target = format!("/_security/user/{name}");
        world.root("DELETE", &target).send().await.is_error(400, ARGUMENT, reason);
    }
    world.user("root", &["superuser"]).await;
    let own = world.call("DELETE", "/_security/user/root").basic("root", PASSWORD);
    own.send().await.is(200, r#"{"found":true}"#);
    world.call("GET", WHO).basic("root", PASSWORD).send().await.expect(401);
}

/// Identity case 21.
#[tokio::test]
async fn a_disabled_user_cannot_log_in_until_enabled() {
    let world = World::new().await;
    world.user("jane", &[]).await;
    let who = async || world.call("GET", WHO).basic("jane", PASSWORD).send().await.status;
    for method in ["PUT", "POST"] {
        for _ in 0..2 {
            let target = format!("{JANE}/_disable?refresh=false");
            world.root(method, &target).send().await.is(200, "{}");
            assert_eq!(who().await, 401);
        }
        let shown = world.root("GET", JANE).send().await.expect(200).json();
        assert_eq!(shown["jane"]["enabled"], false);
        for _ in 0..2 {
            world.root(method, &format!("{JANE}/_enable")).send().await.is(200, "{}");
            assert_eq!(who().await, 200);
        }
    }
}

/// Identity cases 22, 24.
#[tokio::test]
async fn who_cannot_be_enabled_or_disabled_is_told_why() {
    let ordinary = Ordinary { anonymous: Some(anonymous(&[])), ..Ordinary::default() };
    let world = World::with(ordinary).await;
    let missing = |done: &str| failed(&[&format!("only existing users can be {done}")]);
    let own = "users may not update the enabled status of their own account";
    let nobody = "user [_anonymous] is anonymous and cannot be modified using the api";
    let (enable, disable) = ("/_security/user/nobody/_enable", "/_security/user/nobody/_disable");
    let put = |target, kind, reason| ("PUT", target, "", kind, reason);
    check_refusals(
        &world,
        &[
            put(enable, UNFIT, missing("enabled")),
            put(disable, UNFIT, missing("disabled")),
            put("/_security/user/elastic/_disable", ARGUMENT, own.into()),
            put("/_security/user/elastic/_enable", ARGUMENT, own.into()),
            put("/_security/user/_anonymous/_disable", ARGUMENT, nobody.into()),
            put("/_security/user/%20a/_disable", INVALID, failed(&[&name_rule("User", 507)])),
        ],
    )
    .await;
    world.user("jane", &["superuser"]).await;
    let target = format!("{JANE}/_disable");
    let answer = world.call("PUT", &target).basic("jane", PASSWORD).send().await;
    answer.is_error(400, ARGUMENT, own);
    let token = world.pair("jane").await.access;
    world.call("PUT", &target).bearer(&token).send().await.is_error(400, ARGUMENT, own);
    world.root("PUT", &target).run_as("jane").send().await.is_error(400, ARGUMENT, own);
}

/// Identity case 23: a namesake in a file is somebody else.
#[tokio::test]
async fn a_user_of_a_file_may_disable_their_namesake() {
    let ordinary = Ordinary { file_users: &[("jane", "superuser")], ..Ordinary::default() };
    let world = World::with(ordinary).await;
    let body = r#"{"password":"native-word","roles":[]}"#;
    world.root("PUT", JANE).json(body).send().await.expect(200);
    let who = async || world.call("GET", WHO).basic("jane", "native-word").send().await.status;
    assert_eq!(who().await, 200);
    let target = format!("{JANE}/_disable");
    world.call("PUT", &target).basic("jane", PASSWORD).send().await.is(200, "{}");
    assert_eq!(who().await, 401);
    let of_file = world.call("GET", WHO).basic("jane", PASSWORD).send().await.expect(200).json();
    assert_eq!(of_file["authentication_realm"]["type"], "file");
}

/// Identity case 27.
#[tokio::test]
async fn a_user_of_a_file_has_no_password_that_could_be_changed_here() {
    let ordinary =
        Ordinary { file_users: &[("fay", "viewer"), ("finn", "superuser")], ..Ordinary::default() };
    let world = World::with(ordinary).await;
    let body = r#"{"password":"another-word"}"#;
    let own = "/_security/user/_password";
    world.call("PUT", own).basic("fay", PASSWORD).json(body).send().await.expect(403);
    let reason = failed(&["user [finn] is file-based and cannot be managed via this API."]);
    let answer = world.call("PUT", own).basic("finn", PASSWORD).json(body).send().await;
    answer.is_error(400, UNFIT, &reason);
    let answer = world.root("PUT", "/_security/user/finn/_password").json(body).send().await;
    answer.is_error(400, UNFIT, &reason);
    world.call("GET", WHO).basic("finn", PASSWORD).send().await.expect(200);
}

/// Identity case 31. Whether it is enabled first makes no difference: the record has no password.
#[tokio::test]
async fn a_built_in_user_without_a_record_gets_one_without_a_password() {
    let world = World::new().await;
    world.user("root", &["superuser"]).await;
    let kibana = "/_security/user/kibana_system";
    let root = |method, target: &str| world.call(method, target).basic("root", PASSWORD);
    root("PUT", &format!("{kibana}/_disable")).send().await.is(200, "{}");
    let shown = root("GET", kibana).send().await.expect(200).json();
    assert_eq!(shown["kibana_system"]["enabled"], false);
    // A new password leaves the user disabled.
    let body = r#"{"password":"another-word"}"#;
    root("PUT", &format!("{kibana}/_password")).json(body).send().await.is(200, "{}");
    let who =
        async || world.call("GET", WHO).basic("kibana_system", "another-word").send().await.status;
    assert_eq!(who().await, 401);
    root("PUT", &format!("{kibana}/_enable")).send().await.is(200, "{}");
    assert_eq!(who().await, 200);
    root("PUT", "/_security/user/elastic/_enable").send().await.is(200, "{}");
    world.root("GET", WHO).send().await.expect(401);
}

/// Identity cases 25, 26.
#[tokio::test]
async fn anyone_may_change_their_own_password_with_their_password() {
    let world = World::new().await;
    world.user("jane", &[]).await;
    let token = world.pair("jane").await.access;
    let body = r#"{"password":"another-word"}"#;
    let own = "/_security/user/_password";
    world.call("POST", own).bearer(&token).json(body).send().await.expect(403);
    world.call("POST", own).basic("jane", PASSWORD).json(body).send().await.is(200, "{}");
    world.call("GET", WHO).basic("jane", PASSWORD).send().await.expect(401);
    world.call("GET", WHO).basic("jane", "another-word").send().await.expect(200);
}

/// Identity cases 28, 29, 30.
#[tokio::test]
async fn changing_anothers_password_needs_the_privilege() {
    let ordinary = Ordinary { anonymous: Some(anonymous(&[])), ..Ordinary::default() };
    let world = World::with(ordinary).await;
    world.user("jane", &[]).await;
    let body = r#"{"password":"another-word"}"#;
    for name in ["vera", "nobody"] {
        let target = format!("/_security/user/{name}/_password");
        world.call("PUT", &target).basic("jane", PASSWORD).json(body).send().await.expect(403);
    }
    world.root("PUT", "/_security/user/nobody/_password").json(body).send().await.is_error(
        400,
        "validation_exception",
        "Validation Failed: 1: user must exist in order to change password;",
    );
    world.root("PUT", "/_security/user/jane/_password").json("{}").send().await.is_error(
        400,
        "action_request_validation_exception",
        "Validation Failed: 1: password is missing;",
    );
    world.root("PUT", "/_security/user/_anonymous/_password").json(body).send().await.is_error(
        400,
        ARGUMENT,
        "user [_anonymous] is anonymous and cannot be modified via the API",
    );
    for (body, kind, reason) in [
        (
            r#"{"pass":"x"}"#,
            PARSE,
            "failed to parse change password request. unexpected field [pass]",
        ),
        (
            r#"{"password":"12345"}"#,
            UNFIT,
            "Validation Failed: 1: passwords must be at least [6] characters long;",
        ),
        (
            r#"{"password":"123456","password_hash":"x"}"#,
            UNFIT,
            "Validation Failed: 1: password_hash has already been set;",
        ),
        ("", PARSE, "request body is required"),
    ] {
        let call = world.root("PUT", "/_security/user/jane/_password");
        let call = if body.is_empty() { call } else { call.json(body) };
        call.send().await.is_error(400, kind, reason);
    }
    world.call("GET", WHO).basic("jane", PASSWORD).send().await.expect(200);
    let target = "/_security/user/logstash_system/_password";
    world.root("PUT", target).json(body).send().await.is(200, "{}");
    let call = world.call("GET", WHO).basic("logstash_system", "another-word");
    let who = call.send().await.expect(200).json();
    assert_eq!(who["authentication_realm"]["name"], "reserved");
}

/// The paths of these words are not those of users.
#[tokio::test]
async fn no_user_is_named_like_a_call() {
    let world = World::new().await;
    let body = r#"{"password":"s3cret-word","roles":[]}"#;
    for path in [
        "/_security/user/_privileges",
        "/_security/user/_has_privileges",
        "/_security/user/%5Fhas_privileges",
        "/_security/user/jane/_has_privileges",
    ] {
        world.root("PUT", path).json(body).send().await.expect(405);
        world.root("DELETE", path).send().await.expect(405);
        let status = world.root("POST", path).json(body).send().await.status;
        assert!([400, 405].contains(&status), "{path}: {status}");
    }
    world.root("PUT", "/_security/user/%5Fpassword").json(body).send().await.expect(400);
    world.root("GET", "/_security/user/_password").send().await.expect(405);
    let all = world.root("GET", "/_security/user").send().await.expect(200).json();
    assert!(all.as_object().unwrap().keys().all(|name| !name.starts_with('_')), "{all}");
}

#[tokio::test]
async fn the_anonymous_user_is_listed() {
    let ordinary = Ordinary { anonymous: Some(anonymous(&["viewer"])), ..Ordinary::default() };
    let world = World::with(ordinary).await;
    let shown = r#"{"username":"_anonymous","roles":["viewer"],"full_name":null,"email":null,"metadata":{"_reserved":true},"enabled":true}"#;
    let body = format!(r#"{{"_anonymous":{shown}}}"#);
    world.root("GET", "/_security/user/_anonymous").send().await.is(200, &body);
    let all = world.root("GET", "/_security/user").send().await.expect(200);
    assert!(all.text().contains(shown), "{}", all.text());
    let world = World::new().await;
    world.root("GET", "/_security/user/_anonymous").send().await.is(404, "{}");
}

/// With a password, for oneself and for an end user; not with the token that comes of it.
#[tokio::test]
async fn whoever_logs_in_as_a_user_that_will_go_is_warned() {
    let world = World::new().await;
    let body = format!(r#"{{"password":"{PASSWORD}"}}"#);
    for name in ["kibana", "kibana_system"] {
        let target = format!("/_security/user/{name}/_password");
        world.root("PUT", &target).json(&body).send().await.expect(200);
    }
    let answer = world.call("GET", WHO).basic("kibana", PASSWORD).send().await.expect(200);
    let warning = answer.header("warning").unwrap();
    let text = "\"The user [kibana] is deprecated. Please use the [kibana_system] user instead.\"";
    assert!(warning.starts_with("299 Elasticsearch-8.19.0-") && warning.ends_with(text));
    let other = world.call("GET", WHO).basic("kibana_system", PASSWORD).send().await.expect(200);
    assert_eq!(other.header("warning"), None);

    let granted = world.root("POST", TOKEN).json(&password_grant("kibana")).send().await;
    assert!(granted.header("warning").unwrap().ends_with(text));
    let token = Pair::of(&granted.expect(200)).access;
    assert_eq!(world.whoami(&token).await.expect(200).header("warning"), None);
    let own = r#"{"grant_type":"client_credentials"}"#;
    let granted = world.root("POST", TOKEN).json(own).send().await.expect(200);
    assert_eq!(granted.header("warning"), None);
}

/// Identity cases 32, 33: tokens live on through every change of their user, unless told otherwise.
#[tokio::test]
async fn tokens_follow_their_user_only_where_they_are_told_to() {
    for follows_user_changes in [false, true] {
        let world = World::with(Ordinary { follows_user_changes, ..Ordinary::default() }).await;
        for (method, path, body) in [
            ("PUT", "/_password", r#"{"password":"s3cret-word"}"#),
            ("PUT", "/_disable", ""),
            ("PUT", "", r#"{"roles":[],"enabled":false}"#),
            ("PUT", "", r#"{"roles":[],"password":"s3cret-word"}"#),
            ("DELETE", "", ""),
        ] {
            world.user("jane", &["superuser"]).await;
            let pair = world.pair("jane").await;
            let call = world.root(method, &format!("{JANE}{path}"));
            let call = if body.is_empty() { call } else { call.json(body) };
            call.send().await.expect(200);
            let status = if follows_user_changes { 401 } else { 200 };
            world.whoami(&pair.access).await.expect(status);
            let refreshed = world.root("POST", TOKEN).json(&refresh_grant(&pair.refresh)).send();
            refreshed.await.expect(if follows_user_changes { 400 } else { 200 });
        }
    }
}
