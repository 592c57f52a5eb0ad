//! Where the static server looks a token up before it answers: another server's store of them.
//!
//! Owns what a token is called there: the SHA-256 of its text. Each thread of the server has
//! connections of its own, over which many requests are under way at once.

use std::net::SocketAddr;

use clap::ValueEnum;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use sha2::{Digest as _, Sha256};

use crate::error::Outcome;
use crate::rival::postgres::{FIND, FIND_IN_EPOCH};
use postgres::Table;
use redis::Dictionary;

mod postgres;
mod redis;

/// How a token is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lookup {
    /// Redis: `GET`.
    Redis,
    /// Redis: `MGET` of the token and of its realm's epoch.
    RedisEpoch,
    /// PostgreSQL: select by the token's hash.
    Postgres,
    /// PostgreSQL: the same, joined with the realm's epoch.
    PostgresEpoch,
}

impl Lookup {
    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::RedisEpoch => "redis-epoch",
            Self::Postgres => "postgres",
            Self::PostgresEpoch => "postgres-epoch",
        }
    }
}

/// One thread's connections to the store.
pub(super) enum Book {
    Redis(Dictionary),
    Postgres(Table),
}

impl Book {
    /// Connects.
    pub(super) async fn open(lookup: Lookup, store: SocketAddr) -> Outcome<Self> {
        Ok(match lookup {
            Lookup::Redis => Self::Redis(Dictionary::open(store, false).await?),
            Lookup::RedisEpoch => Self::Redis(Dictionary::open(store, true).await?),
            Lookup::Postgres => Self::Postgres(Table::open(store, FIND).await?),
            Lookup::PostgresEpoch => Self::Postgres(Table::open(store, FIND_IN_EPOCH).await?),
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
            Self::Postgres(table) => table.knows(&hash).await,
        }
    }
}

/// What a token is called in a store.
pub(crate) fn hash(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}
