//! The shortest way for the most frequent call: `GET /_security/_authenticate` with an access token.
//!
//! Owns which requests may take it: those whose answer depends on nothing but the token. Everything
//! else takes the long way, which gives the same answers.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use jeton_authority::AuthorityError;
use jeton_authority::error::Unauthenticated;
use jeton_domain::subject::AuthenticationType;

use crate::caller::{self, Challenges};
use crate::error::{ApiError, Door};
use crate::headers::{Framing, RequestHeaders};
use crate::json::write::JsonWriter;
use crate::media::{self, Media};
use crate::respond::{Frame, Reply, header_bytes};
use crate::rest::Rest;
use crate::router::AUTHENTICATE_PATH;
use crate::routes::authenticate;

/// Answers that are the same for everybody, made once.
#[derive(Debug)]
pub(crate) struct Fast {
    /// The refusal of a token that is none of ours, in the plain frame.
    unknown: (StatusCode, HeaderMap, Bytes),
}

impl Fast {
    pub(crate) fn new(challenges: &Challenges) -> Self {
        let error = AuthorityError::from(Unauthenticated::UnknownToken);
        let door = Door { uri: AUTHENTICATE_PATH, challenges };
        let response = Frame::default().refuse(&ApiError::of_authority(error, &door));
        let (head, body) = response.into_parts();
        Self { unknown: (head.status, head.headers, body) }
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
        let token = caller::bearer(headers.authorization?)?;
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
                let [body, user, realm] = known.face(|subject| {
                    let mut json = JsonWriter::default();
                    // The same for as long as this process runs, like the policy.
                    let roles = rest.authority.shown_roles(subject);
                    authenticate::print(&mut json, subject, &roles, AuthenticationType::Token);
                    let names =
                        [subject.username.as_str(), subject.effective_realm().name.as_str()];
                    let [user, realm] = names.map(header_bytes);
                    [json.finish().into(), user, realm]
                });
                let label = |name: &Bytes| HeaderValue::from_maybe_shared(name.clone()).ok();
                let (user, realm) = (label(user), label(realm));
                frame.reply(Reply { user, realm, ..Reply::done(body.clone()) })
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
