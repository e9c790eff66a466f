//! A worker: takes a batch, has it handled, has it settled.

use std::sync::Arc;

use super::session::{Phase, Session};
use super::settle;
use super::source::Job;
use crate::messaging::runner::Verdict;

pub(super) async fn work(session: Arc<Session>, phase: Arc<Phase>) {
    let mut jobs = Vec::new();
    while gather(&session, &phase, &mut jobs).await {
        if jobs.is_empty() {
            continue;
        }
        handle(&session, &phase, std::mem::take(&mut jobs)).await;
    }
    // A batch that was still waiting to fill up. After a pause it goes on; otherwise the broker has it still.
    if !jobs.is_empty() {
        let mut acks = session.acks.lock().await;
        for job in &jobs {
            acks.received(job.tag());
        }
        phase.news.lock().unwrap_or_else(std::sync::PoisonError::into_inner).held.append(&mut jobs);
    }
}

/// False when it is time to stop.
async fn gather(session: &Session, phase: &Phase, jobs: &mut Vec<Job>) -> bool {
    let settings = session.subscription.settings();
    let gathering = async {
        let mut source = phase.source.lock().await;
        source.gather(jobs, settings.batch_size, settings.linger, &session.acks).await
    };
    let gathered = tokio::select! {
        biased;
        () = phase.stop.cancelled() => return false,
        () = session.subscription.closed() => {
            phase.stop.cancel();
            return false;
        }
        () = session.link.ended() => {
            phase.fail(session.link.loss("consuming"));
            return false;
        }
        gathered = gathering => gathered,
        // Looks anew; what was gathered so far stays.
        () = session.subscription.hands.asked() => return true,
    };
    match gathered {
        Ok(()) if jobs.is_empty() => phase.fail(session.link.loss("consuming")),
        Ok(()) => return true,
        Err(error) => phase.fail(settle::request_error(session, &error, "consuming")),
    }
    false
}

/// Whatever happens to the connection meanwhile, the handler finishes.
async fn handle(session: &Session, phase: &Phase, jobs: Vec<Job>) {
    let now = session.subscription.clock.now();
    let expired = |job: &Job| job.delivery.message.expires_at().is_some_and(|end| end <= now);
    let (expired, live): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(expired);
    for _ in &expired {
        session.subscription.runner.metrics().count_as("expired");
    }
    let mut settled: Vec<(Job, Verdict)> = expired.into_iter().map(|job| (job, Verdict::Ack)).collect();
    if !live.is_empty() {
        let deliveries: Vec<_> = live.iter().map(|job| job.delivery.clone()).collect();
        let tries: Vec<_> = live.iter().map(|job| job.tries).collect();
        let verdicts = session.subscription.runner.run(&deliveries, &tries).await;
        settled.extend(live.into_iter().zip(verdicts));
    }
    if let Err(error) = settle::settle(session, phase, settled).await {
        phase.fail(error);
    }
}
