//! How many ids a block has: a block that was used up too soon is followed by a larger one.

use std::time::{Duration, Instant};

/// How many ids a replica reserves at a time. A block that lasted for less than `BLOCK_LASTS` is followed by one of
/// twice its size, up to `LARGEST_STEADY_BLOCK`.
pub(super) const BLOCK: i64 = 100;
const LARGEST_STEADY_BLOCK: i64 = 10_000;
const BLOCK_LASTS: Duration = Duration::from_secs(1);

/// The history of one sequence's blocks.
#[derive(Debug)]
pub(in crate::store) struct Blocks {
    size: i64,
    reserved: Option<Instant>,
}

impl Default for Blocks {
    fn default() -> Self {
        Self { size: BLOCK, reserved: None }
    }
}

impl Blocks {
    /// The size of the next block.
    pub(super) fn next(&mut self, now: Instant) -> i64 {
        if let Some(before) = self.reserved.replace(now) {
            let short = now.duration_since(before) < BLOCK_LASTS;
            self.size = if short { self.size * 2 } else { self.size / 2 };
            self.size = self.size.clamp(BLOCK, LARGEST_STEADY_BLOCK);
        }
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_grow_while_they_do_not_last_and_shrink_again() {
        let (mut blocks, mut now) = (Blocks::default(), Instant::now());
        let mut after = |seconds: u64| {
            now += Duration::from_secs(seconds);
            blocks.next(now)
        };
        assert_eq!([after(0), after(0), after(0)], [100, 200, 400]);
        assert_eq!([after(5), after(5), after(5)], [200, 100, 100]);
        assert_eq!((0..20).map(|_| after(0)).max(), Some(LARGEST_STEADY_BLOCK));
    }
}
