//! Certificates for one run: an authority and a server that it vouches for.
//!
//! Made by the `openssl` program, so that the tool itself stays quick to build. The keys are made
//! anew each time and lie below the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Workshop, output};
use crate::tools::provide_debian;

/// Where the PEM files are.
#[derive(Debug)]
pub(super) struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes an authority and a server certificate for the loopback names.
    pub(super) fn make(workshop: &Workshop, folder: &Path) -> anyhow::Result<Self> {
        provide_debian(workshop, "openssl", "openssl")?;
        fs::create_dir_all(folder)?;
        let made = Self { folder: folder.to_path_buf() };
        fs::write(made.file("openssl.cnf"), SECTIONS)?;
        output(&mut made.request(workshop, "authority"))?;
        let mut server = made.request(workshop, "server");
        server.arg("-CA").arg(made.authority()).arg("-CAkey").arg(made.file("authority.key"));
        output(&mut server)?;
        Ok(made)
    }

    /// The certificate that clients trust.
    pub(super) fn authority(&self) -> PathBuf {
        self.file("authority.pem")
    }

    /// The server's certificate.
    pub(super) fn certificate(&self) -> PathBuf {
        self.file("server.pem")
    }

    /// The server's key.
    pub(super) fn key(&self) -> PathBuf {
        self.file("server.key")
    }

    /// A new key and a certificate with the extensions of one section.
    fn request(&self, workshop: &Workshop, section: &str) -> Command {
        let mut request = workshop.command("openssl");
        request.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        request.args(["-nodes", "-days", "2", "-subj"]).arg(format!("/CN=jeton test {section}"));
        request.arg("-config").arg(self.file("openssl.cnf")).args(["-extensions", section]);
        request.arg("-keyout").arg(self.file(&format!("{section}.key")));
        request.arg("-out").arg(self.file(&format!("{section}.pem")));
        request
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// What the two certificates are for, strict enough for the strictest client.
const SECTIONS: &str = "\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_vouched_for_under_strict_rules() {
        let workshop = Workshop::find().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let made = Certificates::make(&workshop, folder.path()).unwrap();
        let mut verify = workshop.command("openssl");
        verify.args(["verify", "-x509_strict", "-purpose", "sslserver", "-verify_ip", "127.0.0.1"]);
        verify.arg("-CAfile").arg(made.authority()).arg(made.certificate());
        output(&mut verify).unwrap();
        let key = fs::read_to_string(made.key()).unwrap();
        assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"));
    }
}
