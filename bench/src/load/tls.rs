//! TLS for the load generator and for those that it drives: a certificate, and who trusts it.
//!
//! Owns the settings of TLS on both sides. Those of servers are the product's: its provider, its
//! versions, the order of its ciphers, its protocol of the application. Clients speak TLS 1.3
//! alone.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, ServerConfig};

use crate::error::{BenchError, Outcome, Trying};

/// A certificate for this machine and its key, in files.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The certificate, which vouches for itself.
    pub(crate) certificate: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
}

impl Identity {
    /// Makes both, in this folder.
    pub(crate) fn make(folder: &Path) -> Outcome<Self> {
        let odd = |error: rcgen::Error| BenchError::Setup(format!("no certificate: {error}"));
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(odd)?;
        let identity = Self::within(folder);
        let what = || format!("cannot write to {}", folder.display());
        std::fs::write(&identity.certificate, made.cert.pem()).trying(what)?;
        std::fs::write(&identity.key, made.signing_key.serialize_pem()).trying(what)?;
        Ok(identity)
    }

    /// Those that were made in this folder.
    pub(crate) fn within(folder: &Path) -> Self {
        Self { certificate: folder.join("http.crt"), key: folder.join("http.key") }
    }

    /// What a server of this identity shakes hands with, as the product does.
    pub(crate) fn server_config(&self) -> Outcome<ServerConfig> {
        let key = PrivateKeyDer::from_pem_file(&self.key);
        let key = key.map_err(|error| BenchError::Setup(format!("no key: {error}")))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| refused(&error))?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate()?], key)
            .map_err(|error| refused(&error))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }

    /// Clients that trust it.
    pub(crate) fn trust(&self) -> Outcome<Trust> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()?).map_err(|error| refused(&error))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| refused(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Trust(Arc::new(config)))
    }

    fn certificate(&self) -> Outcome<CertificateDer<'static>> {
        let read = CertificateDer::from_pem_file(&self.certificate);
        read.map_err(|error| BenchError::Setup(format!("no certificate: {error}")))
    }
}

/// Who trusts one server, and speaks TLS 1.3 with it.
#[derive(Clone, Debug)]
pub(crate) struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Shakes hands over a stream that waits; the session that comes of it.
    pub(crate) fn shake_hands(&self, stream: &mut TcpStream) -> Outcome<ClientConnection> {
        let name = ServerName::try_from("localhost");
        let name = name.map_err(|error| BenchError::Setup(error.to_string()))?;
        let mut session =
            ClientConnection::new(Arc::clone(&self.0), name).map_err(|error| refused(&error))?;
        while session.is_handshaking() {
            session.complete_io(stream).trying(|| "cannot shake hands".to_owned())?;
        }
        let is_as_agreed = session.protocol_version() == Some(ProtocolVersion::TLSv1_3)
            && session.alpn_protocol() == Some(ALPN);
        if is_as_agreed {
            return Ok(session);
        }
        Err(BenchError::Setup("the server speaks another protocol".to_owned()))
    }
}

fn refused(error: &rustls::Error) -> BenchError {
    BenchError::Setup(format!("no TLS: {error}"))
}

const ALPN: &[u8] = b"http/1.1";
