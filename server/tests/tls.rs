//! TLS on real sockets: handshakes, client certificates, and new files without a restart.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::string_slice,
    reason = "a helper of tests fails the test"
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use support::{LIVE_AND_CLOSE, PASSWORD, PATIENCE, Server, is_ended};
use tempfile::TempDir;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, as PEM.
fn leaf(authority: &Authority) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

fn write(directory: &Path, (certificate, key): &(String, String)) {
    std::fs::write(directory.join("c.pem"), certificate).unwrap();
    std::fs::write(directory.join("k.pem"), key).unwrap();
}

fn directory(authority: &Authority) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &leaf(authority));
    std::fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();
    directory
}

const TLS: [&str; 4] = [
    "xpack.security.http.ssl.enabled=true",
    "xpack.security.http.ssl.certificate=c.pem",
    "xpack.security.http.ssl.key=k.pem",
    "resource.reload.interval.high=20ms",
];

fn client(trusted: &Authority, shown: Option<&(String, String)>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.pem().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    Arc::new(config)
}

/// The answer, or why there is none, and the certificate that the server showed.
fn talk(server: &Server, client: &Arc<ClientConfig>) -> (Result<String, String>, Vec<u8>) {
    say(server, client, LIVE_AND_CLOSE)
}

fn say(
    server: &Server,
    client: &Arc<ClientConfig>,
    request: &str,
) -> (Result<String, String>, Vec<u8>) {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut stream = StreamOwned::new(connection, server.connect());
    let mut answer = String::new();
    let outcome = stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.read_to_string(&mut answer))
        .map(|_| answer)
        .map_err(|error| error.to_string());
    let shown = stream.conn.peer_certificates().and_then(<[_]>::first);
    (outcome, shown.map(|shown| shown.to_vec()).unwrap_or_default())
}

#[test]
fn requests_are_answered_over_tls_and_not_in_clear() {
    let authority = authority();
    let server = Server::start_in(directory(&authority), &TLS);
    let (answer, _) = talk(&server, &client(&authority, None));
    assert!(answer.unwrap().starts_with("HTTP/1.1 200"));
    let plain = TcpStream::connect(server.address).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    (&plain).write_all(LIVE_AND_CLOSE.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    // An alert and the end, or the end at once.
    drop((&plain).read_to_end(&mut bytes));
    assert!(!bytes.starts_with(b"HTTP"));
}

#[test]
fn requests_of_both_ways_that_come_together_are_answered_in_order_over_tls() {
    let authority = authority();
    let server = Server::start_in(directory(&authority), &TLS);
    let fit = "GET /_security/_authenticate HTTP/1.1\r\nhost: a\r\nauthorization: Bearer x\r\n\r\n";
    let live = LIVE_AND_CLOSE.replace("connection: close\r\n", "");
    let requests = fit.repeat(20) + &live + fit + &live + &fit.repeat(200) + LIVE_AND_CLOSE;
    let answers = say(&server, &client(&authority, None), &requests).0.unwrap();
    let statuses: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|text| &text[..3]).collect();
    let wanted = [vec!["401"; 20], vec!["200", "401", "200"], vec!["401"; 200], vec!["200"]];
    assert_eq!(statuses, wanted.concat());
}

#[test]
fn a_new_certificate_is_used_without_a_restart_and_a_bad_one_is_not() {
    let authority = authority();
    let server = Server::start_in(directory(&authority), &TLS);
    let client = client(&authority, None);
    let (_, first) = talk(&server, &client);
    write(server.directory.path(), &leaf(&authority));
    let second = changed_from(&first, &server, &client);

    std::fs::write(server.directory.path().join("c.pem"), "not a certificate").unwrap();
    for _ in 0..20 {
        assert_eq!(talk(&server, &client).1, second);
    }
    write(server.directory.path(), &leaf(&authority));
    let third = changed_from(&second, &server, &client);
    assert_ne!(third, first);
}

fn changed_from(known: &[u8], server: &Server, client: &Arc<ClientConfig>) -> Vec<u8> {
    (0..20_000)
        .map(|_| talk(server, client).1)
        .find(|shown| !shown.is_empty() && shown != known)
        .expect("the server never showed the new certificate")
}

#[test]
fn clients_without_a_good_certificate_are_refused_where_one_is_required() {
    let (servers, clients, strangers) = (authority(), authority(), authority());
    let directory = directory(&servers);
    std::fs::write(directory.path().join("ca.pem"), clients.pem()).unwrap();
    let required = [
        &TLS[..],
        &[
            "xpack.security.http.ssl.client_authentication=required",
            "xpack.security.http.ssl.certificate_authorities=ca.pem",
        ],
    ]
    .concat();
    let server = Server::start_in(directory, &required);
    assert!(talk(&server, &client(&servers, None)).0.is_err());
    assert!(talk(&server, &client(&servers, Some(&leaf(&strangers)))).0.is_err());
    let (answer, _) = talk(&server, &client(&servers, Some(&leaf(&clients))));
    assert!(answer.unwrap().starts_with("HTTP/1.1 200"));
}

#[test]
fn clients_may_come_without_a_certificate_where_it_is_optional() {
    let (servers, clients, strangers) = (authority(), authority(), authority());
    let directory = directory(&servers);
    std::fs::write(directory.path().join("ca.pem"), clients.pem()).unwrap();
    let optional = [
        &TLS[..],
        &[
            "xpack.security.http.ssl.client_authentication=optional",
            "xpack.security.http.ssl.certificate_authorities=ca.pem",
        ],
    ]
    .concat();
    let server = Server::start_in(directory, &optional);
    assert!(talk(&server, &client(&servers, None)).0.is_ok());
    assert!(talk(&server, &client(&servers, Some(&leaf(&clients)))).0.is_ok());
    assert!(talk(&server, &client(&servers, Some(&leaf(&strangers)))).0.is_err());
}

#[test]
fn a_handshake_that_never_ends_is_cut_off() {
    let authority = authority();
    let overrides = [&TLS[..], &["jeton.http.header.timeout=2s"]].concat();
    let server = Server::start_in(directory(&authority), &overrides);
    let mut stream = server.connect();
    stream.write_all(&[0x16, 3, 1]).unwrap();
    assert!(is_ended(&mut stream));
}

#[test]
fn a_stop_does_not_wait_for_handshakes() {
    let authority = authority();
    let hour = ["jeton.http.header.timeout=1h", "jeton.http.stop.timeout=1h"];
    let overrides = [&TLS[..], &hour, &["jeton.http.threads=1"]].concat();
    let mut server = Server::start_in(directory(&authority), &overrides);
    let mut half = server.connect();
    half.write_all(&[0x16, 3, 1]).unwrap();
    // Once the only thread has served another connection, this one is surely taken.
    assert!(talk(&server, &client(&authority, None)).0.is_ok());
    let stopped = std::thread::spawn(move || server.stop());
    assert!(is_ended(&mut half));
    stopped.join().unwrap();
}

/// The certificates that the server says are in use, and the one that it showed itself.
fn listed(server: &Server, client: &Arc<ClientConfig>) -> (Vec<Value>, Vec<u8>) {
    let login = STANDARD.encode(format!("elastic:{PASSWORD}"));
    let request = format!(
        "GET /_ssl/certificates HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
         authorization: Basic {login}\r\n\r\n"
    );
    let (answer, shown) = say(server, client, &request);
    let answer = answer.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (serde_json::from_str(body).unwrap(), shown)
}

#[test]
fn the_certificates_in_use_are_listed_and_after_a_reload_the_new_ones() {
    let authority = authority();
    let directory = directory(&authority);
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (own, trusted) = (path("c.pem"), path("ca.pem"));
    let overrides = [
        &TLS[..],
        &[
            "xpack.security.http.ssl.client_authentication=optional",
            "xpack.security.http.ssl.certificate_authorities=ca.pem",
        ],
    ]
    .concat();
    let server = Server::start_in(directory, &overrides);
    let client = client(&authority, None);
    let (first, shown) = listed(&server, &client);
    let member = |name: &str| -> Vec<&Value> { first.iter().map(|listed| &listed[name]).collect() };
    assert_eq!(member("path"), [own.as_str(), trusted.as_str()]);
    assert_eq!(member("format"), ["PEM", "PEM"]);
    assert_eq!(member("alias"), [&Value::Null, &Value::Null]);
    assert_eq!(member("subject_dn"), ["CN=rcgen self signed cert", "CN=rcgen self signed cert"]);
    assert_eq!(member("issuer"), member("subject_dn"));
    assert_eq!(member("has_private_key"), [true, false]);
    assert_eq!(member("expiry"), ["4096-01-01T00:00:00.000Z", "4096-01-01T00:00:00.000Z"]);

    write(server.directory.path(), &leaf(&authority));
    changed_from(&shown, &server, &client);
    let (second, _) = listed(&server, &client);
    assert_ne!(second[0]["serial_number"], first[0]["serial_number"]);
    assert_eq!(second[1], first[1]);
}
