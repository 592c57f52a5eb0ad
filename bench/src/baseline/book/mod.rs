//! Where the static server looks a token up before it answers: another server's store of them.
//!
//! Owns what a token is called there: the SHA-256 of its text. Each thread of the server has
//! connections of its own: one, over which many requests are under way at once, or many in a pool.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use sha2::{Digest as _, Sha256};

use crate::error::{BenchError, Outcome};
use crate::rival::postgres::{FIND, FIND_IN_EPOCH};
use postgres::Table;
use redis::{Dictionary, Line};

mod postgres;
mod redis;

/// How a token is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lookup {
    /// Redis: `GET`.
    Redis,
    /// Redis: `MGET` of the token and of its realm's epoch.
    RedisEpoch,
    /// Redis: `GET`, over a pool of connections with one request under way on each.
    RedisPool,
    /// PostgreSQL: select by the token's hash.
    Postgres,
    /// PostgreSQL: the same, joined with the realm's epoch.
    PostgresEpoch,
    /// PostgreSQL: select by hash, over a pool of connections with one request under way on each.
    PostgresPool,
}

impl Lookup {
    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::RedisEpoch => "redis-epoch",
            Self::RedisPool => "redis-pool",
            Self::Postgres => "postgres",
            Self::PostgresEpoch => "postgres-epoch",
            Self::PostgresPool => "postgres-pool",
        }
    }
}

/// One thread's connections to the store.
pub(super) enum Book {
    Redis(Dictionary),
    RedisPool(Pool<Line>),
    Postgres(Table),
    PostgresPool(Pool<Table>),
}

impl Book {
    /// Connects.
    pub(super) async fn open(lookup: Lookup, store: SocketAddr) -> Outcome<Self> {
        Ok(match lookup {
            Lookup::Redis => Self::Redis(Dictionary::open(store, false).await?),
            Lookup::RedisEpoch => Self::Redis(Dictionary::open(store, true).await?),
            Lookup::RedisPool => {
                let mut lines = Vec::with_capacity(POOLED);
                for _ in 0..POOLED {
                    lines.push(Line::open(store).await?);
                }
                Self::RedisPool(Pool::of(lines))
            }
            Lookup::Postgres => Self::Postgres(Table::open(store, FIND).await?),
            Lookup::PostgresEpoch => Self::Postgres(Table::open(store, FIND_IN_EPOCH).await?),
            Lookup::PostgresPool => {
                let mut tables = Vec::with_capacity(POOLED);
                for _ in 0..POOLED {
                    tables.push(Table::open(store, FIND).await?);
                }
                Self::PostgresPool(Pool::of(tables))
            }
        })
    }

    /// Whether a request shows a live token.
    pub(super) async fn knows(&self, headers: &HeaderMap) -> Outcome<bool> {
        let header = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let Some(token) = header.and_then(|header| header.strip_prefix(b"Bearer ")) else {
            return Ok(false);
        };
        let hash = hash(token);
        match self {
            Self::Redis(dictionary) => dictionary.knows(&hash).await,
            Self::RedisPool(lines) => {
                let mut line = lines.take()?;
                let knows = line.knows(&hash).await?;
                lines.give(line);
                Ok(knows)
            }
            Self::Postgres(table) => table.knows(&hash).await,
            Self::PostgresPool(tables) => {
                let table = tables.take()?;
                let knows = table.knows(&hash).await?;
                tables.give(table);
                Ok(knows)
            }
        }
    }
}

/// Connections, each of which is lent to one request at a time. One that fails is not given back.
pub(super) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Pool<T> {
    const fn of(idle: Vec<T>) -> Self {
        Self(Mutex::new(idle))
    }

    /// The one that was given back last. There are as many as the generator has connections.
    fn take(&self) -> Outcome<T> {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.ok_or_else(|| BenchError::Setup("every connection to the store is lent".to_owned()))
    }

    fn give(&self, idle: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
    }
}

/// Connections of a pool: no fewer than clients who are served at once, the first look included.
const POOLED: usize = 80;

/// What a token is called in a store.
pub(crate) fn hash(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}
