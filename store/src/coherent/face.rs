//! How a subject is shown: texts that were printed once, in one piece of memory.
//!
//! Owns their layout. Must not know what they say.

use std::sync::Arc;

use bytes::Bytes;

/// Printed texts, one behind the other, after where all but the last of them end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Face(Arc<[u8]>);

impl Face {
    /// These texts, of less than 4 GiB together.
    pub(super) fn of(parts: [&Bytes; 4]) -> Self {
        let mut end = HEAD_BYTES;
        let [first, second, third, _] = parts.map(|part| {
            end = end.saturating_add(part.len());
            u32::try_from(end).unwrap_or(u32::MAX).to_ne_bytes()
        });
        let head = [first, second, third].concat();
        let texts = parts.map(Bytes::as_ref).concat();
        Self([head, texts].concat().into())
    }

    /// The texts.
    pub(super) fn parts(&self) -> [&[u8]; 4] {
        let end = |number: usize| {
            let end = self.0.as_chunks().0.get(number).copied().map(u32::from_ne_bytes);
            end.and_then(|end| usize::try_from(end).ok()).unwrap_or_default()
        };
        let ends = [HEAD_BYTES, end(0), end(1), end(2), self.0.len()];
        let [zeroth, first, second, third, last] = ends;
        [zeroth..first, first..second, second..third, third..last]
            .map(|range| self.0.get(range).unwrap_or_default())
    }
}

/// The same texts where a look-up stands already, if they are as short as mostly.
#[derive(Clone, Debug)]
pub(super) struct ShortFace {
    ends: [u16; 4],
    text: [u8; SHORT_BYTES],
}

impl ShortFace {
    /// The texts of a face that is short enough.
    pub(super) fn of(face: &Face) -> Option<Self> {
        let mut short = Self { ends: [0; 4], text: [0; SHORT_BYTES] };
        let mut end = 0_usize;
        for (part, until) in face.parts().into_iter().zip(&mut short.ends) {
            let from = end;
            end = end.checked_add(part.len())?;
            short.text.get_mut(from..end)?.copy_from_slice(part);
            *until = u16::try_from(end).ok()?;
        }
        Some(short)
    }

    /// The texts.
    pub(super) fn parts(&self) -> [&[u8]; 4] {
        let [first, second, third, last] = self.ends.map(usize::from);
        [0..first, first..second, second..third, third..last]
            .map(|range| self.text.get(range).unwrap_or_default())
    }
}

/// Bytes of short texts together: what leaves the place of a subject at eight lines.
const SHORT_BYTES: usize = 456;

/// Bytes that say where three texts end.
const HEAD_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_as_they_were_given() {
        for parts in [["a", "", "bc", "def"], ["", "", "", ""], ["", "x", "", ""]] {
            let parts = parts.map(|part| Bytes::from_static(part.as_bytes()));
            let face = Face::of(parts.each_ref());
            assert_eq!(face.parts(), parts.each_ref().map(Bytes::as_ref));
            assert_eq!(ShortFace::of(&face).unwrap().parts(), face.parts());
        }
    }

    #[test]
    fn only_short_texts_are_kept_short() {
        let face = |length| {
            let parts = [&b"ab"[..], b"", &vec![b'x'; length], b"c"].map(Bytes::copy_from_slice);
            Face::of(parts.each_ref())
        };
        let longest = face(SHORT_BYTES - 3);
        assert_eq!(ShortFace::of(&longest).unwrap().parts(), longest.parts());
        assert!(ShortFace::of(&face(SHORT_BYTES - 2)).is_none());
    }
}
