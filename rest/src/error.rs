//! What the client is told when something went wrong, and the only place of status codes.
//!
//! Owns the three shapes of an error body and the status of every answer. Must not know how an
//! answer becomes bytes on a socket. An [`ApiError`] holds only what the client may read.

use std::borrow::Cow;

use http::StatusCode;
use jeton_authority::AuthorityError;
use jeton_authority::error::Unauthenticated;
use jeton_domain::privilege::action::CREATE_TOKEN;
use jeton_domain::query::QueryRefusal;
use jeton_domain::role::refusal::RoleRefusal;

use crate::caller::Challenges;
use crate::fault::{ErrorObject, Trace, X_CONTENT};
use crate::json::JsonError;
use crate::json::write::JsonWriter;

/// A refusal as the wire has it.
#[derive(Debug)]
pub struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    body: Body,
    /// Values of `WWW-Authenticate`, one header line each.
    challenges: Vec<Cow<'static, str>>,
    /// The value of `Allow`.
    allowed: Option<String>,
    retry_after_s: Option<u32>,
}

#[derive(Debug)]
enum Body {
    /// `{"error":{"root_cause":[...],...},"status":n}`
    Object(ErrorObject),
    /// `{"error":"...","status":n}`
    Simple(String),
    /// `{"error":"..."}`
    WithoutStatus(String),
    /// `{"error":"...","error_description":"..."}`
    Grant(GrantError, Option<String>),
    Empty,
}

/// The `error` of an answer in the shape of OAuth 2.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantError {
    /// A message names the grant type.
    UnsupportedGrantType,
    /// Something is missing.
    InvalidRequest,
    /// A refresh was refused.
    InvalidGrant,
    /// A negotiation needs another leg.
    Unauthorized,
}

/// Success, and the outcomes that carry a success body under another status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 200.
    Done,
    /// 404 with the normal body in its empty form.
    Missing,
    /// 408 with the normal body: a wait ended without what was waited for.
    TimedOut,
}

impl Verdict {
    /// The status of the answer.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Done => StatusCode::OK,
            Self::Missing => StatusCode::NOT_FOUND,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

impl ApiError {
    /// A bad argument.
    pub fn illegal_argument(reason: impl Into<String>) -> Self {
        Self::object(StatusCode::BAD_REQUEST, "illegal_argument_exception", reason)
    }

    /// A body that a hand-written parser refuses.
    pub fn parse(reason: impl Into<String>) -> Self {
        Self::object(StatusCode::BAD_REQUEST, PARSE, reason)
    }

    /// A body that lacks a field that must be there.
    pub fn parsing(reason: impl Into<String>) -> Self {
        Self::object(StatusCode::BAD_REQUEST, "parsing_exception", reason)
    }

    /// A body that a declarative parser refuses.
    pub fn x_content(reason: impl Into<String>) -> Self {
        Self::object(StatusCode::BAD_REQUEST, X_CONTENT, reason)
    }

    /// A request that its validation refuses.
    pub fn action_validation(messages: &[impl AsRef<str>]) -> Self {
        let reason = numbered(messages);
        Self::object(StatusCode::BAD_REQUEST, "action_request_validation_exception", reason)
    }

    /// A request that the rules of the stored thing refuse.
    pub fn validation(messages: &[impl AsRef<str>]) -> Self {
        let reason = numbered(messages);
        Self::object(StatusCode::BAD_REQUEST, "validation_exception", reason)
    }

    /// A refusal in the shape of OAuth 2.0.
    pub fn grant(error: GrantError, description: Option<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Body::Grant(error, description))
    }

    /// The token service is switched off.
    pub fn tokens_disabled() -> Self {
        let object =
            ErrorObject::new("feature_not_enabled_exception", "security tokens are not enabled")
                .with("disabled.feature", vec!["security_tokens".into()]);
        Self::new(StatusCode::BAD_REQUEST, Body::Object(object))
    }

    /// The caller is not known. `rejected` names credentials that were not accepted.
    pub fn unauthenticated(
        reason: impl Into<String>,
        challenges: Vec<Cow<'static, str>>,
        rejected: &[&str],
    ) -> Self {
        let mut object = ErrorObject::new(SECURITY, reason);
        if !rejected.is_empty() {
            let rejected = rejected.iter().map(|text| (*text).to_owned()).collect();
            object = object.with("additional_unsuccessful_credentials", rejected);
        }
        let object = object.challenged(challenges.clone());
        let mut error = Self::new(StatusCode::UNAUTHORIZED, Body::Object(object));
        error.0.challenges = challenges;
        error
    }

    /// The caller is known and may not.
    pub fn forbidden(reason: impl Into<String>) -> Self {
        Self::object(StatusCode::FORBIDDEN, SECURITY, reason)
    }

    /// A well-formed token on a store that never granted one.
    pub fn never_granted() -> Self {
        Self::object(StatusCode::BAD_REQUEST, SECURITY, "failed to invalidate token")
    }

    /// A Kerberos ticket that is not base64. It is not echoed: it may be a ticket all the same.
    pub fn undecodable_ticket() -> Self {
        let reason = "could not decode base64 kerberos ticket";
        Self::object(StatusCode::BAD_REQUEST, "unsupported_operation_exception", reason)
    }

    /// More than one value where one is meant.
    pub fn repeated_header(name: &str) -> Self {
        let text = format!("multiple values for single-valued header [{name}].");
        Self::new(StatusCode::BAD_REQUEST, Body::Simple(text))
    }

    /// A head that breaks the rules of HTTP.
    pub fn malformed(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Body::Simple(text.into()))
    }

    /// A media-type header that says nothing or too much.
    pub fn media_type(reason: impl Into<String>) -> Self {
        Self::object(StatusCode::BAD_REQUEST, "media_type_header_exception", reason)
    }

    /// Media-type headers that ask for a version that is not spoken, or for two.
    pub fn media_version(cause: impl Into<String>) -> Self {
        let reason = "Invalid media-type value on headers [Accept, Content-Type]";
        Self::media_type(reason).caused_by(ErrorObject::new("status_exception", cause))
    }

    /// A media type that is not spoken.
    pub fn media_unsupported(header: &str, value: &str) -> Self {
        let text = format!("{header} header [{value}] is not supported");
        Self::new(StatusCode::NOT_ACCEPTABLE, Body::Simple(text))
    }

    /// A body that does not say what it is.
    pub fn content_type_missing() -> Self {
        let text = String::from("Content-Type header is missing");
        Self::new(StatusCode::NOT_ACCEPTABLE, Body::Simple(text))
    }

    /// A coding of the body that is not spoken.
    pub fn encoding_unsupported(value: &str) -> Self {
        let text = format!("Content-Encoding header [{value}] is not supported");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Body::Simple(text))
    }

    /// A known path without the method.
    pub fn method_not_allowed(uri: &str, method: &str, allowed: &[&str]) -> Self {
        let text = format!(
            "Incorrect HTTP method for uri [{uri}] and method [{method}], allowed: [{}]",
            allowed.join(", ")
        );
        let mut error = Self::new(StatusCode::METHOD_NOT_ALLOWED, Body::Simple(text));
        error.0.allowed = Some(allowed.join(","));
        error
    }

    /// An unknown path.
    pub fn no_handler(uri: &str, method: &str) -> Self {
        let text = format!("no handler found for uri [{uri}] and method [{method}]");
        Self::new(StatusCode::BAD_REQUEST, Body::WithoutStatus(text))
    }

    /// A body beyond the limit.
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, Body::Empty)
    }

    /// A body that did not arrive in time.
    pub fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, Body::Empty)
    }

    /// A full queue.
    pub fn busy(reason: impl Into<String>) -> Self {
        let kind = "es_rejected_execution_exception";
        Self::object(StatusCode::TOO_MANY_REQUESTS, kind, reason).retry_after(RETRY_AFTER_S)
    }

    /// What cannot be decided or done now.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::object(StatusCode::SERVICE_UNAVAILABLE, SECURITY, reason).retry_after(RETRY_AFTER_S)
    }

    /// A fault of ours. What it was stands in the log.
    pub fn internal() -> Self {
        Self::object(StatusCode::INTERNAL_SERVER_ERROR, "exception", "internal error")
    }

    /// Adds what led to this error.
    #[must_use]
    pub fn caused_by(mut self, cause: ErrorObject) -> Self {
        if let Body::Object(object) = &mut self.0.body {
            let caused = std::mem::take(object).caused_by(cause);
            *object = caused;
        }
        self
    }

    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Whether the product header and warnings are withheld from this answer.
    pub fn hides_product(&self) -> bool {
        matches!(self.0.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
    }

    /// Values of `WWW-Authenticate`, one header line each.
    pub(crate) fn challenges(&self) -> &[Cow<'static, str>] {
        &self.0.challenges
    }

    /// The value of `Allow`.
    pub(crate) fn allowed(&self) -> Option<&str> {
        self.0.allowed.as_deref()
    }

    /// The value of `Retry-After`, in seconds.
    pub(crate) const fn retry_after_s(&self) -> Option<u32> {
        self.0.retry_after_s
    }

    /// Whether the answer has no body.
    pub(crate) const fn is_empty(&self) -> bool {
        matches!(self.0.body, Body::Empty)
    }

    /// Writes the body. `trace` asks for `stack_trace`, which a 401 never has.
    pub(crate) fn print(&self, json: &mut JsonWriter, trace: Trace) {
        let status = self.0.status.as_u16();
        json.begin_object();
        match &self.0.body {
            Body::Object(object) => {
                let is_refused = self.0.status == StatusCode::UNAUTHORIZED;
                let trace = if is_refused { Trace::Hidden } else { trace };
                json.name("error");
                object.print(json, trace);
                json.name("status");
                json.count(status.into());
            }
            Body::Simple(text) => {
                json.name("error");
                json.text(text);
                json.name("status");
                json.count(status.into());
            }
            Body::WithoutStatus(text) => {
                json.name("error");
                json.text(text);
            }
            Body::Grant(error, description) => {
                json.name("error");
                json.text(error.code());
                json.name("error_description");
                json.text_or_null(description.as_deref());
            }
            Body::Empty => {}
        }
        json.end_object();
    }

    /// Writes type, reason and cause as an entry of an answer that goes on with other things.
    pub(crate) fn print_entry(&self, json: &mut JsonWriter) {
        if let Body::Object(object) = &self.0.body {
            object.print_entry(json);
        } else {
            ErrorObject::new("exception", "internal error").print_entry(json);
        }
    }

    fn object(status: StatusCode, kind: &'static str, reason: impl Into<String>) -> Self {
        Self::new(status, Body::Object(ErrorObject::new(kind, reason)))
    }

    fn new(status: StatusCode, body: Body) -> Self {
        Self(Box::new(Parts {
            status,
            body,
            challenges: Vec::new(),
            allowed: None,
            retry_after_s: None,
        }))
    }

    fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }
}

impl ApiError {
    /// What the authority refuses, as the wire says it at this door.
    pub(crate) fn of_authority(error: AuthorityError, door: &Door<'_>) -> Self {
        match error {
            AuthorityError::Unauthenticated(who) => Self::of_stranger(&who, door),
            AuthorityError::Forbidden(reason) => Self::forbidden(reason),
            AuthorityError::LogInFirst(reason) => {
                Self::unauthenticated(reason, door.challenges.all(), &[])
            }
            AuthorityError::TokensDisabled => Self::tokens_disabled(),
            AuthorityError::Refresh(refusal) => {
                Self::grant(GrantError::InvalidGrant, Some(refusal.to_string()))
            }
            AuthorityError::NeverGranted => Self::never_granted(),
            AuthorityError::Invalid(messages) => Self::action_validation(&messages),
            AuthorityError::Unfit(messages) => Self::validation(&messages),
            AuthorityError::Argument(reason) => Self::illegal_argument(reason),
            AuthorityError::Unreadable(reason) => Self::parse(reason),
            AuthorityError::Query(refusal) => refusal.into(),
            AuthorityError::Throttled { retry_after } => {
                let seconds = u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX);
                Self::busy("too many failed attempts to authenticate")
                    .retry_after(seconds.saturating_add(1))
            }
            AuthorityError::Busy(reason) => Self::busy(reason),
            AuthorityError::Unavailable { what, cause: _ } => Self::unavailable(what),
        }
    }

    fn of_stranger(who: &Unauthenticated, door: &Door<'_>) -> Self {
        let uri = door.uri;
        let all = || door.challenges.all();
        match who {
            Unauthenticated::Missing => {
                let reason = format!("missing authentication credentials for REST request [{uri}]");
                Self::unauthenticated(reason, all(), &[])
            }
            Unauthenticated::User(name) => {
                let reason =
                    format!("unable to authenticate user [{name}] for REST request [{uri}]");
                Self::unauthenticated(reason, all(), &[])
            }
            Unauthenticated::EndUser(name) => {
                let reason =
                    format!("unable to authenticate user [{name}] for action [{CREATE_TOKEN}]");
                Self::unauthenticated(reason, all(), &[])
            }
            Unauthenticated::UnknownToken => {
                Self::unauthenticated(NOT_ACCEPTED, all(), &["oauth2 token: invalid token"])
            }
            Unauthenticated::UnknownApiKey => {
                Self::unauthenticated(NOT_ACCEPTED, all(), &["API key: unable to find apikey"])
            }
            Unauthenticated::ExpiredToken => {
                Self::unauthenticated("token expired", Challenges::expired(), &[])
            }
        }
    }
}

/// What an error must say of the request that it answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door<'r> {
    /// The target as it was sent.
    pub uri: &'r str,
    /// The ways to authenticate that are open.
    pub challenges: &'r Challenges,
}

impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> Self {
        let kind = match error {
            JsonError::Truncated { .. } => "x_content_e_o_f_exception",
            JsonError::Syntax { .. } => X_CONTENT,
        };
        Self::object(StatusCode::BAD_REQUEST, kind, error.to_string())
    }
}

impl From<QueryRefusal> for ApiError {
    fn from(refusal: QueryRefusal) -> Self {
        match refusal {
            QueryRefusal::NotAllowed(reason) => Self::illegal_argument(reason),
            QueryRefusal::Malformed(reason) => {
                Self::object(StatusCode::BAD_REQUEST, "parsing_exception", reason)
            }
        }
    }
}

impl From<RoleRefusal> for ApiError {
    fn from(refusal: RoleRefusal) -> Self {
        let error = Self::parse(refusal.to_string());
        match refusal {
            RoleRefusal::Texts { cause, .. } => {
                error.caused_by(ErrorObject::new(PARSE, cause.to_string()))
            }
            RoleRefusal::NotAnObject { .. }
            | RoleRefusal::UnexpectedField { .. }
            | RoleRefusal::Metadata { .. }
            | RoleRefusal::WrongKind { .. }
            | RoleRefusal::MissingWorkflows { .. }
            | RoleRefusal::Section { .. }
            | RoleRefusal::GlobalWord { .. }
            | RoleRefusal::GlobalKind { .. } => error,
        }
    }
}

impl GrantError {
    const fn code(self) -> &'static str {
        match self {
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidGrant => "invalid_grant",
            Self::Unauthorized => "_unauthorized",
        }
    }
}

/// `Validation Failed: 1: ...;2: ...;`
pub(crate) fn numbered(messages: &[impl AsRef<str>]) -> String {
    let numbered: Vec<String> = (1..)
        .zip(messages)
        .map(|(number, message)| format!("{number}: {};", message.as_ref()))
        .collect();
    format!("Validation Failed: {}", numbered.concat())
}

const NOT_ACCEPTED: &str = "unable to authenticate with provided credentials and anonymous access is not allowed for this request";

const PARSE: &str = "parse_exception";
const SECURITY: &str = "security_exception";

/// How long a client should wait before it tries again, in seconds.
const RETRY_AFTER_S: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::write::Layout;

    fn printed(error: &ApiError, trace: Trace) -> String {
        let mut json = JsonWriter::new(Layout::Compact);
        error.print(&mut json, trace);
        String::from_utf8(json.finish()).unwrap()
    }

    #[test]
    fn an_error_object_repeats_its_head_as_root_cause() {
        let error = ApiError::parse("request body is required");
        assert_eq!(
            printed(&error, Trace::Hidden),
            r#"{"error":{"root_cause":[{"type":"parse_exception","reason":"request body is required"}],"type":"parse_exception","reason":"request body is required"},"status":400}"#
        );
    }

    #[test]
    fn challenges_are_a_string_when_single_and_an_array_when_several() {
        let one = ApiError::unauthenticated(
            "no",
            vec!["Bearer".into()],
            &["oauth2 token: invalid token"],
        );
        assert_eq!(
            printed(&one, Trace::Hidden),
            r#"{"error":{"root_cause":[{"type":"security_exception","reason":"no","additional_unsuccessful_credentials":"oauth2 token: invalid token","header":{"WWW-Authenticate":"Bearer"}}],"type":"security_exception","reason":"no","additional_unsuccessful_credentials":"oauth2 token: invalid token","header":{"WWW-Authenticate":"Bearer"}},"status":401}"#
        );
        let two = ApiError::unauthenticated("no", vec!["Basic".into(), "ApiKey".into()], &[]);
        assert!(printed(&two, Trace::Hidden).contains(r#""WWW-Authenticate":["Basic","ApiKey"]"#));
    }

    /// Case 125 of the wire.
    #[test]
    fn a_trace_is_shown_on_request_and_never_with_401() {
        let error = ApiError::media_version("no");
        assert!(!printed(&error, Trace::Hidden).contains("stack_trace"));
        assert_eq!(printed(&error, Trace::Shown).matches("stack_trace").count(), 3);
        let refused = ApiError::unauthenticated("no", Vec::new(), &[]);
        assert!(!printed(&refused, Trace::Shown).contains("stack_trace"));
    }

    #[test]
    fn a_cause_stands_outside_the_root_cause() {
        let error = ApiError::media_version("why");
        assert_eq!(
            printed(&error, Trace::Hidden),
            r#"{"error":{"root_cause":[{"type":"media_type_header_exception","reason":"Invalid media-type value on headers [Accept, Content-Type]"}],"type":"media_type_header_exception","reason":"Invalid media-type value on headers [Accept, Content-Type]","caused_by":{"type":"status_exception","reason":"why"}},"status":400}"#
        );
    }

    #[test]
    fn inner_parse_errors_are_the_root_of_outer_ones() {
        let inner = ErrorObject::x_content("inner")
            .caused_by(ErrorObject::new("illegal_argument_exception", "why"));
        let error = ApiError::x_content("outer").caused_by(inner);
        assert_eq!(
            printed(&error, Trace::Hidden),
            r#"{"error":{"root_cause":[{"type":"x_content_parse_exception","reason":"inner"}],"type":"x_content_parse_exception","reason":"outer","caused_by":{"type":"x_content_parse_exception","reason":"inner","caused_by":{"type":"illegal_argument_exception","reason":"why"}}},"status":400}"#
        );
    }

    #[test]
    fn oauth_errors_have_two_members() {
        let error = ApiError::grant(GrantError::Unauthorized, None);
        assert_eq!(
            printed(&error, Trace::Shown),
            r#"{"error":"_unauthorized","error_description":null}"#
        );
    }

    /// Case 31 of the wire, the shape.
    #[test]
    fn a_disabled_service_is_named_in_error_and_root_cause() {
        let body = printed(&ApiError::tokens_disabled(), Trace::Hidden);
        assert_eq!(body.matches(r#""disabled.feature":"security_tokens""#).count(), 2);
    }

    #[track_caller]
    fn check(error: AuthorityError, status: u16, retry_after_s: Option<u32>, wanted: &str) {
        let challenges = Challenges { bearer: true, api_key: true };
        let error = ApiError::of_authority(error, &Door { uri: "/p?q", challenges: &challenges });
        assert_eq!((error.status().as_u16(), error.retry_after_s()), (status, retry_after_s));
        let body = printed(&error, Trace::Hidden);
        assert!(body.contains(wanted), "{body}");
    }

    #[test]
    fn what_cannot_be_decided_is_neither_refused_nor_passed() {
        check(
            AuthorityError::Unavailable { what: "unable to", cause: "secret detail".into() },
            503,
            Some(1),
            r#"{"error":{"root_cause":[{"type":"security_exception","reason":"unable to"}],"type":"security_exception","reason":"unable to"},"status":503}"#,
        );
        let busy = r#""type":"es_rejected_execution_exception","reason":"full"},"status":429}"#;
        check(AuthorityError::Busy("full"), 429, Some(1), busy);
        let retry_after = std::time::Duration::from_millis(2500);
        let slowed = r#""type":"es_rejected_execution_exception""#;
        check(AuthorityError::Throttled { retry_after }, 429, Some(3), slowed);
    }

    #[test]
    fn strangers_are_told_where_they_knocked() {
        for (who, reason) in [
            (
                Unauthenticated::Missing,
                "missing authentication credentials for REST request [/p?q]",
            ),
            (
                Unauthenticated::User("u".into()),
                "unable to authenticate user [u] for REST request [/p?q]",
            ),
            (
                Unauthenticated::EndUser("u".into()),
                "unable to authenticate user [u] for action [cluster:admin/xpack/security/token/create]",
            ),
            (Unauthenticated::ExpiredToken, "token expired"),
        ] {
            check(who.into(), 401, None, &format!("\"reason\":\"{reason}\""));
        }
    }

    #[test]
    fn messages_are_numbered_without_blanks_between() {
        assert_eq!(numbered(&["a", "b"]), "Validation Failed: 1: a;2: b;");
    }

    #[test]
    fn routing_errors_are_simple() {
        let error = ApiError::method_not_allowed("/p?x", "GET", &["POST", "DELETE"]);
        assert_eq!(error.allowed(), Some("POST,DELETE"));
        assert_eq!(
            printed(&error, Trace::Hidden),
            r#"{"error":"Incorrect HTTP method for uri [/p?x] and method [GET], allowed: [POST, DELETE]","status":405}"#
        );
        let error = ApiError::no_handler("/_security/nope", "POST");
        assert_eq!(
            printed(&error, Trace::Hidden),
            r#"{"error":"no handler found for uri [/_security/nope] and method [POST]"}"#
        );
    }
}
