//! A worker of a queue: gathers a batch, has it handled, answers each message's sender; and the probe of a paused queue.

use std::sync::Arc;
use std::time::Duration;

use super::Context;
use super::queue::{Answer, Job, Queue};
use crate::messaging::runner::{Tries, Verdict};
use crate::messaging::{DeadLetter, Delivery};
use crate::task;

const FIRST_PROBE: Duration = Duration::from_millis(100);
const SLOWEST_PROBE: Duration = Duration::from_secs(2);
/// When a dead letter cannot be kept, its message is tried again after this.
const UNKEPT_DELAY: Duration = Duration::from_secs(30);

/// Works until the broker closes.
pub(super) async fn work(queue: Arc<Queue>, context: Arc<Context>) {
    let mut jobs = Vec::with_capacity(queue.settings().batch_size);
    loop {
        tokio::select! {
            biased;
            () = context.closed() => break,
            open = queue.gather(&mut jobs) => if !open { break },
        }
        handle(&queue, &context, &mut jobs).await;
    }
    queue.close();
}

async fn handle(queue: &Arc<Queue>, context: &Arc<Context>, jobs: &mut Vec<Job>) {
    if let Some(reason) = queue.outage() {
        for job in jobs.drain(..) {
            reply(job.answer, Answer::Paused { reason: reason.clone() });
        }
        return;
    }
    let mut deliveries = Vec::with_capacity(jobs.len());
    let mut tries = Vec::with_capacity(jobs.len());
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs.drain(..) {
        deliveries.push(job.delivery);
        tries.push(job.tries);
        answers.push(job.answer);
    }
    let verdicts = queue.runner().run(&deliveries, &tries).await;
    // Before any sender hears of the outage, so that one which asks `is_paused` then gets a true answer.
    let outage = verdicts.iter().find_map(|verdict| match verdict {
        Verdict::Pause { reason } => Some(reason),
        _ => None,
    });
    if let Some(reason) = outage {
        pause(queue, context, reason);
    }
    for (((delivery, before), verdict), sender) in deliveries.into_iter().zip(tries).zip(verdicts).zip(answers) {
        let answer = carry_out(verdict, delivery, before, queue, context).await;
        reply(sender, answer);
    }
}

async fn carry_out(verdict: Verdict, delivery: Delivery, before: Tries, queue: &Queue, context: &Context) -> Answer {
    match verdict {
        Verdict::Ack | Verdict::Skip => Answer::Done,
        Verdict::RetryAfter { delay, tries, reason } => Answer::Retry { delay, tries, reason },
        Verdict::Pause { reason } => Answer::Paused { reason },
        Verdict::DeadLetter { tries, reason } => {
            let died_at = context.clock.now();
            let (name, mut message) = (queue.name().to_owned(), delivery.message);
            message.remove_secrets();
            let letter = DeadLetter { queue: name, reason, attempts: tries.attempts, died_at, message };
            bury(letter, before, queue, context).await
        }
    }
}

/// Keeps a dead letter. The message is done with only when that has succeeded.
async fn bury(letter: DeadLetter, before: Tries, queue: &Queue, context: &Context) -> Answer {
    let id = letter.id();
    match context.dead_letters.add(letter).await {
        Ok(()) => {
            queue.runner().metrics().dead_letter_kept();
            Answer::Dead
        }
        Err(error) => {
            tracing::error!(event_id = %id, queue = queue.name(), %error, "a dead letter could not be kept");
            let reason = format!("the dead letter could not be kept: {error}");
            Answer::Retry { delay: UNKEPT_DELAY, tries: before, reason }
        }
    }
}

fn pause(queue: &Arc<Queue>, context: &Arc<Context>, reason: &str) {
    if queue.pause(reason) {
        tracing::warn!(queue = queue.name(), reason, "queue paused");
        drop(task::spawn("queue-probe", probe(Arc::clone(queue), Arc::clone(context))));
    }
}

/// Asks for the dependency until it is back, then resumes the queue and says so.
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
