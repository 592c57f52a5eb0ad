//! Privileges of applications: one row each, those of an application side by side.

use bytes::Bytes;
use jeton_domain::privilege::application::ApplicationPrivilege;

use super::{byte, lasting, prefix};
use crate::codec::{KeyWriter, Reader, Writer};
use crate::engine::{Key, KeyRange, Row, Space};
use crate::error::StoreError;

const TABLE: &str = "privileges";
const VERSION: u8 = 1;

/// The key of a privilege.
pub fn key(application: &str, name: &str) -> Key {
    lasting(start(application).text(name).finish())
}

/// A key that is no row's: it stands for all privileges of an application.
///
/// Every write of one of them names it among its changes.
pub fn application_key(application: &str) -> Key {
    lasting(start(application).finish())
}

/// The application whose privileges a changed key names, if it names one.
pub fn named_by(key: &Key) -> Option<String> {
    if key.space != Space::Lasting || key.bytes.first() != Some(&byte::PRIVILEGE) {
        return None;
    }
    Reader::key(TABLE, &key.bytes, 1).ok()?.key_text().ok()
}

/// Every privilege, in order of applications and names.
pub fn all() -> KeyRange {
    prefix(Space::Lasting, || KeyWriter::table(byte::PRIVILEGE))
}

/// Every privilege of an application, in order of names.
pub fn of_application(application: &str) -> KeyRange {
    prefix(Space::Lasting, || start(application))
}

/// The value of a privilege.
pub fn encode(privilege: &ApplicationPrivilege) -> Bytes {
    let mut row = Writer::row(VERSION);
    row.text(&privilege.application).text(&privilege.name).count(privilege.actions.len());
    for action in &privilege.actions {
        row.text(action);
    }
    row.map(&privilege.metadata).finish()
}

/// The privilege in a row.
pub fn decode(row: &Row) -> Result<ApplicationPrivilege, StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let privilege = ApplicationPrivilege {
        application: reader.text()?,
        name: reader.text()?,
        actions: reader.list(Reader::text)?,
        metadata: reader.map()?,
    };
    reader.finish()?;
    Ok(privilege)
}

fn start(application: &str) -> KeyWriter {
    KeyWriter::table(byte::PRIVILEGE).text(application)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Version;
    use jeton_domain::value::Value;

    #[test]
    fn a_privilege_reads_back() {
        let privilege = ApplicationPrivilege {
            application: "app".to_owned(),
            name: "read".to_owned(),
            actions: vec!["data/read/*".to_owned(), "action:login".to_owned()],
            metadata: [("a".to_owned(), Value::Integer(1))].into_iter().collect(),
        };
        let row = Row { version: Version(1), value: encode(&privilege) };
        assert_eq!(decode(&row).unwrap(), privilege);
    }

    #[test]
    fn keys_stand_with_their_application_and_name_it() {
        let key = key("app", "read");
        let holds = |range: &KeyRange| {
            range.start <= key.bytes && range.end.as_ref().is_none_or(|end| key.bytes < *end)
        };
        assert!(holds(&of_application("app")) && holds(&all()));
        assert!(!holds(&of_application("ap")) && !holds(&of_application("appl")));
        assert_eq!(named_by(&key).as_deref(), Some("app"));
        assert_eq!(named_by(&application_key("app")).as_deref(), Some("app"));
        assert_eq!(named_by(&crate::tables::roles::key("app")), None);
    }
}
