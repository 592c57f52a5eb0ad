//! The shortest way for the most frequent call: `GET /_security/_authenticate` with an access
//! token.
//!
//! Owns which requests may take it: those whose answer depends on nothing but the token. Everything
//! else takes the long way, which gives the same answers.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use jeton_authority::AuthorityError;
use jeton_authority::error::Unauthenticated;
use jeton_domain::subject::{AuthenticationType, Subject};

use crate::caller::{self, Challenges};
use crate::error::{ApiError, Door};
use crate::headers::{Framing, RequestHeaders};
use crate::json::write::JsonWriter;
use crate::media::{self, Media};
use crate::respond::{Frame, Printed, Reply, body_of, header_bytes};
use crate::rest::Rest;
use crate::router::AUTHENTICATE_PATH;
use crate::routes::authenticate;

/// Answers that are the same for everybody, made once.
#[derive(Debug)]
pub(crate) struct Fast {
    /// The refusal of a token that is none of ours, in the plain frame.
    unknown: (StatusCode, HeaderMap, Bytes),
    /// How an answer to a good token begins.
    done_line: Bytes,
    /// The same refusal and that of a token that was good once, as they are and packed.
    refusals: [[Printed; 2]; 2],
}

impl Fast {
    pub(crate) fn new(challenges: &Challenges) -> Self {
        let refuse = |reason: Unauthenticated, gzip| {
            let door = Door { uri: AUTHENTICATE_PATH, challenges };
            let error = ApiError::of_authority(reason.into(), &door);
            Frame { gzip, ..Frame::default() }.refuse(&error)
        };
        let unknown = || Unauthenticated::UnknownToken;
        let (head, body) = refuse(unknown(), false).into_parts();
        let printed = |reason: fn() -> Unauthenticated| {
            [false, true].map(|gzip| Printed::of(&refuse(reason(), gzip)))
        };
        Self {
            unknown: (head.status, head.headers, body),
            done_line: Printed::of(&Frame::default().reply(Reply::done("{}"))).line,
            refusals: [printed(unknown), printed(|| Unauthenticated::ExpiredToken)],
        }
    }

    /// Status line and what else comes before the media type, where a token is good.
    pub(crate) fn done_line(&self) -> &[u8] {
        &self.done_line
    }

    /// The refusal of a token, unless it depends on more than the token.
    pub(crate) fn refusal(&self, reason: &Unauthenticated, gzip: bool) -> Option<&Printed> {
        let [unknown, expired] = &self.refusals;
        let [plain, packed] = match reason {
            Unauthenticated::UnknownToken => unknown,
            Unauthenticated::ExpiredToken => expired,
            _ => return None,
        };
        Some(if gzip { packed } else { plain })
    }

    /// The answer, if the request may take this way.
    pub(crate) async fn answer(
        &self,
        rest: &Rest,
        head: &Parts,
        headers: &RequestHeaders<'_>,
    ) -> Option<Response<Bytes>> {
        let is_fit = head.uri.path() == AUTHENTICATE_PATH
            && head.method == Method::GET
            && head.uri.query().is_none()
            && headers.body == Framing::None
            && headers.run_as.is_none()
            && !headers.has_rival_authorization
            && headers.content_encoding.is_none();
        if !is_fit {
            return None;
        }
        let token = caller::bearer(headers.authorization?.as_bytes())?;
        let media = media::negotiate(headers.media, false).ok()?;
        let gzip = rest.settings.compression && headers.takes_gzip();
        let is_plain = media == Media::Json && headers.opaque_id.is_none() && !gzip;
        let frame =
            Frame { media, opaque_id: headers.opaque_id.cloned(), gzip, ..Frame::default() };
        let now = rest.authority.now();
        let validated = match rest.authority.validate_at_once(token, now) {
            Some(validated) => validated,
            // Boxed: the future of a look-up in the store would be moved with every request.
            None => Box::pin(rest.authority.validate(token, now)).await.map(|(_, known)| known),
        };
        Some(match validated {
            Ok(known) => {
                let [_, end, user, realm] = known.face(|subject| render(rest, subject));
                let (user, realm) = (label(user), label(realm));
                let body = Bytes::copy_from_slice(body_of(end));
                frame.reply(Reply { user, realm, ..Reply::done(body) })
            }
            Err(AuthorityError::Unauthenticated(Unauthenticated::UnknownToken)) if is_plain => {
                self.unknown()
            }
            Err(error) => frame.refuse(&rest.refusal(head, error)),
        })
    }

    fn unknown(&self) -> Response<Bytes> {
        let (status, headers, body) = &self.unknown;
        let mut response = Response::new(body.clone());
        *response.status_mut() = *status;
        response.headers_mut().clone_from(headers);
        response
    }
}

/// The face of a subject: its labels and its body as they are printed, and its names as labels.
pub(crate) fn render(rest: &Rest, subject: &Subject) -> [Bytes; 4] {
    let mut json = JsonWriter::default();
    // The same for as long as this process runs, like the policy.
    let roles = rest.authority.shown_roles(subject);
    authenticate::print(&mut json, subject, &roles, AuthenticationType::Token);
    let names = [subject.username.as_str(), subject.effective_realm().name.as_str()];
    let [user, realm] = names.map(header_bytes);
    let reply = Reply::done(json.finish());
    let reply = Reply { user: label(&user), realm: label(&realm), ..reply };
    let [_, labels, end] = Printed::of(&Frame::default().reply(reply)).parts;
    [labels, end, user, realm]
}

/// The same with its body packed: all parts of the printed answer.
///
/// One part of four is empty, as they are kept alike.
pub(crate) fn pack([_, end, user, realm]: [&[u8]; 4]) -> [Bytes; 4] {
    let reply = Reply::done(Bytes::copy_from_slice(body_of(end)));
    let reply = Reply { user: label(user), realm: label(realm), ..reply };
    let frame = Frame { gzip: true, ..Frame::default() };
    let [lead, labels, end] = Printed::of(&frame.reply(reply)).parts;
    [lead, labels, end, Bytes::new()]
}

fn label(name: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_bytes(name).ok()
}
