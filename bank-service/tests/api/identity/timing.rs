//! Whether two kinds of call can be told apart by their time.
//!
//! A round is 200 calls, of one kind and the other by turns; its medians differ by chance by less than [`TOLERANCE_PERMILLE`] on
//! a quiet machine. A busy one disturbs a round, but not three in the same direction: only that is a difference.

use std::time::{Duration, Instant};

/// Calls of each kind in a round.
const PAIRS: usize = 100;
const ROUNDS: usize = 3;
const TOLERANCE_PERMILLE: i128 = 50;

/// The medians of the rounds, in microseconds, if the time tells the two kinds of call apart.
pub(super) async fn difference<T>(
    mut one: impl AsyncFnMut() -> T,
    mut other: impl AsyncFnMut() -> T,
) -> Option<Vec<(i128, i128)>> {
    let mut seen: Vec<(i128, i128)> = Vec::new();
    for _ in 0..ROUNDS {
        let (mut ones, mut others) = (Vec::new(), Vec::new());
        for pair in 0..PAIRS {
            // Neither kind always comes after the other.
            if pair % 2 == 0 {
                ones.push(timed(&mut one).await);
                others.push(timed(&mut other).await);
            } else {
                others.push(timed(&mut other).await);
                ones.push(timed(&mut one).await);
            }
        }
        let (one, other) = (median(ones), median(others));
        let differs = (one - other).abs() * 1000 >= one.max(other) * TOLERANCE_PERMILLE;
        let turned = seen.first().is_some_and(|(first, second)| (first < second) != (one < other));
        if !differs || turned {
            return None;
        }
        seen.push((one, other));
    }
    Some(seen)
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

/// Spends so much time of the processor's, whatever else it has to do.
fn spend(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[actix_web::test]
async fn a_tenth_more_is_seen_in_either_direction_and_nothing_more_is_not() {
    let work = |micros| async move || spend(Duration::from_micros(micros));
    assert!(difference(work(2_000), work(2_200)).await.is_some());
    assert!(difference(work(2_200), work(2_000)).await.is_some());
    assert_eq!(difference(work(2_000), work(2_000)).await, None);
}
