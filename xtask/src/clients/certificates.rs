//! Certificates for one run: an authority and a server that it vouches for.
//!
//! The keys are made anew each time and lie below the target folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// Where the PEM files are.
#[derive(Debug)]
pub(super) struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes an authority and a server certificate for the loopback names.
    pub(super) fn make(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let authority_key = KeyPair::generate().context("no key for the authority")?;
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.distinguished_name.push(DnType::CommonName, "Jeton test authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_certificate = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);

        let server_key = KeyPair::generate().context("no key for the server")?;
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let mut server = CertificateParams::new(names)?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.use_authority_key_identifier_extension = true;
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server_certificate = server.signed_by(&server_key, &issuer)?;

        let made = Self { folder: folder.to_path_buf() };
        fs::write(made.authority(), authority_certificate.pem())?;
        fs::write(made.certificate(), server_certificate.pem())?;
        fs::write(made.key(), server_key.serialize_pem())?;
        Ok(made)
    }

    /// The certificate that clients trust.
    pub(super) fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// The server's certificate.
    pub(super) fn certificate(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    /// The server's key.
    pub(super) fn key(&self) -> PathBuf {
        self.folder.join("server.key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_are_made_as_pem() {
        let folder = tempfile::tempdir().unwrap();
        let made = Certificates::make(folder.path()).unwrap();
        for path in [made.authority(), made.certificate(), made.key()] {
            assert!(fs::read_to_string(path).unwrap().starts_with("-----BEGIN "));
        }
    }
}
