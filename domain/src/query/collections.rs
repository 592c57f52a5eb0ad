//! What can be searched: users and roles, each with its fields.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::document::Document;
use super::schema::{Field, FieldKind, Schema};
use crate::role::descriptor::{ApplicationGrant, RoleDescriptor};
use crate::user::User;
use crate::value::Value;

/// The fields of users.
pub const USERS: Schema = Schema {
    id_prefix: "user-",
    fields: &[
        field("username", FieldKind::Keyword),
        field("roles", FieldKind::Keyword),
        field("enabled", FieldKind::Boolean),
        field("full_name", FieldKind::Text),
        field("email", FieldKind::Address),
    ],
};

/// The fields of roles.
pub const ROLES: Schema = Schema {
    id_prefix: "role-",
    fields: &[
        field("name", FieldKind::Keyword),
        field("description", FieldKind::Text),
        field("metadata", FieldKind::Flattened),
        field("applications.application", FieldKind::Keyword),
        field("applications.privileges", FieldKind::Keyword),
        field("applications.resources", FieldKind::Keyword),
    ],
};

/// A user as searches see them.
pub fn user(user: &User) -> Document {
    let name = user.username.as_str();
    let roles = user.roles.iter().map(|role| text(role.as_str())).collect();
    let mut values = vec![
        ("username", text(name)),
        ("roles", Value::List(roles)),
        ("enabled", Value::Bool(user.enabled)),
    ];
    values.extend(user.full_name.as_deref().map(|full| ("full_name", text(full))));
    values.extend(user.email.as_deref().map(|email| ("email", text(email))));
    Document::new(&USERS, name, &values)
}

/// A role as searches see it.
pub fn role(role: &RoleDescriptor) -> Document {
    let name = role.name.as_str();
    let of_applications = |texts: fn(&ApplicationGrant) -> &[String]| {
        let texts = role.applications.iter().flat_map(texts).map(|one| text(one));
        Value::List(texts.collect::<Vec<_>>())
    };
    let mut values = vec![
        ("name", text(name)),
        ("metadata", Value::Map(role.metadata.clone())),
        (
            "applications.application",
            of_applications(|grant| core::slice::from_ref(&grant.application)),
        ),
        ("applications.privileges", of_applications(|grant| &grant.privileges)),
        ("applications.resources", of_applications(|grant| &grant.resources)),
    ];
    values.extend(role.description.as_deref().map(|words| ("description", text(words))));
    Document::new(&ROLES, name, &values)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

const fn field(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind }
}
