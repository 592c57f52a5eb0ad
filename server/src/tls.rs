//! TLS: certificates and keys from PEM files, read again when they change.
//!
//! Owns the server's side of the handshake. Must not know HTTP. A connection keeps the
//! certificates it began with; the next one gets the newest good ones.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use jeton_rest::certificates::{Certificate, Certificates};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use crate::certificates::{Holder, describe};
use crate::settings::{ClientAuthentication, TlsSettings};

/// Why TLS cannot be offered with the given files.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read as what it should be.
    #[error("[{path}]: {reason}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong; never its content.
        reason: String,
    },
    /// The files can be read but do not belong together.
    #[error("certificate [{certificate}] with key [{key}]: {reason}",
        certificate = certificate.display(), key = key.display())]
    Mismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// The newest good certificates of the server.
#[derive(Debug)]
pub(crate) struct Tls {
    settings: TlsSettings,
    current: RwLock<Arc<ServerConfig>>,
    certificates: Certificates,
    seen: Mutex<Vec<Stamp>>,
}

/// What shows that a file has changed, without reading it.
#[derive(Debug, PartialEq, Eq)]
struct Stamp(Option<(SystemTime, u64)>);

impl Tls {
    /// Reads all files; any mistake refuses to start.
    pub(crate) fn load(settings: TlsSettings) -> Result<Self, TlsError> {
        let seen = stamps(&settings);
        let (current, listed) = config(&settings)?;
        let certificates = Certificates::none();
        certificates.replace(listed);
        let (current, seen) = (RwLock::new(Arc::new(current)), Mutex::new(seen));
        Ok(Self { settings, current, certificates, seen })
    }

    /// The certificates in use, as they are listed; follows every change of files.
    pub(crate) const fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// What the next connection shakes hands with.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current))
    }

    /// Reads the files again if one has changed; whether new ones are in use.
    ///
    /// On failure the old ones stay in use, and the same files are not tried again.
    pub(crate) fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let present = stamps(&self.settings);
        if *seen == present {
            return Ok(false);
        }
        *seen = present;
        let (fresh, listed) = config(&self.settings)?;
        self.certificates.replace(listed);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        Ok(true)
    }
}

fn stamps(settings: &TlsSettings) -> Vec<Stamp> {
    [&settings.certificate, &settings.key]
        .into_iter()
        .chain(&settings.authorities)
        .map(|path| {
            let found = std::fs::metadata(path).ok();
            Stamp(found.and_then(|found| Some((found.modified().ok()?, found.len()))))
        })
        .collect()
}

/// What to shake hands with, and the certificates of it as they are listed.
fn config(settings: &TlsSettings) -> Result<(ServerConfig, Vec<Certificate>), TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = certificates(&settings.certificate)?;
    let mut listed = describe(&settings.certificate, &chain, Holder::Server);
    let key = PrivateKeyDer::from_pem_file(&settings.key).map_err(|error| {
        wrong(&settings.key, pem_reason(&error, "no private key in it that is not encrypted"))
    })?;
    let mismatch = |error: rustls::Error| TlsError::Mismatch {
        certificate: settings.certificate.clone(),
        key: settings.key.clone(),
        reason: error.to_string(),
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(mismatch)?;
    let builder = match verifier(settings, provider, &mut listed)? {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(verifier),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(mismatch)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((config, listed))
}

fn verifier(
    settings: &TlsSettings,
    provider: Arc<CryptoProvider>,
    listed: &mut Vec<Certificate>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    if settings.client_authentication == ClientAuthentication::None {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    let mut last = &settings.certificate;
    for path in &settings.authorities {
        last = path;
        let authorities = certificates(path)?;
        listed.extend(describe(path, &authorities, Holder::Trusted));
        for certificate in authorities {
            roots.add(certificate).map_err(|error| wrong(path, error.to_string()))?;
        }
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match settings.client_authentication {
        ClientAuthentication::Optional => builder.allow_unauthenticated(),
        ClientAuthentication::None | ClientAuthentication::Required => builder,
    };
    builder.build().map(Some).map_err(|error| wrong(last, error.to_string()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(path, pem_reason(&error, "no certificate in it")))?;
    if read.is_empty() {
        return Err(wrong(path, "no certificate in it".to_owned()));
    }
    Ok(read)
}

/// The reason without any bytes of the file: they may be those of a key.
fn pem_reason(error: &rustls_pki_types::pem::Error, nothing: &str) -> String {
    match error {
        rustls_pki_types::pem::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            "there is no such file".to_owned()
        }
        rustls_pki_types::pem::Error::Io(error) => error.to_string(),
        rustls_pki_types::pem::Error::NoItemsFound => nothing.to_owned(),
        _ => "it is not a PEM file".to_owned(),
    }
}

fn wrong(path: &Path, reason: String) -> TlsError {
    TlsError::File { path: path.to_owned(), reason }
}
