//! What queries find, what they refuse, and how hits are ordered.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::collections::{ROLES, USERS, role, user};
use super::document::Document;
use super::*;
use crate::limits::{
    INDEXED_BYTES_MAX, INDEXED_TERM_BYTES_MAX, QUERY_CLAUSES_MAX, QUERY_DEPTH_MAX,
};
use crate::name::{RoleName, Username};
use crate::role::descriptor::RoleDescriptor;
use crate::user::User;
use crate::value::Map;

/// A map of values, as a body has it.
macro_rules! map {
    ($($name:tt : $value:expr),* $(,)?) => {
        Value::Map([$(($name.to_owned(), Value::from($value))),*].into_iter().collect::<Map>())
    };
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl<const N: usize> From<[Self; N]> for Value {
    fn from(items: [Self; N]) -> Self {
        Self::List(items.to_vec())
    }
}

impl<const N: usize> From<[&str; N]> for Value {
    fn from(items: [&str; N]) -> Self {
        Self::List(items.iter().map(|item| Self::from(*item)).collect())
    }
}

fn people() -> Vec<Document> {
    let one = |name: &str, roles: &[&str], full: Option<&str>, email: Option<&str>, enabled| {
        user(&User {
            username: Username::new(name),
            roles: roles.iter().map(|role| RoleName::new(role)).collect(),
            full_name: full.map(ToOwned::to_owned),
            email: email.map(ToOwned::to_owned),
            metadata: Map::new(),
            enabled,
        })
    };
    vec![
        one("ann", &["ops", "dev"], Some("Ann van der Berg"), Some("ann.berg@x.org"), true),
        one("bob", &["dev"], Some("Bob Berg"), Some("bob7@y.org"), false),
        one("Cy", &[], None, None, true),
    ]
}

/// Whether a document matches, however long that takes.
fn matches(query: &Query, document: &Document) -> bool {
    query.matches_within(document, &mut usize::MAX.clone()).unwrap()
}

/// The names of the people that a query matches.
#[track_caller]
fn check(query: &Value, wanted: &[&str]) {
    let query = Query::parse(&USERS, query).unwrap();
    let people = people();
    let found: Vec<&str> =
        people.iter().filter(|person| matches(&query, person)).map(Document::name).collect();
    assert_eq!(found, wanted, "{query:?}");
}

#[track_caller]
fn check_refusal(query: &Value, wanted: &str) {
    let refusal = Query::parse(&USERS, query).unwrap_err();
    assert_eq!(format!("{refusal}"), wanted);
}

#[test]
fn terms_are_found_whole() {
    check(&map! {"match_all": map! {}}, &["ann", "bob", "Cy"]);
    check(&map! {"term": map! {"username": "ann"}}, &["ann"]);
    check(&map! {"term": map! {"username": map! {"value": "ann", "boost": 2}}}, &["ann"]);
    check(&map! {"term": map! {"username": "cy"}}, &[]);
    let insensitive = map! {"value": "cy", "case_insensitive": true};
    check(&map! {"term": map! {"username": insensitive}}, &["Cy"]);
    check(&map! {"term": map! {"enabled": false}}, &["bob"]);
    check(&map! {"term": map! {"enabled": "true"}}, &["ann", "Cy"]);
    check(&map! {"terms": map! {"roles": ["ops", "none"], "boost": 1}}, &["ann"]);
    check(&map! {"terms": map! {"username": Value::List(Vec::new())}}, &[]);
    check(&map! {"term": map! {"full_name": "Berg"}}, &[]);
    check(&map! {"term": map! {"full_name": "berg"}}, &["ann", "bob"]);
    check(&map! {"term": map! {"email": "ann.berg@x.org"}}, &["ann"]);
}

#[test]
fn beginnings_patterns_and_ranges_are_found() {
    check(&map! {"prefix": map! {"username": "a"}}, &["ann"]);
    let insensitive = map! {"value": "C", "case_insensitive": true};
    check(&map! {"prefix": map! {"username": insensitive}}, &["Cy"]);
    check(&map! {"wildcard": map! {"username": "?o*"}}, &["bob"]);
    check(&map! {"wildcard": map! {"roles": map! {"wildcard": "*e*"}}}, &["ann", "bob"]);
    check(&map! {"wildcard": map! {"email": "*.org"}}, &["ann", "bob"]);
    check(&map! {"range": map! {"username": map! {"gt": "ann", "lte": "bob"}}}, &["bob"]);
    let from_to = map! {"from": "Cy", "to": "ann", "include_lower": false};
    check(&map! {"range": map! {"username": from_to}}, &["ann"]);
    check(&map! {"range": map! {"username": map! {"gte": Value::Null}}}, &["ann", "bob", "Cy"]);
    check(&map! {"exists": map! {"field": "roles"}}, &["ann", "bob"]);
    check(&map! {"exists": map! {"field": "email"}}, &["ann", "bob"]);
    check(&map! {"ids": map! {"values": ["user-ann", "bob", "user-Cy"]}}, &["ann", "Cy"]);
}

#[test]
fn clauses_are_joined() {
    let dev = || map! {"term": map! {"roles": "dev"}};
    let ops = || map! {"term": map! {"roles": "ops"}};
    let ann = || map! {"term": map! {"username": "ann"}};
    check(&map! {"bool": map! {}}, &["ann", "bob", "Cy"]);
    check(&map! {"bool": map! {"must": dev(), "must_not": [ops()]}}, &["bob"]);
    check(&map! {"bool": map! {"filter": [dev(), ops()]}}, &["ann"]);
    check(&map! {"bool": map! {"should": [ops(), ann()]}}, &["ann"]);
    check(&map! {"bool": map! {"must": dev(), "should": ops()}}, &["ann", "bob"]);
    let two = map! {"should": [ops(), ann(), dev()], "minimum_should_match": 2};
    check(&map! {"bool": two}, &["ann"]);
    let part = map! {"should": [ops(), dev()], "minimum_should_match": "50%"};
    check(&map! {"bool": part}, &["ann", "bob"]);
    let more = map! {"should": [dev()], "minimum_should_match": 2};
    check(&map! {"bool": more}, &[]);
    // Where nothing else must match, one of them must, whatever the minimum says.
    for least in ["0", "-1", "-100%", "0<0"] {
        let only = map! {"should": [ops()], "must_not": Value::List(vec![]), "minimum_should_match": least};
        check(&map! {"bool": only}, &["ann"]);
        let beside = map! {"should": [ops()], "filter": [dev()], "minimum_should_match": least};
        check(&map! {"bool": beside}, &["ann", "bob"]);
    }
    let none = map! {"should": Value::List(Vec::new()), "minimum_should_match": 1};
    check(&map! {"bool": none}, &[]);
}

#[test]
fn words_are_matched() {
    check(&map! {"match": map! {"full_name": "BERG ann"}}, &["ann", "bob"]);
    let all = map! {"query": "berg ann", "operator": "AND"};
    check(&map! {"match": map! {"full_name": all}}, &["ann"]);
    let two = map! {"query": "berg ann x", "minimum_should_match": "2"};
    check(&map! {"match": map! {"full_name": two}}, &["ann"]);
    let one = map! {"query": "berg", "minimum_should_match": 2};
    check(&map! {"match": map! {"full_name": one}}, &["ann", "bob"]);
    check(&map! {"match": map! {"email": "Y.org"}}, &["ann", "bob"]);
    check(&map! {"match": map! {"email": "bob7"}}, &["bob"]);
    check(&map! {"match": map! {"username": "ann bob"}}, &[]);
    check(&map! {"match": map! {"username": "ann"}}, &["ann"]);
    let near = map! {"query": "bregg", "fuzziness": "2"};
    check(&map! {"match": map! {"full_name": near}}, &["ann", "bob"]);
    check(&map! {"match": map! {"full_name": "--"}}, &[]);
    let none = map! {"query": "", "zero_terms_query": "all"};
    check(&map! {"match": map! {"full_name": none}}, &["ann", "bob", "Cy"]);
}

/// A `simple_query_string` over all fields, words joined by "or".
#[track_caller]
fn check_simple(text: &str, wanted: &[&str]) {
    check(&map! {"simple_query_string": map! {"query": text}}, wanted);
}

#[test]
fn operators_join_words() {
    check_simple("ann bob", &["ann", "bob"]);
    check_simple("berg + dev + ops", &["ann"]);
    check_simple("berg + -ops", &["bob"]);
    check_simple("-berg", &["Cy"]);
    check_simple("--berg", &["ann", "bob"]);
    check_simple("berg + -ops + -", &["bob"]);
    // What stands behind a blank is not negated, nor what stands behind another operator.
    check_simple("- berg", &["ann", "bob"]);
    check_simple("-| bob", &["bob"]);
    check_simple("-() bob", &["bob"]);
    // An operator is used up by a clause that asks nothing.
    check_simple("bob + () ann", &["ann", "bob"]);
    check_simple("bob + \"\" ann", &["ann", "bob"]);
    check_simple("ops | bob", &["ann", "bob"]);
    check_simple("bob | ann + ops", &["ann"]);
    check_simple("bob | (ann + ops)", &["ann", "bob"]);
    check_simple("(bob | (ann", &["ann", "bob"]);
    check_simple("b*", &["ann", "bob"]);
    check_simple("bo*", &["bob"]);
    check_simple("*", &["ann", "bob", "Cy"]);
    check_simple("", &[]);
    check_simple("bxb~1", &["bob"]);
    check_simple("b\\*", &[]);
    check_simple("false", &["bob"]);
    check_simple("|| + ) \\", &[]);
    check_simple("\"ann", &["ann"]);
}

#[test]
fn phrases_are_words_in_order() {
    let check = |text: &str, wanted: &[&str]| {
        let body = map! {"query": text, "fields": ["full_name"]};
        check(&map! {"simple_query_string": body}, wanted);
    };
    check("\"bob berg\"", &["bob"]);
    check("\"ann berg\"", &[]);
    check("\"ann berg\"~1", &[]);
    check("\"ann berg\"~2", &["ann"]);
    check("\"berg bob\"~1", &[]);
    check("\"berg bob\"~2", &["bob"]);
    check("\"ann van der berg\"", &["ann"]);
}

#[test]
fn fields_flags_and_operators_of_simple_queries_are_chosen() {
    let simple = |body: Value| map! {"simple_query_string": body};
    check(&simple(map! {"query": "ann", "fields": ["user*^3", "nope"]}), &["ann"]);
    check(&simple(map! {"query": "dev", "fields": ["user*"]}), &[]);
    check(&simple(map! {"query": "*", "fields": ["password"]}), &[]);
    check(&simple(map! {"query": "berg ops", "default_operator": "and"}), &["ann"]);
    check(&simple(map! {"query": "bo*", "flags": "NONE"}), &[]);
    check(&simple(map! {"query": "bo* | ann", "flags": "PREFIX|WHITESPACE"}), &["ann", "bob"]);
    let most = map! {"query": "berg ops ann", "minimum_should_match": "-1"};
    check(&simple(most), &["ann"]);
    // Where `\\` is no operator, a bracket behind it is one.
    let flags = "PRECEDENCE|WHITESPACE|AND|OR";
    let bracket = map! {"query": "(ann | x\\) + dev", "flags": flags};
    check(&simple(bracket), &["ann"]);
    let many: Vec<Value> =
        (0..=QUERY_CLAUSES_MAX).map(|number| format!("x{number}").as_str().into()).collect();
    check_refusal(
        &simple(map! {"query": "a", "fields": Value::List(many)}),
        "field expansion matches too many fields, limit: 1024, got: 1025",
    );
    let refused = simple(map! {"query": "a", "flags": "X"});
    check_refusal(&refused, "Unknown simple_query_string flag [X]");
}

#[test]
fn what_is_not_spoken_is_refused() {
    for kind in ["regexp", "fuzzy", "query_string", "nested", "function_score", "match_phrase", "x"]
    {
        let wanted = format!("Query type [{kind}] is not currently supported in this context");
        check_refusal(&map! {kind: map! {}}, &wanted);
        check_refusal(&map! {"bool": map! {"should": [map! {kind: map! {}}]}}, &wanted);
    }
    let lookup = map! {"index": "i", "id": "1", "path": "p"};
    check_refusal(
        &map! {"terms": map! {"roles": lookup}},
        "terms query with terms lookup is not currently supported in this context",
    );
    check_refusal(
        &map! {"range": map! {"username": map! {"gt": "a", "relation": "within"}}},
        "range query with relation is not currently supported in this context",
    );
}

/// Identity case 20, and the same for patterns.
#[test]
fn only_fields_of_the_collection_can_be_asked_for() {
    for kind in ["term", "prefix", "wildcard", "match"] {
        check_refusal(
            &map! {kind: map! {"password": "x"}},
            "Field [password] is not allowed for querying or aggregation",
        );
        check_refusal(
            &map! {kind: map! {"user*": "x"}},
            "Field name pattern [user*] is not allowed for querying or aggregation",
        );
    }
    for query in [
        map! {"terms": map! {"metadata": ["x"]}},
        map! {"exists": map! {"field": "metadata"}},
        map! {"range": map! {"metadata": map! {}}},
    ] {
        check_refusal(&query, "Field [metadata] is not allowed for querying or aggregation");
    }
}

#[test]
fn forms_are_checked() {
    for (query, wanted) in [
        (Value::from("x"), "[_na] query malformed, must start with start_object"),
        (map! {}, "query malformed, empty clause found"),
        (map! {"term": "x"}, "[term] query malformed, no start_object after query name"),
        (
            map! {"match_all": map! {}, "term": map! {}},
            "[match_all] malformed query, expected [END_OBJECT] but found [FIELD_NAME]",
        ),
        (map! {"match_all": map! {"x": 1}}, "[match_all] query does not support [x]"),
        (map! {"term": map! {}}, "field name is null or empty"),
        (map! {"term": map! {"username": Value::Null}}, "value cannot be null"),
        (map! {"term": map! {"username": map! {"x": 1}}}, "[term] query does not support [x]"),
        (
            map! {"term": map! {"username": "a", "roles": "b"}},
            "[term] query doesn't support multiple fields, found [username] and [roles]",
        ),
        (
            map! {"term": map! {"enabled": "maybe"}},
            "Can't parse boolean value [maybe], expected [true] or [false]",
        ),
        (map! {"bool": map! {"may": map! {}}}, "[bool] query does not support [may]"),
        (map! {"exists": map! {}}, "[exists] must be provided with a [field]"),
        (map! {"ids": map! {}}, "[ids] requires providing a values array of ids"),
        (map! {"match": map! {"roles": map! {}}}, "No text specified for text query"),
        (map! {"simple_query_string": map! {}}, "[simple_query_string] query text missing"),
    ] {
        check_refusal(&query, wanted);
    }
}

#[test]
fn depth_and_number_of_clauses_are_bounded() {
    let nested = |levels: usize| {
        (1..levels)
            .fold(map! {"match_all": map! {}}, |query, _| map! {"bool": map! {"must": query}})
    };
    assert!(Query::parse(&USERS, &nested(QUERY_DEPTH_MAX)).is_ok());
    let deep = Query::parse(&USERS, &nested(QUERY_DEPTH_MAX + 1)).unwrap_err();
    assert!(format!("{deep}").contains("max_nested_depth"));
    let many = Value::List(vec![map! {"match_all": map! {}}; QUERY_CLAUSES_MAX]);
    let many = Query::parse(&USERS, &map! {"bool": map! {"should": many}}).unwrap_err();
    assert!(format!("{many}").contains("too many nested clauses"));
    let simple =
        |text: &str| Query::parse(&USERS, &map! {"simple_query_string": map! {"query": text}});
    assert!(simple(&"(".repeat(100_000)).is_ok());
    assert!(simple(&format!("{}a{}", "(".repeat(100), ")".repeat(100))).is_err());
    assert!(simple(&"a | a + ".repeat(100)).is_err());
    assert!(simple(&"a ".repeat(1_000)).is_err());
}

#[test]
fn metadata_of_roles_are_found_by_member_and_by_value() {
    let body = map! {
        "metadata": map! {"team": "red", "level": map! {"n": 7}, "tags": ["a", "b"]},
        "description": "Reads The Logs",
        "applications": [
            map! {"application": "app", "privileges": ["p1", "p2"], "resources": ["*"]}
        ],
    };
    let role = role(&RoleDescriptor::from_value(&RoleName::new("r"), &body).unwrap());
    let matches = |query: Value| matches(&Query::parse(&ROLES, &query).unwrap(), &role);
    assert!(matches(map! {"term": map! {"metadata.team": "red"}}));
    assert!(!matches(map! {"term": map! {"metadata.team": "a"}}));
    assert!(matches(map! {"term": map! {"metadata.level.n": 7}}));
    assert!(matches(map! {"term": map! {"metadata": "b"}}));
    assert!(matches(map! {"prefix": map! {"metadata.team": "r"}}));
    assert!(matches(map! {"exists": map! {"field": "metadata.tags"}}));
    assert!(!matches(map! {"exists": map! {"field": "metadata.level"}}));
    assert!(matches(map! {"match": map! {"description": "logs"}}));
    assert!(matches(map! {"terms": map! {"applications.privileges": ["p2"]}}));
    assert!(matches(map! {"ids": map! {"values": ["role-r"]}}));
    assert!(Query::parse(&ROLES, &map! {"term": map! {"cluster": "all"}}).is_err());
}

#[test]
fn names_far_up_in_a_tree_do_not_multiply_memory() {
    let long = "n".repeat(INDEXED_TERM_BYTES_MAX - 10);
    let numbers = Value::List((0..9_000).map(Value::Integer).collect());
    let (many, deep) =
        (map! {(long.as_str()): numbers.clone()}, "d".repeat(INDEXED_TERM_BYTES_MAX));
    let metadata = map! {"a": 1, "long": many, (deep.as_str()): numbers};
    let role = RoleDescriptor::from_value(&RoleName::new("r"), &map! {"metadata": metadata});
    let role = role.map(|role| collections::role(&role)).unwrap();
    let bytes: usize = role.terms().iter().map(|term| term.text.len()).sum();
    assert!(bytes <= INDEXED_BYTES_MAX && role.terms().len() > 10, "{bytes}");
    let a = Query::parse(&ROLES, &map! {"term": map! {"metadata.a": 1}}).unwrap();
    assert!(matches(&a, &role));
}

/// Steps that a query takes for a document, at most half a million.
fn steps(query: &Value, document: &Document) -> Option<usize> {
    let query = Query::parse(&USERS, query).unwrap();
    let mut left = 500_000;
    query.matches_within(document, &mut left).map(|_| 500_000 - left)
}

#[test]
fn steps_are_counted_and_bounded() {
    let words = |word: &str| Some([word, " "].concat().repeat(1_000));
    let person = |full_name| {
        user(&User {
            username: Username::new("a"),
            roles: Vec::new(),
            full_name,
            email: None,
            metadata: Map::new(),
            enabled: true,
        })
    };
    let plain = map! {"term": map! {"full_name": "b"}};
    assert!(steps(&plain, &person(words("a"))).unwrap() < 10_000);
    assert!(steps(&plain, &person(None)).unwrap() < 10);
    let long = "a".repeat(200);
    let pattern = format!("*{}b", "a".repeat(100));
    let near = format!("bb{}", "a".repeat(197));
    let phrase = format!("\"{}b\"", "a ".repeat(900));
    for (query, word) in [
        (map! {"wildcard": map! {"full_name": pattern.as_str()}}, long.as_str()),
        (
            map! {"match": map! {"full_name": map! {"query": near.as_str(), "fuzziness": 2}}},
            long.as_str(),
        ),
        (map! {"simple_query_string": map! {"query": phrase.as_str()}}, "a"),
    ] {
        assert_eq!(steps(&query, &person(words(word))), None, "{query:?}");
        assert!(steps(&query, &person(Some("a b c".to_owned()))).unwrap() < 20_000);
    }
}

fn search(request: &SearchRequest) -> Result<Search, String> {
    Search::parse(&USERS, request).map_err(|refusal| format!("{refusal}"))
}

fn sort(sort: Value) -> Result<Search, String> {
    search(&SearchRequest { sort: Some(sort), ..SearchRequest::default() })
}

/// Identity case 19.
#[test]
fn text_cannot_be_sorted() {
    for name in ["email", "full_name"] {
        let wanted = format!("sorting is not supported for field [{name}]");
        assert_eq!(sort(Value::from([name])).unwrap_err(), wanted);
    }
    assert_eq!(
        sort(Value::from("password")).unwrap_err(),
        "Field [password] is not allowed for querying or aggregation"
    );
    let nested = map! {"username": map! {"order": "asc", "nested": map! {"path": "x"}}};
    assert_eq!(
        sort(nested).unwrap_err(),
        "nested sorting is not currently supported in this context"
    );
    assert_eq!(sort(map! {"username": "up"}).unwrap_err(), "Unknown SortOrder [up]");
    assert_eq!(
        sort(map! {"username": map! {"x": 1}}).unwrap_err(),
        "[field_sort] unknown field [x]"
    );
    assert!(sort(Value::from(7)).unwrap_err().starts_with("malformed sort format"));
}

#[test]
fn hits_are_ordered_by_their_values() {
    let ordered = |value: Value| {
        let sort = sort(value).unwrap().sort.unwrap();
        let mut hits: Vec<_> = (0..)
            .zip(people())
            .map(|(place, person)| (sort.values(&person, place), String::from(person.name())))
            .collect();
        hits.sort_by(|(left, _), (right, _)| sort.compare(left, right));
        hits.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    assert_eq!(ordered(Value::from("username")), ["Cy", "ann", "bob"]);
    assert_eq!(ordered(map! {"username": "desc"}), ["bob", "ann", "Cy"]);
    assert_eq!(ordered(map! {"_doc": map! {"order": "desc"}}), ["Cy", "bob", "ann"]);
    assert_eq!(ordered(Value::from(["enabled", "username"])), ["bob", "Cy", "ann"]);
    assert_eq!(ordered(map! {"roles": "desc"}), ["ann", "bob", "Cy"]);
    let first = map! {"roles": map! {"missing": "_first", "order": "desc"}};
    assert_eq!(ordered(first), ["Cy", "ann", "bob"]);
    let least = map! {"roles": map! {"mode": "min", "order": "desc"}, "username": "desc"};
    assert_eq!(ordered(least), ["bob", "ann", "Cy"]);
    assert_eq!(ordered(map! {"roles": map! {"missing": "e"}}), ["ann", "bob", "Cy"]);
}

#[test]
fn pages_are_bounded_and_begin_behind_a_hit() {
    let request = SearchRequest { from: 9_991, ..SearchRequest::default() };
    let refused = search(&request).unwrap_err();
    assert!(refused.starts_with(
        "Result window is too large, from + size must be less than or equal to: [10000] but was \
         [10001]."
    ));
    let after = |sort: Option<Value>, after: Value| {
        let search_after = Some(after);
        search(&SearchRequest { sort, search_after, ..SearchRequest::default() })
    };
    let one = || Some(Value::from("username"));
    assert_eq!(
        after(None, Value::from(["a"])).unwrap_err(),
        "Sort must contain at least one field."
    );
    assert_eq!(
        after(one(), Value::from(["a", "b"])).unwrap_err(),
        "search_after has 2 value(s) but sort has 1."
    );
    assert_eq!(
        after(one(), Value::from("a")).unwrap_err(),
        "Expected [START_ARRAY] in [search_after]"
    );
    let found = after(one(), Value::List(vec![Value::Integer(5)])).unwrap();
    assert_eq!(found.after.unwrap(), [SortValue::Text("5".into())]);
    let flags = Value::List(vec![Value::Bool(true)]);
    let found = after(Some(Value::from("enabled")), flags).unwrap();
    assert_eq!(found.after.unwrap(), [SortValue::Number(1)]);
    assert!(after(Some(Value::from("_doc")), Value::from(["x"])).is_err());
    let none = after(one(), Value::List(vec![Value::Null])).unwrap();
    assert_eq!(none.after.unwrap(), [SortValue::Missing]);
}
