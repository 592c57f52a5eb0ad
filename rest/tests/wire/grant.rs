//! `POST /_security/oauth2/token` without refresh: cases 1 to 38.

use crate::world::{Ordinary, PASSWORD, Pair, TOKEN, World, password_grant};

const CLIENT_CREDENTIALS: &str = r#"{"grant_type":"client_credentials"}"#;

async fn world() -> World {
    let world = World::new().await;
    world.role("tokens", &["manage_token"]).await;
    world.user("jane", &[]).await;
    world.user("vera", &["tokens"]).await;
    world
}

/// Cases 1 and 4.
#[tokio::test]
async fn a_password_is_granted_a_pair() {
    let world = world().await;
    let answer = world.root("POST", TOKEN).json(&password_grant("jane")).send().await.expect(200);
    let body = answer.json();
    let names: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 5, "{names:?}");
    assert_eq!((&body["type"], &body["expires_in"]), (&"Bearer".into(), &1200.into()));
    assert!(body["access_token"].as_str().unwrap().starts_with("jta_"));
    assert!(body["refresh_token"].as_str().unwrap().starts_with("jtr_"));
    let who = &body["authentication"];
    assert_eq!(who["username"], "jane");
    assert_eq!(who["authentication_type"], "realm");
    assert_eq!(who["authentication_realm"]["name"], "default_native");
    assert_eq!(who["lookup_realm"]["type"], "native");
    assert_eq!(answer.header("x-elastic-product"), Some("Elasticsearch"));
}

/// Cases 2 and 3.
#[tokio::test]
async fn any_scope_is_answered_as_full() {
    let world = world().await;
    for scope in ["FULL", ""] {
        let body = password_grant("jane").replace('}', &format!(r#","scope":"{scope}"}}"#));
        let answer = world.root("POST", TOKEN).json(&body).send().await.expect(200);
        assert_eq!(answer.json()["scope"], "full");
    }
}

/// Case 5.
#[tokio::test]
async fn run_as_does_not_touch_the_end_user() {
    let world = world().await;
    let call = world.root("POST", TOKEN).run_as("vera").json(&password_grant("jane"));
    assert_eq!(call.send().await.expect(200).json()["authentication"]["username"], "jane");
}

/// Case 6.
#[tokio::test]
async fn client_credentials_are_granted_an_access_token_alone() {
    let world = world().await;
    let answer = world.root("POST", TOKEN).json(CLIENT_CREDENTIALS).send().await.expect(200);
    assert!(answer.json().get("refresh_token").is_none());
    let who = world.whoami(&Pair::of(&answer).access).await.expect(200).json();
    assert_eq!(
        (&who["username"], &who["authentication_type"]),
        (&"elastic".into(), &"token".into())
    );
}

/// Case 7.
#[tokio::test]
async fn client_credentials_under_run_as_are_for_the_other_user() {
    let world = world().await;
    let call = world.root("POST", TOKEN).run_as("vera").json(CLIENT_CREDENTIALS);
    let token = Pair::of(&call.send().await.expect(200)).access;
    let who = world.whoami(&token).await.expect(200).json();
    assert_eq!(who["username"], "vera");
    assert_eq!(who["authentication_realm"]["name"], "reserved");
    assert_eq!(who["lookup_realm"]["name"], "default_native");
}

/// Case 8.
#[tokio::test]
async fn a_token_may_ask_for_a_token() {
    let world = world().await;
    let token = world.pair("vera").await.access;
    let answer = world.call("POST", TOKEN).bearer(&token).json(CLIENT_CREDENTIALS).send().await;
    assert_eq!(answer.expect(200).json()["authentication"]["authentication_type"], "token");
}

/// Cases 11 and 21.
#[tokio::test]
async fn an_incomplete_request_is_refused_in_the_shape_of_its_kind() {
    let world = world().await;
    world.root("POST", TOKEN).json("{}").send().await.is_grant_error(
        "unsupported_grant_type",
        "Validation Failed: 1: grant_type only supports the values: [password, _kerberos, refresh_token, client_credentials];",
    );
    for body in ["", "{}"] {
        let call = world.root("POST", TOKEN).header("content-type", "application/json");
        let answer = call.body(body).chunked().send().await.expect(400);
        assert_eq!(answer.json()["error"].is_object(), body.is_empty(), "{body}");
    }
    let answer = world.root("POST", TOKEN).send().await;
    answer.is_error(400, "parse_exception", "request body is required");
}

/// Cases 19, 20, 22 and 23.
#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_with_an_error_object() {
    let world = world().await;
    for (body, kind) in [
        (r#"{"grant_typ":"password"}"#, "x_content_parse_exception"),
        (r#"{"grant_type":5}"#, "x_content_parse_exception"),
        (r#"{"grant_type":null}"#, "x_content_parse_exception"),
        (r#"{"grant_type":"#, "x_content_e_o_f_exception"),
        ("[]", "x_content_parse_exception"),
    ] {
        let answer = world.root("POST", TOKEN).json(body).send().await.expect(400);
        assert_eq!(answer.json()["error"]["type"], kind, "{body}");
    }
}

/// Cases 24 and 25.
#[tokio::test]
async fn a_body_of_another_kind_is_not_acceptable() {
    let world = world().await;
    let form = "application/x-www-form-urlencoded";
    let call = world.root("POST", TOKEN).header("content-type", form);
    call.body("grant_type=client_credentials").send().await.is(
        406,
        r#"{"error":"Content-Type header [application/x-www-form-urlencoded] is not supported","status":406}"#,
    );
    let missing = r#"{"error":"Content-Type header is missing","status":406}"#;
    world.root("POST", TOKEN).body("{}").send().await.is(406, missing);
    world.root("POST", TOKEN).body("{}").chunked().send().await.is(406, missing);
}

/// Cases 26 and 27.
#[tokio::test]
async fn an_end_user_whom_nobody_vouches_for_is_refused_without_a_reason() {
    let world = world().await;
    world.user("gone", &[]).await;
    let body = r#"{"password":"x12345","roles":[],"enabled":false}"#;
    world.root("PUT", "/_security/user/gone").json(body).send().await.expect(200);
    let mut bodies = Vec::new();
    for name in ["jane", "nobody", "gone"] {
        let body = password_grant(name).replace(PASSWORD, "not it");
        let answer = world.root("POST", TOKEN).json(&body).send().await;
        let reason = format!(
            "unable to authenticate user [{name}] for action [cluster:admin/xpack/security/token/create]"
        );
        answer.is_error(401, "security_exception", &reason);
        answer.has_default_challenges();
        bodies.push(answer.text().replace(name, "NAME"));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
}

/// Case 28.
#[tokio::test]
async fn a_caller_without_the_privilege_is_forbidden() {
    let world = world().await;
    let call = world.call("POST", TOKEN).basic("jane", PASSWORD).json(&password_grant("vera"));
    let answer = call.send().await;
    answer.is_error(
        403,
        "security_exception",
        "action [cluster:admin/xpack/security/token/create] is unauthorized for user [jane] with effective roles [], this action is granted by the cluster privileges [manage_token,manage_security,all]",
    );
    assert_eq!((answer.header("x-elastic-product"), answer.challenges().len()), (None, 0));
}

/// Case 29.
#[tokio::test]
async fn a_bad_request_is_told_before_a_missing_privilege() {
    let world = world().await;
    world.call("POST", TOKEN).basic("jane", PASSWORD).json("{}").send().await.expect(400);
}

/// Case 30.
#[tokio::test]
async fn a_stranger_is_turned_away_before_anything_else() {
    let world = world().await;
    let answer = world.call("POST", TOKEN).json("{}").send().await;
    let reason = "missing authentication credentials for REST request [/_security/oauth2/token]";
    answer.is_error(401, "security_exception", reason);
    answer.has_default_challenges();
    world.call("PATCH", "/nowhere?foo").header("accept", " ").send().await.expect(401);
}

/// Cases 31 and 32.
#[tokio::test]
async fn a_service_that_is_off_says_so_after_the_end_user_is_known() {
    let world = World::with(Ordinary { tokens: None, ..Ordinary::default() }).await;
    world.user("jane", &[]).await;
    for body in [CLIENT_CREDENTIALS, &password_grant("jane")] {
        let answer = world.root("POST", TOKEN).json(body).send().await;
        let reason = "security tokens are not enabled";
        answer.is_error(400, "feature_not_enabled_exception", reason);
        let error = &answer.json()["error"];
        assert_eq!(error["disabled.feature"], "security_tokens");
        assert_eq!(error["root_cause"][0]["disabled.feature"], "security_tokens");
    }
    let wrong = password_grant("jane").replace(PASSWORD, "not it");
    let answer = world.root("POST", TOKEN).json(&wrong).send().await.expect(401);
    assert_eq!(answer.challenges().len(), 2, "no bearer is offered");
}

/// Case 33, with the status that this service has chosen, and the ticket not echoed.
#[tokio::test]
async fn a_ticket_that_is_not_base64_is_refused_without_an_echo() {
    let world = world().await;
    let body = r#"{"grant_type":"_kerberos","kerberos_ticket":"!!"}"#;
    let answer = world.root("POST", TOKEN).json(body).send().await;
    let reason = "could not decode base64 kerberos ticket";
    answer.is_error(400, "unsupported_operation_exception", reason);
    world.call("POST", TOKEN).basic("jane", PASSWORD).json(body).send().await.expect(403);
}

/// Case 34.
#[tokio::test]
async fn a_ticket_without_a_realm_for_it_is_refused() {
    let world = world().await;
    let body = r#"{"grant_type":"_kerberos","kerberos_ticket":"YWJj"}"#;
    world.root("POST", TOKEN).json(body).send().await.is_error(
        401,
        "security_exception",
        "unable to authenticate user [<Kerberos Token>] for action [cluster:admin/xpack/security/token/create]",
    );
}

/// Case 36.
#[tokio::test]
async fn the_configured_lifetime_is_answered() {
    let tokens = Some(jeton_authority::TokenPolicy { access_lifetime_ms: 90_999 });
    let world = World::with(Ordinary { tokens, ..Ordinary::default() }).await;
    let answer = world.root("POST", TOKEN).json(CLIENT_CREDENTIALS).send().await.expect(200);
    assert_eq!(answer.json()["expires_in"], 90);
}

/// Case 38, where this service answers, with a warning.
#[tokio::test]
async fn the_old_path_is_served_with_a_warning() {
    let world = world().await;
    let call = world.root("POST", "/_xpack/security/oauth2/token").json(CLIENT_CREDENTIALS);
    let answer = call.send().await.expect(200);
    let warning = answer.header("warning").unwrap();
    assert!(warning.starts_with("299 Elasticsearch-8.19.0-"), "{warning}");
    assert!(warning.ends_with(
        "\"[POST /_xpack/security/oauth2/token] is deprecated! Use [POST /_security/oauth2/token] instead.\""
    ));
    let stranger = world.call("POST", "/_xpack/security/oauth2/token").send().await.expect(401);
    assert_eq!(stranger.header("warning"), None);
}
