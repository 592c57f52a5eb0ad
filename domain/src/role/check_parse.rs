//! Reads a request to check privileges from a tree of plain values.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use super::check::{ApplicationRequest, IndexRequest, PrivilegesRequest};
use super::descriptor::{ApplicationGrant, IndexGrant};
use super::parse;
use super::refusal::{RoleRefusal, Token};
use crate::name::RoleName;
use crate::value::Value;

/// Why a value is not the form of a request to check privileges, in the words of the wire.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckFormRefusal {
    /// It is not a map.
    #[error(
        "failed to parse privileges check [{user}]. expected an object but found [{found}] instead"
    )]
    NotAnObject {
        /// The user whose privileges are checked.
        user: String,
        /// What stands there.
        found: Token,
    },
    /// There is no such member.
    #[error("failed to parse privileges check [{user}]. unexpected field [{field}]")]
    UnexpectedField {
        /// The user whose privileges are checked.
        user: String,
        /// The member.
        field: String,
    },
    /// It asks for nothing.
    #[error(
        "failed to parse privileges check [{user}]. All privilege fields \
         [cluster,index,applications] are missing"
    )]
    Missing {
        /// The user whose privileges are checked.
        user: String,
    },
    /// A member of an index entry is legal in roles only.
    #[error("Field [{0}] is not supported in a has_privileges request")]
    Unsupported(&'static str),
    /// A list of privileges is wrong.
    #[error(transparent)]
    Privileges(#[from] RoleRefusal),
}

impl PrivilegesRequest {
    /// Reads a request about the user of this name.
    pub fn from_value(user: &str, value: &Value) -> Result<Self, CheckFormRefusal> {
        let Value::Map(map) = value else {
            let found = Token::of(value);
            return Err(CheckFormRefusal::NotAnObject { user: user.to_owned(), found });
        };
        let name = RoleName::new(user);
        let mut request = Self::default();
        let mut is_missing = true;
        for (field, value) in map.members() {
            match field {
                "cluster" => request.cluster = parse::texts_or_null(&name, field, value)?,
                "indices" | "index" => {
                    let grants = parse::indices(&name, field, value)?;
                    let asked: Result<Vec<_>, _> = grants.into_iter().map(index_request).collect();
                    request.indices = asked?;
                }
                "applications" | "application" => {
                    let grants = parse::applications(&name, field, value)?;
                    request.applications = grants.into_iter().map(application_request).collect();
                }
                _ => {
                    let (user, field) = (user.to_owned(), field.to_owned());
                    return Err(CheckFormRefusal::UnexpectedField { user, field });
                }
            }
            is_missing = is_missing && *value == Value::Null;
        }
        if is_missing {
            return Err(CheckFormRefusal::Missing { user: user.to_owned() });
        }
        Ok(request)
    }
}

fn index_request(grant: IndexGrant) -> Result<IndexRequest, CheckFormRefusal> {
    let IndexGrant { names, privileges, field_security, query, allow_restricted_indices } = grant;
    if field_security.is_some() {
        return Err(CheckFormRefusal::Unsupported("field_security"));
    }
    if query.is_some() {
        return Err(CheckFormRefusal::Unsupported("query"));
    }
    Ok(IndexRequest { names, privileges, allow_restricted_indices })
}

fn application_request(grant: ApplicationGrant) -> ApplicationRequest {
    let ApplicationGrant { application, privileges, resources } = grant;
    ApplicationRequest { application, privileges, resources }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Map;
    use alloc::string::ToString;

    fn map(members: &[(&str, Value)]) -> Value {
        let members = members.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Value::Map(members.collect::<Map>())
    }

    fn list(items: &[Value]) -> Value {
        Value::List(items.to_vec())
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn refused(value: &Value) -> String {
        PrivilegesRequest::from_value("ann", value).unwrap_err().to_string()
    }

    #[test]
    fn privileges_are_read_under_each_of_their_names() {
        let index = map(&[("names", text("i")), ("privileges", list(&[text("read")]))]);
        let application = map(&[
            ("application", text("app")),
            ("privileges", list(&[text("a")])),
            ("resources", list(&[text("*")])),
        ]);
        let wanted = PrivilegesRequest {
            cluster: [String::from("monitor")].into(),
            indices: [IndexRequest {
                names: ["i".to_owned()].into(),
                privileges: ["read".to_owned()].into(),
                allow_restricted_indices: false,
            }]
            .into(),
            applications: [ApplicationRequest {
                application: "app".to_owned(),
                privileges: ["a".to_owned()].into(),
                resources: ["*".to_owned()].into(),
            }]
            .into(),
        };
        for (indices, applications) in [("index", "application"), ("indices", "applications")] {
            let value = map(&[
                ("cluster", list(&[text("monitor")])),
                (indices, list(core::slice::from_ref(&index))),
                (applications, list(core::slice::from_ref(&application))),
            ]);
            assert_eq!(PrivilegesRequest::from_value("ann", &value).as_ref(), Ok(&wanted));
        }
    }

    #[test]
    fn what_is_missing_or_unknown_is_refused() {
        let missing = "failed to parse privileges check [ann]. All privilege fields \
                       [cluster,index,applications] are missing";
        assert_eq!(refused(&map(&[])), missing);
        assert_eq!(refused(&map(&[("cluster", Value::Null)])), missing);
        assert_eq!(
            refused(&map(&[("clusters", list(&[]))])),
            "failed to parse privileges check [ann]. unexpected field [clusters]"
        );
        assert_eq!(
            refused(&list(&[])),
            "failed to parse privileges check [ann]. expected an object but found [START_ARRAY] \
             instead"
        );
        let without_names = map(&[("index", list(&[map(&[("privileges", list(&[]))])]))]);
        assert_eq!(
            refused(&without_names),
            "failed to parse indices privileges for role [ann]. missing required [names] field"
        );
    }

    /// Identity case 89, the rule.
    #[test]
    fn what_bounds_documents_is_refused() {
        let with = |field: &str, value: Value| {
            let index = map(&[("names", text("i")), ("privileges", list(&[])), (field, value)]);
            refused(&map(&[("index", list(&[index]))]))
        };
        assert_eq!(
            with("query", text("{}")),
            "Field [query] is not supported in a has_privileges request"
        );
        assert_eq!(
            with("field_security", map(&[("grant", list(&[text("*")]))])),
            "Field [field_security] is not supported in a has_privileges request"
        );
    }
}
