//! Records the unacknowledged deliveries of a channel, and acknowledges some of them with the fewest frames.

use std::collections::BTreeSet;

/// The deliveries in flight. Tags come in rising order.
#[derive(Debug, Default)]
pub(super) struct Acks(BTreeSet<u64>);

/// One acknowledgement: of this delivery, or of this and all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) tag: u64,
    pub(super) multiple: bool,
}

impl Acks {
    pub(super) fn received(&mut self, tag: u64) {
        self.0.insert(tag);
    }

    /// Removes the tags and returns the acknowledgements to send: one for all tags before the first open delivery, and one for
    /// each other tag.
    pub(super) fn finish(&mut self, tags: &[u64]) -> Vec<Ack> {
        let mut finished: Vec<u64> = tags.iter().copied().filter(|tag| self.0.remove(tag)).collect();
        finished.sort_unstable();
        let first_open = self.0.first().copied().unwrap_or(u64::MAX);
        let (before, after) = finished.split_at(finished.partition_point(|tag| *tag < first_open));
        let batch_ack = before.last().map(|tag| Ack { tag: *tag, multiple: true });
        batch_ack.into_iter().chain(after.iter().map(|tag| Ack { tag: *tag, multiple: false })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acks(tags: std::ops::RangeInclusive<u64>) -> Acks {
        let mut acks = Acks::default();
        tags.for_each(|tag| acks.received(tag));
        acks
    }

    fn one(tag: u64) -> Ack {
        Ack { tag, multiple: false }
    }

    fn up_to(tag: u64) -> Ack {
        Ack { tag, multiple: true }
    }

    #[test]
    fn what_is_finished_in_order_takes_one_acknowledgement() {
        let mut acks = acks(1..=6);
        assert_eq!(acks.finish(&[1, 2, 3]), [up_to(3)]);
        assert_eq!(acks.finish(&[5, 4]), [up_to(5)]);
        assert_eq!(acks.finish(&[6]), [up_to(6)]);
    }

    #[test]
    fn nothing_unfinished_is_ever_acknowledged() {
        let mut acks = acks(1..=6);
        assert_eq!(acks.finish(&[2, 3, 5]), [one(2), one(3), one(5)]);
        assert_eq!(acks.finish(&[1, 6]), [up_to(1), one(6)]);
        assert_eq!(acks.finish(&[4]), [up_to(4)]);
    }

    #[test]
    fn nothing_is_acknowledged_twice() {
        let mut acks = acks(1..=2);
        assert_eq!(acks.finish(&[1]), [up_to(1)]);
        assert_eq!(acks.finish(&[1]), []);
        assert_eq!(acks.finish(&[]), []);
    }
}
