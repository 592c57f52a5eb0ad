//! The shapes of the wire: routes, parsing, error bodies, media types.
//!
//! Owns what a request and an answer look like and the order in which a request is judged. Must not
//! know storage, sockets or real time. Start at [`rest::Rest`].

pub mod caller;
pub mod certificates;
mod coding;
pub mod error;
mod exchange;
mod fast;
pub mod fault;
pub mod filter;
pub mod front;
mod headers;
pub mod json;
pub mod media;
pub mod query;
mod respond;
pub mod rest;
mod router;
mod routes;
mod suggest;
