//! Searches of users and roles.

use serde_json::{Value, json};

use crate::world::{Answer, PASSWORD, World};

const USERS: &str = "/_security/_query/user";
const ROLES: &str = "/_security/_query/role";

/// A world with three native users.
async fn people() -> World {
    let world = World::new().await;
    for (name, body) in [
        ("ann", json!({"roles": ["ops", "dev"], "full_name": "Ann Berg", "email": "ann@x.org"})),
        ("bob", json!({"roles": ["dev"], "full_name": "Bob Berg", "enabled": false})),
        ("cy", json!({"roles": [], "metadata": {"k": 1}})),
    ] {
        put(&world, name, body).await;
    }
    world
}

async fn put(world: &World, name: &str, mut body: Value) {
    body["password_hash"] = json!("$2a$04$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm");
    let target = format!("/_security/user/{name}");
    world.root("PUT", &target).json(&body.to_string()).send().await.expect(200);
}

async fn ask(world: &World, path: &str, body: &Value) -> Answer {
    world.root("POST", path).json(&body.to_string()).send().await
}

/// What a search of users finds: how many, and the names on the page.
async fn found(world: &World, body: Value) -> (u64, Vec<String>) {
    let answer = ask(world, USERS, &body).await.expect(200).json();
    let users = answer["users"].as_array().unwrap();
    assert_eq!(answer["count"], users.len());
    let names = users.iter().map(|user| user["username"].as_str().unwrap().to_owned());
    (answer["total"].as_u64().unwrap(), names.collect())
}

/// The values of the order of each user of a page.
async fn sorts(world: &World, body: Value) -> Vec<Value> {
    let answer = ask(world, USERS, &body).await.expect(200).json();
    answer["users"].as_array().unwrap().iter().map(|user| user["_sort"].clone()).collect()
}

/// Identity case 18.
#[tokio::test]
async fn only_native_users_are_found() {
    let world = World::new().await;
    let nobody = r#"{"total":0,"count":0,"users":[]}"#;
    world.root("GET", USERS).send().await.is(200, nobody);
    world.user("jane", &["ops"]).await;
    let jane = r#"{"username":"jane","roles":["ops"],"full_name":null,"email":null,"metadata":{},"enabled":true"#;
    let whole = format!(r#"{{"total":1,"count":1,"users":[{jane}}}]}}"#);
    world.root("GET", USERS).send().await.is(200, &whole);
    world.root("POST", USERS).json("{}").send().await.is(200, &whole);
    world.root("GET", &format!("{USERS}?with_profile_uid=true")).send().await.is(200, &whole);
    let sorted = format!(r#"{{"total":1,"count":1,"users":[{jane},"_sort":["jane",1]}}]}}"#);
    let body = r#"{"query":{"match_all":{}},"sort":["username",{"enabled":"desc"}]}"#;
    world.root("GET", USERS).json(body).send().await.is(200, &sorted);
    world
        .root("POST", USERS)
        .json(r#"{"size":0}"#)
        .send()
        .await
        .is(200, r#"{"total":1,"count":0,"users":[]}"#);
}

#[tokio::test]
async fn a_search_sees_each_write_before_it() {
    let world = people().await;
    let dev = || json!({"query": {"term": {"roles": "dev"}}});
    assert_eq!(found(&world, dev()).await, (2, vec!["ann".into(), "bob".into()]));
    put(&world, "cy", json!({"roles": ["dev"]})).await;
    assert_eq!(found(&world, dev()).await.0, 3);
    world.root("DELETE", "/_security/user/ann").send().await.expect(200);
    assert_eq!(found(&world, dev()).await, (2, vec!["bob".into(), "cy".into()]));
    put(&world, "bob", json!({"roles": []})).await;
    assert_eq!(found(&world, dev()).await, (1, vec!["cy".into()]));
    assert_eq!(found(&world, json!({})).await, (2, vec!["bob".into(), "cy".into()]));
}

#[tokio::test]
async fn queries_of_every_kind_find_users() {
    let world = people().await;
    for (query, wanted) in [
        (json!({"ids": {"values": ["user-cy", "x"]}}), vec!["cy"]),
        (json!({"term": {"username": {"value": "bob"}}}), vec!["bob"]),
        (json!({"terms": {"username": ["cy", "ann"]}}), vec!["ann", "cy"]),
        (json!({"prefix": {"roles": "op"}}), vec!["ann"]),
        (json!({"wildcard": {"username": "*n"}}), vec!["ann"]),
        (json!({"exists": {"field": "email"}}), vec!["ann"]),
        (json!({"match": {"full_name": "berg"}}), vec!["ann", "bob"]),
        (json!({"range": {"username": {"gte": "b"}}}), vec!["bob", "cy"]),
        (json!({"simple_query_string": {"query": "berg -dev +ops"}}), vec!["ann"]),
        (json!({"bool": {"must_not": {"term": {"enabled": true}}}}), vec!["bob"]),
        (json!({"simple_query_string": {"query": "ann", "fields": ["nope"]}}), vec![]),
    ] {
        let wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
        let total = u64::try_from(wanted.len()).unwrap();
        assert_eq!(found(&world, json!({"query": query})).await, (total, wanted), "{query}");
    }
}

#[tokio::test]
async fn pages_follow_one_another() {
    let world = people().await;
    for number in 0..9 {
        put(&world, &format!("u{number}"), json!({"roles": []})).await;
    }
    let (total, first) = found(&world, json!({"sort": "username"})).await;
    assert_eq!((total, first.len()), (12, 10));
    let (total, second) = found(&world, json!({"sort": "username", "from": 10})).await;
    assert_eq!((total, second), (12, vec!["u7".into(), "u8".into()]));
    let after = json!({"sort": [{"username": "desc"}], "size": 2, "search_after": ["cy"]});
    assert_eq!(found(&world, after).await, (12, vec!["bob".into(), "ann".into()]));
    let query = json!({"prefix": {"username": "u"}});
    let after = json!({"query": query, "sort": ["enabled", "username"], "size": 2, "search_after": [1, "u4"]});
    assert_eq!(found(&world, after).await, (9, vec!["u5".into(), "u6".into()]));
    let after = json!({"sort": [{"enabled": {"order": "asc"}}], "search_after": [true]});
    assert_eq!(found(&world, after).await, (12, vec![]));
    assert_eq!(
        sorts(&world, json!({"sort": "enabled", "size": 2})).await,
        [json!([0]), json!([1])]
    );
    let roles = json!({"sort": [{"roles": {"order": "desc"}}], "size": 3});
    assert_eq!(sorts(&world, roles).await, [json!(["ops"]), json!(["dev"]), json!([null])]);
    assert_eq!(
        sorts(&world, json!({"sort": "_doc", "size": 2, "query": {"match_all": {}}})).await.len(),
        2
    );
    assert_eq!(sorts(&world, json!({"size": 1})).await, [Value::Null]);
}

#[track_caller]
fn check_argument(answer: &Answer, reason: &str) {
    answer.is_error(400, "illegal_argument_exception", reason);
}

/// Identity cases 19, 20.
#[tokio::test]
async fn what_may_not_be_asked_is_refused() {
    let world = people().await;
    for (body, reason) in [
        (json!({"sort": ["email"]}), "sorting is not supported for field [email]"),
        (json!({"sort": "full_name"}), "sorting is not supported for field [full_name]"),
        (
            json!({"sort": [{"username": {"nested": {"path": "p"}}}]}),
            "nested sorting is not currently supported in this context",
        ),
        (
            json!({"sort": "password"}),
            "Field [password] is not allowed for querying or aggregation",
        ),
        (
            json!({"query": {"term": {"password": "x"}}}),
            "Field [password] is not allowed for querying or aggregation",
        ),
        (
            json!({"query": {"term": {"user*": "x"}}}),
            "Field name pattern [user*] is not allowed for querying or aggregation",
        ),
        (
            json!({"query": {"match_phrase": {"full_name": "x"}}}),
            "Query type [match_phrase] is not currently supported in this context",
        ),
        (
            json!({"query": {"terms": {"roles": {"index": "i", "id": "1", "path": "p"}}}}),
            "terms query with terms lookup is not currently supported in this context",
        ),
        (
            json!({"query": {"range": {"username": {"gt": "a", "relation": "within"}}}}),
            "range query with relation is not currently supported in this context",
        ),
        (json!({"search_after": ["a"]}), "Sort must contain at least one field."),
        (
            json!({"sort": "username", "search_after": ["a", 1]}),
            "search_after has 2 value(s) but sort has 1.",
        ),
        (
            json!({"from": 10_000}),
            "Result window is too large, from + size must be less than or equal to: [10000] but was [10010]. Use [search_after] to go beyond it.",
        ),
    ] {
        check_argument(&ask(&world, USERS, &body).await, reason);
    }
}

#[tokio::test]
async fn a_body_that_is_no_search_is_refused() {
    let world = World::new().await;
    for (body, kind, reason) in [
        (
            r#"{"from":-1,"size":-2}"#,
            "action_request_validation_exception",
            "Validation Failed: 1: [from] parameter cannot be negative but was [-1];2: [size] parameter cannot be negative but was [-2];",
        ),
        (
            r#"{"from":1,"search_after":["a"],"sort":"username"}"#,
            "action_request_validation_exception",
            "Validation Failed: 1: `from` parameter must be set to 0 when `search_after` is used.;",
        ),
        (
            r#"{"querry":{}}"#,
            "x_content_parse_exception",
            "[1:2] [query_user_request_payload] unknown field [querry] did you mean [query]?",
        ),
        (
            r#"{"aggs":{}}"#,
            "x_content_parse_exception",
            "[1:2] [query_user_request_payload] unknown field [aggs]",
        ),
        (
            r#"{"query":"x"}"#,
            "x_content_parse_exception",
            "[1:10] [query_user_request_payload] query doesn't support values of type: VALUE_STRING",
        ),
        (
            r#"{"query":null}"#,
            "x_content_parse_exception",
            "[1:10] [query_user_request_payload] query doesn't support values of type: VALUE_NULL",
        ),
        (
            r#"{"sort":true}"#,
            "x_content_parse_exception",
            "[1:9] [query_user_request_payload] sort doesn't support values of type: VALUE_BOOLEAN",
        ),
        (
            r#"{"from":{}}"#,
            "x_content_parse_exception",
            "[1:9] [query_user_request_payload] from doesn't support values of type: START_OBJECT",
        ),
        (
            r#"{"size":1.5}"#,
            "x_content_parse_exception",
            "[1:9] [query_user_request_payload] failed to parse field [size]",
        ),
        (
            "[]",
            "x_content_parse_exception",
            "[1:1] [query_user_request_payload] Expected START_OBJECT but was: START_ARRAY",
        ),
        (
            r#"{"query":{"term":"x"}}"#,
            "parsing_exception",
            "[term] query malformed, no start_object after query name",
        ),
        (r#"{"query":{}}"#, "illegal_argument_exception", "query malformed, empty clause found"),
    ] {
        world.root("POST", USERS).json(body).send().await.is_error(400, kind, reason);
    }
    let answer = world.root("GET", &format!("{USERS}?with_profile_uid=maybe")).send().await;
    check_argument(&answer, "Failed to parse value [maybe] as only [true] or [false] are allowed.");
    world.root("GET", &format!("{ROLES}?with_profile_uid=true")).send().await.expect(400);
    let answer = world.root("POST", ROLES).json(r#"{"x":1}"#).send().await.expect(400);
    assert!(answer.text().contains("[1:2] [query_role_request_payload] unknown field [x]"));
}

#[tokio::test]
async fn searching_needs_the_privilege() {
    let world = people().await;
    world.role("reader", &["read_security"]).await;
    world.user("rea", &["reader"]).await;
    world.user("eve", &[]).await;
    for (path, action) in [(USERS, "user"), (ROLES, "role")] {
        world.call("GET", path).basic("rea", PASSWORD).send().await.expect(200);
        // Whoever may not search is not told what could be searched.
        let body = r#"{"sort":["nope"]}"#;
        let answer = world.call("POST", path).basic("eve", PASSWORD).json(body).send().await;
        let wanted = format!(
            "action [cluster:admin/xpack/security/{action}/query] is unauthorized for user [eve]"
        );
        assert!(answer.expect(403).text().contains(&wanted));
        world.call("GET", path).send().await.expect(401);
        world.root("PUT", path).send().await.expect(405);
    }
}

#[tokio::test]
async fn roles_are_found_and_shown_by_name_first() {
    let world = World::new().await;
    world.root("GET", ROLES).send().await.is(200, r#"{"total":0,"count":0,"roles":[]}"#);
    for (name, body) in [
        (
            "logs",
            r#"{"cluster":["monitor"],"description":"Reads The Logs","metadata":{"team":"red"}}"#,
        ),
        (
            "apps",
            r#"{"applications":[{"application":"app-1","privileges":["read"],"resources":["*"]}]}"#,
        ),
    ] {
        let target = format!("/_security/role/{name}");
        world.root("PUT", &target).json(body).send().await.expect(200);
    }
    let body = json!({"query": {"term": {"metadata.team": "red"}}, "sort": ["name"]});
    ask(&world, ROLES, &body).await.is(
        200,
        r#"{"total":1,"count":1,"roles":[{"name":"logs","cluster":["monitor"],"indices":[],"applications":[],"run_as":[],"metadata":{"team":"red"},"transient_metadata":{"enabled":true},"description":"Reads The Logs","_sort":["logs"]}]}"#,
    );
    for (query, wanted) in [
        (json!({"match": {"description": "logs"}}), "logs"),
        (json!({"term": {"applications.application": "app-1"}}), "apps"),
        (json!({"bool": {"must_not": {"exists": {"field": "metadata"}}}}), "apps"),
        (json!({"ids": {"values": "role-apps"}}), "apps"),
    ] {
        let answer = ask(&world, ROLES, &json!({"query": query})).await.expect(200).json();
        assert_eq!((&answer["total"], &answer["roles"][0]["name"]), (&json!(1), &json!(wanted)));
    }
    let answer = ask(&world, ROLES, &json!({"sort": "description"})).await;
    check_argument(&answer, "sorting is not supported for field [description]");
    let answer = ask(&world, ROLES, &json!({"query": {"term": {"cluster": "all"}}})).await;
    check_argument(&answer, "Field [cluster] is not allowed for querying or aggregation");
    world.root("DELETE", "/_security/role/logs").send().await.expect(200);
    let answer = ask(&world, ROLES, &json!({})).await.expect(200).json();
    assert_eq!(answer["total"], 1);
}

/// The names of the roles that a search finds, in order.
async fn role_names(world: &World, body: &Value) -> Vec<String> {
    let answer = ask(world, ROLES, body).await.expect(200).json();
    let roles = answer["roles"].as_array().unwrap();
    roles.iter().map(|role| role["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn metadata_of_many_roles_are_found_and_sorted_by() {
    let world = World::new().await;
    for (name, metadata) in [
        ("a", json!({"team": "red", "level": {"n": 7}, "on": true})),
        ("b", json!({"team": "blue", "level": {"n": 70}, "on": false})),
        ("c", json!({"team": ["green", "amber"], "level.n": 7})),
        ("d", json!({"teams": "red", "x": 1.5, "empty": [], "none": null})),
        ("e", json!({})),
        ("f", json!({"Team": "red"})),
    ] {
        let body = json!({"cluster": [], "metadata": metadata}).to_string();
        let target = format!("/_security/role/{name}");
        world.root("PUT", &target).json(&body).send().await.expect(200);
    }
    for (query, wanted) in [
        (json!({"term": {"metadata.team": "red"}}), vec!["a"]),
        (json!({"term": {"metadata": "red"}}), vec!["a", "d", "f"]),
        (json!({"term": {"metadata.level.n": 7}}), vec!["a", "c"]),
        (json!({"terms": {"metadata.level.n": [70, "x"]}}), vec!["b"]),
        (json!({"term": {"metadata.on": true}}), vec!["a"]),
        (json!({"term": {"metadata.x": 1.5}}), vec!["d"]),
        (json!({"prefix": {"metadata.level.n": "7"}}), vec!["a", "b", "c"]),
        (json!({"wildcard": {"metadata.team": "*r*e*"}}), vec!["a", "c"]),
        (json!({"range": {"metadata.team": {"gt": "amber", "lt": "green"}}}), vec!["b"]),
        (json!({"range": {"metadata.team": {"gte": "b", "lte": "b"}}}), vec![]),
        (json!({"range": {"metadata.team": {"gt": "red", "lt": "blue"}}}), vec![]),
        (json!({"exists": {"field": "metadata.empty"}}), vec![]),
        (json!({"exists": {"field": "metadata.none"}}), vec![]),
        (json!({"exists": {"field": "metadata.level"}}), vec![]),
        (json!({"exists": {"field": "metadata.team"}}), vec!["a", "b", "c"]),
        (json!({"exists": {"field": "metadata"}}), vec!["a", "b", "c", "d", "f"]),
        (json!({"simple_query_string": {"query": "red", "fields": ["metadata.team"]}}), vec!["a"]),
        (
            json!({"simple_query_string": {"query": "-red", "fields": ["meta*"]}}),
            vec!["b", "c", "e"],
        ),
        (json!({"match": {"metadata.team": "green"}}), vec!["c"]),
        (json!({"term": {"metadata.team": {"value": "RED", "case_insensitive": true}}}), vec!["a"]),
    ] {
        assert_eq!(role_names(&world, &json!({"query": query})).await, wanted, "{query}");
    }
    for (sort, wanted) in [
        (json!("metadata.team"), "c b a d e f"),
        (json!({"metadata.team": "desc"}), "a c b d e f"),
        (json!({"metadata.team": {"order": "desc", "missing": "_first"}}), "d e f a c b"),
        (json!({"metadata.team": {"missing": "b"}}), "c d e f b a"),
        (json!([{"metadata.on": "desc"}, {"name": "desc"}]), "a b f e d c"),
    ] {
        let names = role_names(&world, &json!({"sort": sort})).await;
        assert_eq!(names.join(" "), wanted, "{sort}");
    }
    // Behind one without a value stand the others without one.
    let sort = json!([{"metadata.team": "asc"}, "name"]);
    let after = json!({"sort": sort, "search_after": [null, "d"]});
    assert_eq!(role_names(&world, &after).await, ["e", "f"]);
    let after = json!({"sort": sort, "search_after": ["blue", "b"], "size": 2});
    assert_eq!(role_names(&world, &after).await, ["a", "d"]);
}
