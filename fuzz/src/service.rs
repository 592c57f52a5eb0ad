//! A whole service in memory: the wire in front of a real authority, without sockets.
//!
//! Owns the wiring and the credentials that inputs may name. Its clock stands still and its
//! randomness counts, so that an input does the same each time. Inputs cannot guess a signed
//! token: they write `@access`, `@refresh` or `@elastic`, which [`Service::fill`] replaces.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts as Head;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use jeton_authority::tokens::keys::KeyMaterial;
use jeton_authority::{Authority, Parts, Policy, TokenPolicy};
use jeton_domain::id::KeyId;
use jeton_domain::name::RealmName;
use jeton_domain::role::reserved::ReservedRoles;
use jeton_domain::secret::Secret;
use jeton_domain::subject::RealmRef;
use jeton_domain::time::{BootTime, Clock, Entropy, Timestamp};
use jeton_realms::cache::{CacheLimits, CredentialCache};
use jeton_realms::chain::{Chain, Duty, Link, SuccessLimits};
use jeton_realms::native::NativeRealm;
use jeton_realms::password::{HashingPool, PasswordHasher, PoolLimits};
use jeton_realms::reserved::{ReservedNames, ReservedRealm};
use jeton_realms::throttle::{Throttle, ThrottleLimits};
use jeton_rest::rest::{Names, Rest, Settings};
use jeton_store::engine::memory::Memory;
use jeton_store::store::Store;
use jeton_testkit::answers::{Asked, faults};
use jeton_testkit::wire::Answer;
use serde_json::Value;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

/// The password of `elastic`.
pub const PASSWORD: &str = "s3cret-word";

/// A service and the tokens of its first user.
pub struct Service {
    runtime: Runtime,
    rest: Rest,
    access: String,
    refresh: String,
    asked: u32,
}

/// Does something with this thread's service, which is renewed from time to time: inputs leave
/// users, roles and tokens behind.
pub fn with_service<T>(run: impl FnOnce(&mut Service) -> T) -> T {
    thread_local! {
        static SERVICE: RefCell<Option<Service>> = const { RefCell::new(None) };
    }
    SERVICE.with_borrow_mut(|slot| {
        if slot.as_ref().is_some_and(|service| service.asked > REQUESTS_MAX) {
            *slot = None;
        }
        run(slot.get_or_insert_with(Service::new))
    })
}

impl Service {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let rest = runtime.block_on(rest());
        let mut service =
            Self { runtime, rest, access: String::new(), refresh: String::new(), asked: 0 };
        let body =
            format!(r#"{{"grant_type":"password","username":"elastic","password":"{PASSWORD}"}}"#);
        let granted = service.elastic("POST", "/_security/oauth2/token", body.as_bytes());
        let granted = granted.json();
        assert!(granted["access_token"].is_string(), "{granted}");
        let text = |name: &str| granted[name].as_str().expect("a token is granted").to_owned();
        service.access = text("access_token");
        service.refresh = text("refresh_token");
        service
    }

    /// Replaces what stands for credentials.
    pub fn fill(&self, text: &[u8]) -> Vec<u8> {
        let elastic = STANDARD.encode(format!("elastic:{PASSWORD}"));
        let mut filled = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((byte, after)) = rest.split_first() {
            let known =
                [("@access", &self.access), ("@refresh", &self.refresh), ("@elastic", &elastic)];
            let found = known.into_iter().find(|(name, _)| rest.starts_with(name.as_bytes()));
            if let Some((name, value)) = found {
                filled.extend_from_slice(value.as_bytes());
                rest = &rest[name.len()..];
            } else {
                filled.push(*byte);
                rest = after;
            }
        }
        filled
    }

    /// A request by `elastic`, who may do everything, with a JSON body if any.
    pub fn elastic(&mut self, method: &str, target: &str, body: &[u8]) -> Answer {
        let credentials = STANDARD.encode(format!("elastic:{PASSWORD}"));
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(header::AUTHORIZATION, format!("Basic {credentials}"));
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        self.send(request.body(()).unwrap().into_parts().0, body)
    }

    /// Whose token it is; nothing if it is refused.
    pub fn owner(&mut self, token: &str) -> Option<String> {
        let request = Request::get("/_security/_authenticate")
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        let answer = self.send(request.body(()).unwrap().into_parts().0, b"");
        (answer.status == 200).then(|| answer.text("/username"))
    }

    /// Sends a request and checks what every answer has in common.
    pub fn send(&mut self, mut head: Head, body: &[u8]) -> Answer {
        self.asked += 1;
        if !body.is_empty() && !head.headers.contains_key(header::TRANSFER_ENCODING) {
            head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        if !head.headers.contains_key(header::HOST) {
            head.headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        }
        let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let response = self.runtime.block_on(async {
            match self.rest.begin(&head, address).await {
                Ok(admitted) => admitted.finish(Bytes::copy_from_slice(body)).await,
                Err(response) => response,
            }
        });
        let mut answer = answer(response);
        if answer.header("content-length").is_none() {
            // The HTTP library adds it to whatever the service leaves without.
            answer.headers.push(("content-length".into(), answer.body.len().to_string()));
        }
        let asked = match head.method.as_str() {
            "HEAD" => Asked::HeadersOnly,
            _ => Asked::Whole,
        };
        let faults = faults(&answer, asked);
        assert!(faults.is_empty(), "{faults:?} in {answer:?} to {head:?}");
        answer
    }
}

/// The members of an answer that a caller may rely on.
pub fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn answer(response: Response<Bytes>) -> Answer {
    let (head, body) = response.into_parts();
    Answer { status: head.status.as_u16(), headers: headers(&head.headers), body: body.to_vec() }
}

fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    map.iter()
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

async fn rest() -> Rest {
    let store = Store::open(Arc::new(Memory::new()), 1 << 20).await.unwrap();
    let hasher = hasher();
    let reserved = ReservedNames::new(true, None);
    let parts = Parts {
        chain: Arc::new(chain(&store, &hasher, &reserved)),
        throttle: Throttle::new(throttle_limits()),
        clock: Arc::new(StillClock),
        entropy: Arc::new(Counter(AtomicU64::new(1))),
        policy: Policy {
            tokens: Some(TokenPolicy { access_lifetime_ms: 1_200_000 }),
            anonymous: None,
            reserved,
            reserved_roles: ReservedRoles::default(),
            native_realm: "default_native".into(),
            follows_user_changes: false,
        },
        store,
        hasher,
    };
    let key = KeyId::new(1);
    let material: KeyMaterial = [(key, Zeroizing::new([7; 32]))].into_iter().collect();
    let authority = Authority::open(parts, material).await.unwrap();
    authority.add_key(key).await.unwrap();
    authority.activate_key(key).await.unwrap();
    let names =
        Names { node: "node-1".into(), cluster: "jeton".into(), cluster_uuid: "uuid".into() };
    Rest::new(authority, Settings { names, body_bytes_max: 100_000, compression: true })
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

fn chain(store: &Arc<Store>, hasher: &PasswordHasher, reserved: &ReservedNames) -> Chain {
    let cache = || {
        let limits = CacheLimits { ttl: Duration::from_mins(20), users_max: 100 };
        CredentialCache::new(limits, [3; 32])
    };
    let bootstrap = Some(Secret::from(PASSWORD));
    let elastic =
        ReservedRealm::new(Arc::clone(store), hasher.clone(), cache(), reserved.clone(), bootstrap);
    let name = RealmName::new("default_native");
    let realm = RealmRef { name, kind: "native".into(), domain: None };
    let native = NativeRealm::new(realm, Arc::clone(store), hasher.clone(), cache());
    let links = vec![
        Link { realm: Arc::new(elastic), duty: Duty::First },
        Link { realm: Arc::new(native), duty: Duty::Everything },
    ];
    let limits = SuccessLimits { names_max: 100, expire_after: Duration::from_mins(20) };
    Chain::new(links, hasher.clone(), limits)
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
        address_failures_max: 1_000_000,
        address_recovery: Duration::from_secs(1),
        addresses_max: 100,
    }
}

#[derive(Debug)]
struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(1_700_000_000_000)
    }

    fn boot(&self) -> BootTime {
        BootTime::from_ms(100_000_000_000)
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

/// Requests after which a service is replaced by a fresh one.
const REQUESTS_MAX: u32 = 2000;
