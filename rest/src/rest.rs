//! The entry for the server: from a request's head, and later its body, to an answer.
//!
//! Owns the order in which a request is judged: size, caller, media types, route, body, parameters,
//! then the verb. A stranger's body is never read. Must not know sockets.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response};
use jeton_authority::{Authority, AuthorityError, Caller, Presented, Urgency};

use crate::caller::{self, Challenges};
use crate::certificates::Certificates;
use crate::coding::Coding;
use crate::error::{ApiError, Door};
use crate::exchange::Exchange;
use crate::fast::Fast;
use crate::headers::{Framing, RequestHeaders, deprecated_login, deprecation};
use crate::media::{self, Lines, Media};
use crate::query::{Query, View};
use crate::respond::Frame;
use crate::router::{self, Endpoint, Found, Miss};

/// The wire in front of an authority.
#[derive(Debug)]
pub struct Rest {
    pub(crate) authority: Arc<Authority>,
    pub(crate) settings: Settings,
    pub(crate) challenges: Challenges,
    pub(crate) certificates: Certificates,
    pub(crate) fast: Fast,
}

/// What the operator decided about the wire.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What this service is called.
    pub names: Names,
    /// Longest body, in bytes, before and after it was unpacked.
    pub body_bytes_max: u64,
    /// Whether answers are packed for those who ask.
    pub compression: bool,
}

/// What this service is called.
#[derive(Clone, Debug)]
pub struct Names {
    /// The node.
    pub node: String,
    /// The cluster.
    pub cluster: String,
    /// The cluster's own id, the same for good.
    pub cluster_uuid: String,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyRefusal {
    /// It is longer than allowed.
    TooLarge,
    /// The bodies under way fill the memory set aside for them.
    NoRoom,
    /// It did not arrive in time.
    TooSlow,
    /// It broke off or its framing is wrong.
    Broken,
}

impl Rest {
    /// The wire in front of `authority`.
    pub fn new(authority: Arc<Authority>, settings: Settings) -> Self {
        let bearer = authority.policy().tokens.is_some();
        let challenges = Challenges { bearer, api_key: true };
        let fast = Fast::new(&challenges);
        Self { authority, settings, challenges, certificates: Certificates::none(), fast }
    }

    /// The same, listing these certificates as those in use.
    #[must_use]
    pub fn with_certificates(self, certificates: Certificates) -> Self {
        Self { certificates, ..self }
    }

    /// The same, not offering API keys to those who are asked to authenticate.
    #[must_use]
    pub fn without_api_keys(self) -> Self {
        let challenges = Challenges { api_key: false, ..self.challenges };
        Self { fast: Fast::new(&challenges), challenges, ..self }
    }

    /// Judges the head of a request. The answer stands already, or the body may be read.
    ///
    /// `address` is where the request comes from.
    pub async fn begin<'r>(
        &'r self,
        head: &'r Parts,
        address: Option<IpAddr>,
    ) -> Result<Admitted<'r>, Response<Bytes>> {
        let headers = RequestHeaders::read(&head.headers);
        if let Err(error) = headers.check_framing(head.version) {
            let opaque_id = headers.opaque_id.cloned();
            let is_head = head.method == Method::HEAD;
            return Err(Frame { opaque_id, is_head, ..Frame::default() }.refuse(&error));
        }
        match self.fast.answer(self, head, &headers).await {
            Some(response) => Err(response),
            // On the heap, so that the short way does not move what only the long way needs.
            None => Box::pin(self.begin_slowly(head, headers, address)).await,
        }
    }

    async fn begin_slowly<'r>(
        &'r self,
        head: &'r Parts,
        headers: RequestHeaders<'r>,
        address: Option<IpAddr>,
    ) -> Result<Admitted<'r>, Response<Bytes>> {
        let query = Query::parse(head.uri.query()).and_then(|query| Ok((query.view()?, query)));
        let (view, query) = match query {
            Ok((view, query)) => (view, Ok(query)),
            Err(error) => (View::default(), Err(error)),
        };
        let media = media::negotiate(headers.media, headers.body != Framing::None);
        let mut frame = Frame {
            view,
            media: media.as_ref().copied().unwrap_or_default(),
            opaque_id: headers.opaque_id.cloned(),
            gzip: self.settings.compression && headers.takes_gzip(),
            is_head: head.method == Method::HEAD,
            warnings: Vec::new(),
        };
        if head.method == Method::OPTIONS {
            return Err(frame.options(&router::methods(head.uri.path())));
        }
        let found = router::find(&head.method, head.uri.path());
        if let Ok(found) = &found {
            frame.warnings.extend(found.route.deprecation().as_deref().and_then(deprecation));
        }
        let judged = Judged { query, media, found };
        match self.judge(head, &headers, address, judged).await {
            Ok((caller, query, found, coding)) => {
                let content_type = headers.media.content_type;
                let who = caller.as_ref().map(|caller| &caller.authentication);
                frame.warnings.extend(who.and_then(deprecated_login));
                let exchange =
                    Exchange { rest: self, head, found, query, view: frame.view.clone() };
                Ok(Admitted { exchange, frame, caller, coding, content_type })
            }
            Err(error) => Err(frame.refuse(&error)),
        }
    }

    /// The answer to a request whose body was not read, and whose head was not judged.
    pub fn refuse_body(&self, refusal: BodyRefusal) -> Response<Bytes> {
        Frame::default().refuse(&refusal.into())
    }

    /// The answer to a request whose work was cut short by a fault of ours.
    pub fn fail(&self) -> Response<Bytes> {
        Frame::default().refuse(&ApiError::internal())
    }

    /// What the authority refuses, as the wire says it to the sender of `head`.
    pub(crate) fn refusal(&self, head: &Parts, error: AuthorityError) -> ApiError {
        let uri = target(head);
        if let AuthorityError::Unavailable { cause, .. } = &error {
            self.authority.note_undecided(uri, cause);
        }
        ApiError::of_authority(error, &Door { uri, challenges: &self.challenges })
    }

    /// The order of judgement, as far as it goes without the body.
    async fn judge(
        &self,
        head: &Parts,
        headers: &RequestHeaders<'_>,
        address: Option<IpAddr>,
        judged: Judged,
    ) -> Result<(Option<Caller>, Query, Found, Coding), ApiError> {
        if matches!(headers.body, Framing::Length(length) if length > self.settings.body_bytes_max)
        {
            return Err(ApiError::too_large());
        }
        if headers.has_rival_authorization {
            return Err(ApiError::repeated_header("Authorization"));
        }
        if headers.has_rival_run_as {
            return Err(ApiError::repeated_header("es-security-runas-user"));
        }
        let endpoint = judged.found.as_ref().ok().map(|found| found.route.endpoint);
        let caller = match endpoint {
            Some(Endpoint::Live) => None,
            _ => Some(self.admit(head, headers, address, endpoint).await?),
        };
        let query = judged.query?;
        judged.media?;
        media::check_format(query.value("format"))?;
        let found = judged.found.map_err(|miss| miss.refusal(head))?;
        if matches!(headers.body, Framing::Length(_)) {
            media::check_body(headers.media.content_type)?;
        }
        let coding = Coding::read(headers.content_encoding)?;
        Ok((caller, query, found, coding))
    }

    async fn admit(
        &self,
        head: &Parts,
        headers: &RequestHeaders<'_>,
        address: Option<IpAddr>,
        endpoint: Option<Endpoint>,
    ) -> Result<Caller, ApiError> {
        let credentials = caller::read(headers.authorization, &self.challenges)?;
        let run_as =
            headers.run_as.map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
        let urgency = match endpoint {
            Some(Endpoint::InvalidateToken) => Urgency::Revoking,
            _ => Urgency::Ordinary,
        };
        let presented = Presented { credentials, run_as, address, urgency };
        self.authority.admit(presented).await.map_err(|error| self.refusal(head, error))
    }
}

/// A request whose head was judged: its body may be read.
#[derive(Debug)]
pub struct Admitted<'r> {
    exchange: Exchange<'r>,
    frame: Frame,
    caller: Option<Caller>,
    coding: Coding,
    content_type: Lines<'r>,
}

impl Admitted<'_> {
    /// The answer to this request when its body was not read.
    pub fn refuse_body(&self, refusal: BodyRefusal) -> Response<Bytes> {
        self.frame.refuse(&refusal.into())
    }

    /// Reads the body, does what the request asks and answers.
    pub async fn finish(self, body: Bytes) -> Response<Bytes> {
        let Self { exchange, frame, caller, coding, content_type } = self;
        let bytes_max = exchange.rest.settings.body_bytes_max;
        let plain = if body.is_empty() {
            Ok(body)
        } else {
            media::check_body(content_type).and_then(|()| coding.decode(body, bytes_max))
        };
        let reply = match plain {
            Ok(body) => exchange.run(caller, &body).await,
            Err(error) => Err(error),
        };
        match reply {
            Ok(reply) => frame.reply(reply),
            Err(error) => frame.refuse(&error),
        }
    }
}

impl From<BodyRefusal> for ApiError {
    fn from(refusal: BodyRefusal) -> Self {
        match refusal {
            BodyRefusal::TooLarge => Self::too_large(),
            BodyRefusal::NoRoom => Self::busy("too many bodies are under way"),
            BodyRefusal::TooSlow => Self::too_slow(),
            BodyRefusal::Broken => Self::illegal_argument("the body of the request broke off"),
        }
    }
}

/// What the head says, good or bad, before it is known who calls.
struct Judged {
    query: Result<Query, ApiError>,
    media: Result<Media, ApiError>,
    found: Result<Found, Miss>,
}

impl Miss {
    fn refusal(self, head: &Parts) -> ApiError {
        let method = head.method.as_str();
        match self {
            Self::Path => ApiError::no_handler(target(head), method),
            Self::Method(methods) => ApiError::method_not_allowed(target(head), method, &methods),
            Self::Undecodable(error) => error,
        }
    }
}

/// The target of the request as it was sent, query included.
fn target(head: &Parts) -> &str {
    head.uri.path_and_query().map_or("/", |target| target.as_str())
}
