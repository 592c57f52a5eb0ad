//! The static server that validation is compared with: the HTTP stack of the product and nothing
//! else.
//!
//! It answers every request with the same bytes. Runtime, sockets and HTTP settings are those of
//! the product's listener; what differs is what the product does of its own. It can also look every
//! token up in another server's store, as one would without the product, and then answers only live
//! ones so.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream as TcpConnection;
use tokio_rustls::TlsAcceptor;

use crate::error::{BenchError, Outcome, Trying};
use crate::load::tls::Identity;
use crate::report::say;
use book::{Book, Lookup};

pub(crate) mod book;

/// Where tokens are looked up: how, and the address of the store.
pub(crate) type Behind = Option<(Lookup, SocketAddr)>;

/// How answers travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Travel {
    /// In clear, each on its own.
    Clear,
    /// In clear, together with those that are asked for at once.
    Together,
    /// Under TLS.
    Secret,
}

/// Serves the answer that stands in a file, as it came over the wire, until it is killed. Under TLS
/// a certificate and its key lie beside the answer.
pub(crate) fn serve(answer: &Path, behind: Behind, travel: Travel) -> Outcome<()> {
    let folder = answer.parent().unwrap_or_else(|| Path::new("."));
    let desk = Desk {
        acceptor: match travel {
            Travel::Clear | Travel::Together => None,
            Travel::Secret => {
                let config = Identity::within(folder).server_config()?;
                Some(TlsAcceptor::from(Arc::new(config)))
            }
        },
        builder: builder(travel),
    };
    let bytes = std::fs::read(answer).trying(|| format!("cannot read {}", answer.display()))?;
    let fixed = Fixed::parse(&bytes)?;
    let listener = TcpListener::bind("127.0.0.1:0").trying(|| "cannot listen".to_owned())?;
    let address = listener.local_addr().trying(|| "no address".to_owned())?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut serving = Vec::new();
    for _ in 0..threads {
        let listener = listener.try_clone().trying(|| "cannot share a socket".to_owned())?;
        let (fixed, desk) = (fixed.clone(), desk.clone());
        serving.push(std::thread::spawn(move || attend(listener, fixed, behind, &desk)));
    }
    say(&format!("listening on http://{address}"));
    for thread in serving {
        match thread.join() {
            Ok(ended) => ended?,
            Err(_) => return Err(BenchError::Setup("a thread of the baseline ended".to_owned())),
        }
    }
    Ok(())
}

/// What every request is answered with.
#[derive(Clone, Debug)]
struct Fixed {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Fixed {
    fn parse(bytes: &[u8]) -> Outcome<Self> {
        let odd = || BenchError::Setup("the answer to repeat is not understood".to_owned());
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Response::new(&mut headers);
        let Ok(httparse::Status::Complete(start)) = head.parse(bytes) else { return Err(odd()) };
        let status = head.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or_else(odd)?;
        let mut headers = HeaderMap::new();
        // The stack writes the date of its own.
        for header in head.headers.iter().filter(|header| header.name != "date") {
            let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| odd())?;
            let value = HeaderValue::from_bytes(header.value).map_err(|_| odd())?;
            headers.append(name, value);
        }
        let body = bytes.get(start..).map(Bytes::copy_from_slice).ok_or_else(odd)?;
        Ok(Self { status, headers, body })
    }

    fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }
}

/// What one thread answers with.
struct Front {
    fixed: Fixed,
    refusal: Fixed,
    book: Option<Book>,
}

impl Front {
    /// The fixed answer, unless the token is not live.
    async fn answer(&self, request: Request<Incoming>) -> Outcome<Response<Full<Bytes>>> {
        let is_live = match &self.book {
            None => true,
            Some(book) => book.knows(request.headers()).await?,
        };
        Ok(if is_live { self.fixed.response() } else { self.refusal.response() })
    }
}

/// What one thread takes connections with.
#[derive(Clone)]
struct Desk {
    acceptor: Option<TlsAcceptor>,
    builder: http1::Builder,
}

impl Desk {
    /// Serves a connection until it ends. A client that goes away ends it in whatever state it is.
    async fn serve(self, stream: TcpConnection, front: Arc<Front>) {
        match &self.acceptor {
            None => self.answer(stream, &front).await,
            Some(acceptor) => {
                if let Ok(stream) = acceptor.accept(stream).await {
                    self.answer(stream, &front).await;
                }
            }
        }
    }

    async fn answer<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, front: &Front) {
        let service = service_fn(|request| front.answer(request));
        drop(self.builder.serve_connection(TokioIo::new(stream), service).await);
    }
}

fn builder(travel: Travel) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).max_header_size(HEAD_BYTES).max_buf_size(BUFFER_BYTES);
    builder.pipeline_flush(travel == Travel::Together);
    builder
}

/// Accepts and serves on one thread.
fn attend(listener: TcpListener, fixed: Fixed, behind: Behind, desk: &Desk) -> Outcome<()> {
    listener.set_nonblocking(true).trying(|| "cannot accept without waiting".to_owned())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.trying(|| "no runtime".to_owned())?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener);
        let listener = listener.trying(|| "cannot accept".to_owned())?;
        let book = match behind {
            None => None,
            Some((lookup, store)) => Some(Book::open(lookup, store).await?),
        };
        let front = Arc::new(Front { fixed, refusal: Fixed::parse(REFUSAL)?, book });
        loop {
            let (stream, _) = listener.accept().await.trying(|| "cannot accept".to_owned())?;
            stream.set_nodelay(true).trying(|| "cannot send at once".to_owned())?;
            tokio::spawn(desk.clone().serve(stream, Arc::clone(&front)));
        }
    })
}

/// The answer to a token that is not live.
const REFUSAL: &[u8] = b"HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer\r\n\
    content-type: application/json\r\ncontent-length: 25\r\n\r\n{\"error\":\"invalid_token\"}";

/// Largest head, in bytes, as the product's default has it.
const HEAD_BYTES: usize = 20 * 1024;

/// Largest buffer of a connection, in bytes, as the product has it.
const BUFFER_BYTES: usize = HEAD_BYTES + 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_repeated_but_for_its_date() {
        let fixed = Fixed::parse(b"HTTP/1.1 401 U\r\ndate: x\r\na: 1\r\na: 2\r\n\r\nbody").unwrap();
        assert_eq!(fixed.status, StatusCode::UNAUTHORIZED);
        assert_eq!(fixed.headers.get_all("a").iter().count(), 2);
        assert!(!fixed.headers.contains_key("date"));
        assert_eq!(fixed.body, "body");
    }
}
