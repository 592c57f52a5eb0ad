//! Subjects of tokens, once a segment, named by a hash over their bytes.

use bytes::Bytes;
use jeton_domain::limits::SUBJECT_BYTES_MAX;
use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::subject::{ApiKeyRef, AuthenticationType, RealmRef, RunBy, Subject};
use jeton_domain::time::Hour;
use jeton_domain::token::pair::SubjectHash;
use sha2::{Digest, Sha256};

use super::{byte, hourly};
use crate::codec::{KeyWriter, Reader, Writer};
use crate::engine::{Key, Row};
use crate::error::StoreError;

const TABLE: &str = "subjects";
const VERSION: u8 = 1;

/// The canonical bytes of a subject and their hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical {
    /// The name under which it is kept.
    pub hash: SubjectHash,
    /// The row.
    pub bytes: Bytes,
}

/// The key of a subject in a segment.
pub fn key(hour: Hour, hash: SubjectHash) -> Key {
    hourly(hour, KeyWriter::table(byte::SUBJECT).raw(&hash.0).finish())
}

/// The canonical bytes of a subject: equal subjects have equal bytes.
///
/// Refused when they are longer than the limit.
pub fn encode(subject: &Subject) -> Result<Canonical, StoreError> {
    let mut row = Writer::row(VERSION);
    row.text(subject.username.as_str());
    roles(&mut row, &subject.roles);
    row.optional_text(subject.full_name.as_deref()).optional_text(subject.email.as_deref());
    row.map(&subject.metadata).byte(u8::from(subject.enabled));
    realm(&mut row, &subject.authentication_realm);
    realm(&mut row, &subject.lookup_realm);
    row.byte(match subject.authentication_type {
        AuthenticationType::Realm => 1,
        AuthenticationType::ApiKey => 2,
        AuthenticationType::Token => 3,
        AuthenticationType::Anonymous => 4,
        AuthenticationType::Internal => 5,
    });
    match &subject.run_by {
        Some(by) => {
            row.byte(1).text(by.username.as_str());
            roles(&mut row, &by.roles);
        }
        None => {
            row.byte(0);
        }
    }
    match &subject.api_key {
        Some(key) => {
            row.byte(1).text(&key.id).optional_text(key.name.as_deref());
            row.map(&key.role_descriptors).count(key.limited_by.len());
            for descriptor in &key.limited_by {
                row.value(descriptor);
            }
        }
        None => {
            row.byte(0);
        }
    }
    if row.len() > SUBJECT_BYTES_MAX {
        return Err(StoreError::TooLarge("the subject of the token"));
    }
    let bytes = row.finish();
    Ok(Canonical { hash: SubjectHash(Sha256::digest(&bytes).into()), bytes })
}

/// The subject in a row.
pub fn decode(row: &Row) -> Result<Subject, StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let subject = Subject {
        username: Username::new(&reader.text()?),
        roles: read_roles(&mut reader)?,
        full_name: reader.optional_text()?,
        email: reader.optional_text()?,
        metadata: reader.map()?,
        enabled: reader.byte()? == 1,
        authentication_realm: read_realm(&mut reader)?,
        lookup_realm: read_realm(&mut reader)?,
        authentication_type: match reader.byte()? {
            1 => AuthenticationType::Realm,
            2 => AuthenticationType::ApiKey,
            3 => AuthenticationType::Token,
            4 => AuthenticationType::Anonymous,
            5 => AuthenticationType::Internal,
            _ => return Err(reader.damage("its authentication type is unknown")),
        },
        run_by: match reader.byte()? {
            0 => None,
            _ => Some(RunBy {
                username: Username::new(&reader.text()?),
                roles: read_roles(&mut reader)?,
            }),
        },
        api_key: match reader.byte()? {
            0 => None,
            _ => Some(ApiKeyRef {
                id: reader.text()?,
                name: reader.optional_text()?,
                role_descriptors: reader.map()?,
                limited_by: reader.list(Reader::value)?,
            }),
        },
    };
    reader.finish()?;
    Ok(subject)
}

fn roles(row: &mut Writer, roles: &[RoleName]) {
    row.count(roles.len());
    for role in roles {
        row.text(role.as_str());
    }
}

fn realm(row: &mut Writer, realm: &RealmRef) {
    row.text(realm.name.as_str()).text(&realm.kind).optional_text(realm.domain.as_deref());
}

fn read_roles(reader: &mut Reader<'_>) -> Result<Vec<RoleName>, StoreError> {
    reader.list(|reader| Ok(RoleName::new(&reader.text()?)))
}

pub(super) fn read_realm(reader: &mut Reader<'_>) -> Result<RealmRef, StoreError> {
    Ok(RealmRef {
        name: RealmName::new(&reader.text()?),
        kind: reader.text()?,
        domain: reader.optional_text()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Version;
    use jeton_domain::value::{Map, Value};

    fn subject() -> Subject {
        let realm = RealmRef {
            name: RealmName::new("saml1"),
            kind: "file".to_owned(),
            domain: Some("d".to_owned()),
        };
        Subject {
            username: Username::new("ann"),
            roles: vec![RoleName::new("r1")],
            full_name: Some("Ann".to_owned()),
            email: None,
            metadata: [("a".to_owned(), Value::List(vec![Value::Null]))].into_iter().collect(),
            enabled: true,
            authentication_realm: realm.clone(),
            lookup_realm: realm,
            authentication_type: AuthenticationType::Realm,
            run_by: Some(RunBy { username: Username::new("root"), roles: vec![] }),
            api_key: Some(ApiKeyRef {
                id: "k".to_owned(),
                name: None,
                role_descriptors: Map::new(),
                limited_by: vec![Value::Bool(true)],
            }),
        }
    }

    #[test]
    fn a_subject_reads_back_whole() {
        let canonical = encode(&subject()).unwrap();
        let row = Row { version: Version(1), value: canonical.bytes };
        assert_eq!(decode(&row).unwrap(), subject());
    }

    #[test]
    fn subjects_that_differ_have_other_names() {
        let other = Subject { enabled: false, ..subject() };
        assert_ne!(encode(&other).unwrap().hash, encode(&subject()).unwrap().hash);
    }

    #[test]
    fn a_subject_beyond_the_limit_is_refused() {
        let large = Subject { full_name: Some("x".repeat(SUBJECT_BYTES_MAX)), ..subject() };
        assert!(matches!(encode(&large), Err(StoreError::TooLarge(_))));
    }
}
