//! The engine of one directory and one process.
