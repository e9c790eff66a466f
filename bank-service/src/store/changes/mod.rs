//! The outbox as the source of live changes, and whose each change is.

mod owners;
mod reader;

pub use reader::Reader;
