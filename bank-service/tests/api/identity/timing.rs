//! Whether the times of two kinds of call differ measurably.
//!
//! A round is 200 calls, alternating between the two kinds; its medians differ by chance by less than [`TOLERANCE_PERMILLE`] on
//! a quiet machine. A busy machine disturbs a round, but not eight in the same direction: only that counts as a difference.

use std::time::{Duration, Instant};

/// Calls of each kind in a round.
const PAIRS: usize = 100;
const ROUNDS: usize = 8;
const TOLERANCE_PERMILLE: i128 = 50;

/// The medians of the rounds, in microseconds, if they all differ.
pub(super) async fn difference<T>(
    mut one: impl AsyncFnMut() -> T,
    mut other: impl AsyncFnMut() -> T,
) -> Option<Vec<(i128, i128)>> {
    let mut seen: Vec<(i128, i128)> = Vec::new();
    for _ in 0..ROUNDS {
        let (mut ones, mut others) = (Vec::new(), Vec::new());
        for pair in 0..PAIRS {
            // Alternate, so that neither kind is always second.
            if pair % 2 == 0 {
                ones.push(timed(&mut one).await);
                others.push(timed(&mut other).await);
            } else {
                others.push(timed(&mut other).await);
                ones.push(timed(&mut one).await);
            }
        }
        seen.push((median(ones), median(others)));
        if !all_agree(&seen) {
            return None;
        }
    }
    Some(seen)
}

/// Whether each round's medians differ by more than chance, all in the same direction.
fn all_agree(rounds: &[(i128, i128)]) -> bool {
    let differs = |(one, other): &(i128, i128)| (one - other).abs() * 1000 >= one.max(other) * TOLERANCE_PERMILLE;
    let first_is_less = rounds.first().is_some_and(|(one, other)| one < other);
    rounds.iter().all(|round| differs(round) && (round.0 < round.1) == first_is_less)
}

async fn timed<T>(call: &mut impl AsyncFnMut() -> T) -> Duration {
    let began = Instant::now();
    call().await;
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> i128 {
    times.sort_unstable();
    times[times.len() / 2].as_micros().try_into().unwrap()
}

#[test]
fn a_tenth_more_in_every_round_is_a_difference_and_a_disturbed_round_is_not() {
    for (rounds, expected) in [
        ([(2_000, 2_200), (2_010, 2_190), (1_990, 2_250)], true),
        ([(2_200, 2_000), (2_190, 2_010), (2_250, 1_990)], true),
        ([(2_000, 2_200), (2_000, 2_200), (2_000, 2_050)], false),
        ([(2_000, 2_200), (2_000, 2_200), (2_400, 2_000)], false),
        ([(2_000, 2_000), (2_000, 2_000), (2_000, 2_000)], false),
    ] {
        assert_eq!(all_agree(&rounds), expected, "{rounds:?}");
    }
    assert_eq!(median([3, 1, 2].map(Duration::from_micros).to_vec()), 2);
}
