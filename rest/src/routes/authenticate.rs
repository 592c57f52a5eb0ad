//! `GET /_security/_authenticate`, and the same object inside a granted token.

use jeton_authority::Caller;
use jeton_domain::name::RoleName;
use jeton_domain::privilege::action;
use jeton_domain::subject::{AuthenticationType, RealmRef, Subject};

use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::json::write::JsonWriter;
use crate::respond::Reply;

/// Shows who calls.
pub(crate) async fn show(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    exchange.authorize(&caller, action::AUTHENTICATE).await?;
    let (subject, kind) = (&caller.authentication.subject, caller.authentication.kind);
    let roles = exchange.rest.authority.shown_roles(subject);
    let reply = exchange.reply(Verdict::Done, |json| print(json, subject, &roles, kind))?;
    Ok(reply.about(subject))
}

/// Writes who is acting, in the member order of the wire. `roles` are those that the subject has
/// now, `kind` is that of this call.
pub(crate) fn print(
    json: &mut JsonWriter,
    subject: &Subject,
    roles: &[RoleName],
    kind: AuthenticationType,
) {
    json.begin_object();
    json.name("username");
    json.text(subject.username.as_str());
    json.name("roles");
    json.texts(roles.iter().map(RoleName::as_str));
    json.name("full_name");
    json.text_or_null(subject.full_name.as_deref());
    json.name("email");
    json.text_or_null(subject.email.as_deref());
    json.name("metadata");
    json.map(&subject.metadata);
    json.name("enabled");
    json.bool(subject.enabled);
    json.name("authentication_realm");
    realm(json, &subject.authentication_realm);
    json.name("lookup_realm");
    realm(json, &subject.lookup_realm);
    json.name("authentication_type");
    json.text(kind.as_str());
    if let Some(key) = &subject.api_key {
        json.name("api_key");
        json.begin_object();
        json.name("id");
        json.text(&key.id);
        if let Some(name) = &key.name {
            json.name("name");
            json.text(name);
        }
        json.end_object();
    }
    json.end_object();
}

fn realm(json: &mut JsonWriter, realm: &RealmRef) {
    json.begin_object();
    json.name("name");
    json.text(realm.name.as_str());
    json.name("type");
    json.text(&realm.kind);
    if let Some(domain) = &realm.domain {
        json.name("domain");
        json.text(domain);
    }
    json.end_object();
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::json::write::Layout;
    use jeton_domain::name::{RealmName, Username};
    use jeton_domain::subject::ApiKeyRef;
    use jeton_domain::value::Map;

    fn realm(name: &str, kind: &str) -> RealmRef {
        RealmRef { name: RealmName::new(name), kind: kind.into(), domain: None }
    }

    /// A user with nothing but a name.
    pub(crate) fn subject() -> Subject {
        Subject {
            username: Username::new("u"),
            roles: Vec::new(),
            full_name: None,
            email: None,
            metadata: Map::new(),
            enabled: true,
            authentication_realm: realm("default_native", "native"),
            lookup_realm: realm("default_native", "native"),
            authentication_type: AuthenticationType::Realm,
            run_by: None,
            api_key: None,
        }
    }

    fn printed(subject: &Subject) -> String {
        let mut json = JsonWriter::new(Layout::Compact);
        print(&mut json, subject, &subject.roles, subject.authentication_type);
        String::from_utf8(json.finish()).unwrap()
    }

    /// Case 113 of the wire, the body.
    #[test]
    fn a_user_without_anything_has_every_member() {
        assert_eq!(
            printed(&subject()),
            r#"{"username":"u","roles":[],"full_name":null,"email":null,"metadata":{},"enabled":true,"authentication_realm":{"name":"default_native","type":"native"},"lookup_realm":{"name":"default_native","type":"native"},"authentication_type":"realm"}"#
        );
    }

    #[test]
    fn domain_and_api_key_are_printed_where_known() {
        let mut subject = subject();
        subject.lookup_realm.domain = Some("d".into());
        subject.authentication_type = AuthenticationType::ApiKey;
        subject.api_key = Some(ApiKeyRef {
            id: "k".into(),
            name: Some("n".into()),
            role_descriptors: Map::new(),
            limited_by: Vec::new(),
        });
        assert!(printed(&subject).ends_with(
            r#""lookup_realm":{"name":"default_native","type":"native","domain":"d"},"authentication_type":"api_key","api_key":{"id":"k","name":"n"}}"#
        ));
    }
}
