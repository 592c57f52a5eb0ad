//! What is read as a role, and that nothing of it is lost.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use core::error::Error;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::descriptor::{
    ApplicationGrant, FieldSecurity, GlobalPrivileges, IndexGrant, Query, RemoteClusterGrant,
    RemoteIndexGrant, Restriction, RoleDescriptor, RoleManagementGrant,
};
use super::reserved;
use crate::name::RoleName;
use crate::value::{Map, Value};

fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Map(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn list<const N: usize>(items: [Value; N]) -> Value {
    Value::List(items.into())
}

fn texts(items: &[&str]) -> Value {
    Value::List(items.iter().map(|item| text(item)).collect())
}

fn read(value: &Value) -> RoleDescriptor {
    RoleDescriptor::from_role_request(&RoleName::new("r"), value).unwrap()
}

fn check_refused(value: &Value, wanted: &str) {
    let refused = RoleDescriptor::from_role_request(&RoleName::new("r"), value).unwrap_err();
    assert_eq!(refused.to_string(), wanted);
}

/// Checks the refusal of an index entry.
fn check_index_refused(entry: Value, wanted: &str) {
    let wanted = ["failed to parse indices privileges for role [r].", wanted].join(" ");
    check_refused(&map([("indices", list([entry]))]), &wanted);
}

fn index_entry(field: &str, value: Value) -> Value {
    map([("names", text("i")), ("privileges", texts(&["read"])), (field, value)])
}

#[test]
fn a_role_without_members_is_read() {
    assert_eq!(read(&map([])), RoleDescriptor::new(RoleName::new("r")));
}

#[test]
fn a_role_prints_every_member_in_order() {
    let printed = read(&map([])).to_value();
    let wanted = map([
        ("cluster", list([])),
        ("indices", list([])),
        ("applications", list([])),
        ("run_as", list([])),
        ("metadata", map([])),
        ("transient_metadata", map([("enabled", Value::Bool(true))])),
    ]);
    assert_eq!(printed, wanted);
}

#[test]
fn optional_members_are_printed_where_present() {
    let entry = map([
        ("clusters", texts(&["c"])),
        ("names", text("*")),
        ("query", text("{}")),
        ("privileges", texts(&["read"])),
        ("field_security", map([("except", texts(&["b"])), ("grant", texts(&["a"]))])),
    ]);
    let role = map([
        ("description", text("d")),
        ("remote_cluster", list([map([("clusters", texts(&["c"])), ("privileges", list([]))])])),
        ("remote_indices", list([entry])),
        ("global", map([("application", map([("manage", map([("applications", list([]))]))]))])),
    ]);
    let Value::Map(printed) = read(&role).to_value() else {
        panic!("a role is a map");
    };
    let names: Vec<&str> = printed.members().map(|(name, _)| name).collect();
    let wanted = "cluster global indices applications run_as metadata transient_metadata \
                  remote_indices remote_cluster description";
    assert_eq!(names.join(" "), wanted);
    let entry = map([
        ("names", texts(&["*"])),
        ("privileges", texts(&["read"])),
        ("field_security", map([("grant", texts(&["a"])), ("except", texts(&["b"]))])),
        ("query", text("{}")),
        ("allow_restricted_indices", Value::Bool(false)),
        ("clusters", texts(&["c"])),
    ]);
    assert_eq!(printed.value("remote_indices"), Some(&list([entry])));
    let global = map([
        ("application", map([("manage", map([("applications", list([]))]))])),
        ("profile", map([])),
        ("role", map([])),
    ]);
    assert_eq!(printed.value("global"), Some(&global));
}

#[test]
fn aliases_nulls_and_transient_metadata_are_read() {
    let application =
        map([("application", text("app")), ("privileges", list([])), ("resources", list([]))]);
    let role = read(&map([
        ("cluster", Value::Null),
        ("run_as", Value::Null),
        ("index", list([index_entry("query", text(""))])),
        ("application", list([application])),
        ("transient_metadata", map([("enabled", Value::Bool(false))])),
        ("type", text("role")),
        ("global", map([])),
    ]));
    assert_eq!(role.indices.len(), 1);
    assert_eq!(role.indices[0].query, None);
    assert_eq!(role.indices[0].names, ["i"]);
    assert_eq!(role.applications[0].application, "app");
    assert!(role.global.is_empty() && role.cluster.is_empty() && role.run_as.is_empty());
}

#[test]
fn a_query_tree_is_settled_as_text() {
    let tree = map([("match_all", map([]))]);
    let role = read(&map([("indices", list([index_entry("query", tree)]))]));
    let settled = role.settle_queries(|tree| tree.len().to_string());
    assert_eq!(settled.indices[0].query, Some(Query::Text("1".into())));
}

#[test]
fn members_of_unknown_name_or_wrong_kind_are_refused() {
    let kinds =
        [(list([]), "START_ARRAY"), (Value::Null, "VALUE_NULL"), (text("x"), "VALUE_STRING")];
    for (value, found) in kinds {
        let wanted = "failed to parse role [r]. expected an object but found [FOUND] instead";
        check_refused(&value, &wanted.replace("FOUND", found));
    }
    let unexpected = "failed to parse role [r]. unexpected field [bogus]";
    check_refused(&map([("bogus", Value::Null)]), unexpected);
    let transient = "failed to parse role [r]. unexpected field [transient_metadata]";
    check_refused(&map([("transient_metadata", Value::Null)]), transient);
    let metadata =
        "expected field [metadata] to be of type object, but found [START_ARRAY] instead";
    check_refused(&map([("metadata", list([]))]), metadata);
}

#[test]
fn a_list_that_is_none_is_refused_with_its_cause() {
    let value = map([("cluster", text("all"))]);
    let refused = RoleDescriptor::from_value(&RoleName::new("r"), &value).unwrap_err();
    assert_eq!(refused.to_string(), "failed to parse role [r]");
    assert_eq!(
        refused.source().unwrap().to_string(),
        "could not parse [cluster] field. expected a string array but found [VALUE_STRING] value \
         instead"
    );
}

#[test]
fn restrictions_are_for_keys_and_descriptions_for_roles() {
    let name = RoleName::new("r");
    let restricted =
        map([("restriction", map([("workflows", texts(&["search_application_query"]))]))]);
    check_refused(&restricted, "failed to parse role [r]. unexpected field [restriction]");
    assert!(RoleDescriptor::from_api_key_request(&name, &restricted).is_ok());
    let empty = RoleDescriptor::from_api_key_request(&name, &map([("restriction", map([]))]));
    assert_eq!(
        empty.unwrap_err().to_string(),
        "failed to parse role [r]. missing required [workflows] field in [restriction]"
    );
    let described = map([("description", text("d"))]);
    assert_eq!(read(&described).description.as_deref(), Some("d"));
    let refused = RoleDescriptor::from_api_key_request(&name, &described).unwrap_err();
    let wanted = "failed to parse role [r]. unexpected field [description]";
    assert_eq!(refused.to_string(), wanted);
}

#[test]
fn index_entries_of_the_wrong_form_are_refused() {
    check_refused(
        &map([("indices", map([]))]),
        "failed to parse indices privileges for role [r]. expected field [indices] value to be an \
         array, but found [START_OBJECT] instead",
    );
    check_index_refused(
        text("x"),
        "expected field [indices] value to be an array of objects, but found an array element of \
         type [VALUE_STRING]",
    );
    check_index_refused(map([("names", text("i"))]), "missing required [privileges] field");
    check_index_refused(map([("privileges", list([]))]), "missing required [names] field");
    check_index_refused(map([("names", list([]))]), "[names] cannot be an empty array");
    check_index_refused(index_entry("clusters", list([])), "unexpected field [clusters]");
    check_index_refused(
        index_entry("field_security", map([])),
        "\"field_security\" must not be empty.",
    );
    check_index_refused(
        index_entry("field_security", map([("except", list([]))])),
        "\"field_security\" requires \"grant\" if \"except\" is given",
    );
    check_index_refused(
        index_entry("allow_restricted_indices", Value::Integer(1)),
        "expected field [allow_restricted_indices] value to be a boolean, but found [VALUE_NUMBER] \
         instead",
    );
}

#[test]
fn remote_and_application_entries_of_the_wrong_form_are_refused() {
    check_refused(
        &map([("remote_indices", list([index_entry("query", Value::Null)]))]),
        "failed to parse remote indices privileges for role [r]. missing required [clusters] field",
    );
    check_refused(
        &map([("remote_cluster", list([map([("clusters", texts(&[""]))])]))]),
        "failed to parse remote cluster privileges for role [r]. [clusters] cannot contain an \
         empty string",
    );
    check_refused(
        &map([("applications", list([map([("application", text("a"))])]))]),
        "failed to parse application privileges for role [r]. missing required [privileges] field",
    );
}

#[test]
fn global_privileges_of_unknown_kind_are_refused() {
    check_refused(
        &map([("global", map([("bogus", map([]))]))]),
        "failed to parse privilege. expected one of [application,profile,role] but found [bogus] \
         instead",
    );
    check_refused(
        &map([("global", map([("profile", map([("manage", map([]))]))]))]),
        "failed to parse privilege. expected one of [write] but found [manage] instead",
    );
    check_refused(
        &map([("global", list([]))]),
        "failed to parse privilege. expected [START_OBJECT] but found [START_ARRAY] instead",
    );
}

#[test]
fn reserved_roles_are_read_as_they_were_printed() {
    for role in reserved::descriptors() {
        assert_eq!(RoleDescriptor::from_value(&role.name, &role.to_value()), Ok(role));
    }
}

fn any_texts() -> impl Strategy<Value = Vec<String>> {
    vec("[a-z*]{0,4}", 0..3)
}

fn some_texts() -> impl Strategy<Value = Vec<String>> {
    vec("[a-z*]{1,4}", 1..3)
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        any::<i32>().prop_map(|number| Value::Float(number.into())),
        any::<String>().prop_map(Value::Text),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Value::Map(members.into_iter().collect())),
        ]
    })
}

fn any_map() -> impl Strategy<Value = Map> {
    vec((any::<String>(), any_value()), 0..3).prop_map(|members| members.into_iter().collect())
}

fn any_index_grant() -> impl Strategy<Value = IndexGrant> {
    let fields = (any_texts(), option::of(any_texts()))
        .prop_map(|(grant, except)| FieldSecurity { grant: Some(grant), except });
    let query = prop_oneof!["[^\u{0}]{1,8}".prop_map(Query::Text), any_map().prop_map(Query::Tree)];
    (some_texts(), any_texts(), option::of(fields), option::of(query), any::<bool>()).prop_map(
        |(names, privileges, field_security, query, allow_restricted_indices)| IndexGrant {
            names,
            privileges,
            field_security,
            query,
            allow_restricted_indices,
        },
    )
}

fn any_global() -> impl Strategy<Value = GlobalPrivileges> {
    let roles = vec((any_texts(), any_texts()), 0..3).prop_map(|grants| {
        let grants = grants.into_iter();
        grants.map(|(names, privileges)| RoleManagementGrant { names, privileges }).collect()
    });
    (option::of(any_texts()), option::of(any_texts()), option::of(roles)).prop_map(
        |(manage_applications, write_profiles, manage_roles)| GlobalPrivileges {
            manage_applications,
            write_profiles,
            manage_roles,
        },
    )
}

fn any_role() -> impl Strategy<Value = RoleDescriptor> {
    let application = ("[a-z]{1,4}", any_texts(), any_texts()).prop_map(
        |(application, privileges, resources)| ApplicationGrant {
            application,
            privileges,
            resources,
        },
    );
    let remote_index = (some_texts(), any_index_grant())
        .prop_map(|(clusters, grant)| RemoteIndexGrant { clusters, grant });
    let remote_cluster = (some_texts(), any_texts())
        .prop_map(|(clusters, privileges)| RemoteClusterGrant { privileges, clusters });
    let restriction = any_texts().prop_map(|workflows| Restriction { workflows });
    let local = (any_texts(), any_global(), vec(any_index_grant(), 0..3), vec(application, 0..3));
    let remote = (vec(remote_index, 0..3), vec(remote_cluster, 0..3));
    let about = (any_texts(), any_map(), option::of(restriction), option::of(any::<String>()));
    (local, remote, about).prop_map(|(local, remote, about)| RoleDescriptor {
        name: RoleName::new("r"),
        cluster: local.0,
        global: local.1,
        indices: local.2,
        applications: local.3,
        run_as: about.0,
        metadata: about.1,
        remote_indices: remote.0,
        remote_cluster: remote.1,
        restriction: about.2,
        description: about.3,
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again(role in any_role()) {
        let read = RoleDescriptor::from_value(&role.name, &role.to_value());
        prop_assert_eq!(read, Ok(role));
    }

    #[test]
    fn any_tree_is_read_or_refused(value in any_value()) {
        if let Ok(role) = RoleDescriptor::from_value(&RoleName::new("r"), &value) {
            let read = RoleDescriptor::from_value(&role.name, &role.to_value());
            prop_assert_eq!(read, Ok(role));
        }
    }
}
