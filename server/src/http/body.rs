//! The body of one request, read within bounds.
//!
//! Owns the limits of size, time and memory. Must not know who sends the body: it is called only
//! for callers who were admitted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use jeton_rest::rest::BodyRefusal;

/// Memory that all bodies share.
#[derive(Debug)]
pub(crate) struct BodyMemory {
    free: AtomicUsize,
}

impl BodyMemory {
    pub(crate) const fn new(bytes: usize) -> Self {
        Self { free: AtomicUsize::new(bytes) }
    }

    /// A share that grows as bytes come, and is given back when it is dropped.
    pub(crate) const fn share(&self) -> Share<'_> {
        Share { memory: self, taken: 0 }
    }
}

/// What one body holds of the shared memory.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    memory: &'a BodyMemory,
    taken: usize,
}

impl Share<'_> {
    fn grow(&mut self, bytes: usize) -> Result<(), BodyRefusal> {
        let free = &self.memory.free;
        free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes))
            .map_err(|_| BodyRefusal::NoRoom)?;
        self.taken = self.taken.saturating_add(bytes);
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.memory.free.fetch_add(self.taken, Ordering::Relaxed);
    }
}

/// Whether the declared length alone is too large: nothing of the body is read then.
pub(crate) fn is_declared_too_large(body: &Incoming, bytes_max: usize) -> bool {
    let bytes_max = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    body.size_hint().lower() > bytes_max
}

/// Reads a body to its end. The share must live as long as the bytes.
pub(crate) async fn read(
    body: Incoming,
    bytes_max: usize,
    deadline: Duration,
    share: &mut Share<'_>,
) -> Result<Bytes, BodyRefusal> {
    match tokio::time::timeout(deadline, collect(body, bytes_max, share)).await {
        Ok(read) => read,
        Err(_) => Err(BodyRefusal::TooSlow),
    }
}

async fn collect(
    mut body: Incoming,
    bytes_max: usize,
    share: &mut Share<'_>,
) -> Result<Bytes, BodyRefusal> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // Trailers are of no use here.
        let Ok(bytes) = frame.map_err(|_| BodyRefusal::Broken)?.into_data() else { continue };
        let length = first.len().saturating_add(rest.len()).saturating_add(bytes.len());
        if length > bytes_max {
            return Err(BodyRefusal::TooLarge);
        }
        share.grow(bytes.len())?;
        // Nearly every body comes in one piece, which need not be copied.
        if first.is_empty() && rest.is_empty() {
            first = bytes;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
                first = Bytes::new();
            }
            rest.extend_from_slice(&bytes);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_given_back_and_never_exceeds_the_memory() {
        let memory = BodyMemory::new(10);
        {
            let mut share = memory.share();
            assert_eq!(share.grow(6), Ok(()));
            assert_eq!(memory.share().grow(5), Err(BodyRefusal::NoRoom));
            assert_eq!(memory.share().grow(4), Ok(()));
        }
        assert_eq!(memory.share().grow(10), Ok(()));
    }
}
