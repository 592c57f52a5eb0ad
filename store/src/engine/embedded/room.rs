//! Room on the device, as grants ask for it: next to free of cost, and a moment old at most.
//!
//! Owns what was last heard. Must not ask the system itself, nor know how old an answer is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What is free, and what waits to be written.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Free bytes of the device.
    free: AtomicU64,
    is_known: AtomicBool,
    /// Bytes that the layers will take in runs, at most.
    pending: AtomicU64,
}

impl Room {
    /// Free bytes, unless they were forgotten since they were last heard of.
    pub(super) fn free(&self) -> Option<u64> {
        self.is_known().then(|| self.free.load(Ordering::Relaxed))
    }

    pub(super) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Acquire)
    }

    pub(super) fn note_free(&self, bytes: u64) {
        self.free.store(bytes, Ordering::Relaxed);
        self.is_known.store(true, Ordering::Release);
    }

    /// What is free must be asked anew.
    pub(super) fn forget_free(&self) {
        self.is_known.store(false, Ordering::Release);
    }

    /// Bytes that the layers will take in runs, at most.
    pub(super) fn pending(&self) -> u64 {
        self.pending.load(Ordering::Acquire)
    }

    /// To be called under the lock of the view whose layers were counted.
    pub(super) fn note_pending(&self, bytes: u64) {
        self.pending.store(bytes, Ordering::Release);
    }
}
