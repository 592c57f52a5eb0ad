//! Where and how the server listens: addresses, ports, bounds and TLS.
//!
//! Owns the rule that nothing secret crosses a network in clear. Must not open a socket.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::effective::Effective;
use super::error::SettingsError;
use super::value::Ports;

/// How the server listens.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Addresses or host names, without duplicates; at least one.
    pub hosts: Vec<String>,
    /// Ports to try, in order.
    pub ports: Ports,
    /// Whether an address that is not loopback is accepted without TLS.
    pub allow_plaintext: bool,
    /// TLS, if it is on.
    pub tls: Option<TlsSettings>,
    /// Whether answers are compressed for clients that accept it.
    pub compression: bool,
    /// Bounds of connections and requests.
    pub bounds: HttpBounds,
}

/// Bounds of connections and requests.
#[derive(Clone, Debug)]
pub struct HttpBounds {
    /// Threads that serve connections.
    pub threads: usize,
    /// Open connections at once.
    pub connections_max: usize,
    /// Bytes of a request line with its headers: one bound for both.
    pub head_bytes_max: usize,
    /// Bytes of one body.
    pub body_bytes_max: usize,
    /// Bytes of all bodies held at once.
    pub body_memory: usize,
    /// Time for a handshake, and for the headers of one request.
    pub header_timeout: Duration,
    /// Time for the body of one request.
    pub body_timeout: Duration,
    /// Time a connection may be open without a request.
    pub idle_timeout: Duration,
    /// Time that requests under way get to end at a stop.
    pub stop_timeout: Duration,
}

/// The files of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM file of the certificate chain.
    pub certificate: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
    /// PEM files of the authorities of client certificates.
    pub authorities: Vec<PathBuf>,
    /// Whether clients are asked for a certificate.
    pub client_authentication: ClientAuthentication,
}

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// They are not asked.
    None,
    /// They may show one; a bad one is refused.
    Optional,
    /// They must show a good one.
    Required,
}

pub(super) fn http(effective: &Effective, directory: &Path) -> Result<HttpSettings, SettingsError> {
    let tls = tls(effective, directory)?;
    let allow_plaintext = effective.flag("jeton.http.allow_plaintext", false)?;
    let hosts = hosts(effective)?;
    if tls.is_none()
        && !allow_plaintext
        && let Some(host) = hosts.iter().find(|host| !is_surely_loopback(host))
    {
        return Err(SettingsError::Plaintext { host: host.clone() });
    }
    Ok(HttpSettings {
        hosts,
        ports: effective.ports("http.port")?,
        allow_plaintext,
        compression: effective.flag("http.compression", tls.is_none())?,
        tls,
        bounds: bounds(effective)?,
    })
}

fn bounds(effective: &Effective) -> Result<HttpBounds, SettingsError> {
    let bytes = |name: &str| effective.size(name).map(|size| size.try_into().unwrap_or(usize::MAX));
    let head: [usize; 2] = [bytes("http.max_header_size")?, bytes("http.max_initial_line_length")?];
    Ok(HttpBounds {
        threads: effective.count("jeton.http.threads", super::processors())?,
        connections_max: effective.count("jeton.http.connections.max", 0)?,
        head_bytes_max: head.iter().sum(),
        body_bytes_max: bytes("http.max_content_length")?,
        body_memory: bytes("jeton.http.body.memory")?,
        header_timeout: effective.span("jeton.http.header.timeout")?,
        body_timeout: effective.span("jeton.http.body.timeout")?,
        idle_timeout: effective.span("jeton.http.idle.timeout")?,
        stop_timeout: effective.span("jeton.http.stop.timeout")?,
    })
}

fn hosts(effective: &Effective) -> Result<Vec<String>, SettingsError> {
    let name = if effective.is_given("http.host") { "http.host" } else { "network.host" };
    let mut hosts: Vec<String> = Vec::new();
    for host in effective.list(name)? {
        let host = match host.as_str() {
            "_local_" | "_local:ipv4_" => "127.0.0.1".to_owned(),
            "_local:ipv6_" => "::1".to_owned(),
            special if special.starts_with('_') => {
                return Err(SettingsError::Invalid {
                    name: name.to_owned(),
                    value: host,
                    reason: "expected [_local_], an IP address or a host name".to_owned(),
                });
            }
            plain => plain.trim_start_matches('[').trim_end_matches(']').to_owned(),
        };
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    if hosts.is_empty() {
        return Err(SettingsError::Invalid {
            name: name.to_owned(),
            value: String::new(),
            reason: "must not be empty".to_owned(),
        });
    }
    Ok(hosts)
}

/// Whether a host is loopback before it is resolved; what it resolves to is checked again.
fn is_surely_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn tls(effective: &Effective, directory: &Path) -> Result<Option<TlsSettings>, SettingsError> {
    if !effective.flag("xpack.security.http.ssl.enabled", false)? {
        return Ok(None);
    }
    let file = |name: &'static str| -> Result<PathBuf, SettingsError> {
        let (text, _) = effective.text(name)?.ok_or(SettingsError::TlsIncomplete { name })?;
        Ok(directory.join(text))
    };
    let authorities: Vec<PathBuf> = effective
        .list("xpack.security.http.ssl.certificate_authorities")?
        .iter()
        .map(|path| directory.join(path))
        .collect();
    let mode = effective.text("xpack.security.http.ssl.client_authentication")?;
    let mode = mode.map_or_else(String::new, |(text, _)| text);
    let client_authentication = match mode.as_str() {
        "required" => ClientAuthentication::Required,
        "optional" => ClientAuthentication::Optional,
        _ => ClientAuthentication::None,
    };
    if client_authentication != ClientAuthentication::None && authorities.is_empty() {
        return Err(SettingsError::ClientAuthority { mode });
    }
    Ok(Some(TlsSettings {
        certificate: file("xpack.security.http.ssl.certificate")?,
        key: file("xpack.security.http.ssl.key")?,
        authorities,
        client_authentication,
    }))
}
