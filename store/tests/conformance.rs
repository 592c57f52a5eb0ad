//! Every engine passes the whole suite.

use std::sync::Arc;

use jeton_store::conformance::suite;
use jeton_store::engine::memory::Memory;

#[test]
fn the_memory_engine_conforms() {
    suite(&|| Arc::new(Memory::new()));
}
