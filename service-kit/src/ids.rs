//! The only source of fresh identifiers and randomness.
//!
//! Identifiers are `UUIDv7`, monotonic within a process, so that they sort by the order they were made in. Random bytes come
//! from the cryptographic generator of aws-lc.

use shared_events::EventId;
use uuid::Uuid;

/// A new event's identity.
pub fn new_event_id() -> EventId {
    EventId(new_uuid())
}

/// A time-ordered unique identifier.
#[expect(clippy::disallowed_methods, reason = "this is the one home of new identifiers")]
pub fn new_uuid() -> Uuid {
    Uuid::now_v7()
}

/// `N` unpredictable bytes.
///
/// # Panics
/// Without a working random generator.
#[expect(clippy::expect_used, reason = "without randomness no secret can be made: there is nothing safe to go on with")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random generator works");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let ids: Vec<Uuid> = (0..1_000).map(|_| new_uuid()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random_bytes::<32>(), random_bytes::<32>());
    }
}
