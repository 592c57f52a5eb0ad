//! A table of tokens in PostgreSQL, over one connection that many requests share.
//!
//! Requests are sent without waiting for the answers to those before: the server reads and answers
//! several at a time. On one core more connections would only mean more processes to switch
//! between.

use std::net::SocketAddr;

use tokio_postgres::{Client, Statement};

use crate::error::Outcome;
use crate::rival;

pub(in crate::baseline) struct Table {
    client: Client,
    find: Statement,
}

impl Table {
    /// Connects and prepares the statement that finds a token.
    pub(super) async fn open(store: SocketAddr, find: &str) -> Outcome<Self> {
        let client = rival::postgres::connect(store).await?;
        let find = client.prepare(find).await?;
        Ok(Self { client, find })
    }

    /// Whether a token is live.
    pub(super) async fn knows(&self, hash: &[u8; 32]) -> Outcome<bool> {
        let found = self.client.query_opt(&self.find, &[&hash.as_slice()]).await?;
        Ok(found.is_some_and(|row| row.try_get::<_, &str>(0).is_ok()))
    }
}
