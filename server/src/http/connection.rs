//! One connection from its first byte to its end.
//!
//! Owns the order admit, read the body, answer; and how a connection ends: idle for too long, asked
//! to stop, or pushed out by a newer one. Must not spawn.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jeton_rest::rest::{BodyRefusal, Rest};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;

use super::bell::Belled;
use super::body::{self, BodyMemory};
use super::front::{self, Front};
use super::lent::Lent;
use super::pulse::{Patience, Pulse};
use crate::settings::HttpBounds;

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct Site {
    rest: Rest,
    bounds: HttpBounds,
    memory: BodyMemory,
    builder: http1::Builder,
    /// Wakes the connection that has waited longest, so that a newer one finds room.
    pressure: Notify,
    stop: watch::Receiver<bool>,
}

impl Site {
    pub(crate) fn new(rest: Rest, bounds: HttpBounds, stop: watch::Receiver<bool>) -> Self {
        let mut builder = http1::Builder::new();
        // `pipeline_flush` stays off: with it, answers to a broken head or an unread body are never
        // written, and an answer waits for those behind it.
        builder
            // The pulse bounds heads and idleness without a timer for each request.
            .header_read_timeout(None)
            .max_header_size(bounds.head_bytes_max)
            .max_buf_size(bounds.head_bytes_max.saturating_add(BUFFER_BYTES));
        let memory = BodyMemory::new(bounds.body_memory);
        Self { rest, bounds, memory, builder, pressure: Notify::new(), stop }
    }

    pub(crate) const fn bounds(&self) -> &HttpBounds {
        &self.bounds
    }

    pub(crate) fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }

    /// Asks the connection that is open longest to end after its current request.
    pub(crate) fn push_out_one(&self) {
        self.pressure.notify_one();
    }
}

/// Serves one connection until it ends.
pub(crate) async fn serve<S>(site: Arc<Site>, stream: S, address: IpAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let pulse = Arc::new(Pulse::default());
    let line = Line { site: Arc::clone(&site), address, pulse: Arc::clone(&pulse) };
    let line = Arc::new(line);
    let service = service_fn(move |request| {
        let line = Arc::clone(&line);
        async move { Ok::<_, Infallible>(line.answer(request).await) }
    });
    let front = Front::new(stream, Arc::clone(&pulse), site.bounds.head_bytes_max);
    let front = Arc::new(Mutex::new(front));
    let io = TokioIo::new(Lent::new(Arc::clone(&front)));
    let mut connection = pin!(site.builder.serve_connection(io, service));
    let (idle, head) = (site.bounds.idle_timeout, site.bounds.header_timeout);
    let mut patience = Patience::new(idle, head);
    let mut beats = tokio::time::interval(Patience::beat(idle, head));
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let over = pin!(async {
        loop {
            beats.tick().await;
            if patience.is_over(&pulse) {
                return;
            }
        }
    });
    let asked = pin!(asked_to_end(&site));
    let (mut over, mut asked) = (Belled::new(over), Belled::new(asked));
    let mut is_ending = false;
    loop {
        tokio::select! {
            biased;
            ended = poll_fn(|context| poll_turns(&site, &front, connection.as_mut(), context)) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            why = &mut asked, if !is_ending => {
                // The place is wanted now: who does not take their answers is not waited for.
                if why == Asked::ToMakeRoom && front::locked(&front).has_unsent() {
                    return;
                }
                is_ending = true;
                front::locked(&front).end();
                connection.as_mut().graceful_shutdown();
            }
            () = &mut over => return,
        }
    }
}

/// Lets the front and the HTTP library work by turns.
fn poll_turns<S, L>(
    site: &Site,
    front: &Mutex<Front<S>>,
    mut library: Pin<&mut L>,
    context: &mut Context<'_>,
) -> Poll<L::Output>
where
    S: AsyncRead + AsyncWrite + Unpin,
    L: Future,
{
    for _ in 0..TURNS_MAX {
        ready!(front::locked(front).poll_attend(context, &site.rest));
        if let Poll::Ready(ended) = library.as_mut().poll(context) {
            return Poll::Ready(ended);
        }
        if !front::locked(front).take_back() {
            return Poll::Pending;
        }
    }
    // Others have their turn before this connection goes on.
    context.waker().wake_by_ref();
    Poll::Pending
}

/// Why a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// The server stops.
    ToStop,
    /// A newer connection needs the place.
    ToMakeRoom,
}

/// Returns when this connection is to end.
async fn asked_to_end(site: &Site) -> Asked {
    let mut stop = site.stop();
    let mut pushed_out = pin!(site.pressure.notified());
    // A request to make room that found nobody was not meant for a connection that came later.
    if pushed_out.as_mut().enable() {
        pushed_out.set(site.pressure.notified());
    }
    tokio::select! {
        biased;
        // A closed channel is a server that is gone: the same as a stop.
        _ = stop.wait_for(|is_asked| *is_asked) => Asked::ToStop,
        () = pushed_out => Asked::ToMakeRoom,
    }
}

/// What all requests of one connection share.
struct Line {
    site: Arc<Site>,
    address: IpAddr,
    pulse: Arc<Pulse>,
}

impl Line {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.pulse.busy();
        let answered = caught(pin!(self.admit_and_finish(request))).await;
        self.pulse.idle();
        answered.unwrap_or_else(|| self.leave_unread(self.site.rest.fail())).map(Full::new)
    }

    /// A stranger's body is never read: the head alone decides whether the caller is admitted.
    async fn admit_and_finish(&self, request: Request<Incoming>) -> Response<Bytes> {
        let Site { rest, bounds, memory, .. } = self.site.as_ref();
        let (head, body) = request.into_parts();
        if body::is_declared_too_large(&body, bounds.body_bytes_max) {
            return self.leave_unread(rest.refuse_body(BodyRefusal::TooLarge));
        }
        let has_body = !body.is_end_stream();
        let admitted = match rest.begin(&head, Some(self.address)).await {
            Ok(admitted) => admitted,
            Err(response) => {
                return if has_body { self.leave_unread(response) } else { response };
            }
        };
        // Boxed: else the future of every verb would be moved with every request.
        Box::pin(async move {
            if !has_body {
                return admitted.finish(Bytes::new()).await;
            }
            let mut share = memory.share();
            match body::read(body, bounds.body_bytes_max, bounds.body_timeout, &mut share).await {
                Ok(bytes) => admitted.finish(bytes).await,
                Err(refusal) => self.leave_unread(admitted.refuse_body(refusal)),
            }
        })
        .await
    }

    /// The answer to a request whose body is not read to its end. What follows on the connection
    /// would be the rest of the body, so it is closed, and the answer says so.
    fn leave_unread(&self, mut response: Response<Bytes>) -> Response<Bytes> {
        self.pulse.leave_unread();
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// Runs a request so that a panic costs this request and nothing else.
///
/// Takes the future where it is: what is moved here is moved with every request.
async fn caught<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(polled) => polled.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// Room of a connection's buffers beyond the largest head, in bytes: bounds pipelined requests that
/// wait to be read and answers that wait to be written.
const BUFFER_BYTES: usize = 64 * 1024;

/// Requests that the library answers on one connection before others have their turn.
const TURNS_MAX: u32 = 16;

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::caught;

    #[tokio::test]
    async fn a_panic_costs_one_request() {
        assert_eq!(caught(pin!(async { 1 })).await, Some(1));
        assert_eq!(caught(pin!(async { panic!("in a request") })).await, None::<()>);
    }
}
