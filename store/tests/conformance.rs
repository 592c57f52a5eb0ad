//! Every engine passes the whole suite.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jeton_domain::time::BootTime;
use jeton_store::conformance::suite;
use jeton_store::engine::embedded::{Embedded, EmbeddedOptions};
use jeton_store::engine::memory::Memory;

#[test]
fn the_memory_engine_conforms() {
    suite(&|| Arc::new(Memory::new()));
}

#[test]
fn the_embedded_engine_conforms() {
    let root = tempfile::tempdir().unwrap();
    let next = AtomicU32::new(0);
    suite(&|| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let options = EmbeddedOptions {
            journal_bytes: 8 << 20,
            boot: Some(BootTime::default),
            ..EmbeddedOptions::new(root.path().join(number.to_string()))
        };
        Arc::new(Embedded::open(&options).unwrap())
    });
}

#[test]
fn the_embedded_engine_conforms_when_rows_go_to_runs_at_once() {
    let root = tempfile::tempdir().unwrap();
    let next = AtomicU32::new(0);
    suite(&|| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let options = EmbeddedOptions {
            journal_bytes: 4 << 20,
            memtable_bytes: 8 << 10,
            ..EmbeddedOptions::new(root.path().join(number.to_string()))
        };
        Arc::new(Embedded::open(&options).unwrap())
    });
}
