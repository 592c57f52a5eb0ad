//! The certificates in use, as they are listed.
//!
//! Owns the list that the server replaces when it has read other files. Must not know files or how
//! a certificate is read.

use std::sync::{Arc, PoisonError, RwLock};

use jeton_domain::time::Timestamp;

/// The certificates in use: every copy shows the same list.
#[derive(Clone, Debug)]
pub struct Certificates(Arc<RwLock<Arc<[Certificate]>>>);

/// A certificate in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The file that it was read from, as the settings name it.
    pub path: String,
    /// What kind of file that is: `PEM`, `PKCS12` or `jks`.
    pub format: &'static str,
    /// The name within the file, where files have such.
    pub alias: Option<String>,
    /// Whose it is.
    pub subject_dn: String,
    /// Its number, in hexadecimal.
    pub serial_number: String,
    /// Whether the server holds its private key.
    pub has_private_key: bool,
    /// When it ends.
    pub expiry: Timestamp,
    /// Who has signed it.
    pub issuer: String,
}

impl Certificates {
    /// An empty list.
    pub fn none() -> Self {
        Self(Arc::new(RwLock::new(Arc::new([]))))
    }

    /// Replaces the list.
    pub fn replace(&self, certificates: Vec<Certificate>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = certificates.into();
    }

    /// The list as it is now.
    pub(crate) fn in_use(&self) -> Arc<[Certificate]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
