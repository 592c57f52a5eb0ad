//! What every route has in common: cases 118 to 129.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::world::{Ordinary, PASSWORD, TOKEN, World, anonymous, password_grant};

const WHO: &str = "/_security/_authenticate";
const CLIENT_CREDENTIALS: &str = r#"{"grant_type":"client_credentials"}"#;

/// Case 118.
#[tokio::test]
async fn the_product_is_named_to_those_who_are_known() {
    let world = World::new().await;
    world.user("jane", &[]).await;
    for (status, target) in
        [(200, "/"), (400, "/nope"), (404, "/_security/user/nobody"), (405, TOKEN)]
    {
        let answer = world.root("GET", target).send().await.expect(status);
        assert_eq!(answer.header("x-elastic-product"), Some("Elasticsearch"), "{target}");
    }
    let forbidden = world.call("GET", "/").basic("jane", PASSWORD).send().await.expect(403);
    assert_eq!(forbidden.header("x-elastic-product"), None);
}

/// Case 119.
#[tokio::test]
async fn the_opaque_id_is_echoed() {
    let world = World::new().await;
    let known = world.root("GET", WHO).header("x-opaque-id", "a1").send().await.expect(200);
    let stranger = world.call("GET", WHO).header("x-opaque-id", "a1").send().await.expect(401);
    let forged = world.call("GET", WHO).bearer("x").header("x-opaque-id", "a1").send().await;
    for answer in [known, stranger, forged] {
        assert_eq!(answer.header("x-opaque-id"), Some("a1"));
    }
}

/// Case 120.
#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let world = World::new().await;
    let answer = world.root("GET", TOKEN).send().await;
    answer.is(
        405,
        r#"{"error":"Incorrect HTTP method for uri [/_security/oauth2/token] and method [GET], allowed: [POST, DELETE]","status":405}"#,
    );
    assert_eq!(answer.header("allow"), Some("POST,DELETE"));
    let answer = world.root("HEAD", WHO).send().await;
    answer.is(405, "");
    assert!(answer.header("content-length").unwrap() != "0");
}

/// Case 121.
#[tokio::test]
async fn an_unknown_path_has_no_handler() {
    let world = World::new().await;
    world
        .root("POST", "/_security/nope")
        .send()
        .await
        .is(400, r#"{"error":"no handler found for uri [/_security/nope] and method [POST]"}"#);
}

#[tokio::test]
async fn options_needs_no_credentials() {
    let world = World::new().await;
    let answer = world.call("OPTIONS", TOKEN).send().await;
    answer.is(200, "");
    assert_eq!(answer.header("allow"), Some("POST,DELETE"));
    assert_eq!(answer.header("content-type"), Some("text/plain"));
}

/// Case 122.
#[tokio::test]
async fn an_unknown_parameter_stops_the_request() {
    let world = World::new().await;
    let target = format!("{TOKEN}?foo=1");
    let answer = world.root("POST", &target).json(CLIENT_CREDENTIALS).send().await;
    let reason = "request [/_security/oauth2/token] contains unrecognized parameter: [foo]";
    answer.is_error(400, "illegal_argument_exception", reason);
    let selection = r#"{"username":"elastic"}"#;
    world.root("DELETE", TOKEN).json(selection).send().await.is_counts(200, 0, 0);
    let answer = world.root("POST", &target).json("[]").send().await.expect(400);
    assert!(answer.text().contains("START_ARRAY"), "the body is judged first");
    let answer = world.root("POST", &target).json("{}").send().await.expect(400);
    assert!(answer.text().contains("[foo]"), "the rules of the grant are judged last");
}

/// Case 123.
#[tokio::test]
async fn a_similar_parameter_is_suggested() {
    let world = World::new().await;
    let answer = world.root("GET", &format!("{WHO}?prety")).send().await;
    let reason = "request [/_security/_authenticate] contains unrecognized parameter: [prety] -> did you mean [pretty]?";
    answer.is_error(400, "illegal_argument_exception", reason);
}

/// Case 124.
#[tokio::test]
async fn a_filter_leaves_what_is_named_and_never_touches_errors() {
    let world = World::new().await;
    let target = format!("{WHO}?filter_path=username,*_realm.type");
    world.root("GET", &target).send().await.is(
        200,
        r#"{"username":"elastic","authentication_realm":{"type":"reserved"},"lookup_realm":{"type":"reserved"}}"#,
    );
    let target = format!("{TOKEN}?filter_path=access_token");
    let answer = world.root("POST", &target).json(CLIENT_CREDENTIALS).send().await.expect(200);
    assert_eq!(answer.json().as_object().unwrap().len(), 1);
    let answer = world.root("POST", &target).json("[]").send().await;
    assert!(answer.expect(400).json()["error"]["reason"].is_string());
}

/// Case 125.
#[tokio::test]
async fn a_trace_is_shown_on_request_and_never_to_strangers() {
    let world = World::new().await;
    let target = format!("{TOKEN}?error_trace=true");
    let answer = world.root("POST", &target).json("[]").send().await.expect(400);
    assert!(answer.json()["error"]["stack_trace"].is_string());
    let answer = world.call("POST", &target).json("[]").send().await.expect(401);
    assert!(answer.json()["error"]["stack_trace"].is_null());
}

/// Case 126.
#[tokio::test]
async fn the_compatible_type_is_echoed() {
    let world = World::new().await;
    for version in [7, 8, 9] {
        let media = format!("application/vnd.elasticsearch+json;compatible-with={version}");
        let call = world.root("POST", TOKEN).header("accept", &media);
        let call = call.header("content-type", &media).body(CLIENT_CREDENTIALS);
        let answer = call.send().await.expect(200);
        assert_eq!(answer.header("content-type"), Some(media.as_str()));
    }
    let answer = world.root("GET", WHO).send().await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

/// Cases 127 and 128.
#[tokio::test]
async fn a_version_that_is_not_spoken_is_refused() {
    let world = World::new().await;
    let media = "application/vnd.elasticsearch+json;compatible-with=10";
    let call = world.root("POST", TOKEN).header("accept", media);
    let answer = call.header("content-type", media).body("{}").send().await;
    let reason = "Invalid media-type value on headers [Accept, Content-Type]";
    answer.is_error(400, "media_type_header_exception", reason);
    let cause = answer.json()["error"]["caused_by"]["reason"].as_str().unwrap().to_owned();
    assert!(cause.contains("must be either version 9, 8 or 7, but found 10."), "{cause}");
    let media = media.replace("10", "8");
    let answer = world.root("POST", TOKEN).header("accept", &media).json("{}").send().await;
    let cause = answer.expect(400).json()["error"]["caused_by"]["reason"].to_string();
    assert!(cause.contains("A compatible version is required on both"), "{cause}");
}

/// Case 129.
#[tokio::test]
async fn the_banner_is_shown_to_those_who_may_monitor() {
    let world = World::new().await;
    let answer = world.root("GET", "/").send().await.expect(200);
    assert_eq!(answer.json()["tagline"], "You Know, for Search");
    assert_eq!(answer.json()["version"]["number"], "8.19.0");
    let length = answer.bytes.len().to_string();
    let answer = world.root("HEAD", "/").send().await;
    answer.is(200, "");
    assert_eq!(answer.header("content-length"), Some(length.as_str()));
    world.call("GET", "/").send().await.expect(401);
}

#[tokio::test]
async fn liveness_needs_no_credentials() {
    let world = World::new().await;
    world.call("GET", "/_jeton/live").send().await.is(200, r#"{"live":true}"#);
    world.call("GET", "/_jeton/live").basic("x", "y").send().await.is(200, r#"{"live":true}"#);
    world.call("POST", "/_jeton/live").send().await.expect(401);
}

#[tokio::test]
async fn health_waits_for_what_is_asked() {
    let world = World::new().await;
    let target = "/_cluster/health?wait_for_status=yellow&timeout=1ms";
    let body = world.root("GET", target).send().await.expect(200).json();
    assert_eq!((&body["status"], &body["timed_out"]), (&"green".into(), &false.into()));
    assert!(body["jeton"].is_null());
    world.root("GET", "/_cluster/health?wait_for_status=blue").send().await.expect(400);
    world.call("GET", "/_cluster/health").send().await.expect(401);
}

#[tokio::test]
async fn several_credentials_are_refused() {
    let world = World::new().await;
    let call = world.root("GET", WHO).header("authorization", "Bearer x");
    call.send().await.is(
        400,
        r#"{"error":"multiple values for single-valued header [Authorization].","status":400}"#,
    );
}

#[tokio::test]
async fn several_users_to_run_as_are_refused() {
    let world = World::new().await;
    world.user("vera", &[]).await;
    let call = || world.root("GET", WHO).run_as("vera");
    call().run_as("vera").send().await.expect(200);
    call().run_as("elastic").send().await.is(
        400,
        r#"{"error":"multiple values for single-valued header [es-security-runas-user].","status":400}"#,
    );
    let call = world.call("GET", WHO).bearer("x").run_as("vera").run_as("jane");
    call.send().await.expect(400);
}

/// RFC 9112, 3.2 and 6.1. Comes before the caller is looked at.
#[tokio::test]
async fn a_request_that_is_not_sound_http_is_refused() {
    let world = World::new().await;
    let call = || world.call_without_host("GET", WHO).header("x-opaque-id", "a1");
    let answer = call().send().await;
    answer.is(400, r#"{"error":"Host header is missing","status":400}"#);
    assert_eq!(answer.header("x-opaque-id"), Some("a1"));
    call().header("host", "a").header("host", "b").send().await.expect(400);
    call().header("host", "a/b").send().await.expect(400);
    let call = world.root("POST", TOKEN).header("transfer-encoding", "gzip, chunked");
    call.send().await.is(
        400,
        r#"{"error":"Transfer-Encoding header [gzip, chunked] is not supported","status":400}"#,
    );
}

#[tokio::test]
async fn repeated_media_headers_are_refused() {
    let world = World::new().await;
    let json = "application/json";
    let token = world.pair("elastic").await.access;
    for call in [world.root("GET", WHO), world.call("GET", WHO).bearer(&token)] {
        let answer = call.header("accept", json).header("accept", json).send().await;
        let reason = "Invalid media-type value on header [Accept]";
        answer.is_error(400, "media_type_header_exception", reason);
    }
}

#[tokio::test]
async fn pretty_indents_every_kind_of_body() {
    let world = World::new().await;
    let body = world.root("GET", "/_security/_authenticate?pretty").send().await.text();
    assert!(body.starts_with(
        "{\n  \"username\" : \"elastic\",\n  \"roles\" : [\n    \"superuser\"\n  ],\n"
    ));
    assert!(body.ends_with("}\n"));
    let body = world.root("POST", "/nope?pretty").send().await.text();
    assert!(body.starts_with("{\n  \"error\" : \"no handler"));
}

#[tokio::test]
async fn bodies_are_packed_both_ways() {
    let world = World::with(Ordinary { compression: true, ..Ordinary::default() }).await;
    let mut coder = GzEncoder::new(Vec::new(), Compression::fast());
    coder.write_all(CLIENT_CREDENTIALS.as_bytes()).unwrap();
    let packed = coder.finish().unwrap();
    let call = world.root("POST", TOKEN).header("content-type", "application/json");
    let call = call.header("content-encoding", "gzip").header("accept-encoding", "gzip");
    let answer = call.body(packed).send().await.expect(200);
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut plain = String::new();
    GzDecoder::new(answer.bytes.as_ref()).read_to_string(&mut plain).unwrap();
    assert!(plain.starts_with(r#"{"access_token":"jta_"#));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_packed_or_not() {
    let world = World::new().await;
    let large = format!("{{\"scope\":\"{}\"}}", "x".repeat(20_000));
    world.root("POST", TOKEN).json(&large).send().await.is(413, "");
    world.call("POST", TOKEN).json(&large).send().await.is(413, "");
    let mut coder = GzEncoder::new(Vec::new(), Compression::best());
    coder.write_all(large.as_bytes()).unwrap();
    let packed = coder.finish().unwrap();
    assert!(packed.len() < 1000);
    let call = world.root("POST", TOKEN).header("content-type", "application/json");
    call.header("content-encoding", "gzip").body(packed).send().await.is(413, "");
}

#[tokio::test]
async fn a_denied_anonymous_caller_may_be_asked_to_log_in() {
    let mut who = anonymous(&[]);
    let world = World::with(Ordinary { anonymous: Some(who.clone()), ..Ordinary::default() }).await;
    world.call("GET", "/").send().await.expect(403);
    who.is_told_of_denial = false;
    let world = World::with(Ordinary { anonymous: Some(who), ..Ordinary::default() }).await;
    let answer = world.call("GET", "/").send().await;
    let reason = "action [cluster:monitor/main] requires authentication";
    answer.is_error(401, "security_exception", reason);
    answer.has_default_challenges();
}

#[tokio::test]
async fn an_answer_never_repeats_a_password() {
    let world = World::new().await;
    for body in [
        password_grant("nobody"),
        password_grant("nobody").replace("password\",\"u", "passwor\",\"u"),
        password_grant("nobody").replace('}', ""),
        password_grant("nobody").replace('{', "[{"),
    ] {
        let answer = world.root("POST", TOKEN).json(&body).send().await;
        assert!(answer.status >= 400 && !answer.text().contains(PASSWORD), "{}", answer.text());
    }
}
