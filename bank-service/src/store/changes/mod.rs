//! The outbox as the source of live changes, each with its owner.

mod owners;
mod reader;

pub use reader::Reader;
