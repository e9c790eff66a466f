//! What follows from an attempt. Pure, so that every transport decides alike.

use std::time::Duration;

use crate::messaging::{ConsumerSettings, Outcome};

/// How often in a row a message is put off without spending an attempt: with the usual first delay over eight minutes.
const MAX_POSTPONED: u32 = 100;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The handler answered.
    Answered(Outcome),
    /// The handler panicked, or answered something that cannot be an answer.
    Crashed { reason: String },
    /// The handler was stopped at the time limit.
    TimedOut { reason: String },
    /// The attempt was not made, since the thing behind the consumer was found to be away.
    NotTried,
}

impl Ended {
    /// Whether an outage may be behind it, so that the dependency has to be asked.
    pub(crate) fn may_be_outage(&self) -> bool {
        matches!(
            self,
            Self::Answered(Outcome::Retry { .. } | Outcome::Later { .. }) | Self::TimedOut { .. } | Self::NotTried
        )
    }
}

/// Failed attempts of a message on a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tries {
    pub attempts: u32,
    /// Those among them that panicked or ran out of time.
    pub panics: u32,
    /// How often in a row it was put off since, without having been tried.
    pub postponed: u32,
}

/// What a transport has to do with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Ack,
    /// Acknowledge, and count apart.
    Skip,
    RetryAfter {
        delay: Duration,
        tries: Tries,
        reason: String,
    },
    DeadLetter {
        tries: Tries,
        reason: String,
    },
    /// Keep it without counting the attempt, and pause the queue.
    Pause {
        reason: String,
    },
}

/// Decides. `before` are the failed attempts before this one; `outage` is what the dependency said, if it was found away.
pub fn decide(ended: &Ended, before: Tries, settings: &ConsumerSettings, outage: Option<&str>) -> Verdict {
    if let Some(reason) = outage.filter(|_| ended.may_be_outage()) {
        return Verdict::Pause { reason: reason.to_owned() };
    }
    let (panicked, reason) = match ended {
        Ended::Answered(Outcome::Done) => return Verdict::Ack,
        Ended::Answered(Outcome::Skipped) => return Verdict::Skip,
        Ended::Answered(Outcome::Reject { reason }) => {
            let tries = Tries { attempts: before.attempts.saturating_add(1), postponed: 0, ..before };
            return Verdict::DeadLetter { tries, reason: reason.clone() };
        }
        Ended::Crashed { reason } | Ended::TimedOut { reason } => (1, reason.clone()),
        // Whatever was away is back already.
        Ended::NotTried => return postpone("the dependency was away for a moment".to_owned(), before, settings),
        Ended::Answered(Outcome::Later { reason })
            if before.postponed < MAX_POSTPONED && !crate::planted!("spend_attempts") =>
        {
            return postpone(reason.clone(), before, settings);
        }
        // What is put off for ever is given up like what fails for ever.
        Ended::Answered(Outcome::Retry { reason } | Outcome::Later { reason }) => (0, reason.clone()),
    };
    let tries = Tries {
        attempts: before.attempts.saturating_add(1),
        panics: before.panics.saturating_add(panicked),
        postponed: 0,
    };
    if panicked > 0 && tries.panics >= settings.max_panics {
        return Verdict::DeadLetter { tries, reason: format!("given up after {} crashes: {reason}", tries.panics) };
    }
    if tries.attempts >= settings.max_attempts {
        return Verdict::DeadLetter { tries, reason: format!("given up after {} attempts: {reason}", tries.attempts) };
    }
    Verdict::RetryAfter { delay: delay_after(tries.attempts, settings), tries, reason }
}

/// The delay after a failed attempt, counted from 1.
fn delay_after(attempts: u32, settings: &ConsumerSettings) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let delays = &settings.retry_delays;
    delays.get(index).or_else(|| delays.last()).copied().unwrap_or_default()
}

/// Again after the first delay, as if it had not been tried.
fn postpone(reason: String, before: Tries, settings: &ConsumerSettings) -> Verdict {
    let tries = Tries { postponed: before.postponed.saturating_add(1), ..before };
    Verdict::RetryAfter { delay: delay_after(1, settings), tries, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> ConsumerSettings {
        ConsumerSettings::new("q", Vec::new())
    }

    fn retry() -> Ended {
        Ended::Answered(Outcome::retry("busy"))
    }

    fn later() -> Ended {
        Ended::Answered(Outcome::later("in another's hands"))
    }

    #[test]
    fn what_was_not_tried_spends_no_attempt_but_not_for_ever() {
        let worn = Tries { attempts: 4, panics: 2, postponed: 0 };
        let mut tries = worn;
        for postponed in 1..=MAX_POSTPONED {
            let Verdict::RetryAfter { delay, tries: next, .. } = decide(&later(), tries, &settings(), None) else {
                panic!("put off after {tries:?}");
            };
            assert_eq!((delay, next), (Duration::from_secs(5), Tries { postponed, ..worn }));
            tries = next;
        }
        assert!(matches!(decide(&later(), tries, &settings(), None), Verdict::DeadLetter { .. }));
        let fresh = Tries { attempts: 1, panics: 0, postponed: 7 };
        let Verdict::RetryAfter { tries, .. } = decide(&retry(), fresh, &settings(), None) else { panic!("a retry") };
        assert_eq!(tries, Tries { attempts: 2, ..Tries::default() });
    }

    fn crash() -> Ended {
        Ended::Crashed { reason: "boom".to_owned() }
    }

    #[test]
    fn the_delay_grows_with_the_attempts_and_the_fifth_failure_is_the_last() {
        let mut tries = Tries::default();
        for expected in [5, 30, 120, 600] {
            let Verdict::RetryAfter { delay, tries: next, reason } = decide(&retry(), tries, &settings(), None) else {
                panic!("a retry is expected after {tries:?}");
            };
            assert_eq!((delay, reason.as_str()), (Duration::from_secs(expected), "busy"));
            tries = next;
        }
        let last = decide(&retry(), tries, &settings(), None);
        let reason = "given up after 5 attempts: busy".to_owned();
        assert_eq!(last, Verdict::DeadLetter { tries: Tries { attempts: 5, ..Tries::default() }, reason });
    }

    #[test]
    fn the_third_crash_is_the_last_even_between_other_failures() {
        let settings = settings();
        let once = Tries { attempts: 2, panics: 1, postponed: 0 };
        assert!(
            matches!(decide(&crash(), once, &settings, None), Verdict::RetryAfter { tries, .. } if tries.panics == 2)
        );
        let twice = Tries { attempts: 3, panics: 2, postponed: 0 };
        assert!(matches!(decide(&crash(), twice, &settings, None), Verdict::DeadLetter { .. }));
        assert!(matches!(decide(&retry(), twice, &settings, None), Verdict::RetryAfter { .. }));
    }

    #[test]
    fn an_outage_spends_no_attempt_and_covers_only_what_it_can_explain() {
        let worn = Tries { attempts: 4, panics: 2, postponed: 0 };
        let time_out = Ended::TimedOut { reason: "30 s".to_owned() };
        for ended in [retry(), later(), time_out, Ended::NotTried] {
            let verdict = decide(&ended, worn, &settings(), Some("down"));
            assert_eq!(verdict, Verdict::Pause { reason: "down".to_owned() }, "{ended:?}");
        }
        assert!(matches!(decide(&crash(), worn, &settings(), Some("down")), Verdict::DeadLetter { .. }));
        assert_eq!(decide(&Ended::Answered(Outcome::Done), worn, &settings(), Some("down")), Verdict::Ack);
        let refused = decide(&Ended::Answered(Outcome::reject("bad")), worn, &settings(), Some("down"));
        assert!(matches!(refused, Verdict::DeadLetter { .. }));
    }

    #[test]
    fn the_last_delay_serves_for_all_further_attempts() {
        let settings = ConsumerSettings { max_attempts: 100, ..settings() };
        let tries = Tries { attempts: 50, ..Tries::default() };
        assert!(matches!(decide(&retry(), tries, &settings, None),
            Verdict::RetryAfter { delay, .. } if delay == Duration::from_mins(10)));
    }
}
