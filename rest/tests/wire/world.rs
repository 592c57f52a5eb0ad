//! One service with a clock that stands still until told, and a client that speaks to it.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use jeton_authority::tokens::keys::KeyMaterial;
use jeton_authority::{Anonymous, Authority, Parts, Policy, TokenPolicy};
use jeton_domain::id::KeyId;
use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::role::reserved::ReservedRoles;
use jeton_domain::secret::Secret;
use jeton_domain::subject::RealmRef;
use jeton_domain::time::{BootTime, Clock, Entropy, Timestamp};
use jeton_realms::cache::{CacheLimits, CredentialCache};
use jeton_realms::chain::{Chain, Duty, Link, SuccessLimits};
use jeton_realms::file::{FilePaths, FileRealm};
use jeton_realms::native::NativeRealm;
use jeton_realms::password::{HashingPool, PasswordHasher, PoolLimits};
use jeton_realms::reserved::{ReservedNames, ReservedRealm};
use jeton_realms::throttle::{Throttle, ThrottleLimits};
use jeton_rest::rest::{Names, Rest, Settings};
use jeton_store::engine::Engine;
use jeton_store::engine::memory::Memory;
use jeton_store::store::Store;
use serde_json::Value;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// The password of `elastic`, and of every user that a test makes.
pub(crate) const PASSWORD: &str = "s3cret-word";

/// A service.
pub(crate) struct World {
    pub(crate) rest: Rest,
    pub(crate) authority: Arc<Authority>,
    clock: Arc<StillClock>,
    /// Holds the files of the file realm.
    _directory: TempDir,
}

/// What a test changes of the ordinary.
pub(crate) struct Ordinary {
    pub(crate) tokens: Option<TokenPolicy>,
    pub(crate) anonymous: Option<Anonymous>,
    pub(crate) reserved_roles: ReservedRoles,
    pub(crate) compression: bool,
    pub(crate) has_native_realm: bool,
    pub(crate) follows_user_changes: bool,
    /// Users of the file realm with their role, all with the usual password.
    pub(crate) file_users: &'static [(&'static str, &'static str)],
}

impl Default for Ordinary {
    fn default() -> Self {
        Self {
            tokens: Some(TokenPolicy { access_lifetime_ms: 1_200_000 }),
            anonymous: None,
            reserved_roles: ReservedRoles::default(),
            compression: false,
            has_native_realm: true,
            follows_user_changes: false,
            file_users: &[],
        }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Ordinary::default()).await
    }

    pub(crate) async fn with(ordinary: Ordinary) -> Self {
        Self::on(Arc::new(Memory::new()), ordinary).await
    }

    pub(crate) async fn on(engine: Arc<dyn Engine>, ordinary: Ordinary) -> Self {
        let store = Store::open(engine, 1 << 20).await.unwrap();
        let clock = Arc::new(StillClock(AtomicI64::new(1_700_000_000_000)));
        let hasher = hasher();
        let anonymous = ordinary.anonymous.as_ref().map(|anonymous| anonymous.username.clone());
        let reserved = ReservedNames::new(true, anonymous);
        let directory = tempfile::tempdir().unwrap();
        let file = file_realm(&directory, ordinary.file_users, &hasher, &reserved);
        let links = Links { file, has_native: ordinary.has_native_realm };
        let parts = Parts {
            chain: Arc::new(chain(&store, &hasher, &reserved, links)),
            throttle: Throttle::new(throttle_limits()),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(Counter(AtomicU64::new(1))),
            policy: Policy {
                tokens: ordinary.tokens,
                anonymous: ordinary.anonymous,
                reserved,
                reserved_roles: ordinary.reserved_roles,
                native_realm: "default_native".into(),
                follows_user_changes: ordinary.follows_user_changes,
            },
            store,
            hasher,
        };
        let key = KeyId::new(1);
        let material: KeyMaterial = [(key, Zeroizing::new([7; 32]))].into_iter().collect();
        let authority = Authority::open(parts, material).await.unwrap();
        if authority.keys().await.unwrap().is_empty() {
            authority.add_key(key).await.unwrap();
            authority.activate_key(key).await.unwrap();
        }
        let names =
            Names { node: "node-1".into(), cluster: "jeton".into(), cluster_uuid: "uuid".into() };
        let settings =
            Settings { names, body_bytes_max: 10_000, compression: ordinary.compression };
        Self {
            rest: Rest::new(Arc::clone(&authority), settings),
            authority,
            clock,
            _directory: directory,
        }
    }

    pub(crate) fn pass(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap();
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) fn call(&self, method: &str, target: &str) -> Call<'_> {
        let call = self.call_without_host(method, target);
        call.header("host", "localhost:9200")
    }

    pub(crate) fn call_without_host(&self, method: &str, target: &str) -> Call<'_> {
        let request = Request::builder().method(method).uri(target);
        Call { world: self, request, body: Bytes::new(), is_chunked: false }
    }

    /// A call by `elastic`, who may do everything.
    pub(crate) fn root(&self, method: &str, target: &str) -> Call<'_> {
        self.call(method, target).basic("elastic", PASSWORD)
    }

    /// Makes a native user with these roles.
    pub(crate) async fn user(&self, name: &str, roles: &[&str]) {
        let body = serde_json::json!({ "password": PASSWORD, "roles": roles });
        let target = format!("/_security/user/{name}");
        self.root("PUT", &target).json(&body.to_string()).send().await.expect(200);
    }

    /// Makes a role with these cluster privileges.
    pub(crate) async fn role(&self, name: &str, cluster: &[&str]) {
        let body = serde_json::json!({ "cluster": cluster });
        let target = format!("/_security/role/{name}");
        self.root("PUT", &target).json(&body.to_string()).send().await.expect(200);
    }

    /// A pair for a user, by `elastic`.
    pub(crate) async fn pair(&self, username: &str) -> Pair {
        let body = password_grant(username);
        Pair::of(&self.root("POST", TOKEN).json(&body).send().await.expect(200))
    }

    pub(crate) async fn whoami(&self, token: &str) -> Answer {
        self.call("GET", "/_security/_authenticate").bearer(token).send().await
    }
}

pub(crate) const TOKEN: &str = "/_security/oauth2/token";

pub(crate) fn password_grant(username: &str) -> String {
    format!(r#"{{"grant_type":"password","username":"{username}","password":"{PASSWORD}"}}"#)
}

pub(crate) fn refresh_grant(token: &str) -> String {
    format!(r#"{{"grant_type":"refresh_token","refresh_token":"{token}"}}"#)
}

/// The two strings of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Pair {
    pub(crate) fn of(answer: &Answer) -> Self {
        let text = |name| answer.json()[name].as_str().unwrap_or_default().to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}

/// A request being written.
pub(crate) struct Call<'w> {
    world: &'w World,
    request: http::request::Builder,
    body: Bytes,
    is_chunked: bool,
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn basic(self, username: &str, password: &str) -> Self {
        let coded = STANDARD.encode(format!("{username}:{password}"));
        self.header("authorization", &format!("Basic {coded}"))
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn run_as(self, username: &str) -> Self {
        self.header("es-security-runas-user", username)
    }

    pub(crate) fn json(self, body: &str) -> Self {
        self.header("content-type", "application/json").body(body.as_bytes().to_vec())
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) const fn chunked(mut self) -> Self {
        self.is_chunked = true;
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let mut request = self.request;
        if self.is_chunked {
            request = request.header("transfer-encoding", "chunked");
        } else if !self.body.is_empty() {
            request = request.header("content-length", self.body.len());
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        match self.world.rest.begin(&head, address).await {
            Ok(admitted) => Answer::of(admitted.finish(self.body).await),
            Err(response) => Answer::of(response),
        }
    }
}

/// An answer that has been read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Answer {
    fn of(response: Response<Bytes>) -> Self {
        let (head, bytes) = response.into_parts();
        Self { status: head.status.as_u16(), headers: head.headers, bytes }
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// The body and its status are exactly these.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.text().as_str()), (status, body));
    }

    /// The error object has this type and reason, and its root cause too.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, kind: &str, reason: &str) {
        let body = self.json();
        let error = &body["error"];
        let found = (self.status, error["type"].as_str(), error["reason"].as_str());
        assert_eq!(found, (status, Some(kind), Some(reason)), "{}", self.text());
        assert_eq!(body["status"], status);
        assert_eq!(error["root_cause"][0]["type"], kind);
        assert_eq!(error["root_cause"][0]["reason"], reason);
    }

    /// The refusal of a grant, in the shape of OAuth 2.0.
    #[track_caller]
    pub(crate) fn is_grant_error(&self, error: &str, description: &str) {
        self.is(400, &format!(r#"{{"error":"{error}","error_description":"{description}"}}"#));
    }

    /// The counters of an invalidation.
    #[track_caller]
    pub(crate) fn is_counts(&self, status: u16, invalidated: u64, previously: u64) {
        self.is(
            status,
            &format!(
                r#"{{"invalidated_tokens":{invalidated},"previously_invalidated_tokens":{previously},"error_count":0}}"#
            ),
        );
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn challenges(&self) -> Vec<&str> {
        let lines = self.headers.get_all("www-authenticate");
        lines.iter().map(|line| line.to_str().unwrap()).collect()
    }

    #[track_caller]
    pub(crate) fn has_default_challenges(&self) {
        let wanted =
            ["Basic realm=\"security\", charset=\"UTF-8\"", "Bearer realm=\"security\"", "ApiKey"];
        assert_eq!(self.challenges(), wanted);
        let error = &self.json()["error"];
        assert_eq!(error["header"]["WWW-Authenticate"], serde_json::json!(wanted));
        assert_eq!(error["root_cause"][0]["header"], error["header"]);
        assert_eq!(self.header("x-elastic-product"), None);
    }
}

/// Anonymous access for a user with these roles.
pub(crate) fn anonymous(roles: &[&str]) -> Anonymous {
    Anonymous {
        username: Username::new("_anonymous"),
        roles: roles.iter().map(|role| RoleName::new(role)).collect(),
        is_told_of_denial: true,
    }
}

fn hasher() -> PasswordHasher {
    let limits = PoolLimits {
        threads: NonZeroUsize::MIN,
        reserved_threads: NonZeroUsize::MIN,
        queue_max: 256,
        reserved_queue_max: 64,
    };
    PasswordHasher::new(Arc::new(HashingPool::start(limits).unwrap()), "bcrypt4".parse().unwrap())
}

fn chain(
    store: &Arc<Store>,
    hasher: &PasswordHasher,
    reserved: &ReservedNames,
    beside: Links,
) -> Chain {
    let bootstrap = Some(Secret::from(PASSWORD));
    let store = || Arc::clone(store);
    let elastic = ReservedRealm::new(store(), hasher.clone(), cache(), reserved.clone(), bootstrap);
    let realm =
        RealmRef { name: RealmName::new("default_native"), kind: "native".into(), domain: None };
    let native = NativeRealm::new(realm, store(), hasher.clone(), cache());
    let mut links = vec![Link { realm: Arc::new(elastic), duty: Duty::First }];
    links.extend(beside.file.map(|realm| Link { realm, duty: Duty::Everything }));
    if beside.has_native {
        links.push(Link { realm: Arc::new(native), duty: Duty::Everything });
    }
    Chain::new(links, hasher.clone(), SuccessLimits::default())
}

/// The realms beside the reserved one.
struct Links {
    file: Option<Arc<FileRealm>>,
    has_native: bool,
}

/// A realm of these users; none without any.
fn file_realm(
    directory: &TempDir,
    known: &[(&str, &str)],
    hasher: &PasswordHasher,
    reserved: &ReservedNames,
) -> Option<Arc<FileRealm>> {
    if known.is_empty() {
        return None;
    }
    let write = |name, lines: Vec<String>| {
        let path = directory.path().join(name);
        std::fs::write(&path, lines.concat()).unwrap();
        path
    };
    let users = known.iter().map(|(name, _)| format!("{name}:{PASSWORD}\n")).collect();
    let roles = known.iter().map(|(name, role)| format!("{role}:{name}\n")).collect();
    let paths =
        FilePaths { users: write("users", users), users_roles: write("users_roles", roles) };
    let realm =
        RealmRef { name: RealmName::new("default_file"), kind: "file".into(), domain: None };
    let file = FileRealm::new(realm, paths, reserved.clone(), hasher.clone(), cache());
    assert!(file.reload_if_changed(Timestamp::from_ms(0)));
    Some(Arc::new(file))
}

fn cache() -> CredentialCache {
    let limits = CacheLimits { ttl: Duration::from_mins(20), users_max: 100 };
    CredentialCache::new(limits, [3; 32])
}

fn throttle_limits() -> ThrottleLimits {
    ThrottleLimits {
        free_failures: 1000,
        first_delay: Duration::from_millis(1),
        delay_max: Duration::from_millis(1),
        forget_after: Duration::from_mins(1),
        patience: Duration::from_secs(1),
        unresolved_max: 1000,
        pairs_max: 1000,
        address_failures_max: 1000,
        address_recovery: Duration::from_secs(1),
        addresses_max: 100,
    }
}

#[derive(Debug)]
struct StillClock(AtomicI64);

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }

    fn boot(&self) -> BootTime {
        BootTime::from_ms(self.0.load(Ordering::SeqCst) - 1_600_000_000_000)
    }
}

/// Bytes that never repeat and that nobody should use for secrets.
#[derive(Debug)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            chunk.copy_from_slice(&next.to_be_bytes()[..chunk.len()]);
        }
    }
}
