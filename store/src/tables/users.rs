//! Users that are kept here: native ones, and what is known of reserved ones.

use bytes::Bytes;
use jeton_domain::name::{RoleName, Username};
use jeton_domain::value::Map;

use super::{byte, lasting, prefix};
use crate::codec::{KeyWriter, Reader, Writer};
use crate::engine::{Key, KeyRange, Row, Space};
use crate::error::StoreError;

const TABLE: &str = "users";
const VERSION: u8 = 1;

/// Which kind of user a record belongs to. The same name may exist in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserKind {
    /// Made through the API.
    Native,
    /// Built in; the record holds the password and whether the user is enabled.
    Reserved,
}

/// The record of a user.
#[derive(Clone, PartialEq)]
pub struct UserRecord {
    /// The name.
    pub username: Username,
    /// The text of the password's hash; none never authenticates.
    pub password_hash: Option<String>,
    /// Names of the roles, in the order in which they were assigned.
    pub roles: Vec<RoleName>,
    /// Full name, where known.
    pub full_name: Option<String>,
    /// Address of electronic mail, where known.
    pub email: Option<String>,
    /// Whatever else is known.
    pub metadata: Map,
    /// Whether the user may log in.
    pub enabled: bool,
}

impl core::fmt::Debug for UserRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("UserRecord").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The key of a user's record. Every write of it names the key among its changes.
pub fn key(kind: UserKind, username: &str) -> Key {
    lasting(start(kind).text(username).finish())
}

/// Every record of a kind, in order of names.
pub fn all(kind: UserKind) -> KeyRange {
    prefix(Space::Lasting, || start(kind))
}

/// The value of a record.
pub fn encode(user: &UserRecord) -> Bytes {
    let mut row = Writer::row(VERSION);
    row.text(user.username.as_str()).optional_text(user.password_hash.as_deref());
    row.count(user.roles.len());
    for role in &user.roles {
        row.text(role.as_str());
    }
    row.optional_text(user.full_name.as_deref()).optional_text(user.email.as_deref());
    row.map(&user.metadata).byte(u8::from(user.enabled));
    row.finish()
}

/// The record in a row.
pub fn decode(row: &Row) -> Result<UserRecord, StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let user = UserRecord {
        username: Username::new(&reader.text()?),
        password_hash: reader.optional_text()?,
        roles: reader.list(|reader| Ok(RoleName::new(&reader.text()?)))?,
        full_name: reader.optional_text()?,
        email: reader.optional_text()?,
        metadata: reader.map()?,
        enabled: reader.byte()? == 1,
    };
    reader.finish()?;
    Ok(user)
}

fn start(kind: UserKind) -> KeyWriter {
    let kind = match kind {
        UserKind::Native => b'n',
        UserKind::Reserved => b'r',
    };
    KeyWriter::table(byte::USER).raw(&[kind])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Version;
    use jeton_domain::value::Value;

    #[test]
    fn a_record_reads_back_and_prints_no_hash() {
        let user = UserRecord {
            username: Username::new("ann"),
            password_hash: Some("$2a$10$hash".to_owned()),
            roles: vec![RoleName::new("r1"), RoleName::new("r2")],
            full_name: None,
            email: Some("ann@example.com".to_owned()),
            metadata: [("a".to_owned(), Value::Integer(1))].into_iter().collect(),
            enabled: true,
        };
        let row = Row { version: Version(1), value: encode(&user) };
        assert_eq!(decode(&row).unwrap(), user);
        assert!(!format!("{user:?}").contains("hash"));
    }
}
