//! Pairs of tokens, by id, in the segment of the hour in which they were made.

use bytes::Bytes;
use jeton_domain::id::{KeyId, PairId, Tick};
use jeton_domain::name::Username;
use jeton_domain::subject::Client;
use jeton_domain::time::{Second, Timestamp};
use jeton_domain::token::pair::{AccessHalf, Pair, RefreshHalf, RequestId, Spent, SubjectHash};

use super::{byte, hourly, subjects};
use crate::codec::{KeyWriter, Reader, Writer};
use crate::engine::{Key, Row, Space, Write};
use crate::error::StoreError;

const TABLE: &str = "pairs";
const VERSION: u8 = 1;

/// Where the tick of admission stands: behind the format version.
const ADMITTED_AT: usize = 1;

const HAS_REFRESH: u8 = 1;
const IS_FIRST: u8 = 1 << 1;
const ACCESS_REVOKED: u8 = 1 << 2;
const REFRESH_REVOKED: u8 = 1 << 3;
const SPENT: u8 = 1 << 4;
const OWNER_IS_KEY: u8 = 1 << 5;
const BORN_AT_ADMISSION: u8 = 1 << 6;

/// The key of a pair.
pub fn key(id: PairId) -> Key {
    hourly(id.hour(), KeyWriter::table(byte::PAIR).raw(id.bytes()).finish())
}

/// The pair that a changed key names, if it names one.
pub fn named_by(key: &Key) -> Option<PairId> {
    let (table, id) = key.bytes.split_first()?;
    let is_pair = *table == byte::PAIR && key.space != Space::Lasting;
    is_pair.then(|| id.try_into().ok().map(PairId::from_bytes))?
}

/// The write of a pair that is admitted with this batch: the engine fills in its tick of admission,
/// and, for the first pair of a session, its birth.
pub fn admit(pair: &Pair) -> Write {
    let is_first = pair.chain == pair.id;
    Write::Put { key: key(pair.id), value: encode(pair, is_first), tick_at: Some(ADMITTED_AT) }
}

/// The write of a pair that was admitted before.
pub fn change(pair: &Pair) -> Write {
    let born_at_admission = pair.born == pair.admitted;
    Write::Put { key: key(pair.id), value: encode(pair, born_at_admission), tick_at: None }
}

fn encode(pair: &Pair, born_at_admission: bool) -> Bytes {
    let flag = |bit, is_set| if is_set { bit } else { 0 };
    let refresh = pair.refresh.as_ref();
    let spent = refresh.and_then(|refresh| refresh.spent);
    let revoked = |half: Option<RequestId>| half.is_some();
    let flags = flag(HAS_REFRESH, refresh.is_some())
        | flag(IS_FIRST, pair.chain == pair.id)
        | flag(ACCESS_REVOKED, revoked(pair.access.revoked))
        | flag(REFRESH_REVOKED, refresh.is_some_and(|refresh| revoked(refresh.revoked)))
        | flag(SPENT, spent.is_some())
        | flag(OWNER_IS_KEY, matches!(pair.owner, Client::ApiKey { .. }))
        | flag(BORN_AT_ADMISSION, born_at_admission);
    let mut row = Writer::row(VERSION);
    row.u64(pair.admitted.number()).byte(flags);
    if !born_at_admission {
        row.varint(pair.born.number());
    }
    if pair.chain != pair.id {
        row.raw(pair.chain.bytes());
    }
    row.varint(pair.generation.number()).u32(pair.access.end.number());
    if let Some(RequestId(by)) = pair.access.revoked {
        row.raw(&by);
    }
    if let Some(refresh) = refresh {
        row.u32(refresh.end.number());
        if let Some(RequestId(by)) = refresh.revoked {
            row.raw(&by);
        }
    }
    if let Some(spent) = spent {
        row.i64(spent.at.ms()).raw(spent.successor.bytes()).byte(spent.key.number());
    }
    row.raw(&pair.subject.0);
    match &pair.owner {
        Client::ApiKey { id } => row.text(id),
        Client::User { username, realm } => row
            .text(username.as_str())
            .text(realm.name.as_str())
            .text(&realm.kind)
            .optional_text(realm.domain.as_deref()),
    };
    row.finish()
}

/// The pair in a row.
pub fn decode(id: PairId, row: &Row) -> Result<Pair, StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let admitted = Tick::new(reader.u64()?);
    let flags = reader.byte()?;
    let has = |bit: u8| flags & bit != 0;
    let born = if has(BORN_AT_ADMISSION) { admitted } else { Tick::new(reader.varint()?) };
    let chain = if has(IS_FIRST) { id } else { PairId::from_bytes(reader.array()?) };
    let generation = Tick::new(reader.varint()?);
    let access = AccessHalf {
        end: Second::new(reader.u32()?),
        revoked: request(&mut reader, has(ACCESS_REVOKED))?,
    };
    let mut refresh = None;
    if has(HAS_REFRESH) {
        let end = Second::new(reader.u32()?);
        let revoked = request(&mut reader, has(REFRESH_REVOKED))?;
        refresh = Some(RefreshHalf { end, revoked, spent: spent(&mut reader, has(SPENT))? });
    }
    let subject = SubjectHash(reader.array()?);
    let owner = if has(OWNER_IS_KEY) {
        Client::ApiKey { id: reader.text()? }
    } else {
        Client::User {
            username: Username::new(&reader.text()?),
            realm: subjects::read_realm(&mut reader)?,
        }
    };
    reader.finish()?;
    Ok(Pair { id, chain, born, admitted, generation, access, refresh, owner, subject })
}

fn request(reader: &mut Reader<'_>, is_there: bool) -> Result<Option<RequestId>, StoreError> {
    is_there.then(|| reader.array().map(RequestId)).transpose()
}

fn spent(reader: &mut Reader<'_>, is_there: bool) -> Result<Option<Spent>, StoreError> {
    if !is_there {
        return Ok(None);
    }
    Ok(Some(Spent {
        at: Timestamp::from_ms(reader.i64()?),
        successor: PairId::from_bytes(reader.array()?),
        key: KeyId::new(reader.byte()?),
    }))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::engine::Version;
    use jeton_domain::name::RealmName;
    use jeton_domain::subject::RealmRef;
    use proptest::prelude::*;

    fn any_client() -> impl Strategy<Value = Client> {
        prop_oneof![
            ".{0,20}".prop_map(|id| Client::ApiKey { id }),
            (".{1,20}", ".{1,9}", proptest::option::of(".{1,9}")).prop_map(
                |(name, realm, domain)| {
                    Client::User {
                        username: Username::new(&name),
                        realm: RealmRef {
                            name: RealmName::new(&realm),
                            kind: "file".to_owned(),
                            domain,
                        },
                    }
                }
            ),
        ]
    }

    prop_compose! {
        fn any_refresh()(end: u32, revoked: Option<[u8; 16]>, spent: Option<(i64, [u8; 16], u8)>) -> RefreshHalf {
            RefreshHalf {
                end: Second::new(end),
                revoked: revoked.map(RequestId),
                spent: spent.map(|(at, successor, key)| Spent {
                    at: Timestamp::from_ms(at),
                    successor: PairId::from_bytes(successor),
                    key: KeyId::new(key),
                }),
            }
        }
    }

    prop_compose! {
        fn any_pair()(
            (id, chain) in any::<([u8; 16], Option<[u8; 16]>)>(),
            (born, admitted, generation) in any::<(u32, u32, u32)>(),
            (end, revoked) in any::<(u32, Option<[u8; 16]>)>(),
            refresh in proptest::option::of(any_refresh()),
            owner in any_client(),
            subject in any::<[u8; 32]>(),
        ) -> Pair {
            let id = PairId::from_bytes(id);
            Pair {
                id,
                chain: chain.map_or(id, PairId::from_bytes),
                born: Tick::new(u64::from(born)),
                admitted: Tick::new(u64::from(admitted)),
                generation: Tick::new(u64::from(generation)),
                access: AccessHalf { end: Second::new(end), revoked: revoked.map(RequestId) },
                refresh,
                owner,
                subject: SubjectHash(subject),
            }
        }
    }

    fn stored(write: Write, tick: u64) -> Row {
        let Write::Put { value, tick_at, .. } = write else { panic!("a pair is put") };
        let mut bytes = value.to_vec();
        if let Some(at) = tick_at {
            bytes[at..at + 8].copy_from_slice(&tick.to_be_bytes());
        }
        Row { version: Version(1), value: bytes.into() }
    }

    proptest! {
        #[test]
        fn a_pair_reads_back_whole(pair in any_pair()) {
            prop_assert_eq!(decode(pair.id, &stored(change(&pair), 0)).unwrap(), pair);
        }

        #[test]
        fn admission_sets_the_tick_and_the_birth_of_a_first_pair(pair in any_pair(), tick: u32) {
            let tick = Tick::new(u64::from(tick));
            let read = decode(pair.id, &stored(admit(&pair), tick.number())).unwrap();
            let born = if pair.chain == pair.id { tick } else { pair.born };
            prop_assert_eq!(read, Pair { admitted: tick, born, ..pair });
        }

        #[test]
        fn rubbish_is_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let row = Row { version: Version(1), value: bytes.into() };
            drop(decode(PairId::from_bytes([0; 16]), &row));
        }
    }

    #[test]
    fn a_key_names_its_pair() {
        let id = PairId::mint(Timestamp::from_ms(1_700_000_000_000), [5; 10]);
        assert_eq!(named_by(&key(id)), Some(id));
        assert_eq!(named_by(&crate::tables::roles::key("pabcdefghijklmno")), None);
    }
}
