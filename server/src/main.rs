//! The program `jeton`.
fn main() {}
