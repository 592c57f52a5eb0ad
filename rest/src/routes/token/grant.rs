//! The body of a token request: fields, and which of them each grant needs and forbids.
//!
//! Owns the messages about them and their order. Must not know what a grant leads to.

use jeton_domain::secret::Secret;

use crate::error::{ApiError, GrantError, numbered};
use crate::json::object::TextObject;

/// The members of a token request as they came.
#[derive(Debug, Default)]
pub(crate) struct TokenRequest(Vec<(&'static str, Secret)>);

/// Whether a scope was asked for; which one does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The answer names the one scope there is.
    Requested,
    /// The answer does not speak of it.
    Absent,
}

/// What is asked for, with what it takes.
#[derive(Debug)]
pub(crate) enum GrantRequest {
    /// A token for the user with this name and password.
    Password {
        /// The end user's name.
        username: String,
        /// The end user's password.
        password: Secret,
    },
    /// A token for the holder of a Kerberos ticket, in base64.
    Kerberos(Secret),
    /// A new pair for a refresh token.
    Refresh(Secret),
    /// A token for the caller.
    ClientCredentials,
}

impl TokenRequest {
    /// Reads the body.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut members = Vec::new();
        let mut object = TextObject::open(body, "token_request", &FIELDS)?;
        while let Some(member) = object.next_member()? {
            members.push((member.field, Secret::from_text(member.text.into_owned())));
        }
        Ok(Self(members))
    }

    /// Whether a scope was asked for.
    pub(crate) fn scope(&self) -> Scope {
        if self.field("scope").is_some() { Scope::Requested } else { Scope::Absent }
    }

    /// The grant, if all that it needs and nothing that it forbids is there.
    pub(crate) fn into_grant(mut self) -> Result<GrantRequest, ApiError> {
        let Some(rules) = RULES.iter().find(|rules| self.is_for(rules.grant)) else {
            let message = format!("grant_type only supports the values: [{}]", names());
            return Err(refusal(&[message]));
        };
        let forbidden = rules
            .forbidden
            .iter()
            .filter(|name| self.field(name).is_some())
            .map(|name| format!("{name} is not supported with the {} grant_type", rules.grant));
        let missing = rules
            .required
            .iter()
            .filter(|name| self.field(name).is_none_or(Secret::is_empty))
            .map(|name| format!("{name} is missing"));
        let messages: Vec<String> = forbidden.chain(missing).collect();
        if !messages.is_empty() {
            return Err(refusal(&messages));
        }
        Ok(match rules.grant {
            PASSWORD => GrantRequest::Password {
                username: String::from_utf8_lossy(self.take("username").expose()).into_owned(),
                password: self.take("password"),
            },
            KERBEROS => GrantRequest::Kerberos(self.take("kerberos_ticket")),
            REFRESH => GrantRequest::Refresh(self.take("refresh_token")),
            _ => GrantRequest::ClientCredentials,
        })
    }

    fn is_for(&self, grant: &str) -> bool {
        self.field("grant_type").is_some_and(|given| given.expose() == grant.as_bytes())
    }

    fn field(&self, name: &str) -> Option<&Secret> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, text)| text)
    }

    fn take(&mut self, name: &str) -> Secret {
        let found = self.0.iter().position(|(known, _)| *known == name);
        found.map_or_else(|| Secret::from(""), |at| self.0.swap_remove(at).1)
    }
}

/// Any message that names the grant type makes it a matter of the grant type.
fn refusal(messages: &[String]) -> ApiError {
    let is_grant_type = messages.iter().any(|message| message.contains("grant_type"));
    let error =
        if is_grant_type { GrantError::UnsupportedGrantType } else { GrantError::InvalidRequest };
    ApiError::grant(error, Some(numbered(messages)))
}

fn names() -> String {
    RULES.map(|rules| rules.grant).join(", ")
}

struct Rules {
    grant: &'static str,
    required: &'static [&'static str],
    forbidden: &'static [&'static str],
}

const FIELDS: [&str; 6] =
    ["grant_type", "username", "password", "kerberos_ticket", "scope", "refresh_token"];

const PASSWORD: &str = "password";
const KERBEROS: &str = "_kerberos";
const REFRESH: &str = "refresh_token";

/// In the order of the message that lists them.
const RULES: [Rules; 4] = [
    Rules {
        grant: PASSWORD,
        required: &["username", "password"],
        forbidden: &["kerberos_ticket", "refresh_token"],
    },
    Rules {
        grant: KERBEROS,
        required: &["kerberos_ticket"],
        forbidden: &["username", "password", "refresh_token"],
    },
    Rules {
        grant: REFRESH,
        required: &["refresh_token"],
        forbidden: &["username", "password", "kerberos_ticket"],
    },
    Rules {
        grant: "client_credentials",
        required: &[],
        forbidden: &["username", "password", "kerberos_ticket", "refresh_token"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Trace;
    use crate::json::write::{JsonWriter, Layout};

    fn grant(body: &str) -> Result<GrantRequest, String> {
        TokenRequest::parse(body.as_bytes()).and_then(TokenRequest::into_grant).map_err(|error| {
            let mut json = JsonWriter::new(Layout::Compact);
            error.print(&mut json, Trace::Hidden);
            String::from_utf8(json.finish()).unwrap()
        })
    }

    #[track_caller]
    fn check_refusal(body: &str, error: &str, description: &str) {
        let wanted = format!(
            r#"{{"error":"{error}","error_description":"Validation Failed: {description}"}}"#
        );
        assert_eq!(grant(body).unwrap_err(), wanted, "{body}");
    }

    const UNSUPPORTED: &str = "1: grant_type only supports the values: [password, _kerberos, refresh_token, client_credentials];";

    /// Case 11 of the wire.
    #[test]
    fn a_request_without_a_grant_lists_the_grants() {
        check_refusal("{}", "unsupported_grant_type", UNSUPPORTED);
    }

    /// Case 12 of the wire.
    #[test]
    fn an_unknown_grant_is_refused_like_none() {
        for name in ["authorization_code", "PASSWORD", "foo", "", "kerberos"] {
            let body = format!(r#"{{"grant_type":"{name}"}}"#);
            check_refusal(&body, "unsupported_grant_type", UNSUPPORTED);
        }
    }

    /// Case 13 of the wire.
    #[test]
    fn a_password_grant_needs_name_and_password() {
        check_refusal(
            r#"{"grant_type":"password"}"#,
            "invalid_request",
            "1: username is missing;2: password is missing;",
        );
    }

    /// Case 14 of the wire.
    #[test]
    fn an_empty_name_is_missing() {
        check_refusal(
            r#"{"grant_type":"password","username":"","password":"p"}"#,
            "invalid_request",
            "1: username is missing;",
        );
    }

    /// Case 15 of the wire.
    #[test]
    fn a_forbidden_field_is_refused_even_if_empty() {
        check_refusal(
            r#"{"grant_type":"password","username":"u","password":"p","refresh_token":""}"#,
            "unsupported_grant_type",
            "1: refresh_token is not supported with the password grant_type;",
        );
    }

    #[test]
    fn forbidden_fields_are_named_before_missing_ones() {
        check_refusal(
            r#"{"grant_type":"password","refresh_token":"x","username":"u"}"#,
            "unsupported_grant_type",
            "1: refresh_token is not supported with the password grant_type;2: password is missing;",
        );
        check_refusal(
            r#"{"grant_type":"_kerberos","refresh_token":"x","password":"p","username":"u"}"#,
            "unsupported_grant_type",
            "1: username is not supported with the _kerberos grant_type;2: password is not supported with the _kerberos grant_type;3: refresh_token is not supported with the _kerberos grant_type;4: kerberos_ticket is missing;",
        );
    }

    /// Case 16 of the wire.
    #[test]
    fn client_credentials_take_no_user() {
        check_refusal(
            r#"{"grant_type":"client_credentials","username":"u"}"#,
            "unsupported_grant_type",
            "1: username is not supported with the client_credentials grant_type;",
        );
    }

    /// Case 17 of the wire.
    #[test]
    fn a_refresh_needs_its_token() {
        check_refusal(
            r#"{"grant_type":"refresh_token"}"#,
            "invalid_request",
            "1: refresh_token is missing;",
        );
    }

    /// Case 18 of the wire.
    #[test]
    fn a_refresh_takes_no_password() {
        check_refusal(
            r#"{"grant_type":"refresh_token","password":"p"}"#,
            "unsupported_grant_type",
            "1: password is not supported with the refresh_token grant_type;2: refresh_token is missing;",
        );
    }

    #[test]
    fn complete_requests_become_grants() {
        let found = grant(r#"{"password":"p","username":"u","grant_type":"password","scope":""}"#);
        let Ok(GrantRequest::Password { username, password }) = found else { panic!("{found:?}") };
        assert_eq!((username.as_str(), password.expose()), ("u", b"p".as_slice()));
        let found = grant(r#"{"grant_type":"_kerberos","kerberos_ticket":"t"}"#);
        assert!(matches!(found, Ok(GrantRequest::Kerberos(ticket)) if ticket.expose() == b"t"));
        let found = grant(r#"{"grant_type":"refresh_token","refresh_token":"r"}"#);
        assert!(matches!(found, Ok(GrantRequest::Refresh(token)) if token.expose() == b"r"));
        let found = grant(r#"{"grant_type":"client_credentials"}"#);
        assert!(matches!(found, Ok(GrantRequest::ClientCredentials)));
    }

    #[test]
    fn any_scope_counts_as_asked_for() {
        let scope = |body: &str| TokenRequest::parse(body.as_bytes()).unwrap().scope();
        assert_eq!(scope(r#"{"scope":""}"#), Scope::Requested);
        assert_eq!(scope(r#"{"scope":"FULL"}"#), Scope::Requested);
        assert_eq!(scope("{}"), Scope::Absent);
    }

    #[test]
    fn secrets_of_a_request_do_not_print() {
        let request = TokenRequest::parse(br#"{"password":"geheim"}"#).unwrap();
        assert!(!format!("{request:?}").contains("geheim"));
    }
}
