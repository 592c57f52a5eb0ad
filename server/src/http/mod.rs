//! HTTP/1.1 on one connection: bounds, bodies, panics, the end of a connection.
//!
//! Owns what lies between a socket and the routes. Must not know a route or a status code.

mod bell;
mod body;
mod connection;
mod extent;
mod front;
mod lent;
mod pulse;

pub(crate) use self::connection::{Site, serve};
