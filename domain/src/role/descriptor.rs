//! Role descriptors: what a role grants, as it is written down.
//!
//! Owns the types and the tree of plain values that they are printed to. Reading the tree back
//! gives the same descriptor, so stores keep the tree. Must not know which names are legal. Start
//! at [`RoleDescriptor`].

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::parse;
use super::refusal::RoleRefusal;
use crate::name::RoleName;
use crate::value::{Map, Value};

/// What a role grants. Nothing of what was written is lost, whether it is enforced here or not.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleDescriptor {
    /// The name of the role.
    pub name: RoleName,
    /// Names of cluster privileges, or patterns over actions.
    pub cluster: Vec<String>,
    /// Cluster privileges that are bounded by what they concern.
    pub global: GlobalPrivileges,
    /// Privileges on indices.
    pub indices: Vec<IndexGrant>,
    /// Privileges in applications.
    pub applications: Vec<ApplicationGrant>,
    /// Patterns of names of users as whom the holder may act.
    pub run_as: Vec<String>,
    /// Whatever else is known.
    pub metadata: Map,
    /// Privileges on indices of other clusters.
    pub remote_indices: Vec<RemoteIndexGrant>,
    /// Privileges on other clusters.
    pub remote_cluster: Vec<RemoteClusterGrant>,
    /// What bounds all of it; only API keys have it.
    pub restriction: Option<Restriction>,
    /// What the role is for, in words.
    pub description: Option<String>,
}

/// Privileges on indices.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexGrant {
    /// Patterns of names of indices.
    pub names: Vec<String>,
    /// Names of privileges, or patterns over actions.
    pub privileges: Vec<String>,
    /// The fields that may be seen; without it, all.
    pub field_security: Option<FieldSecurity>,
    /// The documents that may be seen; without it, all.
    pub query: Option<Query>,
    /// Whether patterns also cover the indices of the system.
    pub allow_restricted_indices: bool,
}

/// The fields of documents that may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldSecurity {
    /// Patterns of fields that may be seen.
    pub grant: Option<Vec<String>>,
    /// Patterns of fields that may not be seen after all.
    pub except: Option<Vec<String>>,
}

/// The query that bounds which documents may be seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Its text, never empty.
    Text(String),
    /// Its tree, as it came in: [`RoleDescriptor::settle_queries`] turns it into text.
    Tree(Map),
}

/// Privileges in an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationGrant {
    /// The name of the application, or a pattern of names.
    pub application: String,
    /// Names of privileges, or patterns over actions.
    pub privileges: Vec<String>,
    /// Patterns of resources.
    pub resources: Vec<String>,
}

/// Privileges on indices of other clusters.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteIndexGrant {
    /// Patterns of names of clusters.
    pub clusters: Vec<String>,
    /// The privileges there.
    pub grant: IndexGrant,
}

/// Privileges on other clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteClusterGrant {
    /// Names of privileges.
    pub privileges: Vec<String>,
    /// Patterns of names of clusters.
    pub clusters: Vec<String>,
}

/// What bounds everything that a descriptor grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// The workflows in which alone it grants anything.
    pub workflows: Vec<String>,
}

/// Cluster privileges that are bounded by what they concern. An absent one grants nothing.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct GlobalPrivileges {
    /// Patterns of applications whose privileges may be managed.
    pub manage_applications: Option<Vec<String>>,
    /// Patterns of applications whose data in user profiles may be written.
    pub write_profiles: Option<Vec<String>>,
    /// Indices over which roles may be managed.
    pub manage_roles: Option<Vec<RoleManagementGrant>>,
}

impl GlobalPrivileges {
    /// Whether it grants nothing.
    pub const fn is_empty(&self) -> bool {
        self.manage_applications.is_none()
            && self.write_profiles.is_none()
            && self.manage_roles.is_none()
    }
}

/// Indices over which roles may be managed, and the privileges that such roles may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleManagementGrant {
    /// Patterns of names of indices.
    pub names: Vec<String>,
    /// Names of privileges.
    pub privileges: Vec<String>,
}

impl RoleDescriptor {
    /// A role that grants nothing.
    pub fn new(name: RoleName) -> Self {
        Self {
            name,
            cluster: Vec::new(),
            global: GlobalPrivileges::default(),
            indices: Vec::new(),
            applications: Vec::new(),
            run_as: Vec::new(),
            metadata: Map::new(),
            remote_indices: Vec::new(),
            remote_cluster: Vec::new(),
            restriction: None,
            description: None,
        }
    }

    /// Reads what [`Self::to_value`] printed, or a role of a file.
    ///
    /// Only the form is checked here; [`validation`](super::validation) checks the content.
    pub fn from_value(name: &RoleName, value: &Value) -> Result<Self, RoleRefusal> {
        parse::descriptor(name, value)
    }

    /// Reads a role that a client wants to store: it must have no restriction.
    pub fn from_role_request(name: &RoleName, value: &Value) -> Result<Self, RoleRefusal> {
        parse::refuse_member(name, value, "restriction")?;
        parse::descriptor(name, value)
    }

    /// Reads a descriptor that a client wants an API key to have: it must have no description.
    pub fn from_api_key_request(name: &RoleName, value: &Value) -> Result<Self, RoleRefusal> {
        parse::refuse_member(name, value, "description")?;
        parse::descriptor(name, value)
    }

    /// Turns every query that came in as a tree into the text that `print` makes of it.
    #[must_use]
    pub fn settle_queries(mut self, print: impl Fn(&Map) -> String) -> Self {
        let remote = self.remote_indices.iter_mut().map(|remote| &mut remote.grant);
        for grant in self.indices.iter_mut().chain(remote) {
            if let Some(Query::Tree(tree)) = &grant.query {
                grant.query = Some(Query::Text(print(tree)));
            }
        }
        self
    }

    /// The tree of plain values, with its members in the order of answers.
    ///
    /// The name is not part of it.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.set("cluster".to_owned(), texts(&self.cluster));
        if !self.global.is_empty() {
            map.set("global".to_owned(), self.global.to_value());
        }
        map.set("indices".to_owned(), list(&self.indices, IndexGrant::to_value));
        map.set("applications".to_owned(), list(&self.applications, ApplicationGrant::to_value));
        map.set("run_as".to_owned(), texts(&self.run_as));
        map.set("metadata".to_owned(), Value::Map(self.metadata.clone()));
        let enabled = members([("enabled", Value::Bool(true))]);
        map.set("transient_metadata".to_owned(), Value::Map(enabled));
        if !self.remote_indices.is_empty() {
            let remote = list(&self.remote_indices, RemoteIndexGrant::to_value);
            map.set("remote_indices".to_owned(), remote);
        }
        if !self.remote_cluster.is_empty() {
            let remote = list(&self.remote_cluster, RemoteClusterGrant::to_value);
            map.set("remote_cluster".to_owned(), remote);
        }
        if let Some(restriction) = &self.restriction {
            let workflows = members([("workflows", texts(&restriction.workflows))]);
            map.set("restriction".to_owned(), Value::Map(workflows));
        }
        if let Some(description) = &self.description {
            map.set("description".to_owned(), Value::Text(description.clone()));
        }
        Value::Map(map)
    }
}

impl IndexGrant {
    fn to_map(&self) -> Map {
        let mut map =
            members([("names", texts(&self.names)), ("privileges", texts(&self.privileges))]);
        if let Some(fields) = &self.field_security {
            map.set("field_security".to_owned(), fields.to_value());
        }
        if let Some(query) = &self.query {
            map.set("query".to_owned(), query.to_value());
        }
        let is_allowed = Value::Bool(self.allow_restricted_indices);
        map.set("allow_restricted_indices".to_owned(), is_allowed);
        map
    }

    fn to_value(&self) -> Value {
        Value::Map(self.to_map())
    }
}

impl FieldSecurity {
    pub(super) fn to_value(&self) -> Value {
        let mut held = Map::new();
        if let Some(grant) = &self.grant {
            held.set("grant".to_owned(), texts(grant));
        }
        if let Some(except) = &self.except {
            held.set("except".to_owned(), texts(except));
        }
        Value::Map(held)
    }
}

impl Query {
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Text(text) => Value::Text(text.clone()),
            Self::Tree(tree) => Value::Map(tree.clone()),
        }
    }
}

impl ApplicationGrant {
    fn to_value(&self) -> Value {
        Value::Map(members([
            ("application", Value::Text(self.application.clone())),
            ("privileges", texts(&self.privileges)),
            ("resources", texts(&self.resources)),
        ]))
    }
}

impl RemoteIndexGrant {
    fn to_value(&self) -> Value {
        let mut map = self.grant.to_map();
        map.set("clusters".to_owned(), texts(&self.clusters));
        Value::Map(map)
    }
}

impl RemoteClusterGrant {
    fn to_value(&self) -> Value {
        Value::Map(members([
            ("privileges", texts(&self.privileges)),
            ("clusters", texts(&self.clusters)),
        ]))
    }
}

impl GlobalPrivileges {
    /// Every category is printed, an absent one as an empty map.
    pub(super) fn to_value(&self) -> Value {
        let applications = |names: &Vec<String>| members([("applications", texts(names))]);
        let manage_applications = self.manage_applications.as_ref().map(applications);
        let write_profiles = self.write_profiles.as_ref().map(applications);
        let manage_roles = self.manage_roles.as_ref().map(|grants| {
            let print = |grant: &RoleManagementGrant| {
                Value::Map(members([
                    ("names", texts(&grant.names)),
                    ("privileges", texts(&grant.privileges)),
                ]))
            };
            members([("indices", list(grants, print))])
        });
        let category = |verb: &str, grant: Option<Map>| {
            let grant = grant.map(|grant| (verb.to_owned(), Value::Map(grant)));
            Value::Map(grant.into_iter().collect())
        };
        Value::Map(members([
            ("application", category("manage", manage_applications)),
            ("profile", category("write", write_profiles)),
            ("role", category("manage", manage_roles)),
        ]))
    }
}

pub(super) fn members<const N: usize>(members: [(&str, Value); N]) -> Map {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) fn texts(texts: &[String]) -> Value {
    list(texts, |text| Value::Text(text.clone()))
}

fn list<T>(items: &[T], print: impl Fn(&T) -> Value) -> Value {
    Value::List(items.iter().map(print).collect())
}
