//! Privileges of applications: put, show, delete; and the names of built-in privileges.

use jeton_domain::privilege::application::ApplicationPrivilege;
use jeton_domain::value::Map;
use jeton_store::engine::Write;
use jeton_store::tables::privileges as table;

use crate::meddling::Meddling;
use crate::world::{Answer, Ordinary, PASSWORD, World};

const PRIVILEGE: &str = "/_security/privilege";

const TWO: &str = r#"{"app":{"read":{"application":"app","name":"read","actions":["data:read/*","action:login"],"metadata":{"k":[1.5]}},"all":{"actions":["*"]}},"other-1":{"write":{"actions":"data/write"}}}"#;

async fn put(world: &World, body: &str) -> Answer {
    world.root("PUT", PRIVILEGE).json(body).send().await
}

async fn show(world: &World, rest: &str) -> Answer {
    world.root("GET", &format!("{PRIVILEGE}{rest}")).send().await
}

#[tokio::test]
async fn privileges_are_replaced_whole_and_told_new_from_known() {
    let world = World::new().await;
    put(&world, r#"{"app":{"read":{"actions":["a:b"],"metadata":{"old":true}}}}"#)
        .await
        .expect(200);
    put(&world, TWO).await.is(
        200,
        r#"{"app":{"read":{"created":false},"all":{"created":true}},"other-1":{"write":{"created":true}}}"#,
    );
    world.root("POST", &format!("{PRIVILEGE}?refresh=wait_for")).json(TWO).send().await.is(
        200,
        r#"{"app":{"read":{"created":false},"all":{"created":false}},"other-1":{"write":{"created":false}}}"#,
    );
    show(&world, "").await.is(
        200,
        r#"{"app":{"all":{"application":"app","name":"all","actions":["*"],"metadata":{}},"read":{"application":"app","name":"read","actions":["data:read/*","action:login"],"metadata":{"k":[1.5]}}},"other-1":{"write":{"application":"other-1","name":"write","actions":["data/write"],"metadata":{}}}}"#,
    );
}

/// Identity case 56.
#[tokio::test]
async fn what_is_missing_is_an_error_only_when_it_was_named() {
    let world = World::new().await;
    show(&world, "").await.is(200, "{}");
    show(&world, "/app3/p1").await.is(404, "{}");
    show(&world, "/app3").await.is(200, "{}");
    put(&world, TWO).await.expect(200);
    show(&world, "/app/nothing,at-all").await.is(404, "{}");
    let one = r#"{"app":{"all":{"application":"app","name":"all","actions":["*"],"metadata":{}}}}"#;
    show(&world, "/app/nothing,all,all").await.is(200, one);
    let count = async |rest: &str| {
        let shown = show(&world, rest).await.expect(200).json();
        shown.as_object().unwrap().values().map(|of| of.as_object().unwrap().len()).sum::<usize>()
    };
    assert_eq!(count("/app").await, 2);
    assert_eq!(count("/a*").await, 2);
    assert_eq!(count("/*").await, 3);
    assert_eq!(count("/*/write").await, 1);
    assert_eq!(count("/b*").await, 0);
}

/// Identity case 57.
#[tokio::test]
async fn a_deletion_tells_of_each_privilege_whether_it_was_there() {
    let world = World::new().await;
    put(&world, r#"{"app":{"p1":{"actions":["a:b"]}}}"#).await.expect(200);
    let delete = async |names: &str| {
        let target = format!("{PRIVILEGE}/app/{names}?refresh=true");
        world.root("DELETE", &target).send().await
    };
    let found = r#"{"app":{"p1":{"found":true},"p0":{"found":false}}}"#;
    delete("p1,p0").await.is(200, found);
    let none = r#"{"app":{"p1":{"found":false},"p0":{"found":false}}}"#;
    delete("p1,p0").await.is(404, none);
    show(&world, "/app").await.is(200, "{}");
}

/// Identity case 58, and the other rules for what is put.
#[tokio::test]
async fn names_and_actions_are_bound_to_rules() {
    let world = World::new().await;
    let check = async |body: &str, rules: &[&str]| {
        let numbered: Vec<String> =
            rules.iter().zip(1..).map(|(rule, number)| format!("{number}: {rule};")).collect();
        let reason = format!("Validation Failed: {}", numbered.concat());
        put(&world, body).await.is_error(400, "action_request_validation_exception", &reason);
    };
    let application = async |name: &str, rule: &str| {
        check(&format!(r#"{{"{name}":{{"p":{{"actions":["a:b"]}}}}}}"#), &[rule]).await;
    };
    let prefix =
        "An application name prefix must match the pattern ^[a-z][A-Za-z0-9]*$ (found 'My')";
    application("My", prefix).await;
    let short = "An application name prefix must be at least 3 characters long (found 'ab')";
    application("ab", short).await;
    application("", "Application names cannot be blank").await;
    application("ab*", "Application names may not contain '*' (found 'ab*')").await;
    application("a bc", "Application names may not contain whitespace (found 'a bc')").await;
    application(
        "abc-d|e",
        "An application name suffix may not contain any of the characters '\\/*?\"<>| ,' (found 'd|e')",
    )
    .await;
    check("{}", &["At least one application privilege must be provided"]).await;
    check(r#"{"app":{}}"#, &["At least one application privilege must be provided"]).await;
    check(
        r#"{"app":{"Read":{},"p":{"actions":["read","a: b"],"metadata":{"_x":1}}}}"#,
        &[
            "Application privilege names must match the pattern ^[a-z][a-zA-Z0-9_.-]*$ (found 'Read')",
            "Application privileges must have at least one action",
            "Application privilege actions must contain one of '/', '*' or ':' (found 'read')",
            "Application privilege names and actions must match the pattern ^\\p{Graph}*$ (found 'a: b')",
            "metadata keys may not start with [_] (in privilege app p)",
        ],
    )
    .await;
    show(&world, "").await.is(200, "{}");
}

#[tokio::test]
async fn the_form_of_the_body_is_refused_in_words() {
    let world = World::new().await;
    let check = async |body: &str, kind: &str, reason: &str| {
        put(&world, body).await.is_error(400, kind, reason);
    };
    put(&world, "").await.is_error(400, "parse_exception", "request body is required");
    let parse = "parse_exception";
    let found = "expected an object but found";
    check("[]", parse, &format!("failed to parse the applications. {found} [START_ARRAY] instead"))
        .await;
    let reason = format!("failed to parse application [app]. {found} [VALUE_NUMBER] instead");
    check(r#"{"app":1}"#, parse, &reason).await;
    let reason =
        format!("failed to parse privilege [p] of application [app]. {found} [VALUE_NULL] instead");
    check(r#"{"app":{"p":null}}"#, parse, &reason).await;
    let declared = "x_content_parse_exception";
    check(
        r#"{"app":{"p":{"action":[]}}}"#,
        declared,
        "[1:14] [application-privilege] unknown field [action] did you mean any of [actions, application]?",
    )
    .await;
    check(
        r#"{"app":{"p":{"actions":[1]}}}"#,
        declared,
        "[1:25] [application-privilege] actions doesn't support values of type: VALUE_NUMBER",
    )
    .await;
    check(
        r#"{"app":{"p":{"metadata":null}}}"#,
        declared,
        "[1:25] [application-privilege] metadata doesn't support values of type: VALUE_NULL",
    )
    .await;
    let argument = "illegal_argument_exception";
    check(
        r#"{"app":{"p":{"application":"apq"}}}"#,
        argument,
        "application name [apq] in source does not match the application provided [app]",
    )
    .await;
    check(
        r#"{"app":{"p":{"name":"q"}}}"#,
        argument,
        "privilege name [q] in source does not match the name provided [p]",
    )
    .await;
    let twice = r#"{"app":{"p":{"actions":["a:b"]},"p":{"actions":["a:b"]}}}"#;
    check(twice, declared, "[1:33] Duplicate field 'p'").await;
    let target = format!("{PRIVILEGE}?refresh=soon");
    let answer = world.root("PUT", &target).json(TWO).send().await;
    answer.is_error(400, argument, "Unknown value for refresh: [soon].");
    show(&world, "").await.is(200, "{}");
}

/// Identity case 88.
#[tokio::test]
async fn who_manages_some_applications_changes_and_reads_those() {
    let world = World::new().await;
    put(&world, r#"{"other":{"p":{"actions":["a:b"]}}}"#).await.expect(200);
    let role = r#"{"global":{"application":{"manage":{"applications":["test-*"]}}}}"#;
    world.root("PUT", "/_security/role/tester").json(role).send().await.expect(200);
    world.user("ann", &["tester"]).await;
    let ann = |method: &str, rest: &str| {
        world.call(method, &format!("{PRIVILEGE}{rest}")).basic("ann", PASSWORD)
    };
    let test_app = r#"{"test-app":{"p":{"actions":["a:b"]}}}"#;
    ann("PUT", "").json(test_app).send().await.is(200, r#"{"test-app":{"p":{"created":true}}}"#);
    let denied = |answer: &Answer, what: &str, by: &str| {
        let reason = format!(
            "action [cluster:admin/xpack/security/privilege/{what}] is unauthorized for user [ann] \
             with effective roles [tester], this action is granted by the cluster privileges [{by}]"
        );
        answer.is_error(403, "security_exception", &reason);
    };
    let (write, read) = ("manage_security,all", "read_security,manage_security,all");
    let other = r#"{"test-app":{"q":{"actions":["a:b"]}},"other":{"q":{"actions":["a:b"]}}}"#;
    denied(&ann("PUT", "").json(other).send().await, "put", write);
    denied(&ann("DELETE", "/other/p").send().await, "delete", write);
    for rest in ["", "/*", "/other", "/other/p", "/tes*", "/_builtin"] {
        let what = if rest == "/_builtin" { "builtin/get" } else { "get" };
        denied(&ann("GET", rest).send().await, what, read);
    }
    let shown = r#"{"test-app":{"p":{"application":"test-app","name":"p","actions":["a:b"],"metadata":{}}}}"#;
    ann("GET", "/test-app").send().await.is(200, shown);
    ann("GET", "/test-*").send().await.is(200, shown);
    ann("DELETE", "/test-app/p").send().await.is(200, r#"{"test-app":{"p":{"found":true}}}"#);
    show(&world, "/other/p").await.expect(200);
}

/// A pattern is read by who manages all that it covers, not by who manages what it looks like.
#[tokio::test]
async fn a_pattern_is_read_by_who_manages_all_that_it_covers() {
    let world = World::new().await;
    put(&world, r#"{"test-1":{"p":{"actions":["a:b"]}}}"#).await.expect(200);
    let role = r#"{"global":{"application":{"manage":{"applications":["test-?"]}}}}"#;
    world.root("PUT", "/_security/role/tester").json(role).send().await.expect(200);
    world.user("ann", &["tester"]).await;
    let read = async || {
        let call = world.call("GET", "/_security/privilege/test-*");
        call.basic("ann", PASSWORD).send().await.status
    };
    assert_eq!(read().await, 200);
    put(&world, r#"{"test-10":{"p":{"actions":["a:b"]}}}"#).await.expect(200);
    assert_eq!(read().await, 403);
}

#[tokio::test]
async fn readers_of_security_read_privileges_and_do_not_change_them() {
    let world = World::new().await;
    world.role("reader", &["read_security"]).await;
    world.user("ann", &["reader"]).await;
    let status = async |method: &str, rest: &str, body: &str| {
        let call = world.call(method, &format!("{PRIVILEGE}{rest}")).basic("ann", PASSWORD);
        let call = if body.is_empty() { call } else { call.json(body) };
        call.send().await.status
    };
    assert_eq!(status("GET", "", "").await, 200);
    assert_eq!(status("GET", "/_builtin", "").await, 200);
    assert_eq!(status("PUT", "", TWO).await, 403);
    assert_eq!(status("DELETE", "/app/read", "").await, 403);
}

/// Identity case 85.
#[tokio::test]
async fn built_in_privileges_are_listed_in_the_order_of_the_alphabet() {
    let world = World::new().await;
    let shown = show(&world, "/_builtin").await.expect(200).json();
    let names = |list: &str| -> Vec<String> {
        let names = shown[list].as_array().unwrap().iter();
        names.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    for list in ["cluster", "index", "remote_cluster"] {
        assert!(names(list).is_sorted(), "{list}");
    }
    assert_eq!(names("cluster").len(), 62);
    assert!(names("cluster").contains(&"manage_token".to_owned()));
    assert_eq!(names("index").len(), 24);
    assert!(names("index").contains(&"manage_failure_store".to_owned()));
    assert_eq!(names("remote_cluster"), ["monitor_enrich", "monitor_stats"]);
}

/// What is said to be new was, and what is said to be found was, whoever else is at work.
#[tokio::test]
async fn answers_stay_exact_when_others_change_the_same_privileges() {
    let engine = Meddling::new();
    let world = World::on(engine.as_engine(), Ordinary::default()).await;
    let key = || table::key("app", "p");
    let meddle = |write| engine.meddle(write, table::application_key("app"));
    let put_by_rival = || {
        let privilege = ApplicationPrivilege {
            application: "app".into(),
            name: "p".into(),
            actions: vec!["x:y".into()],
            metadata: Map::new(),
        };
        Write::Put { key: key(), value: table::encode(&privilege), tick_at: None }
    };
    let one = r#"{"app":{"p":{"actions":["a:b"]}}}"#;
    meddle(put_by_rival());
    put(&world, one).await.is(200, r#"{"app":{"p":{"created":false}}}"#);
    meddle(Write::Delete { key: key() });
    put(&world, one).await.is(200, r#"{"app":{"p":{"created":true}}}"#);
    meddle(Write::Delete { key: key() });
    let answer = world.root("DELETE", "/_security/privilege/app/p").send().await;
    answer.is(404, r#"{"app":{"p":{"found":false}}}"#);
    put(&world, r#"{"app":{"other":{"actions":["a:b"]}}}"#).await.expect(200);
    meddle(put_by_rival());
    let answer = world.root("DELETE", "/_security/privilege/app/p,other").send().await;
    answer.is(200, r#"{"app":{"p":{"found":true},"other":{"found":true}}}"#);
}

/// An answer is not much longer than its question, whoever asks.
#[tokio::test]
async fn what_is_too_long_is_refused_in_few_words() {
    let world = World::new().await;
    let actions = vec![r#""x""#; 1000].join(",");
    let answer = put(&world, &format!(r#"{{"app":{{"p":{{"actions":[{actions}]}}}}}}"#)).await;
    let text = answer.expect(400).text();
    let last =
        "100: Application privilege actions must contain one of '/', '*' or ':' (found 'x');";
    assert!(text.contains(last) && !text.contains("101:"), "{text}");
    let name = "p".repeat(478);
    let reason = "Validation Failed: 1: An application and the name of a privilege may together \
                  have at most [480] bytes (found [481]);";
    let body = format!(r#"{{"app":{{"{name}":{{"actions":["a:b"]}}}}}}"#);
    put(&world, &body).await.is_error(400, "action_request_validation_exception", reason);
    let name = "p".repeat(477);
    let body = format!(r#"{{"app":{{"{name}":{{"actions":["a:b"]}}}}}}"#);
    put(&world, &body).await.expect(200);
}
