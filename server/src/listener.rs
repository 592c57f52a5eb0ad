//! Sockets: binding them, and one thread a core that accepts and serves.
//!
//! Owns the threads of HTTP, the number of open connections, the handshake and the graceful stop.
//! Beside `background.rs` the only file that spawns. Must not know HTTP.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::process::{Resource, Rlimit};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::http::{self, Site};
use crate::settings::{HttpSettings, SettingsError};
use crate::tls::Tls;

/// Why the server cannot listen.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// A host name stands for no address.
    #[error("cannot resolve [{host}]: {reason}")]
    Resolve {
        /// The name.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// No port of the range is free.
    #[error("cannot listen on {address}: {reason}")]
    Bind {
        /// The last address tried.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// The address would carry secrets in clear.
    #[error(transparent)]
    Plaintext(#[from] SettingsError),
    /// The system gives no thread or no event queue.
    #[error("cannot start to serve: {0}")]
    System(#[from] io::Error),
}

/// Bound sockets that nobody serves yet; connections queue.
#[derive(Debug)]
pub(crate) struct Listener {
    sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
}

/// Threads that serve. They end after a stop is asked for.
#[derive(Debug)]
pub(crate) struct Serving {
    threads: Vec<JoinHandle<()>>,
}

impl Listener {
    /// Binds every host at the first free port of the range.
    ///
    /// What names resolve to is checked again: a name that looks local need not be.
    pub(crate) fn bind(settings: &HttpSettings) -> Result<Self, ListenError> {
        let mut listener = Self { sockets: Vec::new(), addresses: Vec::new() };
        for host in &settings.hosts {
            let address = resolved(host)?;
            if settings.tls.is_none() && !settings.allow_plaintext && !address.is_loopback() {
                return Err(SettingsError::Plaintext { host: host.clone() }.into());
            }
            let socket = bound(address, settings.ports.first, settings.ports.last)?;
            listener.addresses.push(socket.local_addr()?);
            listener.sockets.push(socket);
        }
        Ok(listener)
    }

    /// Where it listens.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Starts the threads, all of which accept on every socket.
    pub(crate) fn serve(
        self,
        site: &Arc<Site>,
        tls: Option<&Arc<Tls>>,
    ) -> Result<Serving, ListenError> {
        let bounds = site.bounds();
        let connections = connections_max(bounds.connections_max);
        let slots = Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)));
        let mut serving = Serving { threads: Vec::new() };
        let (seats, queues): (Vec<_>, Vec<_>) = (0..bounds.threads).map(|_| Seat::new()).unzip();
        let seats: Arc<[Seat]> = seats.into();
        for (number, handed) in queues.into_iter().enumerate() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let sockets =
                self.sockets.iter().map(TcpListener::try_clone).collect::<Result<Vec<_>, _>>()?;
            let desk = Desk {
                site: Arc::clone(site),
                tls: tls.map(Arc::clone),
                slots: Arc::clone(&slots),
                seats: Arc::clone(&seats),
                number,
            };
            let thread =
                std::thread::Builder::new().name(format!("http-{number}")).spawn(move || {
                    runtime.block_on(desk.attend(sockets, handed));
                    runtime.shutdown_timeout(BLOCKING_GRACE);
                })?;
            serving.threads.push(thread);
        }
        Ok(serving)
    }
}

impl Serving {
    /// Waits until every connection has ended. Blocks.
    pub(crate) fn join(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread that serves connections panicked");
            }
        }
    }
}

/// What one thread needs to take connections.
#[derive(Clone)]
struct Desk {
    site: Arc<Site>,
    tls: Option<Arc<Tls>>,
    slots: Arc<Semaphore>,
    /// All threads, of which this is the one with the number.
    seats: Arc<[Seat]>,
    number: usize,
}

/// What the threads know of one of them.
struct Seat {
    /// How many connections it serves.
    open: AtomicUsize,
    /// Takes those that others have accepted.
    handed: mpsc::Sender<Handed>,
}

impl Seat {
    fn new() -> (Self, mpsc::Receiver<Handed>) {
        let (handed, queue) = mpsc::channel(HANDED_MAX);
        (Self { open: AtomicUsize::new(0), handed }, queue)
    }
}

/// A connection on its way to another thread.
struct Handed {
    stream: std::net::TcpStream,
    address: SocketAddr,
    place: Place,
}

/// What a connection takes up as long as it is open: a slot, and a place with one thread.
struct Place {
    seats: Arc<[Seat]>,
    number: usize,
    _slot: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(seat) = self.seats.get(self.number) {
            seat.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Desk {
    /// Accepts until a stop is asked for, then waits for the connections to end.
    async fn attend(self, sockets: Vec<TcpListener>, handed: mpsc::Receiver<Handed>) {
        let grace = self.site.bounds().stop_timeout;
        let mut stop = self.site.stop();
        // Every connection holds a sender: the channel closes when the last one has ended.
        let (open, mut ended) = mpsc::channel::<()>(1);
        for socket in sockets {
            tokio::spawn(self.clone().accept(socket, open.clone()));
        }
        tokio::spawn(self.clone().take_over(handed, open.clone()));
        drop(open);
        drop(self);
        // A closed channel is a server that is gone: the same as a stop.
        drop(stop.wait_for(|is_asked| *is_asked).await);
        if tokio::time::timeout(grace, ended.recv()).await.is_err() {
            tracing::warn!("connections that did not end in time are cut");
        }
    }

    async fn accept(self, socket: TcpListener, open: mpsc::Sender<()>) {
        let socket = match socket
            .set_nonblocking(true)
            .and_then(|()| tokio::net::TcpListener::from_std(socket))
        {
            Ok(socket) => socket,
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                return;
            }
        };
        let mut stop = self.site.stop();
        loop {
            let taken = tokio::select! {
                biased;
                _ = stop.wait_for(|is_asked| *is_asked) => return,
                taken = self.take(&socket) => taken,
            };
            let Some((stream, address, slot)) = taken else { continue };
            let place = self.place(slot);
            let other = self.seats.get(place.number).filter(|_| place.number != self.number);
            match other.and_then(|seat| seat.handed.try_reserve().ok()) {
                None => self.host(stream, address, place, &open),
                Some(permit) => match stream.into_std() {
                    Ok(stream) => permit.send(Handed { stream, address, place }),
                    Err(error) => tracing::debug!(%error, "a connection broke"),
                },
            }
        }
    }

    /// A place with the thread that serves the fewest connections. Which thread accepts one is
    /// chance, and connections stay for long.
    fn place(&self, slot: OwnedSemaphorePermit) -> Place {
        let open = self.seats.iter().map(|seat| seat.open.load(Ordering::Relaxed));
        let number = quietest(open, self.number);
        if let Some(seat) = self.seats.get(number) {
            seat.open.fetch_add(1, Ordering::Relaxed);
        }
        Place { seats: Arc::clone(&self.seats), number, _slot: slot }
    }

    /// Serves the connections that other threads have accepted for this one.
    async fn take_over(self, mut handed: mpsc::Receiver<Handed>, open: mpsc::Sender<()>) {
        let mut stop = self.site.stop();
        loop {
            let next = tokio::select! {
                biased;
                next = handed.recv() => next,
                _ = stop.wait_for(|is_asked| *is_asked) => return,
            };
            let Some(Handed { stream, address, place }) = next else { return };
            match TcpStream::from_std(stream) {
                Ok(stream) => self.host(stream, address, place, &open),
                Err(error) => tracing::debug!(%error, "a connection broke"),
            }
        }
    }

    fn host(&self, stream: TcpStream, address: SocketAddr, place: Place, open: &mpsc::Sender<()>) {
        let desk = self.clone();
        let open = open.clone();
        tokio::spawn(async move {
            desk.connect(stream, address).await;
            drop(place);
            drop(open);
        });
    }

    /// The next connection, once there is room for it.
    async fn take(
        &self,
        socket: &tokio::net::TcpListener,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let slot = self.slot().await?;
        match socket.accept().await {
            Ok((stream, address)) => Some((stream, address, slot)),
            Err(error) => {
                drop(slot);
                // Out of descriptors or memory: the same call would fail at once again.
                if !is_of_one_connection(&error) {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                None
            }
        }
    }

    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
                return Some(slot);
            }
            self.site.push_out_one();
            let waiting = Arc::clone(&self.slots).acquire_owned();
            if let Ok(slot) = tokio::time::timeout(PRESSURE_PAUSE, waiting).await {
                return slot.ok();
            }
        }
    }

    async fn connect(&self, stream: TcpStream, address: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection broke");
            return;
        }
        let site = Arc::clone(&self.site);
        let Some(tls) = &self.tls else {
            return http::serve(site, stream, address.ip()).await;
        };
        let deadline = self.site.bounds().header_timeout;
        let mut stop = self.site.stop();
        let shaken = tokio::select! {
            biased;
            _ = stop.wait_for(|is_asked| *is_asked) => return,
            shaken = tokio::time::timeout(deadline, tls.acceptor().accept(stream)) => shaken,
        };
        match shaken {
            Ok(Ok(stream)) => http::serve(site, stream, address.ip()).await,
            Ok(Err(error)) => tracing::debug!(%address, %error, "a handshake failed"),
            Err(_) => tracing::debug!(%address, "a handshake took too long"),
        }
    }
}

/// The thread with the fewest open connections; `own` where no other has fewer.
fn quietest(open: impl Iterator<Item = usize> + Clone, own: usize) -> usize {
    let here = open.clone().nth(own);
    let least = open.enumerate().min_by_key(|(_, open)| *open);
    least.filter(|(_, open)| Some(*open) < here).map_or(own, |(number, _)| number)
}

/// Raises the limit of open files to what the system allows; connections are bounded by it.
fn connections_max(wanted: usize) -> usize {
    let limits = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, maximum: limits.maximum };
    let files = match rustix::process::setrlimit(Resource::Nofile, raised) {
        Ok(()) => limits.maximum,
        Err(_) => limits.current,
    };
    let room = files
        .map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
        .saturating_sub(FILES_KEPT)
        .max(1);
    if room < wanted {
        tracing::warn!(room, wanted, "the limit of open files bounds the connections");
    }
    room.min(wanted)
}

fn resolved(host: &str) -> Result<IpAddr, ListenError> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let unresolved = |reason: String| ListenError::Resolve { host: host.to_owned(), reason };
    let mut addresses =
        (host, 0).to_socket_addrs().map_err(|error| unresolved(error.to_string()))?;
    let first = addresses.next().ok_or_else(|| unresolved("no address".to_owned()))?;
    // Clients that are told a name try the older protocol too; one address is enough.
    let older = addresses.find(|address| first.is_ipv6() && address.is_ipv4());
    Ok(older.unwrap_or(first).ip())
}

fn bound(address: IpAddr, first: u16, last: u16) -> Result<TcpListener, ListenError> {
    let mut port = first;
    loop {
        let address = SocketAddr::new(address, port);
        match listening(address) {
            Ok(socket) => return Ok(socket),
            Err(error) if port >= last => {
                return Err(ListenError::Bind { address, reason: error.to_string() });
            }
            Err(_) => port = port.saturating_add(1),
        }
    }
}

/// A socket without `SO_REUSEPORT`, so that a second server fails instead of taking half of the
/// connections in silence, and with a longer queue than the standard library asks for.
fn listening(address: SocketAddr) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// Errors of a connection that broke before it was taken: the next one may be good.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Connections that the system queues before they are taken.
const BACKLOG: i32 = 4096;
/// Descriptors kept for the store, files and logs.
const FILES_KEPT: usize = 256;
/// Connections on their way to one thread; more stay where they were accepted.
const HANDED_MAX: usize = 256;
/// Pause after the system refused to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Pause between two requests to make room.
const PRESSURE_PAUSE: Duration = Duration::from_millis(20);
/// Time for hashes under way when a thread ends.
const BLOCKING_GRACE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_goes_where_fewer_are_open() {
        let chosen = |open: &[usize], own| quietest(open.iter().copied(), own);
        assert_eq!(chosen(&[3, 3, 3], 1), 1, "it stays where all are alike");
        assert_eq!(chosen(&[3, 2, 1], 0), 2);
        assert_eq!(chosen(&[1, 2, 1], 2), 2);
        assert_eq!(chosen(&[7], 0), 0);
    }
}
