//! How a subject is shown: texts that were printed once, in one piece of memory.
//!
//! Owns their layout. Must not know what they say.

use bytes::Bytes;

/// Printed texts, one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Face {
    text: Box<[u8]>,
    /// Where all but the last end.
    ends: [u32; 3],
}

impl Face {
    /// These texts, of less than 4 GiB together.
    pub(super) fn of(parts: [&Bytes; 4]) -> Self {
        let mut end = 0_usize;
        let [first, second, third, _] = parts.map(|part| {
            end = end.saturating_add(part.len());
            u32::try_from(end).unwrap_or(u32::MAX)
        });
        Self { text: parts.map(Bytes::as_ref).concat().into(), ends: [first, second, third] }
    }

    /// The texts.
    pub(super) fn parts(&self) -> [&[u8]; 4] {
        let [first, second, third] = self.ends;
        let part = |from: u32, to: Option<u32>| {
            let place = |end: u32| usize::try_from(end).unwrap_or(usize::MAX);
            let to = to.map_or(self.text.len(), place);
            self.text.get(place(from)..to).unwrap_or_default()
        };
        [
            part(0, Some(first)),
            part(first, Some(second)),
            part(second, Some(third)),
            part(third, None),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_as_they_were_given() {
        for parts in [["a", "", "bc", "def"], ["", "", "", ""], ["", "x", "", ""]] {
            let parts = parts.map(|part| Bytes::from_static(part.as_bytes()));
            assert_eq!(Face::of(parts.each_ref()).parts(), parts.each_ref().map(Bytes::as_ref));
        }
    }
}
