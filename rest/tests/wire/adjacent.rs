//! What stands beside users and roles: settings, statistics, certificates.

use crate::world::{Answer, PASSWORD, World};

const SETTINGS: &str = "/_security/settings";

const INITIAL: &str = r#"{"security":{"index":{"auto_expand_replicas":"0-1","number_of_replicas":"0"}},"security-profile":{"index":{"auto_expand_replicas":"0-1","number_of_replicas":"0"}},"security-tokens":{"index":{"auto_expand_replicas":"0-1","number_of_replicas":"0"}}}"#;

async fn change(world: &World, body: &str) -> Answer {
    world.root("PUT", SETTINGS).json(body).send().await
}

async fn shown(world: &World) -> serde_json::Value {
    world.root("GET", SETTINGS).send().await.expect(200).json()
}

#[tokio::test]
async fn settings_are_shown_with_what_holds_at_first() {
    let world = World::new().await;
    world.root("GET", "/_security/settings?master_timeout=30s").send().await.is(200, INITIAL);
    let answer = world.root("GET", "/_security/settings?master_timeout=soon").send().await;
    answer.expect(400);
}

/// Identity case 83.
#[tokio::test]
async fn a_changed_setting_is_shown_as_text_and_null_resets_it() {
    let world = World::new().await;
    let dotted = r#"{"security":{"index.number_of_replicas":1}}"#;
    change(&world, dotted).await.is(200, r#"{"acknowledged":true}"#);
    assert_eq!(shown(&world).await["security"]["index"]["number_of_replicas"], "1");
    let nested = r#"{"security-tokens":{"index":{"auto_expand_replicas":false,"number_of_replicas":"2"}},"security":{"index":{"auto_expand_replicas":"0-all"}}}"#;
    let target = "/_security/settings?timeout=1s&master_timeout=1s";
    world.root("PUT", target).json(nested).send().await.expect(200);
    let settings = shown(&world).await;
    let index = |auto, number| serde_json::json!({"index": {"auto_expand_replicas": auto, "number_of_replicas": number}});
    assert_eq!(settings["security"], index("0-all", "1"));
    assert_eq!(settings["security-tokens"], index("false", "2"));
    assert_eq!(settings["security-profile"], index("0-1", "0"));
    let reset = r#"{"security":{"index":{"number_of_replicas":null,"auto_expand_replicas":null}},"security-tokens":{"index.auto_expand_replicas":null,"index.number_of_replicas":null}}"#;
    change(&world, reset).await.expect(200);
    world.root("GET", SETTINGS).send().await.is(200, INITIAL);
}

/// Identity case 84, and the other refusals.
#[tokio::test]
async fn other_settings_are_refused_and_nothing_is_changed() {
    let world = World::new().await;
    let illegal = |place: &str, names: &str| {
        format!(
            "illegal settings for index [{place}]: [{names}], these settings may not be \
             configured. Only the following settings may be configured for that index: \
             [index.auto_expand_replicas, index.number_of_replicas]"
        )
    };
    let invalid = "action_request_validation_exception";
    let body = r#"{"security":{"index.refresh_interval":"1s","index.number_of_replicas":1}}"#;
    let reason =
        format!("Validation Failed: 1: {};", illegal("security", "index.refresh_interval"));
    change(&world, body).await.is_error(400, invalid, &reason);
    let body = r#"{"security":{"z":1,"a":{"b":2}},"security-profile":{"number_of_replicas":1}}"#;
    let reason = format!(
        "Validation Failed: 1: {};2: {};",
        illegal("security", "a.b, z"),
        illegal("security-profile", "number_of_replicas")
    );
    change(&world, body).await.is_error(400, invalid, &reason);
    let reason = "Validation Failed: 1: No settings given to update;";
    for body in ["{}", r#"{"security":{}}"#] {
        change(&world, body).await.is_error(400, invalid, reason);
    }
    for value in [r#""many""#, "-1", "1.5", "[1]"] {
        let body = format!(
            r#"{{"security-tokens":{{"index.number_of_replicas":3}},"security":{{"index.number_of_replicas":{value}}}}}"#
        );
        let value = value.trim_matches('"');
        let reason =
            format!("Failed to parse value [{value}] for setting [index.number_of_replicas]");
        change(&world, &body).await.is_error(400, "illegal_argument_exception", &reason);
    }
    world.root("GET", SETTINGS).send().await.is(200, INITIAL);
}

/// Names are told back with the whole way to them, which many may have in common.
#[tokio::test]
async fn settings_behind_a_long_way_are_refused_in_few_words() {
    let world = World::new().await;
    let settings: Vec<String> = (0..600).map(|place| format!(r#""{place}":1"#)).collect();
    let settings = settings.join(",");
    let body = format!(r#"{{"security":{{"{}":{{{settings}}}}}}}"#, "k".repeat(2000));
    let reason = "the names of the settings take more than [65536] bytes";
    change(&world, &body).await.is_error(400, "illegal_argument_exception", reason);
}

/// What a value may be is told to those who may set it.
#[tokio::test]
async fn values_are_judged_after_the_caller() {
    let world = World::new().await;
    world.user("ann", &[]).await;
    let put = async |body: &str| {
        let call = world.call("PUT", SETTINGS).basic("ann", PASSWORD);
        call.json(body).send().await.status
    };
    assert_eq!(put(r#"{"security":{"index.number_of_replicas":"many"}}"#).await, 403);
    assert_eq!(put(r#"{"security":{"index.other":1}}"#).await, 400);
}

#[tokio::test]
async fn the_form_of_settings_is_refused_in_words() {
    let world = World::new().await;
    let check = async |body: &str, reason: &str| {
        change(&world, body).await.is_error(400, "x_content_parse_exception", reason);
    };
    check(
        r#"{"securty":{}}"#,
        "[1:2] [update_security_settings_request] unknown field [securty] did you mean [security]?",
    )
    .await;
    check(
        r#"{"security":1}"#,
        "[1:13] [update_security_settings_request] security doesn't support values of type: VALUE_NUMBER",
    )
    .await;
    check(
        "[]",
        "[1:1] [update_security_settings_request] Expected START_OBJECT but was: START_ARRAY",
    )
    .await;
    change(&world, "").await.is_error(400, "parse_exception", "request body is required");
}

#[tokio::test]
async fn statistics_tell_that_nothing_is_cached_of_documents() {
    let world = World::new().await;
    let body = world.root("GET", "/_security/stats").send().await.expect(200).text();
    let documents = r#"{"nodes":{"uuid":{"roles":{"dls":{"bit_set_cache":{"count":0,"memory":"0b","memory_in_bytes":0,"hits":0,"misses":0,"evictions":0,"hits_time_in_millis":0,"misses_time_in_millis":0}}},"jeton":{"engine_reads":"#;
    assert!(body.starts_with(documents), "{body}");
}

#[tokio::test]
async fn statistics_count_what_is_asked_of_the_engine() {
    let world = World::new().await;
    let reads = async || {
        let body = world.root("GET", "/_security/stats").send().await.expect(200).json();
        body["nodes"]["uuid"]["jeton"]["engine_reads"].as_u64().unwrap()
    };
    let (first, second) = (reads().await, reads().await);
    let of_asking = second - first;
    world.root("GET", "/_security/role_mapping/none").send().await.expect(404);
    assert!(reads().await - second > of_asking);
    let rubbish = world.call("GET", "/_security/_authenticate").header("authorization", "Bearer x");
    let before = reads().await;
    rubbish.send().await.expect(401);
    assert_eq!(reads().await - before, of_asking);
}

#[tokio::test]
async fn no_certificate_is_in_use_without_tls() {
    let world = World::new().await;
    world.root("GET", "/_ssl/certificates").send().await.is(200, "[]");
}

#[tokio::test]
async fn each_of_them_has_its_privilege() {
    let world = World::new().await;
    for (role, cluster) in
        [("reader", "read_security"), ("watcher", "monitor"), ("manager", "manage_security")]
    {
        world.role(role, &[cluster]).await;
        world.user(role, &[role]).await;
    }
    let denied = async |user: &str, method: &str, target: &str, action: &str, by: &str| {
        let call = world.call(method, target).basic(user, PASSWORD);
        let is_change = method == "PUT";
        let call = if is_change {
            call.json(r#"{"security":{"index.number_of_replicas":1}}"#)
        } else {
            call
        };
        let answer = call.send().await;
        if by.is_empty() {
            answer.expect(200);
            return;
        }
        let reason = format!(
            "action [{action}] is unauthorized for user [{user}] with effective roles [{user}], \
             this action is granted by the cluster privileges [{by}]"
        );
        answer.is_error(403, "security_exception", &reason);
    };
    let read = "cluster:admin/xpack/security/settings/get";
    denied("watcher", "GET", SETTINGS, read, "read_security,manage_security,all").await;
    denied("reader", "GET", SETTINGS, read, "").await;
    let update = "cluster:admin/xpack/security/settings/update";
    denied("reader", "PUT", SETTINGS, update, "manage_security,all").await;
    denied("manager", "PUT", SETTINGS, update, "").await;
    for (target, action) in [
        ("/_security/stats", "cluster:monitor/xpack/security/stats"),
        ("/_ssl/certificates", "cluster:monitor/xpack/ssl/certificates/get"),
    ] {
        denied("reader", "GET", target, action, "monitor,manage,all").await;
        denied("watcher", "GET", target, action, "").await;
    }
}
