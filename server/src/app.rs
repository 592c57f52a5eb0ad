//! A running server: its sockets, its threads, and their order of start and stop.
//!
//! Owns the life of a server within a process. Must not read the command line. Start at
//! [`App::start`].

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use jeton_authority::Authority;
use jeton_domain::secret::Secret;
use jeton_rest::rest::{self, Rest};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::admin::Door;
use crate::assembly::{ClockTrust, World};
use crate::background::Jobs;
use crate::core::Core;
use crate::error::StartError;
use crate::http::Site;
use crate::listener::{Listener, Serving};
use crate::settings::Settings;
use crate::tls::Tls;

/// A running server. Dropped without [`App::stop`], it stops as well, but nobody hears of errors.
pub struct App {
    core: Arc<Core>,
    runtime: Runtime,
    addresses: Vec<SocketAddr>,
    is_tls: bool,
    first_password: Option<Zeroizing<String>>,
    stop: watch::Sender<bool>,
    threads: Option<(Serving, JoinHandle<()>)>,
}

impl App {
    /// Starts a server on this machine's clocks and the embedded engine. Blocks until it listens;
    /// must not be called from within an asynchronous runtime.
    ///
    /// `elastic` gets the password `given` where it has none yet, else a generated one.
    pub fn start(
        settings: &Settings,
        trust: ClockTrust,
        given: Option<Secret>,
    ) -> Result<Self, StartError> {
        let runtime = runtime()?;
        // What needs no store is checked first, so that a mistake leaves no trace on the disk.
        let ground = Ground::prepare(settings)?;
        let world = runtime.block_on(World::of_the_machine(settings, trust))?;
        ground.build(runtime, settings, (world, trust), given)
    }

    /// As [`App::start`], on another world: for simulations and tests.
    pub fn start_in(
        settings: &Settings,
        world: World,
        given: Option<Secret>,
    ) -> Result<Self, StartError> {
        let ground = Ground::prepare(settings)?;
        ground.build(runtime()?, settings, (world, ClockTrust::Checked), given)
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether it speaks TLS.
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The generated password of `elastic`, if this was the first start.
    pub fn first_password(&self) -> Option<&str> {
        self.first_password.as_deref().map(String::as_str)
    }

    /// The authority behind the wire.
    pub fn authority(&self) -> &Arc<Authority> {
        self.core.authority()
    }

    /// Takes no more connections, lets requests under way end, and closes the store. Blocks.
    pub fn stop(mut self) -> Result<(), StartError> {
        self.halt();
        self.runtime.block_on(self.core.close())
    }

    fn halt(&mut self) {
        // Nobody listens any more when all threads have ended by themselves.
        let _ = self.stop.send(true);
        if let Some((serving, background)) = self.threads.take() {
            serving.join();
            if background.join().is_err() {
                tracing::error!("the background thread panicked");
            }
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.halt();
    }
}

impl fmt::Debug for App {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("App").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// What a server stands on before its store is opened.
struct Ground {
    tls: Option<Arc<Tls>>,
    listener: Listener,
}

impl Ground {
    fn prepare(settings: &Settings) -> Result<Self, StartError> {
        let tls = settings.http.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
        let listener = Listener::bind(&settings.http)?;
        Ok(Self { tls, listener })
    }

    fn build(
        self,
        runtime: Runtime,
        settings: &Settings,
        (world, trust): (World, ClockTrust),
        given: Option<Secret>,
    ) -> Result<App, StartError> {
        let (core, first_password) = runtime.block_on(async {
            let core = Core::open(settings, world, trust).await?;
            let password =
                if settings.reserved_realm { core.first_password(given).await? } else { None };
            Ok::<_, StartError>((Arc::new(core), password))
        })?;
        let (stop, asked) = watch::channel(false);
        let rest = wire(settings, &core, self.tls.as_deref());
        let site = Arc::new(Site::new(rest, settings.http.bounds.clone(), asked.clone()));
        let jobs = Jobs {
            core: Arc::clone(&core),
            tls: self.tls.clone(),
            door: Door::bind(&settings.data)?,
            reload_interval: settings.reload_interval,
            expire_interval: settings.token.delete_interval,
            stop: asked,
        };
        let addresses = self.listener.addresses().to_vec();
        let background = jobs.start()?;
        let serving = self.listener.serve(&site, self.tls.as_ref())?;
        let threads = Some((serving, background));
        let is_tls = self.tls.is_some();
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            ?addresses,
            tls = is_tls,
            data = %settings.data.display(),
            config = %settings.directory.display(),
            cluster_uuid = core.cluster_uuid(),
            "started"
        );
        Ok(App { core, runtime, addresses, is_tls, first_password, stop, threads })
    }
}

fn wire(settings: &Settings, core: &Core, tls: Option<&Tls>) -> Rest {
    let authority = Arc::clone(core.authority());
    let names = rest::Names {
        node: settings.node_name.clone(),
        cluster: settings.cluster_name.clone(),
        cluster_uuid: core.cluster_uuid().to_owned(),
    };
    let bytes_max = u64::try_from(settings.http.bounds.body_bytes_max).unwrap_or(u64::MAX);
    let wire =
        rest::Settings { names, body_bytes_max: bytes_max, compression: settings.http.compression };
    let mut rest = Rest::new(authority, wire);
    if let Some(tls) = tls {
        rest = rest.with_certificates(tls.certificates().clone());
    }
    if settings.api_keys { rest } else { rest.without_api_keys() }
}

fn runtime() -> Result<Runtime, StartError> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
