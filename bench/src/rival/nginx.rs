//! nginx with `auth_request`: a file for whoever another server accepts.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::tool::need;
use super::{Rival, folder, free_address};
use crate::error::{Outcome, Trying};
use crate::process::Core;

/// Starts one that asks the server at `judge` for `path` before each answer.
pub(crate) fn start(
    scratch: &Path,
    name: &str,
    judge: SocketAddr,
    path: &str,
    core: Core,
) -> Outcome<Rival> {
    let folder = folder(scratch, name)?;
    let address = free_address()?;
    let what = || format!("cannot write to {}", folder.display());
    std::fs::write(folder.join("answer.json"), ANSWER).trying(what)?;
    let settings = folder.join("nginx.conf");
    std::fs::write(&settings, text(address, judge, path)).trying(what)?;
    let mut command = Command::new(need("nginx")?);
    command.arg("-p").arg(&folder).arg("-c").arg(&settings).args(["-e", "stderr"]);
    Rival::start(command, core, address, "start worker process ", &folder)
}

/// Its settings: one worker, connections to the judge that stay open, no log of requests.
fn text(address: SocketAddr, judge: SocketAddr, path: &str) -> String {
    // The user of the workers counts only for root, who may read what was written here.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    format!(
        "{user}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr notice;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    open_file_cache max=16;
    types {{ application/json json; }}
    upstream judge {{
        server {judge};
        keepalive 128;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {address};
        location = /answer.json {{
            auth_request /judge;
            root .;
        }}
        location = /judge {{
            internal;
            proxy_pass http://judge{path};
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Content-Length \"\";
            proxy_pass_request_body off;
        }}
    }}
}}
"
    )
}

/// What is asked of it.
pub(crate) const PATH: &str = "/answer.json";
/// What it answers to those who are accepted.
pub(crate) const ANSWER: &str = r#"{"accepted":true}"#;
