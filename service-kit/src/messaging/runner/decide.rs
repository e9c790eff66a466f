//! Decides what follows from an attempt. Pure, so that every transport decides alike.

use std::time::Duration;

use crate::messaging::disposition::{AttemptCounts, Disposition};
use crate::messaging::{ConsumerSettings, HandlerResult};

/// How often in a row a message is postponed without spending an attempt: with the usual first delay over eight minutes.
const MAX_POSTPONED: u32 = 100;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptResult {
    /// The handler returned a result.
    Answered(HandlerResult),
    /// The handler panicked, or returned the wrong number of results.
    Crashed { reason: String },
    /// The handler was stopped at the time limit.
    TimedOut { reason: String },
    /// The attempt was not made, since the dependency was found to be unavailable.
    NotTried,
}

impl AttemptResult {
    /// Whether an outage may be the cause, so that the dependency has to be probed.
    pub(crate) fn may_be_outage(&self) -> bool {
        matches!(
            self,
            Self::Answered(HandlerResult::Retry { .. } | HandlerResult::Later { .. })
                | Self::TimedOut { .. }
                | Self::NotTried
        )
    }
}

/// Decides. `before` are the failed attempts before this one; `outage` is the dependency's error, if it was found unavailable.
pub fn decide(
    result: &AttemptResult,
    before: AttemptCounts,
    settings: &ConsumerSettings,
    outage: Option<&str>,
) -> Disposition {
    if let Some(reason) = outage.filter(|_| result.may_be_outage()) {
        return Disposition::Pause { reason: reason.to_owned() };
    }
    let (panicked, reason) = match result {
        AttemptResult::Answered(HandlerResult::Done) => return Disposition::Ack,
        AttemptResult::Answered(HandlerResult::Skipped) => return Disposition::Skip,
        AttemptResult::Answered(HandlerResult::Reject { reason }) => {
            let counts = AttemptCounts { attempts: before.attempts.saturating_add(1), postponed: 0, ..before };
            return Disposition::DeadLetter { counts, reason: reason.clone() };
        }
        AttemptResult::Crashed { reason } | AttemptResult::TimedOut { reason } => (1, reason.clone()),
        // The dependency is back already.
        AttemptResult::NotTried => {
            return postpone("the dependency was unavailable for a moment".to_owned(), before, settings);
        }
        AttemptResult::Answered(HandlerResult::Later { reason })
            if before.postponed < MAX_POSTPONED && !crate::planted!("spend_attempts") =>
        {
            return postpone(reason.clone(), before, settings);
        }
        // Beyond `MAX_POSTPONED` a `Later` spends attempts like a `Retry`, so that it ends as a dead letter.
        AttemptResult::Answered(HandlerResult::Retry { reason } | HandlerResult::Later { reason }) => {
            (0, reason.clone())
        }
    };
    let counts = AttemptCounts {
        attempts: before.attempts.saturating_add(1),
        panics: before.panics.saturating_add(panicked),
        postponed: 0,
    };
    if panicked > 0 && counts.panics >= settings.max_panics {
        return Disposition::DeadLetter {
            counts,
            reason: format!("given up after {} crashes: {reason}", counts.panics),
        };
    }
    if counts.attempts >= settings.max_attempts {
        return Disposition::DeadLetter {
            counts,
            reason: format!("given up after {} attempts: {reason}", counts.attempts),
        };
    }
    Disposition::RetryAfter { delay: delay_after(counts.attempts, settings), counts, reason }
}

/// The delay after a failed attempt, counted from 1.
fn delay_after(attempts: u32, settings: &ConsumerSettings) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let delays = &settings.retry_delays;
    delays.get(index).or_else(|| delays.last()).copied().unwrap_or_default()
}

/// Retries after the first delay, without counting an attempt.
fn postpone(reason: String, before: AttemptCounts, settings: &ConsumerSettings) -> Disposition {
    let counts = AttemptCounts { postponed: before.postponed.saturating_add(1), ..before };
    Disposition::RetryAfter { delay: delay_after(1, settings), counts, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> ConsumerSettings {
        ConsumerSettings::new("q", Vec::new())
    }

    fn retry() -> AttemptResult {
        AttemptResult::Answered(HandlerResult::retry("busy"))
    }

    fn later() -> AttemptResult {
        AttemptResult::Answered(HandlerResult::later("in another's hands"))
    }

    #[test]
    fn what_was_not_tried_spends_no_attempt_but_not_for_ever() {
        let worn = AttemptCounts { attempts: 4, panics: 2, postponed: 0 };
        let mut counts = worn;
        for postponed in 1..=MAX_POSTPONED {
            let Disposition::RetryAfter { delay, counts: next, .. } = decide(&later(), counts, &settings(), None)
            else {
                panic!("put off after {counts:?}");
            };
            assert_eq!((delay, next), (Duration::from_secs(5), AttemptCounts { postponed, ..worn }));
            counts = next;
        }
        assert!(matches!(decide(&later(), counts, &settings(), None), Disposition::DeadLetter { .. }));
        let fresh = AttemptCounts { attempts: 1, panics: 0, postponed: 7 };
        let Disposition::RetryAfter { counts, .. } = decide(&retry(), fresh, &settings(), None) else {
            panic!("a retry")
        };
        assert_eq!(counts, AttemptCounts { attempts: 2, ..AttemptCounts::default() });
    }

    fn crash() -> AttemptResult {
        AttemptResult::Crashed { reason: "boom".to_owned() }
    }

    #[test]
    fn the_delay_grows_with_the_attempts_and_the_fifth_failure_is_the_last() {
        let mut counts = AttemptCounts::default();
        for expected in [5, 30, 120, 600] {
            let Disposition::RetryAfter { delay, counts: next, reason } = decide(&retry(), counts, &settings(), None)
            else {
                panic!("a retry is expected after {counts:?}");
            };
            assert_eq!((delay, reason.as_str()), (Duration::from_secs(expected), "busy"));
            counts = next;
        }
        let last = decide(&retry(), counts, &settings(), None);
        let reason = "given up after 5 attempts: busy".to_owned();
        assert_eq!(
            last,
            Disposition::DeadLetter { counts: AttemptCounts { attempts: 5, ..AttemptCounts::default() }, reason }
        );
    }

    #[test]
    fn the_third_crash_is_the_last_even_between_other_failures() {
        let settings = settings();
        let once = AttemptCounts { attempts: 2, panics: 1, postponed: 0 };
        assert!(
            matches!(decide(&crash(), once, &settings, None), Disposition::RetryAfter { counts, .. } if counts.panics == 2)
        );
        let twice = AttemptCounts { attempts: 3, panics: 2, postponed: 0 };
        assert!(matches!(decide(&crash(), twice, &settings, None), Disposition::DeadLetter { .. }));
        assert!(matches!(decide(&retry(), twice, &settings, None), Disposition::RetryAfter { .. }));
    }

    #[test]
    fn an_outage_spends_no_attempt_and_covers_only_what_it_can_explain() {
        let worn = AttemptCounts { attempts: 4, panics: 2, postponed: 0 };
        let time_out = AttemptResult::TimedOut { reason: "30 s".to_owned() };
        for result in [retry(), later(), time_out, AttemptResult::NotTried] {
            let disposition = decide(&result, worn, &settings(), Some("down"));
            assert_eq!(disposition, Disposition::Pause { reason: "down".to_owned() }, "{result:?}");
        }
        assert!(matches!(decide(&crash(), worn, &settings(), Some("down")), Disposition::DeadLetter { .. }));
        assert_eq!(
            decide(&AttemptResult::Answered(HandlerResult::Done), worn, &settings(), Some("down")),
            Disposition::Ack
        );
        let refused = decide(&AttemptResult::Answered(HandlerResult::reject("bad")), worn, &settings(), Some("down"));
        assert!(matches!(refused, Disposition::DeadLetter { .. }));
    }

    #[test]
    fn the_last_delay_serves_for_all_further_attempts() {
        let settings = ConsumerSettings { max_attempts: 100, ..settings() };
        let counts = AttemptCounts { attempts: 50, ..AttemptCounts::default() };
        assert!(matches!(decide(&retry(), counts, &settings, None),
            Disposition::RetryAfter { delay, .. } if delay == Duration::from_mins(10)));
    }
}
