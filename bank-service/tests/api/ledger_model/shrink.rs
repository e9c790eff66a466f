//! Shortens a sequence that fails: parts of it are left out, from halves down to single steps, as long as the rest fails too.

/// How many steps all runs may have in sum: the sequence is as short as it is then.
const MOST_STEPS: usize = 200_000;

/// The shortest sequence that was found. `failed` runs a sequence: how many of its steps had been run when it failed, none if it
/// did not fail.
pub(super) fn shrink<T: Clone>(steps: &[T], mut failed: impl FnMut(&[T]) -> Option<usize>) -> Vec<T> {
    let (mut shortest, mut run) = (steps.to_vec(), 0);
    let mut size = shortest.len().div_ceil(2);
    while size > 0 {
        let (mut start, mut is_shorter) = (0, false);
        while start < shortest.len() {
            let end = (start + size).min(shortest.len());
            let rest = [&shortest[..start], &shortest[end..]].concat();
            run += rest.len();
            if run > MOST_STEPS {
                return shortest;
            }
            match failed(&rest) {
                Some(many) => {
                    shortest = rest[..many.min(rest.len())].to_vec();
                    is_shorter = true;
                }
                None => start = end,
            }
        }
        // Without one step another one may be dispensable, too.
        size = if size == 1 && is_shorter { 1 } else { size / 2 };
    }
    shortest
}

#[test]
fn a_sequence_is_shortened_to_the_steps_that_it_fails_for() {
    let steps: Vec<u32> = (0..10_000).collect();
    let mut runs = 0;
    // Fails at 8,888 if 17 and 4,242 came before it.
    let shortest = shrink(&steps, |steps| {
        runs += 1;
        let place = |step| steps.iter().position(|one| *one == step);
        let (first, second, last) = (place(17)?, place(4_242)?, place(8_888)?);
        (first < last && second < last).then_some(last + 1)
    });
    assert_eq!(shortest, [17, 4_242, 8_888]);
    assert!(runs < 200, "{runs} runs");
}

#[test]
fn a_sequence_that_fails_only_as_a_whole_stays_as_it_is_and_the_search_for_a_shorter_one_ends() {
    let steps: Vec<u32> = (0..5_000).collect();
    let mut run = 0;
    let shortest = shrink(&steps, |some| {
        run += some.len();
        (some.len() == 5_000).then_some(5_000)
    });
    assert_eq!(shortest, steps);
    assert!(run <= MOST_STEPS, "{run} steps");
}
