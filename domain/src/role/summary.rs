//! What roles grant together, as it is shown to their holder.
//!
//! Owns the tree of plain values and what is merged in it. Must not know who asks.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::descriptor::{
    ApplicationGrant, FieldSecurity, IndexGrant, Query, RemoteClusterGrant, RoleDescriptor,
    members, texts,
};
use crate::value::{Map, Value};

/// What the roles grant together, with its members in the order of answers.
pub fn summary<'a>(roles: impl IntoIterator<Item = &'a RoleDescriptor>) -> Map {
    let mut summary = Summary::default();
    for role in roles {
        summary.add(role);
    }
    summary.into_map()
}

#[derive(Default)]
struct Summary {
    cluster: BTreeSet<String>,
    global: Vec<Value>,
    indices: IndexEntries,
    applications: Vec<Value>,
    run_as: BTreeSet<String>,
    remote_indices: IndexEntries,
    remote_cluster: Vec<Value>,
}

impl Summary {
    fn add(&mut self, role: &RoleDescriptor) {
        self.cluster.extend(role.cluster.iter().map(|name| name.to_lowercase()));
        if let Value::Map(categories) = role.global.to_value() {
            for (category, value) in categories.members() {
                if matches!(value, Value::Map(verbs) if !verbs.is_empty()) {
                    let single = [(category.to_owned(), value.clone())];
                    add_new(&mut self.global, Value::Map(single.into_iter().collect()));
                }
            }
        }
        for grant in &role.indices {
            self.indices.add(grant, &[]);
        }
        for grant in &role.applications {
            add_new(&mut self.applications, application(grant));
        }
        self.run_as.extend(role.run_as.iter().cloned());
        for remote in &role.remote_indices {
            self.remote_indices.add(&remote.grant, &remote.clusters);
        }
        for grant in &role.remote_cluster {
            add_new(&mut self.remote_cluster, remote_cluster(grant));
        }
    }

    fn into_map(self) -> Map {
        let mut map = members([
            ("cluster", sorted(&self.cluster)),
            ("global", Value::List(self.global)),
            ("indices", self.indices.into_value()),
            ("applications", Value::List(self.applications)),
            ("run_as", sorted(&self.run_as)),
        ]);
        if !self.remote_indices.0.is_empty() {
            map.set("remote_indices".to_owned(), self.remote_indices.into_value());
        }
        if !self.remote_cluster.is_empty() {
            map.set("remote_cluster".to_owned(), Value::List(self.remote_cluster));
        }
        map
    }
}

/// Entries on indices that agree in this are shown as one. One that bounds fields or documents
/// stays apart from one that does not: together they would bound nothing.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    names: BTreeSet<String>,
    privileges: BTreeSet<String>,
    allow_restricted_indices: bool,
    clusters: BTreeSet<String>,
    bounds_fields: bool,
    bounds_documents: bool,
}

/// What the entries say that are shown as one.
#[derive(Default)]
struct Bounds {
    fields: Vec<Value>,
    queries: Vec<Value>,
}

/// The entries, in order of their names.
#[derive(Default)]
struct IndexEntries(BTreeMap<Key, Bounds>);

impl IndexEntries {
    fn add(&mut self, grant: &IndexGrant, clusters: &[String]) {
        let key = Key {
            names: grant.names.iter().cloned().collect(),
            privileges: grant.privileges.iter().map(|name| name.to_lowercase()).collect(),
            allow_restricted_indices: grant.allow_restricted_indices,
            clusters: clusters.iter().cloned().collect(),
            bounds_fields: grant.field_security.is_some(),
            bounds_documents: grant.query.is_some(),
        };
        let bounds = self.0.entry(key).or_default();
        if let Some(fields) = grant.field_security.as_ref().map(FieldSecurity::to_value) {
            add_new(&mut bounds.fields, fields);
        }
        if let Some(query) = grant.query.as_ref().map(Query::to_value) {
            add_new(&mut bounds.queries, query);
        }
    }

    fn into_value(self) -> Value {
        let print = |(key, bounds): (Key, Bounds)| {
            let mut map =
                members([("names", sorted(&key.names)), ("privileges", sorted(&key.privileges))]);
            if key.bounds_fields {
                map.set("field_security".to_owned(), Value::List(bounds.fields));
            }
            if key.bounds_documents {
                map.set("query".to_owned(), Value::List(bounds.queries));
            }
            let is_allowed = Value::Bool(key.allow_restricted_indices);
            map.set("allow_restricted_indices".to_owned(), is_allowed);
            if !key.clusters.is_empty() {
                map.set("clusters".to_owned(), sorted(&key.clusters));
            }
            Value::Map(map)
        };
        Value::List(self.0.into_iter().map(print).collect())
    }
}

fn application(grant: &ApplicationGrant) -> Value {
    let privileges: BTreeSet<String> = grant.privileges.iter().cloned().collect();
    let resources: BTreeSet<String> = grant.resources.iter().cloned().collect();
    Value::Map(members([
        ("application", Value::Text(grant.application.clone())),
        ("privileges", sorted(&privileges)),
        ("resources", sorted(&resources)),
    ]))
}

fn remote_cluster(grant: &RemoteClusterGrant) -> Value {
    let privileges: BTreeSet<String> = grant.privileges.iter().cloned().collect();
    Value::Map(members([("privileges", sorted(&privileges)), ("clusters", texts(&grant.clusters))]))
}

fn sorted(texts: &BTreeSet<String>) -> Value {
    Value::List(texts.iter().map(|text| Value::Text(text.clone())).collect())
}

fn add_new(values: &mut Vec<Value>, value: Value) {
    if !values.contains(&value) {
        values.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::RoleName;
    use crate::role::reserved;

    fn index(privileges: &[&str], query: Option<&str>) -> IndexGrant {
        IndexGrant {
            names: ["b".to_owned(), "a".to_owned()].into(),
            privileges: privileges.iter().map(|&name| name.into()).collect(),
            field_security: None,
            query: query.map(|text| Query::Text(text.into())),
            allow_restricted_indices: false,
        }
    }

    fn role(indices: &[IndexGrant]) -> RoleDescriptor {
        let mut role = RoleDescriptor::new(RoleName::new("r"));
        role.indices = indices.to_vec();
        role
    }

    fn items<'a>(map: &'a Map, name: &str) -> &'a [Value] {
        let Some(Value::List(items)) = map.value(name) else { panic!("no list {name}") };
        items
    }

    fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
        let Value::Map(map) = value else { panic!("no map") };
        map.value(name)
    }

    /// Identity case 87, the rule.
    #[test]
    fn entries_with_the_same_names_and_privileges_are_merged() {
        let one = role(&[index(&["read"], Some("1")), index(&["write"], None)]);
        let other = role(&[index(&["Read"], Some("2")), index(&["read"], Some("1"))]);
        let shown = summary([&one, &other]);
        let indices = items(&shown, "indices");
        assert_eq!(indices.len(), 2);
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(member(&indices[0], "names"), Some(&Value::List([text("a"), text("b")].into())));
        let queries = Value::List([text("1"), text("2")].into());
        assert_eq!(member(&indices[0], "query"), Some(&queries));
        assert_eq!(member(&indices[1], "query"), None);
    }

    #[test]
    fn what_bounds_nothing_stays_apart_from_what_bounds() {
        let shown = summary([&role(&[index(&["read"], Some("1")), index(&["read"], None)])]);
        assert_eq!(items(&shown, "indices").len(), 2);
    }

    #[test]
    fn every_global_privilege_stands_alone() {
        let shown = summary([&reserved::descriptor("kibana_system").unwrap()]);
        let global = items(&shown, "global");
        assert_eq!(global.len(), 2);
        assert!(member(&global[0], "application").is_some());
        assert!(member(&global[1], "profile").is_some());
    }

    #[test]
    fn lists_that_are_rarely_used_are_shown_only_when_there_are_any() {
        let names =
            |map: &Map| -> Vec<String> { map.members().map(|(name, _)| name.to_owned()).collect() };
        let usual = ["cluster", "global", "indices", "applications", "run_as"];
        assert_eq!(names(&summary([])), usual);
        let shown = names(&summary([&reserved::descriptor("superuser").unwrap()]));
        assert_eq!(shown[..5], usual);
        assert_eq!(shown[5..], ["remote_indices", "remote_cluster"]);
    }
}
