//! oidc-provider with its in-memory adapter: introspection and revocation of opaque tokens.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::tool::{Modules, need};
use super::{Rival, folder, free_address};
use crate::error::Outcome;
use crate::http::Client;
use crate::process::Core;

/// Starts one with a client that may do everything.
pub(crate) fn start(scratch: &Path, results: &Path, core: Core) -> Outcome<Rival> {
    let folder = folder(scratch, "oidc-provider")?;
    let address = free_address()?;
    let mut command = Command::new(need("node")?);
    command.env("NODE_ENV", "production").arg(Modules::at(results).script());
    command.args([CLIENT, SECRET, &address.port().to_string()]);
    Rival::start(command, core, address, "ready", &folder)
}

/// Grants so many access tokens; their texts.
pub(crate) fn grant(address: SocketAddr, tokens: usize) -> Outcome<Vec<String>> {
    let mut client = Client::connect(address)?;
    let request = post("/token", "grant_type=client_credentials");
    let mut grant = || client.call(&request)?.expect(200)?.text("/access_token");
    (0..tokens).map(|_| grant()).collect()
}

/// The request that asks what a token is worth.
pub(crate) fn introspect(token: &str) -> Box<[u8]> {
    post("/token/introspection", &format!("token={token}"))
}

/// The request that revokes a token.
pub(crate) fn revoke(token: &str) -> Box<[u8]> {
    post("/token/revocation", &format!("token={token}"))
}

/// A request with a form, from the client.
fn post(path: &str, form: &str) -> Box<[u8]> {
    let basic = STANDARD.encode(format!("{CLIENT}:{SECRET}"));
    let length = form.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic {basic}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
    );
    request.into_bytes().into()
}

const CLIENT: &str = "bench";
const SECRET: &str = "benchmark-secret";
