//! Who may do what, and the words in which everybody else is denied.

use crate::world::{Answer, Ordinary, PASSWORD, World, anonymous};

/// The table of routes as it stands, so that none is forgotten here.
const ROUTES: &str =
    include_str!("../../src/snapshots/jeton_rest__router__tests__the_table_of_routes.snap");

const WRITERS: &str = "manage_security,all";
const READERS: &str = "read_security,manage_security,all";
const MONITORS: &str = "monitor,manage,all";

/// What becomes of a request by somebody without rights.
enum Fate {
    /// It is done.
    Open,
    /// The action of this name is denied, and these privileges would have helped.
    Denied(&'static str, &'static str),
}

use Fate::{Denied, Open};

/// The body of a request to an endpoint, and its fate; nothing of an endpoint that is not known.
fn expectation(method: &str, path: &str) -> Option<(&'static str, Fate)> {
    let user = r#"{"password":"s3cret-word","roles":[]}"#;
    let password = r#"{"password":"s3cret-word"}"#;
    let is_write = method == "PUT" || method == "POST";
    Some(match path {
        "/_security/oauth2/token" | "/_xpack/security/oauth2/token" if method == "POST" => (
            r#"{"grant_type":"client_credentials"}"#,
            Denied("token/create", "manage_token,manage_security,all"),
        ),
        "/_security/oauth2/token" | "/_xpack/security/oauth2/token" => (
            r#"{"username":"other"}"#,
            Denied("token/invalidate", "delegate_pki,manage_saml,manage_token,manage_security,all"),
        ),
        "/_security/_authenticate" | "/_security/user/_privileges" | "/_jeton/live" => ("", Open),
        "/_security/user/_has_privileges" => (r#"{"cluster":["monitor"]}"#, Open),
        "/_security/user/{username}/_has_privileges" => (
            r#"{"cluster":["monitor"]}"#,
            Denied("user/has_privileges", "read_ccr,read_security,manage_ccr,manage_security,all"),
        ),
        "/_security/user/_password" => (password, Open),
        "/_security/user/{username}/_password" => {
            (password, Denied("user/change_password", WRITERS))
        }
        "/_security/user/{username}/_enable" | "/_security/user/{username}/_disable" => {
            ("", Denied("user/set_enabled", WRITERS))
        }
        "/_security/user" | "/_security/user/{username}" if method == "GET" => {
            ("", Denied("user/get", READERS))
        }
        "/_security/user/{username}" if is_write => (user, Denied("user/put", WRITERS)),
        "/_security/user/{username}" => ("", Denied("user/delete", WRITERS)),
        "/_security/_query/user" => ("", Denied("user/query", READERS)),
        _ => return expectation_beyond_users(method, path),
    })
}

fn expectation_beyond_users(method: &str, path: &str) -> Option<(&'static str, Fate)> {
    let is_write = method == "PUT" || method == "POST";
    Some(match path {
        "/_security/role" | "/_security/role/{name}" if method == "GET" => {
            ("", Denied("role/get", READERS))
        }
        "/_security/role/{name}" if is_write => ("{}", Denied("role/put", WRITERS)),
        "/_security/role/{name}" => ("", Denied("role/delete", WRITERS)),
        "/_security/role" if is_write => {
            (r#"{"roles":{"r":{}}}"#, Denied("role/bulk_put", WRITERS))
        }
        "/_security/role" => (r#"{"names":["r"]}"#, Denied("role/bulk_delete", WRITERS)),
        "/_security/_query/role" => ("", Denied("role/query", READERS)),
        "/_security/role_mapping" | "/_security/role_mapping/{name}" if method == "GET" => {
            ("", Denied("role_mapping/get", READERS))
        }
        "/_security/role_mapping/{name}" if is_write => (
            r#"{"enabled":true,"roles":["r"],"rules":{"field":{"username":"u"}}}"#,
            Denied("role_mapping/put", WRITERS),
        ),
        "/_security/role_mapping/{name}" => ("", Denied("role_mapping/delete", WRITERS)),
        "/_security/privilege" if is_write => {
            (r#"{"app":{"p":{"actions":["a:b"]}}}"#, Denied("privilege/put", WRITERS))
        }
        "/_security/privilege/_builtin" => ("", Denied("privilege/builtin/get", READERS)),
        "/_security/privilege/{application}/{name}" if method == "DELETE" => {
            ("", Denied("privilege/delete", WRITERS))
        }
        "/_security/privilege"
        | "/_security/privilege/{application}"
        | "/_security/privilege/{application}/{name}" => ("", Denied("privilege/get", READERS)),
        _ => return expectation_about_service(method, path),
    })
}

fn expectation_about_service(method: &str, path: &str) -> Option<(&'static str, Fate)> {
    Some(match path {
        "/_security/privilege/{names}/_clear_cache" => {
            ("", Denied("privilege/cache/clear", WRITERS))
        }
        "/_security/role/{names}/_clear_cache" => ("", Denied("roles/cache/clear", WRITERS)),
        "/_security/realm/{names}/_clear_cache" => ("", Denied("realm/cache/clear", WRITERS)),
        path if path.ends_with("/_clear_cache") => ("", Denied("cache/clear", WRITERS)),
        "/_security/settings" if method == "PUT" => {
            (r#"{"security":{"index.number_of_replicas":1}}"#, Denied("settings/update", WRITERS))
        }
        "/_security/settings" => ("", Denied("settings/get", READERS)),
        "/_security/stats" => ("", Denied("cluster:monitor/xpack/security/stats", MONITORS)),
        "/_ssl/certificates" => {
            ("", Denied("cluster:monitor/xpack/ssl/certificates/get", MONITORS))
        }
        "/" => ("", Denied("cluster:monitor/main", MONITORS)),
        "/_cluster/health" => ("", Denied("cluster:monitor/health", MONITORS)),
        _ => return None,
    })
}

/// A path of the pattern that belongs to somebody else than the caller.
fn path_of(pattern: &str) -> String {
    let segments = pattern.split('/').map(|segment| match segment {
        "{username}" => "other",
        "{namespace}" => "elastic",
        "{service}" => "fleet-server",
        "{application}" => "app",
        other if other.starts_with('{') => "some",
        literal => literal,
    });
    segments.collect::<Vec<_>>().join("/")
}

fn full_name(action: &str) -> String {
    if action.starts_with("cluster:") {
        return action.to_owned();
    }
    format!("cluster:admin/xpack/security/{action}")
}

#[tokio::test]
async fn every_endpoint_is_denied_by_its_action_with_the_privileges_that_would_help() {
    let world = World::new().await;
    world.role("nothing", &[]).await;
    world.user("jane", &["nothing"]).await;
    let routes: Vec<&str> = ROUTES.lines().filter(|line| line.contains(" /")).collect();
    assert!(routes.len() > 50, "{routes:?}");
    for line in routes {
        let mut words = line.split_whitespace();
        let (method, pattern) = (words.next().unwrap(), words.next().unwrap());
        let (body, fate) = expectation(method, pattern)
            .unwrap_or_else(|| panic!("nothing is expected of {method} {pattern}"));
        let mut call = world.call(method, &path_of(pattern)).basic("jane", PASSWORD);
        if !body.is_empty() {
            call = call.json(body);
        }
        let answer = call.send().await;
        match fate {
            Open => assert_eq!(answer.status, 200, "{line}: {}", answer.text()),
            Denied(..) if method == "HEAD" => assert_eq!(answer.status, 403, "{line}"),
            Denied(action, granted) => answer.is_error(
                403,
                "security_exception",
                &format!(
                    "action [{}] is unauthorized for user [jane] with effective roles [nothing], this action is granted by the cluster privileges [{granted}]",
                    full_name(action)
                ),
            ),
        }
    }
}

/// The 403 of a request by a user with these cluster privileges.
async fn denied(cluster: &[&str], method: &str, target: &str, body: &str) -> Answer {
    let world = World::new().await;
    world.role("r", cluster).await;
    world.user("jane", &["r"]).await;
    let mut call = world.call(method, target).basic("jane", PASSWORD);
    if !body.is_empty() {
        call = call.json(body);
    }
    call.send().await.expect(403)
}

/// Identity case 61.
#[tokio::test]
async fn whoever_manages_the_cluster_does_not_manage_security() {
    let body = r#"{"password":"s3cret-word","roles":[]}"#;
    let answer = denied(&["manage"], "PUT", "/_security/user/other", body).await;
    answer.is_error(
        403,
        "security_exception",
        "action [cluster:admin/xpack/security/user/put] is unauthorized for user [jane] with effective roles [r], this action is granted by the cluster privileges [manage_security,all]",
    );
    assert!(answer.challenges().is_empty());
}

#[tokio::test]
async fn each_privilege_opens_what_it_names_and_no_more() {
    let refresh = r#"{"grant_type":"refresh_token","refresh_token":"x"}"#;
    let answer = denied(&["monitor"], "POST", "/_security/oauth2/token", refresh).await;
    let text = answer.text();
    assert!(text.contains("[manage_saml,manage_token,manage_security,all]"), "{text}");
    denied(&["read_security"], "DELETE", "/_security/user/other", "").await;
    denied(&["manage_token"], "GET", "/_security/user", "").await;
    denied(&["manage_security"], "GET", "/", "").await;
    let world = World::new().await;
    world.role("reader", &["read_security"]).await;
    world.role("raw", &["cluster:admin/xpack/security/role/get"]).await;
    world.user("jane", &["reader"]).await;
    world.user("rob", &["raw"]).await;
    for target in ["/_security/user", "/_security/role", "/_security/privilege/_builtin"] {
        world.call("GET", target).basic("jane", PASSWORD).send().await.expect(200);
    }
    world.call("GET", "/_security/role").basic("rob", PASSWORD).send().await.expect(200);
    world.call("GET", "/_security/user").basic("rob", PASSWORD).send().await.expect(403);
}

/// Identity case 64.
#[tokio::test]
async fn roles_that_were_not_found_are_named_in_denials() {
    let world = World::new().await;
    world.role("a", &[]).await;
    world.user("jane", &["zz", "a", "y"]).await;
    world.user("rob", &["x"]).await;
    let call = async |name: &str| {
        let answer = world.call("GET", "/_security/user").basic(name, PASSWORD).send().await;
        answer.expect(403).text()
    };
    let text = call("jane").await;
    assert!(text.contains("with effective roles [a] (assigned roles [y,zz] were not found), this"));
    let text = call("rob").await;
    assert!(
        text.contains("user [rob] with effective roles [] (assigned roles [x] were not found)")
    );
}

/// Identity cases 67, 68.
#[tokio::test]
async fn whom_a_caller_may_not_act_as_is_not_told_from_who_does_not_exist() {
    let world = World::new().await;
    world
        .root("PUT", "/_security/role/runner")
        .json(r#"{"run_as":["*"]}"#)
        .send()
        .await
        .expect(200);
    world.role("nothing", &[]).await;
    world.user("a", &["nothing"]).await;
    world.user("b", &["nothing"]).await;
    world.user("runner", &["runner"]).await;
    let call = async |name: &str, target: &str| {
        world
            .call("GET", "/_security/_authenticate")
            .basic(name, PASSWORD)
            .run_as(target)
            .send()
            .await
    };
    call("a", "b").await.is_error(
        403,
        "security_exception",
        "action [cluster:admin/xpack/security/user/authenticate] is unauthorized for user [a] with effective roles [nothing], because user [a] is unauthorized to run as [b]",
    );
    call("runner", "ghost").await.is_error(
        403,
        "security_exception",
        "action [cluster:admin/xpack/security/user/authenticate] is unauthorized for user [runner] with effective roles [runner], because user [runner] is unauthorized to run as [ghost]",
    );
    call("runner", "b").await.expect(200);
    let held = world.call("GET", "/_security/user/_privileges").basic("a", PASSWORD).run_as("b");
    held.send().await.expect(403);
}

#[tokio::test]
async fn who_acts_as_another_has_the_rights_of_the_other() {
    let world = World::new().await;
    let body = r#"{"cluster":["all"],"run_as":["b"]}"#;
    world.root("PUT", "/_security/role/runner").json(body).send().await.expect(200);
    world.role("nothing", &[]).await;
    world.user("b", &["nothing"]).await;
    world.user("runner", &["runner"]).await;
    let call = world.call("GET", "/_security/user").basic("runner", PASSWORD).run_as("b");
    call.send().await.is_error(
        403,
        "security_exception",
        "action [cluster:admin/xpack/security/user/get] is unauthorized for user [runner] run as [b] with effective roles [nothing], this action is granted by the cluster privileges [read_security,manage_security,all]",
    );
}

/// Identity case 81.
#[tokio::test]
async fn an_anonymous_caller_may_be_asked_to_authenticate_instead() {
    let mut guest = anonymous(&["guest"]);
    guest.is_told_of_denial = false;
    let world = World::with(Ordinary { anonymous: Some(guest), ..Ordinary::default() }).await;
    let answer = world.call("GET", "/_security/user").send().await;
    answer.has_default_challenges();
    assert_eq!(
        answer.expect(401).json()["error"]["reason"],
        "action [cluster:admin/xpack/security/user/get] requires authentication"
    );
    world.user("jane", &[]).await;
    let answer = world.call("GET", "/_security/user").basic("jane", PASSWORD).send().await;
    assert!(answer.expect(403).text().contains("(assigned roles [guest] were not found)"));

    let told = Ordinary { anonymous: Some(anonymous(&["guest"])), ..Ordinary::default() };
    let world = World::with(told).await;
    world.call("GET", "/_security/user").send().await.is_error(
        403,
        "security_exception",
        "action [cluster:admin/xpack/security/user/get] is unauthorized for user [_anonymous] with effective roles [] (assigned roles [guest] were not found), this action is granted by the cluster privileges [read_security,manage_security,all]",
    );
}

#[tokio::test]
async fn whoever_manages_roles_over_some_indices_changes_those_roles_only() {
    let world = World::new().await;
    let manager = r#"{"global":{"role":{"manage":{"indices":[{"names":["logs-*"],"privileges":["read"]}]}}}}"#;
    world.root("PUT", "/_security/role/manager").json(manager).send().await.expect(200);
    world.role("strong", &["monitor"]).await;
    world.user("jane", &["manager"]).await;
    let send = async |method: &str, target: &str, body: &str| {
        let call = world.call(method, target).basic("jane", PASSWORD);
        if body.is_empty() { call.send().await } else { call.json(body).send().await }
    };
    let within = r#"{"indices":[{"names":["logs-1*"],"privileges":["read"]}]}"#;
    let beyond = r#"{"indices":[{"names":["logs-1*"],"privileges":["read","write"]}]}"#;
    let some = "/_security/role/some";
    send("PUT", some, within).await.is(200, r#"{"role":{"created":true}}"#);
    send("PUT", some, beyond).await.expect(403);
    for more in [
        r#"{"cluster":["none"]}"#,
        r#"{"run_as":["jane"]}"#,
        r#"{"applications":[{"application":"app","privileges":["read"],"resources":["logs-1"]}]}"#,
        r#"{"global":{"role":{"manage":{"indices":[{"names":["logs-1*"],"privileges":["read"]}]}}}}"#,
        r#"{"global":{"application":{"manage":{"applications":[]}}}}"#,
        r#"{"remote_indices":[{"clusters":["c"],"names":["logs-1"],"privileges":["read"]}]}"#,
        r#"{"remote_cluster":[{"clusters":["c"],"privileges":["monitor_stats"]}]}"#,
        r#"{"indices":[{"names":["logs-1"],"privileges":["read"]},{"names":["/logs-.*|x/"],"privileges":["read"]}]}"#,
        r#"{"indices":[{"names":["/~(logs-.*)/"],"privileges":["read"]}]}"#,
        r#"{"indices":[{"names":["*"],"privileges":["none"]}]}"#,
        r#"{"indices":[{"names":["logs-1"],"privileges":["indices:data/read"]}]}"#,
        r#"{"indices":[{"names":["logs*"],"privileges":["read"],"field_security":{"grant":["a"]},"query":"{}"}]}"#,
        r#"{"indices":[{"names":[".security-7"],"privileges":["read"],"allow_restricted_indices":true}]}"#,
    ] {
        send("PUT", some, more).await.expect(403);
        send("POST", "/_security/role", &format!(r#"{{"roles":{{"some":{more}}}}}"#))
            .await
            .expect(403);
    }
    let narrower = r#"{"indices":[{"names":["/logs-[0-9]/"],"privileges":["indices:data/read/get"],"field_security":{"grant":["a"]},"query":"{}","allow_restricted_indices":true}],"metadata":{"a":1},"description":"d"}"#;
    send("PUT", some, narrower).await.is(200, r#"{"role":{"created":false}}"#);
    send("PUT", "/_security/role/strong", within).await.expect(403);
    send("DELETE", "/_security/role/strong", "").await.expect(403);
    send("GET", some, "").await.expect(403);
    let bulk = |body: &str| format!(r#"{{"roles":{{"one":{within},"two":{body}}}}}"#);
    send("POST", "/_security/role", &bulk(beyond)).await.expect(403);
    send("POST", "/_security/role", &bulk(within)).await.expect(200);
    let both = r#"{"names":["one","strong"]}"#;
    send("DELETE", "/_security/role", both).await.expect(403);
    send("DELETE", "/_security/role", r#"{"names":["one","two"]}"#).await.expect(200);
    send("DELETE", some, "").await.is(200, r#"{"found":true}"#);
    let text = send("DELETE", "/_security/role/superuser", "").await.text();
    assert!(text.contains("role [superuser] is reserved"), "{text}");
    world.user("rob", &[]).await;
    for (method, target, body) in
        [("DELETE", some, ""), ("PUT", some, "{}"), ("DELETE", "/_security/role", both)]
    {
        let call = world.call(method, target).basic("rob", PASSWORD);
        let call = if body.is_empty() { call } else { call.json(body) };
        call.send().await.expect(403);
    }
}
