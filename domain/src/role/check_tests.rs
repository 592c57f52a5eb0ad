//! What is held, shown by small roles and requests.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::check::{
    ApplicationRequest, CheckRefusal, Held, IndexRequest, PrivilegesRequest, check,
};
use super::coverage::TooComplex;
use super::descriptor::{ApplicationGrant, IndexGrant, RoleDescriptor};
use super::permission::Permission;
use super::reserved;
use super::validation::{RoleViolation, violations_of_content};
use crate::name::RoleName;
use crate::privilege::application::ApplicationPrivilege;
use crate::value::Map;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn role(indices: &[(&[&str], &[&str])], applications: &[(&str, &[&str], &[&str])]) -> Permission {
    let mut role = RoleDescriptor::new(RoleName::new("r"));
    let index = |(names, privileges): &(&[&str], &[&str])| IndexGrant {
        names: texts(names),
        privileges: texts(privileges),
        field_security: None,
        query: None,
        allow_restricted_indices: false,
    };
    let application =
        |(application, privileges, resources): &(&str, &[&str], &[&str])| ApplicationGrant {
            application: (*application).to_owned(),
            privileges: texts(privileges),
            resources: texts(resources),
        };
    role.indices = indices.iter().map(index).collect();
    role.applications = applications.iter().map(application).collect();
    Permission::of([&role])
}

fn on_index(name: &str, privilege: &str, is_allowed: bool) -> PrivilegesRequest {
    let asked = IndexRequest {
        names: texts(&[name]),
        privileges: texts(&[privilege]),
        allow_restricted_indices: is_allowed,
    };
    PrivilegesRequest { indices: [asked].into(), ..PrivilegesRequest::default() }
}

#[track_caller]
fn check_index(permission: &Permission, name: &str, privilege: &str, wanted: bool) {
    let request = on_index(name, privilege, false);
    let answer = check(&[permission], &request, &BTreeMap::new()).unwrap();
    assert_eq!(answer.indices[name][privilege], wanted, "{name} {privilege}");
    assert_eq!(answer.is_all_held(), wanted);
}

/// Identity case 60, the rule.
#[test]
fn a_pattern_of_indices_is_held_only_as_a_whole() {
    let permission = role(&[(&["index-*"], &["read"])], &[]);
    check_index(&permission, "*", "read", false);
    check_index(&permission, "index-*", "read", true);
    check_index(&permission, "index-1", "READ", true);
    check_index(&permission, "index-1", "indices:data/read/search", true);
    check_index(&permission, "index-1", "write", false);
    check_index(&permission, "index-1", "none", true);
    check_index(&permission, "other", "none", false);
}

#[test]
fn privileges_on_indices_imply_each_other_as_their_actions_do() {
    let holds = |held: &[&str]| role(&[(&["i"], held)], &[]);
    for (held, wanted, is_held) in [
        (&["all"][..], "read_cross_cluster", true),
        (&["all"], "manage_failure_store", true),
        (&["all"], "cross_cluster_replication_internal", true),
        (&["write"], "index", true),
        (&["write"], "create_doc", true),
        (&["write"], "delete", true),
        (&["index"], "create", true),
        (&["create"], "create_doc", true),
        (&["create_doc"], "create", false),
        (&["manage"], "monitor", true),
        (&["manage"], "view_index_metadata", true),
        (&["manage"], "manage_ilm", true),
        (&["manage"], "read", false),
        (&["read"], "read_failure_store", false),
        (&["read"], "all", false),
        (&["manage", "read", "write"], "all", false),
        (&["indices:*", "internal:transport/proxy/indices:*"], "all", false),
        (&["indices:*"], "write", true),
    ] {
        check_index(&holds(held), "i", wanted, is_held);
    }
}

#[test]
fn implication_on_indices_is_a_partial_order() {
    use crate::privilege::index::INDEX_PRIVILEGES;
    let below: BTreeMap<&str, Held> = INDEX_PRIVILEGES
        .into_iter()
        .map(|name| {
            let request = PrivilegesRequest {
                indices: [IndexRequest {
                    names: texts(&["i"]),
                    privileges: texts(&INDEX_PRIVILEGES),
                    allow_restricted_indices: false,
                }]
                .into(),
                ..PrivilegesRequest::default()
            };
            let permission = role(&[(&["i"], &[name])], &[]);
            let mut answer = check(&[&permission], &request, &BTreeMap::new()).unwrap();
            (name, answer.indices.remove("i").unwrap())
        })
        .collect();
    for (name, held) in &below {
        assert!(held[*name] && held["none"] && below["all"][*name], "{name}");
        for (lower, _) in held.iter().filter(|(_, is_held)| **is_held) {
            for (lowest, _) in below[lower.as_str()].iter().filter(|(_, is_held)| **is_held) {
                assert!(held[lowest], "{name} {lower} {lowest}");
            }
        }
    }
}

#[test]
fn restricted_indices_are_left_out_unless_they_are_named() {
    let superuser = Permission::of([&reserved::descriptor("superuser").unwrap()]);
    check_index(&superuser, "*", "all", true);
    check_index(&superuser, ".security", "all", false);
    check_index(&superuser, ".security-7", "read", true);
    for name in [".security-*", "/\\.security/", ".kibana_?"] {
        check_index(&superuser, name, "monitor", false);
    }
    let held = |name: &str, privilege: &str| {
        let request = on_index(name, privilege, true);
        check(&[&superuser], &request, &BTreeMap::new()).unwrap().is_all_held()
    };
    assert!(held("*", "read") && !held("*", "all"));
    assert!(held(".security-*", "monitor") && !held(".security-*", "all"));
}

#[test]
fn viewers_read_all_indices_but_hidden_ones() {
    for name in ["viewer", "editor"] {
        let permission = Permission::of([&reserved::descriptor(name).unwrap()]);
        for (index, is_held) in
            [("logs-1", true), ("logs-*", true), (".hidden", false), ("ilm-history-1", false)]
        {
            check_index(&permission, index, "read", is_held);
        }
        check_index(&permission, "*", "read", false);
        check_index(&permission, "logs-1", "delete_index", false);
    }
}

#[test]
fn every_pattern_of_a_reserved_role_can_be_read() {
    for role in reserved::descriptors() {
        let violations = violations_of_content(&role);
        assert_eq!(violations, [RoleViolation::Metadata], "{}", role.name.as_str());
    }
}

fn stored() -> Vec<ApplicationPrivilege> {
    let privilege = |name: &str, actions: &[&str]| ApplicationPrivilege {
        application: "app".to_owned(),
        name: name.to_owned(),
        actions: texts(actions),
        metadata: Map::new(),
    };
    [
        privilege("read", &["data:read/*", "action:login"]),
        privilege("view", &["data:read/page"]),
        privilege("all", &["*"]),
    ]
    .into()
}

#[track_caller]
fn check_application(permission: &Permission, privilege: &str, resource: &str, wanted: bool) {
    let asked = ApplicationRequest {
        application: "app".to_owned(),
        privileges: texts(&[privilege]),
        resources: texts(&[resource]),
    };
    let request =
        PrivilegesRequest { applications: [asked].into(), ..PrivilegesRequest::default() };
    let stored = stored();
    let stored = BTreeMap::from([("app", stored.as_slice())]);
    let answer = check(&[permission], &request, &stored).unwrap();
    let is_held = answer.applications["app"][resource][privilege];
    assert_eq!(is_held, wanted, "{privilege} {resource}");
}

#[test]
fn privileges_in_applications_are_held_by_their_actions_on_whole_resources() {
    let permission = role(&[], &[("a*", &["read", "data:write"], &["space:*", "/x[0-9]/"])]);
    let check = |privilege: &str, resource: &str, wanted: bool| {
        check_application(&permission, privilege, resource, wanted);
    };
    check("read", "space:1", true);
    check("view", "space:*", true);
    check("data:read/x", "x1", true);
    check("data:read/*", "/x[1-3]/", true);
    check("data:*", "space:1", false);
    check("data:write", "space:1", true);
    check("read", "*", false);
    check("all", "space:1", false);
    let other = role(&[], &[("other", &["*"], &["*"])]);
    check_application(&other, "read", "space:1", false);
    let both = role(&[], &[("app", &["read"], &["a*"]), ("*", &["all"], &["b*"])]);
    check_application(&both, "view", "/[ab].*/", true);
}

#[test]
fn an_undefined_name_is_held_by_those_who_hold_the_very_same() {
    let permission = role(&[], &[("app", &["unknown"], &["a"]), ("app", &["a*", "*:*"], &["b"])]);
    check_application(&permission, "unknown", "a", true);
    check_application(&permission, "other", "a", false);
    check_application(&permission, "unknown", "b", false);
    check_application(&permission, "view", "a", false);
}

#[test]
fn who_may_do_everything_in_an_application_holds_undefined_names_too() {
    for total in ["*", "**", "all"] {
        let held = [("app", &[total][..], &["b*"][..]), ("app", &["unknown"], &["a"])];
        let permission = role(&[], &held);
        check_application(&permission, "unknown", "b1", true);
        check_application(&permission, "unknown", "/a|b.*/", true);
        check_application(&permission, "other", "a", false);
        check_application(&permission, "other", "*", false);
    }
}

#[test]
fn what_is_asked_again_costs_little_and_what_is_repeated_in_the_answer_is_bounded() {
    let actions: Vec<String> =
        (0..2_000).map(|number| ["api:", &number.to_string()].concat()).collect();
    let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
    let permission = role(&[], &[("*", &actions, &["*"])]);
    let asked = |application: &str, privilege: &str| ApplicationRequest {
        application: application.to_owned(),
        privileges: texts(&[privilege]),
        resources: texts(&["r"]),
    };
    let ask = |applications: Vec<ApplicationRequest>| {
        let request = PrivilegesRequest { applications, ..PrivilegesRequest::default() };
        check(&[&permission], &request, &BTreeMap::new())
    };
    let repeated = (0..2_000).map(|number| asked("app", actions[number])).collect();
    let answer = ask(repeated).unwrap();
    assert!(answer.is_all_held() && answer.applications["app"]["r"].len() == 2_000);
    let many = (0..2_000).map(|number| asked(&["app", &number.to_string()].concat(), "x:y"));
    assert_eq!(ask(many.collect()), Err(CheckRefusal::TooComplex(TooComplex)));
    let mut long = asked("app", &["a:", &"b".repeat(100_000)].concat());
    long.resources = (0..200).map(|number: i32| number.to_string()).collect();
    assert_eq!(ask([long].into()), Err(CheckRefusal::TooLong));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let permission = Permission::default();
    let refused = |request: &PrivilegesRequest| {
        check(&[&permission], request, &BTreeMap::new()).unwrap_err().to_string()
    };
    let cluster =
        |name: &str| PrivilegesRequest { cluster: texts(&[name]), ..PrivilegesRequest::default() };
    assert!(refused(&cluster("bogus")).starts_with("unknown cluster privilege [bogus]"));
    let unknown = refused(&on_index("i", "bogus", false));
    assert!(unknown.starts_with("unknown index privilege [bogus]"));
    assert!(refused(&on_index("/(/", "read", false)).starts_with("invalid pattern [/(/]"));
    let many = IndexRequest {
        names: alloc::vec!["i".to_owned(); 1_000],
        privileges: alloc::vec!["read".to_owned(); 1_000],
        allow_restricted_indices: false,
    };
    let many = PrivilegesRequest { indices: [many].into(), ..PrivilegesRequest::default() };
    assert_eq!(refused(&many), "more than 50000 privileges cannot be checked at once");
}

#[test]
fn what_cannot_be_compared_is_refused_and_no_guess_is_made() {
    let wide: Vec<String> =
        ('a'..='z').map(|letter| ["*", &letter.to_string(), "?????"].concat()).collect();
    let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
    let permission = role(&[(&wide, &["read"])], &[]);
    let request = on_index("/[a-z]{5}.*[a-z].{5}/", "read", false);
    assert_eq!(
        check(&[&permission], &request, &BTreeMap::new()),
        Err(CheckRefusal::TooComplex(TooComplex))
    );
}

#[test]
fn a_request_must_ask_for_something_in_applications_by_name() {
    let empty = PrivilegesRequest::default();
    assert_eq!(empty.violations(), ["must specify at least one privilege"]);
    let asked = ApplicationRequest {
        application: "app*".to_owned(),
        privileges: Vec::new(),
        resources: Vec::new(),
    };
    let request = PrivilegesRequest { applications: [asked].into(), ..empty };
    assert_eq!(request.violations(), ["Application names may not contain '*' (found 'app*')"]);
}

/// What applications of many features ask when somebody logs in.
#[test]
fn many_plain_questions_are_answered() {
    let names: Vec<String> =
        (0..300).map(|number| ["data:read/", &number.to_string()].concat()).collect();
    let actions: Vec<&str> = names.iter().map(String::as_str).collect();
    let permission = role(
        &[(&["logs-*", "own-*"], &["read", "view_index_metadata"]), (&["own-*"], &["write"])],
        &[("app", &actions, &["space:*"]), ("app", &["login:*", "ui:*/show"], &["*"])],
    );
    let resources: Vec<String> =
        (0..30).map(|number| ["space:", &number.to_string()].concat()).collect();
    let asked = ApplicationRequest {
        application: "app".to_owned(),
        privileges: names.iter().cloned().chain(texts(&["login:", "ui:dev/show", "x:y"])).collect(),
        resources,
    };
    let indices = IndexRequest {
        names: (0..100).map(|number| ["logs-", &number.to_string(), "*"].concat()).collect(),
        privileges: texts(&["read", "write", "manage", "all", "create_doc", "monitor"]),
        allow_restricted_indices: false,
    };
    let request = PrivilegesRequest {
        cluster: crate::privilege::cluster::names().map(String::from).collect(),
        indices: [indices].into(),
        applications: [asked].into(),
    };
    let answer = check(&[&permission], &request, &BTreeMap::new()).unwrap();
    assert!(answer.indices["logs-7*"]["read"] && !answer.indices["logs-7*"]["write"]);
    let held = &answer.applications["app"]["space:3"];
    assert!(held["data:read/299"] && held["ui:dev/show"] && !held["x:y"]);
}
