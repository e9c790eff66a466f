//! A worker of a queue: fills a batch, passes it to the handler, answers each message's sender; and the probe of a paused
//! queue.

use std::sync::Arc;
use std::time::Duration;

use super::Context;
use super::queue::{Answer, Queue, QueuedMessage};
use crate::messaging::disposition::{AttemptCounts, Disposition};
use crate::messaging::{DeadLetter, Delivery};
use crate::task;

const FIRST_PROBE: Duration = Duration::from_millis(100);
const SLOWEST_PROBE: Duration = Duration::from_secs(2);
/// A message whose dead letter cannot be kept is tried again after this time.
const UNKEPT_DELAY: Duration = Duration::from_secs(30);

/// Works until the broker closes.
pub(super) async fn work(queue: Arc<Queue>, context: Arc<Context>) {
    let mut batch = Vec::with_capacity(queue.settings().batch_size);
    loop {
        tokio::select! {
            biased;
            () = context.closed() => break,
            open = queue.fill_batch(&mut batch) => if !open { break },
        }
        handle(&queue, &context, &mut batch).await;
    }
    queue.close();
}

async fn handle(queue: &Arc<Queue>, context: &Arc<Context>, batch: &mut Vec<QueuedMessage>) {
    if let Some(reason) = queue.outage() {
        for queued in batch.drain(..) {
            reply(queued.answer, Answer::Paused { reason: reason.clone() });
        }
        return;
    }
    let mut deliveries = Vec::with_capacity(batch.len());
    let mut counts = Vec::with_capacity(batch.len());
    let mut answers = Vec::with_capacity(batch.len());
    for queued in batch.drain(..) {
        deliveries.push(queued.delivery);
        counts.push(queued.counts);
        answers.push(queued.answer);
    }
    let dispositions = queue.runner().run(&deliveries, &counts).await;
    // Before any sender gets its answer, so that a sender that then calls `is_paused` gets a true answer.
    let outage = dispositions.iter().find_map(|disposition| match disposition {
        Disposition::Pause { reason } => Some(reason),
        _ => None,
    });
    if let Some(reason) = outage {
        pause(queue, context, reason);
    }
    for (((delivery, before), disposition), sender) in deliveries.into_iter().zip(counts).zip(dispositions).zip(answers)
    {
        let answer = carry_out(disposition, delivery, before, queue, context).await;
        reply(sender, answer);
    }
}

async fn carry_out(
    disposition: Disposition,
    delivery: Delivery,
    before: AttemptCounts,
    queue: &Queue,
    context: &Context,
) -> Answer {
    match disposition {
        Disposition::Ack | Disposition::Skip => Answer::Done,
        Disposition::RetryAfter { delay, counts, reason } => Answer::Retry { delay, counts, reason },
        Disposition::Pause { reason } => Answer::Paused { reason },
        Disposition::DeadLetter { counts, reason } => {
            let died_at = context.clock.now();
            let (name, mut message) = (queue.name().to_owned(), delivery.message);
            message.remove_secrets();
            let dead_letter = DeadLetter { queue: name, reason, attempts: counts.attempts, died_at, message };
            keep_dead_letter(dead_letter, before, queue, context).await
        }
    }
}

/// Keeps a dead letter. The message is finished only when that has succeeded.
async fn keep_dead_letter(dead_letter: DeadLetter, before: AttemptCounts, queue: &Queue, context: &Context) -> Answer {
    let id = dead_letter.id();
    match context.dead_letters.add(dead_letter).await {
        Ok(()) => {
            queue.runner().metrics().dead_letter_kept();
            Answer::Dead
        }
        Err(error) => {
            tracing::error!(event_id = %id, queue = queue.name(), %error, "a dead letter could not be kept");
            let reason = format!("the dead letter could not be kept: {error}");
            Answer::Retry { delay: UNKEPT_DELAY, counts: before, reason }
        }
    }
}

fn pause(queue: &Arc<Queue>, context: &Arc<Context>, reason: &str) {
    if queue.pause(reason) {
        tracing::warn!(queue = queue.name(), reason, "queue paused");
        drop(task::spawn("queue-probe", probe(Arc::clone(queue), Arc::clone(context))));
    }
}

/// Probes the dependency until it is back, then resumes the queue and announces it.
async fn probe(queue: Arc<Queue>, context: Arc<Context>) {
    let mut delay = FIRST_PROBE;
    loop {
        tokio::select! {
            () = context.closed() => return,
            () = tokio::time::sleep(delay) => {}
        }
        match queue.runner().probe().await {
            Ok(()) => break,
            Err(reason) => queue.pause(&reason),
        };
        delay = delay.saturating_mul(2).min(SLOWEST_PROBE);
    }
    queue.resume();
    tracing::info!(queue = queue.name(), "queue resumed");
    if context.resumed.send(queue.name().to_owned()).is_err() {
        tracing::debug!(queue = queue.name(), "nobody waits for the queue");
    }
}

fn reply(sender: tokio::sync::oneshot::Sender<Answer>, answer: Answer) {
    // A sender that has stopped waiting will publish again.
    drop(sender.send(answer));
}
