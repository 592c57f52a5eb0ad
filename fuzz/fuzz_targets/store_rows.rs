//! Rows of the store: damage is an error, and what was read is written to the same bytes.
#![no_main]

use bytes::Bytes;
use jeton_domain::id::PairId;
use jeton_store::engine::{Key, Row, Space, Version, Write};
use jeton_store::error::StoreError;
use jeton_store::tables::{
    census, cutoffs, index, keys, meta, pairs, roles, segments, subjects, users,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((table, value)) = input.split_first() else { return };
    let value = Bytes::copy_from_slice(value);
    match table % 12 {
        0 => reads_back(&value, |row| pairs::decode(ID, row), |pair| put(pairs::change(pair))),
        1 => reads_back(&value, subjects::decode, |subject| {
            // Only what is read can be beyond the limit of what is written.
            subjects::encode(subject).map_or_else(|_| Bytes::new(), |canonical| canonical.bytes)
        }),
        2 => reads_back(&value, users::decode, users::encode),
        3 => reads_back(&value, roles::decode, |(name, tree)| roles::encode(name, tree)),
        4 => reads_back(&value, keys::decode, keys::encode),
        5 => reads_back(&value, segments::decode, |record| segments::encode(*record)),
        6 => reads_back(&value, meta::decode_number, |number| meta::encode_number(*number)),
        7 => reads_back(&value, meta::decode_text, |text| meta::encode_text(text)),
        8 => reads_back(&value, cutoffs::decode_result, |(request, now, counts)| {
            cutoffs::encode_result(*request, *now, *counts)
        }),
        9 => drop((cutoffs::decode(&row(&value)), cutoffs::decode_counting(&row(&value)))),
        10 => entries(&value),
        _ => names(&value),
    }
});

/// Whatever is read is written to bytes that read and write the same again.
fn reads_back<T>(
    value: &Bytes,
    decode: impl Fn(&Row) -> Result<T, StoreError>,
    encode: impl Fn(&T) -> Bytes,
) {
    let Ok(read) = decode(&row(value)) else { return };
    let written = encode(&read);
    if written.is_empty() {
        return;
    }
    let again = decode(&row(&written)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(encode(&again), written);
}

/// Rows whose key is read as well; the first byte says how long the key is.
fn entries(value: &Bytes) {
    let Some((length, rest)) = value.split_first() else { return };
    let Some((key, value)) = rest.split_at_checked((*length).into()) else { return };
    let key = Key { space: Space::Hour(ID.hour()), bytes: Bytes::copy_from_slice(key) };
    let row = row(&Bytes::copy_from_slice(value));
    let _ = census::decode(&key, &row);
    if let Ok(entry) = index::decode(&key, &row) {
        let found = index::key(&username(&key), entry.standing.until, entry.id);
        // The first byte names the table, by which the key was found.
        assert_eq!(found.bytes[1..], key.bytes[1..], "a key is written to the same bytes");
    }
}

/// The name in a key of the index, read by a rule of its own: up to `0 1`, with `0 ff` for zero.
fn username(key: &Key) -> String {
    let mut name = Vec::new();
    let mut bytes = key.bytes.iter().skip(1).copied();
    while let Some(byte) = bytes.next() {
        if byte == 0 && bytes.next() == Some(1) {
            break;
        }
        name.push(byte);
    }
    String::from_utf8(name).expect("a name that was read is text")
}

/// Keys that changes name.
fn names(bytes: &Bytes) {
    for space in [Space::Lasting, Space::Hour(ID.hour())] {
        let key = Key { space, bytes: bytes.clone() };
        if let Some(pair) = pairs::named_by(&key) {
            assert_eq!(pairs::key(pair).bytes, key.bytes);
        }
        if let Some(selector) = cutoffs::named_by(&key) {
            assert_eq!(cutoffs::key(&selector), key);
        }
    }
}

fn row(value: &Bytes) -> Row {
    Row { version: Version(1), value: value.clone() }
}

fn put(write: Write) -> Bytes {
    match write {
        Write::Put { value, .. } => value,
        other => panic!("a pair's change is a put, not {other:?}"),
    }
}

const ID: PairId =
    PairId::from_bytes([1, 0x8b, 0xcf, 0xe5, 0x68, 0, 0x70, 1, 0x80, 2, 3, 4, 5, 6, 7, 8]);
