//! Settings that clients have changed, by the place that they are about.

use bytes::Bytes;
use jeton_domain::settings::{Place, PlaceSettings};

use super::{byte, lasting};
use crate::codec::{KeyWriter, Reader, Writer};
use crate::engine::{Key, Row};
use crate::error::StoreError;

const TABLE: &str = "settings";
const VERSION: u8 = 1;

/// The key of a place's settings.
pub fn key(place: Place) -> Key {
    lasting(KeyWriter::table(byte::SETTINGS).text(place.name()).finish())
}

/// The value of a place's settings.
pub fn encode(settings: &PlaceSettings) -> Bytes {
    Writer::row(VERSION)
        .optional_text(settings.auto_expand_replicas.as_deref())
        .optional_text(settings.number_of_replicas.as_deref())
        .finish()
}

/// The settings in a row.
pub fn decode(row: &Row) -> Result<PlaceSettings, StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let settings = PlaceSettings {
        auto_expand_replicas: reader.optional_text()?,
        number_of_replicas: reader.optional_text()?,
    };
    reader.finish()?;
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Version;

    #[test]
    fn settings_read_back() {
        let settings =
            PlaceSettings { auto_expand_replicas: None, number_of_replicas: Some("1".to_owned()) };
        let row = Row { version: Version(1), value: encode(&settings) };
        assert_eq!(decode(&row).unwrap(), settings);
        assert_ne!(key(Place::Main), key(Place::Tokens));
    }
}
