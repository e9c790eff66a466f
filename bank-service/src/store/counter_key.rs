//! What a counter is named by.

/// A keyed hash in hex digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterKey(pub String);
