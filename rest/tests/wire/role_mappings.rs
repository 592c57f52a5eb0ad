//! Role mappings: put, show, delete, and everything that a body can have wrong.

use crate::world::{Answer, PASSWORD, World};

const MAPPING: &str = "/_security/role_mapping/m";

const RULES: &str = r#"{"field":{"username":"*"}}"#;

async fn put(world: &World, body: &str) -> Answer {
    world.root("PUT", MAPPING).json(body).send().await
}

#[tokio::test]
async fn a_mapping_is_kept_whole_and_shown_in_the_order_of_the_wire() {
    let world = World::new().await;
    let body = r#"{"metadata":{"v":[1,{"a":null}]},"rules":{"all":[{"any":[{"field":{"groups":["a","b"]}},{"field":{"dn":"*,dc=e"}}]},{"except":{"field":{"metadata.x.y":null}}}]},"roles":["r","s"],"enabled":false}"#;
    put(&world, body).await.is(200, r#"{"role_mapping":{"created":true}}"#);
    let again = world.root("POST", MAPPING).json(body).send().await;
    again.is(200, r#"{"role_mapping":{"created":false}}"#);
    world.root("GET", MAPPING).send().await.is(
        200,
        r#"{"m":{"enabled":false,"roles":["r","s"],"rules":{"all":[{"any":[{"field":{"groups":["a","b"]}},{"field":{"dn":"*,dc=e"}}]},{"except":{"field":{"metadata.x.y":null}}}]},"metadata":{"v":[1,{"a":null}]}}}"#,
    );
    put(&world, &format!(r#"{{"enabled":true,"roles":["t"],"rules":{RULES}}}"#))
        .await
        .is(200, r#"{"role_mapping":{"created":false}}"#);
    world.root("GET", MAPPING).send().await.is(
        200,
        r#"{"m":{"enabled":true,"roles":["t"],"rules":{"field":{"username":"*"}},"metadata":{}}}"#,
    );
}

/// Identity case 54.
#[tokio::test]
async fn a_template_is_shown_as_text_with_its_format() {
    let world = World::new().await;
    let body = format!(
        r#"{{"enabled":true,"role_templates":[{{"template":{{"source":"{{{{username}}}}"}}}},{{"template":"{{\"source\":\"{{{{#tojson}}}}groups{{{{/tojson}}}}\"}}","format":"json"}}],"rules":{RULES}}}"#
    );
    put(&world, &body).await.expect(200);
    world.root("GET", MAPPING).send().await.is(
        200,
        r#"{"m":{"enabled":true,"role_templates":[{"template":"{\"source\":\"{{username}}\"}","format":"string"},{"template":"{\"source\":\"{{#tojson}}groups{{/tojson}}\"}","format":"json"}],"rules":{"field":{"username":"*"}},"metadata":{}}}"#,
    );
}

#[tokio::test]
async fn mappings_are_shown_by_name_and_all() {
    let world = World::new().await;
    world.root("GET", "/_security/role_mapping").send().await.is(200, "{}");
    world.root("GET", MAPPING).send().await.is(404, "{}");
    let body = format!(r#"{{"enabled":true,"roles":["r"],"rules":{RULES}}}"#);
    for name in ["b", "a", "c"] {
        let target = format!("/_security/role_mapping/{name}?refresh=wait_for");
        world.root("PUT", &target).json(&body).send().await.expect(200);
    }
    for (target, names) in [
        ("/_security/role_mapping", &["a", "b", "c"][..]),
        ("/_security/role_mapping/", &["a", "b", "c"]),
        ("/_security/role_mapping/c,nothing,a,c", &["c", "a"]),
        ("/_security/role_mapping/,b,/", &["b"]),
    ] {
        let shown: Vec<String> = names
            .iter()
            .map(|name| {
                format!(
                    r#""{name}":{{"enabled":true,"roles":["r"],"rules":{RULES},"metadata":{{}}}}"#
                )
            })
            .collect();
        let wanted = format!("{{{}}}", shown.join(","));
        world.root("GET", target).send().await.is(200, &wanted);
    }
    world.root("GET", "/_security/role_mapping/x,y").send().await.is(404, "{}");
}

#[tokio::test]
async fn a_mapping_is_deleted_once() {
    let world = World::new().await;
    put(&world, &format!(r#"{{"enabled":true,"roles":["r"],"rules":{RULES}}}"#)).await.expect(200);
    world.root("DELETE", MAPPING).send().await.is(200, r#"{"found":true}"#);
    world.root("DELETE", MAPPING).send().await.is(404, r#"{"found":false}"#);
    world.root("GET", MAPPING).send().await.is(404, "{}");
}

/// Identity case 46.
#[tokio::test]
async fn a_field_that_must_be_there_is_named() {
    let world = World::new().await;
    for (body, field) in [
        (format!(r#"{{"roles":["r"],"rules":{RULES}}}"#), "enabled"),
        (r#"{"roles":["r"],"enabled":true}"#.to_owned(), "rules"),
        (format!(r#"{{"enabled":true,"rules":{RULES}}}"#), "roles"),
        ("{}".to_owned(), "roles"),
    ] {
        let reason = format!("failed to parse role-mapping [m]. missing field [{field}]");
        put(&world, &body).await.is_error(400, "parsing_exception", &reason);
    }
    world.root("GET", MAPPING).send().await.is(404, "{}");
}

#[tokio::test]
async fn a_mapping_gives_either_roles_or_templates_of_them() {
    let world = World::new().await;
    let missing = "Validation Failed: 1: role-mapping roles or role-templates are missing;";
    let both = "Validation Failed: 1: role-mapping cannot have both roles and role-templates;";
    let template = r#"{"template":{"source":"x"}}"#;
    for (members, reason) in [
        (r#""roles":[]"#.to_owned(), missing),
        (r#""role_templates":[]"#.to_owned(), missing),
        (r#""roles":[],"role_templates":[]"#.to_owned(), missing),
        (format!(r#""roles":["r"],"role_templates":[{template}]"#), both),
    ] {
        let body = format!(r#"{{"enabled":true,{members},"rules":{RULES}}}"#);
        let kind = "action_request_validation_exception";
        put(&world, &body).await.is_error(400, kind, reason);
    }
    let body = format!(r#"{{"enabled":true,"roles":["r"],"rules":{RULES},"metadata":{{"_k":1}}}}"#);
    put(&world, &body).await.is_error(
        400,
        "action_request_validation_exception",
        "Validation Failed: 1: metadata keys may not start with [_];",
    );
    world.root("GET", MAPPING).send().await.is(404, "{}");
}

#[tokio::test]
async fn a_member_that_is_unknown_or_misshapen_is_refused_at_its_place() {
    let world = World::new().await;
    for (body, reason) in [
        ("[]", "[1:1] [role-mapping] Expected START_OBJECT but was: START_ARRAY"),
        (r#"{"run_as":[]}"#, "[1:2] [role-mapping] unknown field [run_as]"),
        (
            r#"{"role":["r"]}"#,
            "[1:2] [role-mapping] unknown field [role] did you mean any of [roles, rules]?",
        ),
        (
            "{\n \"enabled\": 1}",
            "[2:13] [role-mapping] enabled doesn't support values of type: VALUE_NUMBER",
        ),
        (
            r#"{"enabled":"maybe"}"#,
            "[1:12] Failed to parse value [maybe] as only [true] or [false] are allowed.",
        ),
        (
            r#"{"roles":{}}"#,
            "[1:10] [role-mapping] roles doesn't support values of type: START_OBJECT",
        ),
        (
            r#"{"metadata":1}"#,
            "[1:13] [role-mapping] metadata doesn't support values of type: VALUE_NUMBER",
        ),
        (
            r#"{"role_templates":[{"template":{"source":"x"},"format":"yaml"}]}"#,
            "[1:19] Invalid format [yaml] expected one of [json,string]",
        ),
        (
            r#"{"role_templates":[{"template":"nonsense"}]}"#,
            "[1:19] the template is not a JSON object",
        ),
    ] {
        put(&world, body).await.is_error(400, "x_content_parse_exception", reason);
    }
    let answer = put(&world, r#"{"enabled":tr"#).await.expect(400);
    assert!(answer.text().contains("x_content"), "{}", answer.text());
    world.root("PUT", MAPPING).send().await.is_error(
        400,
        "parse_exception",
        "request body is required",
    );
}

#[tokio::test]
async fn a_template_that_cannot_be_rendered_is_refused_when_it_is_put() {
    let world = World::new().await;
    for template in [
        r#"{"source":"{{#open}}"}"#,
        r#"{"source":"{{open"}"#,
        r#"{"id":"stored"}"#,
        r#"{"source":"x","lang":"painless"}"#,
        "{}",
    ] {
        let body = format!(
            r#"{{"enabled":true,"role_templates":[{{"template":{template}}}],"rules":{RULES}}}"#
        );
        let answer = put(&world, &body).await.expect(400).json();
        assert_eq!(answer["error"]["type"], "illegal_argument_exception", "{template}");
    }
    world.root("GET", MAPPING).send().await.is(404, "{}");
}

/// Identity cases 47, 48.
#[tokio::test]
async fn rules_that_make_no_sense_are_refused_in_the_words_of_the_wire() {
    let world = World::new().await;
    let except = r#"{"except":{"field":{"username":"a"}}}"#;
    for (rules, reason) in [
        (format!(r#"{{"any":[{except}]}}"#), "field [except] is not allowed within [any]"),
        (except.to_owned(), "field [except] is not allowed within [m]"),
        (
            format!(r#"{{"all":[{{"except":{except}}}]}}"#),
            "field [except] is not allowed within [except]",
        ),
        (format!(r#"{{"any":[],"field":{RULES}}}"#), "object [m] contains multiple fields"),
        ("{}".to_owned(), "object [m] does not contain any fields"),
        (r#"{"none":[]}"#.to_owned(), "field [none] is not recognised in object [m]"),
        (r#"{"any":{}}"#.to_owned(), "field [any] requires an array"),
        (
            r#"{"field":{"username":{}}}"#.to_owned(),
            "expected a field value but found [START_OBJECT] instead",
        ),
        (
            r#"{"field":"username"}"#.to_owned(),
            "expected [field] to be an object but found [VALUE_STRING] instead",
        ),
        ("[]".to_owned(), "expected [m] to be an object but found [START_ARRAY] instead"),
    ] {
        let body = format!(r#"{{"enabled":true,"roles":["r"],"rules":{rules}}}"#);
        let reason = format!("failed to parse rules expression. {reason}");
        put(&world, &body).await.is_error(400, "parse_exception", &reason);
    }
    world.root("GET", MAPPING).send().await.is(404, "{}");
}

/// Identity case 55.
#[tokio::test]
async fn a_mapping_for_everybody_gives_native_users_nothing() {
    let world = World::new().await;
    world.user("jane", &["own"]).await;
    let before = world.pair("jane").await;
    put(&world, &format!(r#"{{"enabled":true,"roles":["superuser"],"rules":{RULES}}}"#))
        .await
        .expect(200);
    let own = serde_json::json!(["own"]);
    let call = world.call("GET", "/_security/_authenticate").basic("jane", PASSWORD);
    assert_eq!(call.send().await.expect(200).json()["roles"], own);
    for pair in [before, world.pair("jane").await] {
        assert_eq!(world.whoami(&pair.access).await.expect(200).json()["roles"], own);
    }
    let elastic = world.root("GET", "/_security/_authenticate").send().await.expect(200).json();
    assert_eq!(elastic["roles"], serde_json::json!(["superuser"]));
}

#[tokio::test]
async fn who_may_read_mappings_may_not_change_them() {
    let world = World::new().await;
    world.role("reader", &["read_security"]).await;
    world.user("jane", &["reader"]).await;
    let jane = |method, target| world.call(method, target).basic("jane", PASSWORD);
    jane("GET", "/_security/role_mapping").send().await.is(200, "{}");
    let body = format!(r#"{{"enabled":true,"roles":["r"],"rules":{RULES}}}"#);
    for (call, action) in
        [(jane("PUT", MAPPING).json(&body), "put"), (jane("DELETE", MAPPING), "delete")]
    {
        let reason = format!(
            "action [cluster:admin/xpack/security/role_mapping/{action}] is unauthorized for user [jane] with effective roles [reader], this action is granted by the cluster privileges [manage_security,all]"
        );
        call.send().await.is_error(403, "security_exception", &reason);
    }
    world.user("none", &[]).await;
    let answer = world.call("GET", MAPPING).basic("none", PASSWORD).send().await.expect(403);
    let granted = "granted by the cluster privileges [read_security,manage_security,all]";
    assert!(answer.text().contains(granted), "{}", answer.text());
}

#[tokio::test]
async fn a_name_only_identifies_and_may_hold_any_character() {
    let world = World::new().await;
    let body = format!(r#"{{"enabled":true,"roles":["r"],"rules":{RULES}}}"#);
    for (segment, name) in [
        ("%20x%00%C3%A9%2F", r" x\u0000\u00e9/"),
        ("_all", "_all"),
        ("*", "*"),
        ("a%252Cb", "a%2Cb"),
    ] {
        let target = format!("/_security/role_mapping/{segment}");
        world.root("PUT", &target).json(&body).send().await.expect(200);
        let shown = world.root("GET", &target).send().await.expect(200).json();
        let name: String = serde_json::from_str(&format!("\"{name}\"")).unwrap();
        assert_eq!(shown.as_object().unwrap().keys().collect::<Vec<_>>(), [&name]);
        world.root("DELETE", &target).send().await.is(200, r#"{"found":true}"#);
    }
    // Where many may be named, a comma stands between two names, however it is written.
    let target = "/_security/role_mapping/a%2Cb";
    world.root("PUT", target).json(&body).send().await.expect(200);
    world.root("GET", target).send().await.is(404, "{}");
    let all = world.root("GET", "/_security/role_mapping").send().await.expect(200);
    assert!(all.text().starts_with(r#"{"a,b":{"#), "{}", all.text());
    world.root("DELETE", target).send().await.is(200, r#"{"found":true}"#);
    let undecodable = world.root("PUT", "/_security/role_mapping/%ff").json(&body).send().await;
    undecodable.expect(400);
    world.root("GET", "/_security/role_mapping").send().await.is(200, "{}");
}

#[tokio::test]
async fn a_request_that_asks_for_more_than_there_is_changes_nothing() {
    let world = World::new().await;
    let body = format!(r#"{{"enabled":true,"roles":["r"],"rules":{RULES}}}"#);
    put(&world, &body).await.expect(200);
    let other = format!(r#"{{"enabled":false,"roles":["s"],"rules":{RULES}}}"#);
    let twice = format!(r#"{{"enabled":true,"enabled":true,"roles":["r"],"rules":{RULES}}}"#);
    for (method, suffix, body, status) in [
        ("PUT", "?refresh=maybe", other.as_str(), 400),
        ("PUT", "?bogus", &other, 400),
        ("PUT", "", &twice, 400),
        ("PUT", "", r#"{"enabled":true,"roles":["r"],"rules":{"all":[],"all":[]}}"#, 400),
        ("DELETE", "?refresh=maybe", "", 400),
        ("DELETE", "", "{}", 400),
        ("GET", "", "{}", 400),
        ("GET", "?refresh=true", "", 400),
        ("HEAD", "", "", 405),
    ] {
        let target = format!("{MAPPING}{suffix}");
        let call = world.root(method, &target);
        let call = if body.is_empty() { call } else { call.json(body) };
        call.send().await.expect(status);
    }
    for method in ["PUT", "POST", "DELETE", "HEAD"] {
        world.root(method, "/_security/role_mapping/").json(&other).send().await.expect(405);
    }
    world.root("GET", MAPPING).send().await.is(
        200,
        r#"{"m":{"enabled":true,"roles":["r"],"rules":{"field":{"username":"*"}},"metadata":{}}}"#,
    );
}

#[tokio::test]
async fn what_is_shown_of_a_mapping_can_be_put_again() {
    let world = World::new().await;
    let deep = format!("{}{}", "[".repeat(61), "]".repeat(61));
    let rules = r#"{"all":[{"field":{"x":[1.9,-0.5,1e3,null,true,"/a.*/","\u0000é"]}},{"except":{"any":[]}}]}"#;
    let template = r#"{"template":{"source":"{{#tojson}}groups{{/tojson}}","params":{"a":1e300,"b":-0.0,"c":18446744073709551615,"d":"\u0000\\"}},"format":"JSON"}"#;
    let body = format!(
        r#"{{"enabled":"true","role_templates":{template},"rules":{rules},"metadata":{{"d":{deep}}}}}"#
    );
    put(&world, &body).await.expect(200);
    let shown = world.root("GET", MAPPING).send().await.expect(200);
    let text = shown.text();
    let mapping = text.strip_prefix(r#"{"m":"#).unwrap().strip_suffix('}').unwrap();
    put(&world, mapping).await.is(200, r#"{"role_mapping":{"created":false}}"#);
    world.root("GET", MAPPING).send().await.is(200, &text);
}
