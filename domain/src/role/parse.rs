//! Reads a role descriptor from a tree of plain values.
//!
//! Owns the form: which members there are and of which kind. Must not know which names are legal.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::descriptor::{
    ApplicationGrant, FieldSecurity, IndexGrant, Query, RemoteClusterGrant, RemoteIndexGrant,
    Restriction, RoleDescriptor,
};
use super::parse_global;
use super::refusal::{RoleRefusal, Section, SectionFault, TextsRefusal, Token};
use crate::name::RoleName;
use crate::value::{Map, Value};

/// Reads every member that a descriptor can have.
pub(super) fn descriptor(name: &RoleName, value: &Value) -> Result<RoleDescriptor, RoleRefusal> {
    let mut role = RoleDescriptor::new(name.clone());
    for (field, value) in object(name, value)?.members() {
        match field {
            "cluster" => role.cluster = texts_or_null(name, field, value)?,
            "run_as" => role.run_as = texts_or_null(name, field, value)?,
            "indices" | "index" => role.indices = indices(name, field, value)?,
            "applications" | "application" => role.applications = applications(name, field, value)?,
            "remote_indices" => role.remote_indices = remote_indices(name, field, value)?,
            "remote_cluster" => role.remote_cluster = remote_cluster(name, field, value)?,
            "global" => role.global = parse_global::global(name, value)?,
            "metadata" => role.metadata = metadata(value)?,
            "restriction" => role.restriction = Some(restriction(name, value)?),
            "description" => role.description = Some(description(name, value)?),
            "transient_metadata" if matches!(value, Value::Map(_)) => {}
            "type" => {}
            _ => return Err(unexpected(name, field)),
        }
    }
    Ok(role)
}

/// Refuses a member that is legal elsewhere only.
pub(super) fn refuse_member(
    name: &RoleName,
    value: &Value,
    field: &str,
) -> Result<(), RoleRefusal> {
    match object(name, value)?.value(field) {
        Some(_) => Err(unexpected(name, field)),
        None => Ok(()),
    }
}

/// Reads a list of texts.
pub(super) fn texts(
    name: &RoleName,
    field: &str,
    value: &Value,
) -> Result<Vec<String>, RoleRefusal> {
    let field = field.to_owned();
    list_of_texts(field, value)
        .map_err(|cause| RoleRefusal::Texts { role: name.to_string(), cause })
}

/// Reads a list of texts that may be null.
pub(super) fn texts_or_null(
    name: &RoleName,
    field: &str,
    value: &Value,
) -> Result<Vec<String>, RoleRefusal> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Bool(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Map(_) => texts(name, field, value),
    }
}

fn list_of_texts(field: String, value: &Value) -> Result<Vec<String>, TextsRefusal> {
    let Value::List(items) = value else {
        let found = Token::of(value);
        return Err(match found {
            Token::Null => TextsRefusal::Null { field },
            Token::Boolean | Token::Number | Token::Text | Token::List | Token::Map => {
                TextsRefusal::NotAList { field, found }
            }
        });
    };
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        let Value::Text(text) = item else {
            return Err(TextsRefusal::NotText { field, found: Token::of(item) });
        };
        texts.push(text.clone());
    }
    Ok(texts)
}

fn object<'a>(name: &RoleName, value: &'a Value) -> Result<&'a Map, RoleRefusal> {
    let Value::Map(map) = value else {
        return Err(RoleRefusal::NotAnObject { role: name.to_string(), found: Token::of(value) });
    };
    Ok(map)
}

fn unexpected(name: &RoleName, field: &str) -> RoleRefusal {
    RoleRefusal::UnexpectedField { role: name.to_string(), field: field.to_owned() }
}

fn metadata(value: &Value) -> Result<Map, RoleRefusal> {
    let Value::Map(map) = value else {
        return Err(RoleRefusal::Metadata { found: Token::of(value) });
    };
    Ok(map.clone())
}

fn description(name: &RoleName, value: &Value) -> Result<String, RoleRefusal> {
    let Value::Text(text) = value else {
        return Err(RoleRefusal::WrongKind {
            role: name.to_string(),
            field: "description",
            wanted: "a string",
            found: Token::of(value),
        });
    };
    Ok(text.clone())
}

fn restriction(name: &RoleName, value: &Value) -> Result<Restriction, RoleRefusal> {
    let Value::Map(map) = value else {
        return Err(RoleRefusal::WrongKind {
            role: name.to_string(),
            field: "restriction",
            wanted: "an object",
            found: Token::of(value),
        });
    };
    let mut workflows = None;
    for (field, value) in map.members() {
        if field != "workflows" {
            return Err(unexpected(name, field));
        }
        workflows = Some(texts(name, field, value)?);
    }
    match workflows {
        Some(workflows) => Ok(Restriction { workflows }),
        None => Err(RoleRefusal::MissingWorkflows { role: name.to_string() }),
    }
}

/// One list of privileges of one role.
#[derive(Clone, Copy)]
struct Reader<'a> {
    name: &'a RoleName,
    section: Section,
}

impl Reader<'_> {
    fn refuse(self, fault: SectionFault) -> RoleRefusal {
        RoleRefusal::Section { role: self.name.to_string(), section: self.section, fault }
    }

    fn each<T>(
        self,
        field: &str,
        value: &Value,
        read: impl Fn(Self, &Map) -> Result<T, RoleRefusal>,
    ) -> Result<Vec<T>, RoleRefusal> {
        let field = field.to_owned();
        let Value::List(items) = value else {
            return Err(self.refuse(SectionFault::NotAList { field, found: Token::of(value) }));
        };
        let mut grants = Vec::with_capacity(items.len());
        for item in items {
            let Value::Map(map) = item else {
                return Err(self.refuse(SectionFault::NotObjects { field, found: Token::of(item) }));
            };
            grants.push(read(self, map)?);
        }
        Ok(grants)
    }

    fn require<T>(self, member: Option<T>, field: &'static str) -> Result<T, RoleRefusal> {
        member.ok_or_else(|| self.refuse(SectionFault::MissingField(field)))
    }

    fn unexpected(self, field: &str) -> RoleRefusal {
        self.refuse(SectionFault::UnexpectedField(field.to_owned()))
    }

    fn clusters(self, value: &Value) -> Result<Vec<String>, RoleRefusal> {
        let clusters = texts(self.name, "clusters", value)?;
        if clusters.is_empty() {
            return Err(self.refuse(SectionFault::EmptyList("clusters")));
        }
        if clusters.iter().any(String::is_empty) {
            return Err(self.refuse(SectionFault::EmptyText("clusters")));
        }
        Ok(clusters)
    }

    /// Reads an index grant; what it does not know, `other` has to.
    fn index_grant(
        self,
        map: &Map,
        mut other: impl FnMut(&str, &Value) -> Result<(), RoleRefusal>,
    ) -> Result<IndexGrant, RoleRefusal> {
        let (mut names, mut privileges) = (None, None);
        let (mut field_security, mut query, mut allow_restricted_indices) = (None, None, false);
        for (field, value) in map.members() {
            match field {
                "names" => names = Some(self.index_names(value)?),
                "privileges" => privileges = Some(texts(self.name, field, value)?),
                "field_security" => field_security = self.field_security(value)?,
                "query" => query = self.query(value)?,
                "allow_restricted_indices" => {
                    allow_restricted_indices = self.allow_restricted_indices(value)?;
                }
                _ => other(field, value)?,
            }
        }
        Ok(IndexGrant {
            names: self.require(names, "names")?,
            privileges: self.require(privileges, "privileges")?,
            field_security,
            query,
            allow_restricted_indices,
        })
    }

    fn index_names(self, value: &Value) -> Result<Vec<String>, RoleRefusal> {
        match value {
            Value::Text(name) => Ok(alloc::vec![name.clone()]),
            Value::List(names) if names.is_empty() => {
                Err(self.refuse(SectionFault::EmptyList("names")))
            }
            Value::List(_) => texts(self.name, "names", value),
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Map(_) => {
                let wanted = "a string or an array of strings";
                Err(self.wrong_kind("names", wanted, value))
            }
        }
    }

    fn field_security(self, value: &Value) -> Result<Option<FieldSecurity>, RoleRefusal> {
        let map = match value {
            Value::Null => return Ok(None),
            Value::Map(map) => map,
            Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_) => {
                return Err(self.wrong_kind("field_security", "null or an object", value));
            }
        };
        let mut fields = FieldSecurity { grant: None, except: None };
        for (field, value) in map.members() {
            match field {
                "grant" => fields.grant = Some(texts(self.name, field, value)?),
                "except" => fields.except = Some(texts(self.name, field, value)?),
                _ => return Err(self.refuse(SectionFault::UnexpectedOption(field.to_owned()))),
            }
        }
        match (&fields.grant, &fields.except) {
            (None, None) => Err(self.refuse(SectionFault::EmptyFieldSecurity)),
            (None, Some(_)) => Err(self.refuse(SectionFault::ExceptWithoutGrant)),
            (Some(_), Some(_) | None) => Ok(Some(fields)),
        }
    }

    fn query(self, value: &Value) -> Result<Option<Query>, RoleRefusal> {
        match value {
            Value::Null => Ok(None),
            Value::Text(text) if text.is_empty() => Ok(None),
            Value::Text(text) => Ok(Some(Query::Text(text.clone()))),
            Value::Map(tree) => Ok(Some(Query::Tree(tree.clone()))),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) => {
                Err(self.wrong_kind("query", "null, a string or an object", value))
            }
        }
    }

    fn allow_restricted_indices(self, value: &Value) -> Result<bool, RoleRefusal> {
        let Value::Bool(is_allowed) = value else {
            return Err(self.wrong_kind("allow_restricted_indices", "a boolean", value));
        };
        Ok(*is_allowed)
    }

    fn wrong_kind(self, field: &'static str, wanted: &'static str, value: &Value) -> RoleRefusal {
        self.refuse(SectionFault::WrongKind { field, wanted, found: Token::of(value) })
    }
}

/// Reads privileges on indices.
pub(super) fn indices(
    name: &RoleName,
    field: &str,
    value: &Value,
) -> Result<Vec<IndexGrant>, RoleRefusal> {
    let reader = Reader { name, section: Section::Indices };
    reader.each(field, value, |reader, map| {
        reader.index_grant(map, |field, _| Err(reader.unexpected(field)))
    })
}

fn remote_indices(
    name: &RoleName,
    field: &str,
    value: &Value,
) -> Result<Vec<RemoteIndexGrant>, RoleRefusal> {
    let reader = Reader { name, section: Section::RemoteIndices };
    reader.each(field, value, |reader, map| {
        let mut clusters = None;
        let grant = reader.index_grant(map, |field, value| {
            if field != "clusters" {
                return Err(reader.unexpected(field));
            }
            clusters = Some(reader.clusters(value)?);
            Ok(())
        })?;
        Ok(RemoteIndexGrant { clusters: reader.require(clusters, "clusters")?, grant })
    })
}

fn remote_cluster(
    name: &RoleName,
    field: &str,
    value: &Value,
) -> Result<Vec<RemoteClusterGrant>, RoleRefusal> {
    let reader = Reader { name, section: Section::RemoteCluster };
    reader.each(field, value, |reader, map| {
        let (mut clusters, mut privileges) = (None, None);
        for (field, value) in map.members() {
            match field {
                "clusters" => clusters = Some(reader.clusters(value)?),
                "privileges" => privileges = Some(texts(name, field, value)?),
                _ => return Err(reader.unexpected(field)),
            }
        }
        Ok(RemoteClusterGrant {
            privileges: reader.require(privileges, "privileges")?,
            clusters: reader.require(clusters, "clusters")?,
        })
    })
}

/// Reads privileges in applications.
pub(super) fn applications(
    name: &RoleName,
    field: &str,
    value: &Value,
) -> Result<Vec<ApplicationGrant>, RoleRefusal> {
    let reader = Reader { name, section: Section::Applications };
    reader.each(field, value, |reader, map| {
        let (mut application, mut privileges, mut resources) = (None, None, None);
        for (field, value) in map.members() {
            match (field, value) {
                ("application", Value::Text(text)) => application = Some(text.clone()),
                ("application", _) => {
                    return Err(reader.wrong_kind("application", "a string", value));
                }
                ("privileges", _) => privileges = Some(texts(name, field, value)?),
                ("resources", _) => resources = Some(texts(name, field, value)?),
                _ => return Err(reader.unexpected(field)),
            }
        }
        Ok(ApplicationGrant {
            application: reader.require(application, "application")?,
            privileges: reader.require(privileges, "privileges")?,
            resources: reader.require(resources, "resources")?,
        })
    })
}
