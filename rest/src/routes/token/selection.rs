//! The body of an invalidation: one token, or all of a realm, a user, a user of a realm.
//!
//! Owns the fields, the messages about them and the order in which they are found wanting.

use jeton_domain::secret::Secret;

use crate::error::ApiError;
use crate::fault::ErrorObject;
use crate::json::Position;
use crate::json::object::TextObject;

/// The members of an invalidation as they came; what is empty is absent.
#[derive(Debug, Default)]
pub(crate) struct InvalidationRequest {
    token: Option<Secret>,
    refresh_token: Option<Secret>,
    realm_name: Option<String>,
    username: Option<String>,
}

/// What is to be invalidated.
#[derive(Debug)]
pub(crate) enum Selection {
    /// The access token with this text.
    Access(Secret),
    /// The refresh token with this text.
    Refresh(Secret),
    /// All tokens of those named.
    Names(Names),
}

/// Whose tokens are to be invalidated.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// Everybody of a realm.
    Realm(String),
    /// A user name, in whatever realm.
    User(String),
    /// A user of one realm.
    UserInRealm(String, String),
}

impl InvalidationRequest {
    /// Reads the body.
    ///
    /// The parser of the wire builds its result as soon as the last of its fields has been read.
    /// With all four given, that is inside the object, and the refusal says so.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut request = Self::default();
        let mut fields_read = 0;
        let mut object = TextObject::open(body, PARSER, &FIELDS)?;
        while let Some(member) = object.next_member()? {
            fields_read += 1;
            if !member.text.is_empty() {
                request.set(member.field, member.text.into_owned());
            }
            if fields_read == FIELDS.len() && request.names_two_tokens() {
                return Err(refused_inside(member.at, member.field));
            }
        }
        if request.names_two_tokens() {
            return Err(ApiError::x_content(BUILD).caused_by(two_tokens()));
        }
        Ok(request)
    }

    /// What the request selects, if it says exactly one thing.
    pub(crate) fn into_selection(self) -> Result<Selection, ApiError> {
        let has_text = |name: &String| !name.trim().is_empty();
        let realm = self.realm_name.filter(has_text);
        let username = self.username.filter(has_text);
        let names = match (username, realm) {
            (Some(username), Some(realm)) => Some(Names::UserInRealm(username, realm)),
            (Some(username), None) => Some(Names::User(username)),
            (None, Some(realm)) => Some(Names::Realm(realm)),
            (None, None) => None,
        };
        match (self.token, self.refresh_token, names) {
            (None, None, Some(names)) => Ok(Selection::Names(names)),
            (None, None, None) => Err(ApiError::action_validation(&[NOTHING])),
            (_, _, Some(_)) => Err(ApiError::action_validation(&TOKEN_AND_NAMES)),
            (Some(token), _, None) => Ok(Selection::Access(token)),
            (None, Some(token), None) => Ok(Selection::Refresh(token)),
        }
    }

    fn set(&mut self, field: &str, text: String) {
        match field {
            "token" => self.token = Some(Secret::from_text(text)),
            "refresh_token" => self.refresh_token = Some(Secret::from_text(text)),
            "realm_name" => self.realm_name = Some(text),
            _ => self.username = Some(text),
        }
    }

    const fn names_two_tokens(&self) -> bool {
        self.token.is_some() && self.refresh_token.is_some()
    }
}

fn two_tokens() -> ErrorObject {
    let reason = "only one of [token, refresh_token] may be sent per request";
    ErrorObject::new("illegal_argument_exception", reason)
}

fn refused_inside(at: Position, field: &str) -> ApiError {
    ApiError::x_content(format!("{at} [{PARSER}] failed to parse field [{field}]"))
        .caused_by(ErrorObject::x_content(BUILD).caused_by(two_tokens()))
}

const PARSER: &str = "invalidate_token";

const FIELDS: [&str; 4] = ["token", "refresh_token", "realm_name", "username"];

const BUILD: &str = "Failed to build [invalidate_token] after last required field arrived";

const NOTHING: &str =
    "token string must be provided when not specifying a realm name or a username";

const TOKEN_AND_NAMES: [&str; 2] = [
    "token string must not be provided when realm name or username is specified",
    "token type must not be provided when realm name or username is specified",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Trace;
    use crate::json::write::{JsonWriter, Layout};

    fn selection(body: &str) -> Result<Selection, String> {
        InvalidationRequest::parse(body.as_bytes())
            .and_then(InvalidationRequest::into_selection)
            .map_err(|error| {
                let mut json = JsonWriter::new(Layout::Compact);
                error.print(&mut json, Trace::Hidden);
                String::from_utf8(json.finish()).unwrap()
            })
    }

    #[track_caller]
    fn check_validation(body: &str, messages: &str) {
        let found = selection(body).unwrap_err();
        let wanted = format!(
            r#","type":"action_request_validation_exception","reason":"Validation Failed: {messages}"}},"status":400}}"#
        );
        assert!(found.ends_with(&wanted), "{body}: {found}");
    }

    /// Case 89 of the wire.
    #[test]
    fn nothing_selected_is_refused() {
        let message =
            "1: token string must be provided when not specifying a realm name or a username;";
        for body in ["{}", r#"{"token":""}"#, r#"{"realm_name":" ","username":"\t"}"#] {
            check_validation(body, message);
        }
    }

    /// Case 90 of the wire.
    #[test]
    fn a_token_and_a_name_are_refused_twice() {
        let messages = "1: token string must not be provided when realm name or username is specified;2: token type must not be provided when realm name or username is specified;";
        check_validation(r#"{"token":"x","username":"u"}"#, messages);
        check_validation(r#"{"realm_name":"r","refresh_token":"x"}"#, messages);
    }

    /// Case 91 of the wire.
    #[test]
    fn two_tokens_are_refused_when_the_request_is_built() {
        assert_eq!(
            selection(r#"{"token":"x","refresh_token":"y"}"#).unwrap_err(),
            r#"{"error":{"root_cause":[{"type":"x_content_parse_exception","reason":"Failed to build [invalidate_token] after last required field arrived"}],"type":"x_content_parse_exception","reason":"Failed to build [invalidate_token] after last required field arrived","caused_by":{"type":"illegal_argument_exception","reason":"only one of [token, refresh_token] may be sent per request"}},"status":400}"#
        );
    }

    #[test]
    fn with_all_four_fields_the_last_one_takes_the_blame() {
        let found = selection(
            "{\"token\":\"x\",\"refresh_token\":\"y\",\"realm_name\":\"\",\n\"username\":\"u\", \"zzz\":1}",
        );
        assert_eq!(
            found.unwrap_err(),
            r#"{"error":{"root_cause":[{"type":"x_content_parse_exception","reason":"Failed to build [invalidate_token] after last required field arrived"}],"type":"x_content_parse_exception","reason":"[2:12] [invalidate_token] failed to parse field [username]","caused_by":{"type":"x_content_parse_exception","reason":"Failed to build [invalidate_token] after last required field arrived","caused_by":{"type":"illegal_argument_exception","reason":"only one of [token, refresh_token] may be sent per request"}}},"status":400}"#
        );
    }

    /// Case 92 of the wire.
    #[test]
    fn an_empty_token_is_absent() {
        let found = selection(r#"{"token":"","refresh_token":"r"}"#);
        assert!(matches!(found, Ok(Selection::Refresh(token)) if token.expose() == b"r"));
        let found = selection(r#"{"token":" ","refresh_token":""}"#);
        assert!(matches!(found, Ok(Selection::Access(token)) if token.expose() == b" "));
    }

    /// Case 93 of the wire.
    #[test]
    fn an_unknown_field_is_named_with_the_parser() {
        let found = selection(r#"{"realm":"r"}"#).unwrap_err();
        assert!(found.contains("[1:2] [invalidate_token] unknown field [realm]"), "{found}");
    }

    #[test]
    fn names_select_together_and_a_blank_one_is_absent() {
        let names = |body: &str| match selection(body) {
            Ok(Selection::Names(names)) => names,
            other => panic!("{other:?}"),
        };
        assert_eq!(names(r#"{"realm_name":"r","username":" "}"#), Names::Realm("r".into()));
        assert_eq!(names(r#"{"realm_name":"","username":"u"}"#), Names::User("u".into()));
        assert_eq!(
            names(r#"{"realm_name":"r","username":"u"}"#),
            Names::UserInRealm("u".into(), "r".into())
        );
    }
}
