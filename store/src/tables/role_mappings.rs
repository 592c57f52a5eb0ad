//! Role mappings made through the API: whole, as value trees.

use bytes::Bytes;
use jeton_domain::value::Value;

use super::{byte, lasting, prefix};
use crate::codec::{KeyWriter, Reader, Writer};
use crate::engine::{Key, KeyRange, Row, Space};
use crate::error::StoreError;

const TABLE: &str = "role mappings";
const VERSION: u8 = 1;

/// The key of a mapping.
pub fn key(name: &str) -> Key {
    lasting(KeyWriter::table(byte::ROLE_MAPPING).text(name).finish())
}

/// A key that is no row's: it stands for all mappings together.
///
/// Every write of one of them names it among its changes, since any of them may concern any user.
pub fn all_key() -> Key {
    lasting(KeyWriter::table(byte::ROLE_MAPPING).finish())
}

/// Every mapping, in order of names.
pub fn all() -> KeyRange {
    prefix(Space::Lasting, || KeyWriter::table(byte::ROLE_MAPPING))
}

/// The value of a mapping: its name and what else it says.
pub fn encode(name: &str, mapping: &Value) -> Bytes {
    Writer::row(VERSION).text(name).value(mapping).finish()
}

/// The name and the rest of a mapping in a row.
pub fn decode(row: &Row) -> Result<(String, Value), StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let mapping = (reader.text()?, reader.value()?);
    reader.finish()?;
    Ok(mapping)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Version;

    #[test]
    fn a_mapping_reads_back_and_all_of_them_have_a_key_without_a_row() {
        let mapping = Value::List(vec![Value::Null, Value::Text("a".to_owned())]);
        let row = Row { version: Version(1), value: encode("m", &mapping) };
        assert_eq!(decode(&row).unwrap(), ("m".to_owned(), mapping));
        let range = all();
        assert!(range.start <= all_key().bytes && all_key().bytes < key("").bytes);
    }
}
