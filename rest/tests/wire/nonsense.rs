//! Whatever is sent to any route, the answer is never a fault of ours.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::world::{PASSWORD, TOKEN, World};

/// All but the caller's own password, whose change would end the test.
const TARGETS: [&str; 11] = [
    TOKEN,
    "/_xpack/security/oauth2/token",
    "/_security/_authenticate",
    "/_security/user",
    "/_security/user/jane",
    "/_security/user/jane/_password",
    "/_security/role",
    "/_security/role/ops",
    "/",
    "/_cluster/health",
    "/_jeton/live",
];

fn body() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("grant_type"),
        Just("username"),
        Just("password"),
        Just("refresh_token"),
        Just("token"),
        Just("scope"),
        Just("realm_name"),
        Just("kerberos_ticket"),
        Just("roles"),
        Just("metadata"),
        Just("cluster"),
        Just("indices"),
        Just("run_as"),
        Just("password_hash"),
        Just("enabled"),
        Just("global"),
        Just("names"),
        Just("privileges"),
        Just("query"),
        Just("zz"),
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1e400".to_owned()),
        Just("-12.5".to_owned()),
        Just("\"password\"".to_owned()),
        Just("\"client_credentials\"".to_owned()),
        Just("\"refresh_token\"".to_owned()),
        Just("\"_kerberos\"".to_owned()),
        Just("\"\"".to_owned()),
        Just("\" \"".to_owned()),
        Just("\"\\ud83d\"".to_owned()),
        Just("\"$2a$10$x\"".to_owned()),
        Just(format!("\"{PASSWORD}\"")),
        Just("\"elastic\"".to_owned()),
        Just("nonsense".to_owned()),
    ];
    let value = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec((name.clone(), inner), 0..5).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    (value, 0_usize..200).prop_map(|(text, length)| {
        if length < 20 { text.chars().take(length).collect() } else { text }
    })
}

#[tokio::test]
async fn nonsense_is_never_a_fault_of_ours() {
    let world = World::new().await;
    world.user("jane", &["viewer"]).await;
    let mut runner = TestRunner::deterministic();
    let requests = (
        prop_oneof![
            Just("GET"),
            Just("POST"),
            Just("PUT"),
            Just("DELETE"),
            Just("HEAD"),
            Just("PATCH"),
            Just("OPTIONS")
        ],
        proptest::sample::select(TARGETS.to_vec()),
        prop_oneof![4 => Just(String::new()), 1 => "\\?[a-z_=&%;*.,-]{0,30}", 1 => "/[a-z_%0-9]{0,10}"],
        body(),
        prop_oneof![
            8 => Just("application/json"), 1 => Just("application/vnd.elasticsearch+json;compatible-with=8"),
            1 => Just("text/plain"), 1 => Just(";;"), 1 => Just("application/json;charset=x"),
        ],
        prop_oneof![4 => Just("*/*".to_owned()), 1 => "[a-z/*;,=+ 0-9q.]{0,40}"],
        any::<bool>(),
    );
    for _ in 0..3000 {
        let (method, path, tail, body, content_type, accept, is_chunked) =
            requests.new_tree(&mut runner).unwrap().current();
        let target = format!("{path}{tail}");
        let Ok(_) = target.parse::<http::Uri>() else { continue };
        let call = world.root(method, &target).header("content-type", content_type);
        let call = call.header("accept", &accept).body(body.clone());
        let call = if is_chunked { call.chunked() } else { call };
        let answer = call.send().await;
        let note = format!("{method} {target} {content_type} {accept} {body}: {}", answer.text());
        assert!(answer.status < 500, "{note}");
        assert!(matches!(answer.status, 200 | 400 | 401 | 404 | 405 | 406), "{note}");
    }
    world.root("GET", "/_cluster/health").send().await.expect(200);
}

#[tokio::test]
async fn the_deepest_value_goes_in_and_out() {
    let world = World::new().await;
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let put = async |levels: usize| {
        let metadata = nested(levels);
        let body =
            format!(r#"{{"password":"{PASSWORD}","roles":[],"metadata":{{"k":{metadata}}}}}"#);
        world.root("PUT", "/_security/user/deep").json(&body).send().await
    };
    put(62).await.expect(200);
    assert!(put(63).await.expect(400).text().contains("Nested deeper"));
    for target in ["/_security/user/deep", "/_security/user/deep?filter_path=*.metadata"] {
        let answer = world.root("GET", target).send().await.expect(200);
        assert!(answer.text().contains(&nested(62)), "{target}");
    }
    let token = world.pair("deep").await.access;
    assert!(world.whoami(&token).await.expect(200).text().contains(&nested(62)));
}
