//! What follows from verdicts: copies first, then acknowledgements.

use std::collections::HashMap;

use lapin::options::BasicAckOptions;

use super::session::{Phase, Session};
use super::source::Job;
use crate::messaging::amqp::convert::{self, Notes};
use crate::messaging::amqp::error::AmqpError;
use crate::messaging::amqp::publisher::window_error;
use crate::messaging::amqp::topology::{dead_queue, retry_queue};
use crate::messaging::amqp::window::{self, Fate, Letter};
use crate::messaging::runner::Verdict;

/// Carries verdicts out. On an error nothing more is acknowledged: the broker delivers the rest again.
pub(super) async fn settle(session: &Session, phase: &Phase, verdicts: Vec<(Job, Verdict)>) -> Result<(), AmqpError> {
    let (mut finished, mut copied, mut letters, mut held) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut outage, mut dead) = (None, 0_usize);
    for (mut job, verdict) in verdicts {
        match verdict {
            Verdict::Ack | Verdict::Skip => finished.push(job),
            Verdict::Pause { reason } => {
                outage.get_or_insert(reason);
                held.push(job);
            }
            Verdict::RetryAfter { delay, tries, .. } => {
                let queue = waiting_queue(session, delay);
                letters.push(copy(session, &mut job, &queue, &Notes { tries, death: None }));
                copied.push(job);
            }
            Verdict::DeadLetter { tries, reason } => {
                let death = Some((reason, session.subscription.clock.now()));
                let queue = dead_queue(session.subscription.queue());
                job.delivery.message.remove_secrets();
                letters.push(copy(session, &mut job, &queue, &Notes { tries, death }));
                copied.push(job);
                dead += 1;
            }
        }
    }
    // First of all, so that no worker takes more for a dependency that is away.
    if let Some(reason) = outage {
        phase.pause(&reason, held);
    }
    acknowledge(session, finished).await?;
    publish_copies(session, letters).await?;
    crate::fail_point!("copy.confirmed", if !copied.is_empty());
    for _ in 0..dead {
        session.subscription.runner.metrics().dead_letter_kept();
    }
    acknowledge(session, copied).await
}

/// Puts held messages back unchanged, behind those that wait.
pub(super) async fn put_back(session: &Session, mut jobs: Vec<Job>) -> Result<(), AmqpError> {
    let queue = session.subscription.queue();
    let back = |job: &mut Job| {
        let notes = Notes { tries: job.tries, death: None };
        copy(session, job, queue, &notes)
    };
    let letters: Vec<Letter> = jobs.iter_mut().map(back).collect();
    publish_copies(session, letters).await?;
    acknowledge(session, jobs).await
}

/// The message itself; its job is done for but for the acknowledgement.
fn copy(session: &Session, job: &mut Job, queue: &str, notes: &Notes) -> Letter {
    let message = &mut job.delivery.message;
    let moved = shared_events::WireMessage {
        routing_key: message.routing_key.clone(),
        properties: message.properties.clone(),
        headers: std::mem::take(&mut message.headers),
        body: std::mem::take(&mut message.body),
    };
    convert::to_queue(&session.exchange, queue, moved, notes)
}

/// The queue in which a message waits so long; without any delays, its own.
fn waiting_queue(session: &Session, delay: std::time::Duration) -> String {
    let settings = session.subscription.settings();
    if settings.retry_delays.contains(&delay) { retry_queue(&settings.queue, delay) } else { settings.queue.clone() }
}

async fn publish_copies(session: &Session, letters: Vec<Letter>) -> Result<(), AmqpError> {
    if letters.is_empty() {
        return Ok(());
    }
    let (settings, doing) = (&session.subscription.amqp, "copying a message");
    let queues: Vec<_> = letters.iter().map(|letter| letter.routing_key.clone()).collect();
    let channel = session.copies.lock().await;
    let fates = window::publish(&channel, letters, settings.confirm_limit).await;
    let fates = fates.map_err(|error| window_error(settings, error, doing))?;
    let trouble = queues.iter().zip(fates).find_map(|(queue, fate)| match fate {
        Fate::Confirmed => None,
        // A new session makes the queue again.
        Fate::Unroutable => Some(format!("the queue {queue:?} is gone")),
        Fate::Refused => Some(format!("the queue {queue:?} declined it")),
    });
    trouble.map_or(Ok(()), |trouble| Err(AmqpError::lost(settings, doing, trouble)))
}

async fn acknowledge(session: &Session, jobs: Vec<Job>) -> Result<(), AmqpError> {
    if crate::planted!("ack_early") {
        return Ok(());
    }
    let doing = "acknowledging";
    let tags: Vec<u64> = jobs.iter().map(Job::tag).collect();
    let ackers: HashMap<u64, _> = jobs.into_iter().map(|job| (job.tag(), job.acker)).collect();
    let mut acks = session.acks.lock().await;
    for ack in acks.finish(&tags) {
        let Some(acker) = ackers.get(&ack.tag) else { continue };
        let sent = acker.ack(BasicAckOptions { multiple: ack.multiple });
        if !session.link.ask(doing, sent).await? {
            // The channel is gone, and so is what it delivered: it will come again.
            return Err(session.link.loss(doing));
        }
    }
    Ok(())
}

pub(super) fn request_error(session: &Session, error: &lapin::Error, doing: &str) -> AmqpError {
    AmqpError::of_request(error, &session.subscription.amqp, doing)
}
