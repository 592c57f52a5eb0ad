//! Bytes of rows and keys: small, versioned, order-preserving where it matters.
//!
//! Every row begins with the version of its table's format, so that a later release can tell.

use bytes::Bytes;
use jeton_domain::limits::VALUE_DEPTH_MAX;
use jeton_domain::value::{Map, Value};
use smallvec::SmallVec;

use crate::error::StoreError;

/// Writes the value of a row.
#[derive(Debug, Default)]
pub(crate) struct Writer(SmallVec<[u8; ROW_BYTES]>);

impl Writer {
    /// A row of this format version.
    pub(crate) fn row(version: u8) -> Self {
        let mut row = Self(SmallVec::new());
        row.byte(version);
        row
    }

    pub(crate) fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u32(&mut self, number: u32) -> &mut Self {
        self.raw(&number.to_be_bytes())
    }

    pub(crate) fn u64(&mut self, number: u64) -> &mut Self {
        self.raw(&number.to_be_bytes())
    }

    pub(crate) fn i64(&mut self, number: i64) -> &mut Self {
        self.raw(&number.to_be_bytes())
    }

    /// A number that is mostly small: seven bits a byte, lowest first.
    pub(crate) fn varint(&mut self, mut number: u64) -> &mut Self {
        loop {
            let low = u8::try_from(number & 0x7f).unwrap_or(0);
            number >>= 7;
            if number == 0 {
                return self.byte(low);
            }
            self.byte(low | 0x80);
        }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.varint(u64::try_from(bytes.len()).unwrap_or(u64::MAX)).raw(bytes)
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.byte(1).text(text),
            None => self.byte(0),
        }
    }

    pub(crate) fn count(&mut self, count: usize) -> &mut Self {
        self.varint(u64::try_from(count).unwrap_or(u64::MAX))
    }

    pub(crate) fn value(&mut self, value: &Value) -> &mut Self {
        match value {
            Value::Null => self.byte(0),
            Value::Bool(false) => self.byte(1),
            Value::Bool(true) => self.byte(2),
            Value::Integer(number) => self.byte(3).i64(*number),
            Value::Float(number) => self.byte(4).raw(&number.to_be_bytes()),
            Value::Text(text) => self.byte(5).text(text),
            Value::List(items) => {
                self.byte(6).count(items.len());
                for item in items {
                    self.value(item);
                }
                self
            }
            Value::Map(map) => self.byte(7).map(map),
        }
    }

    pub(crate) fn map(&mut self, map: &Map) -> &mut Self {
        self.count(map.len());
        for (name, value) in map.members() {
            self.text(name).value(value);
        }
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn finish(&mut self) -> Bytes {
        exact(&self.0)
    }
}

/// Writes a key: parts in order, each so that byte order is value order.
#[derive(Debug)]
pub(crate) struct KeyWriter(SmallVec<[u8; KEY_BYTES]>);

impl KeyWriter {
    /// A key of the table with this byte.
    pub(crate) fn table(table: u8) -> Self {
        let mut key = SmallVec::new();
        key.push(table);
        Self(key)
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u32(self, number: u32) -> Self {
        self.raw(&number.to_be_bytes())
    }

    pub(crate) fn u64(self, number: u64) -> Self {
        self.raw(&number.to_be_bytes())
    }

    /// Text of any length, ended so that no text is the beginning of another's key.
    pub(crate) fn text(mut self, text: &str) -> Self {
        for (number, part) in text.as_bytes().split(|byte| *byte == 0).enumerate() {
            if number > 0 {
                self.0.extend_from_slice(&[0, 0xff]);
            }
            self.0.extend_from_slice(part);
        }
        self.0.extend_from_slice(&[0, 1]);
        self
    }

    pub(crate) fn finish(self) -> Bytes {
        exact(&self.0)
    }

    /// The first key beyond every key that begins with this one.
    pub(crate) fn beyond(self) -> Option<Bytes> {
        let mut bytes = self.0;
        while let Some(last) = bytes.pop() {
            if let Some(next) = last.checked_add(1) {
                bytes.push(next);
                return Some(exact(&bytes));
            }
        }
        None
    }
}

/// The bytes in a piece of memory of just their length: with room to spare they would take two.
fn exact(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// What most rows and most keys take.
const ROW_BYTES: usize = 128;
const KEY_BYTES: usize = 64;

/// Reads the value of a row, or the rest of a key. Damage becomes an error that names the table.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    table: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads a row of `table`, whose format version must be `version`.
    pub(crate) fn row(
        table: &'static str,
        version: u8,
        bytes: &'a [u8],
    ) -> Result<Self, StoreError> {
        let mut reader = Self { table, rest: bytes };
        if reader.byte()? == version {
            Ok(reader)
        } else {
            Err(reader.damage("its format version is unknown"))
        }
    }

    /// Reads the parts of a key behind its first `skip` bytes.
    pub(crate) fn key(
        table: &'static str,
        bytes: &'a [u8],
        skip: usize,
    ) -> Result<Self, StoreError> {
        let mut reader = Self { table, rest: bytes };
        reader.take(skip)?;
        Ok(reader)
    }

    pub(crate) const fn damage(&self, what: &'static str) -> StoreError {
        StoreError::Row { table: self.table, what }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| self.damage("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let taken = self.take(N)?;
        taken.first_chunk::<N>().copied().ok_or_else(|| self.damage("it ends too early"))
    }

    pub(crate) fn byte(&mut self) -> Result<u8, StoreError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, StoreError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, StoreError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, StoreError> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, StoreError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.damage("a number in it is too long"))
    }

    pub(crate) fn count(&mut self) -> Result<usize, StoreError> {
        let count = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        if count > self.rest.len() {
            return Err(self.damage("it announces more than it holds"));
        }
        Ok(count)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], StoreError> {
        let count = self.count()?;
        self.take(count)
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        let bytes = self.bytes()?;
        String::from_utf8(bytes.to_vec()).map_err(|_| self.damage("a text in it is not UTF-8"))
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, StoreError> {
        match self.byte()? {
            0 => Ok(None),
            1 => self.text().map(Some),
            _ => Err(self.damage("a flag in it is neither 0 nor 1")),
        }
    }

    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let count = self.count()?;
        (0..count).map(|_| item(self)).collect()
    }

    pub(crate) fn map(&mut self) -> Result<Map, StoreError> {
        self.map_at(0)
    }

    pub(crate) fn value(&mut self) -> Result<Value, StoreError> {
        self.value_at(0)
    }

    fn map_at(&mut self, depth: usize) -> Result<Map, StoreError> {
        let members = self.list(|reader| {
            let name = reader.text()?;
            Ok((name, reader.value_at(depth.saturating_add(1))?))
        })?;
        Ok(members.into_iter().collect())
    }

    fn value_at(&mut self, depth: usize) -> Result<Value, StoreError> {
        if depth > VALUE_DEPTH_MAX.saturating_mul(2) {
            return Err(self.damage("it nests too deeply"));
        }
        Ok(match self.byte()? {
            0 => Value::Null,
            1 => Value::Bool(false),
            2 => Value::Bool(true),
            3 => Value::Integer(self.i64()?),
            4 => Value::Float(f64::from_be_bytes(self.array()?)),
            5 => Value::Text(self.text()?),
            6 => Value::List(self.list(|reader| reader.value_at(depth.saturating_add(1)))?),
            7 => Value::Map(self.map_at(depth.saturating_add(1))?),
            _ => return Err(self.damage("a value in it is of no known kind")),
        })
    }

    /// Text of a key, up to its end mark.
    pub(crate) fn key_text(&mut self) -> Result<String, StoreError> {
        let mut text = Vec::new();
        loop {
            match (self.byte()?, self.rest.first()) {
                (0, Some(1)) => {
                    self.byte()?;
                    return String::from_utf8(text)
                        .map_err(|_| self.damage("a text in its key is not UTF-8"));
                }
                (0, Some(0xff)) => {
                    self.byte()?;
                    text.push(0);
                }
                (0, _) => return Err(self.damage("a text in its key does not end")),
                (byte, _) => text.push(byte),
            }
        }
    }

    /// Ends the reading: nothing may be left.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.damage("bytes are left over")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Integer),
            (-1e9..1e9).prop_map(Value::Float),
            ".*".prop_map(Value::Text),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                proptest::collection::vec((".*", inner), 0..6)
                    .prop_map(|members| Value::Map(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_read_back_as_written(value in any_value()) {
            let row = Writer::row(1).value(&value).finish();
            let mut reader = Reader::row("test", 1, &row).unwrap();
            prop_assert_eq!(reader.value().unwrap(), value);
            reader.finish().unwrap();
        }

        #[test]
        fn rubbish_is_an_error_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(mut reader) = Reader::row("test", 1, &bytes) {
                drop(reader.value());
            }
            drop(Reader { table: "test", rest: &bytes }.key_text());
        }

        #[test]
        fn key_texts_order_as_texts(a in ".*", b in ".*", n: u32) {
            let key = |text: &str| KeyWriter::table(b't').text(text).u32(n).finish();
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.as_bytes().cmp(b.as_bytes()));
            let bytes = key(&a);
            let mut reader = Reader::key("test", &bytes, 1).unwrap();
            prop_assert_eq!(reader.key_text().unwrap(), a);
            prop_assert_eq!(reader.u32().unwrap(), n);
        }

        #[test]
        fn numbers_read_back(number: u64) {
            let row = Writer::row(1).varint(number).finish();
            prop_assert_eq!(Reader::row("test", 1, &row).unwrap().varint().unwrap(), number);
        }
    }
}
