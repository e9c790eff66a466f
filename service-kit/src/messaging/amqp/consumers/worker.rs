//! A worker: takes a batch, passes it to the handler, settles it.

use std::sync::Arc;

use super::delivery_stream::InFlight;
use super::settle;
use super::state::{ConsumerState, Session};
use crate::clock::{Clock as _, SystemClock};
use crate::messaging::disposition::Disposition;

pub(super) async fn work(session: Arc<Session>, state: Arc<ConsumerState>) {
    let mut batch = Vec::new();
    while next_batch(&session, &state, &mut batch).await {
        if batch.is_empty() {
            continue;
        }
        handle(&session, &state, std::mem::take(&mut batch)).await;
    }
    // A batch that was still filling. After a pause it is handled; otherwise the broker delivers it again.
    if !batch.is_empty() {
        let mut acks = session.acks.lock().await;
        for in_flight in &batch {
            acks.received(in_flight.tag());
        }
        state.change.lock().unwrap_or_else(std::sync::PoisonError::into_inner).held.append(&mut batch);
    }
}

/// False when the worker has to stop.
async fn next_batch(session: &Session, state: &ConsumerState, batch: &mut Vec<InFlight>) -> bool {
    let settings = session.subscription.settings();
    let filling = async {
        let mut deliveries = state.deliveries.lock().await;
        deliveries.fill_batch(batch, settings.batch_size, settings.linger, &session.acks).await
    };
    let filled = tokio::select! {
        biased;
        () = state.stop.cancelled() => return false,
        () = session.subscription.closed() => {
            state.stop.cancel();
            return false;
        }
        () = session.connection.closed() => {
            state.fail(session.connection.loss("consuming"));
            return false;
        }
        filled = filling => filled,
        // Checks again; the deliveries collected so far stay.
        () = session.subscription.in_flight.recheck_requested() => return true,
    };
    match filled {
        Ok(()) if batch.is_empty() => state.fail(session.connection.loss("consuming")),
        Ok(()) => return true,
        Err(error) => state.fail(settle::request_error(session, &error, "consuming")),
    }
    false
}

/// The handler finishes whatever happens to the connection meanwhile.
async fn handle(session: &Session, state: &ConsumerState, batch: Vec<InFlight>) {
    let now = SystemClock.now();
    let expired = |in_flight: &InFlight| in_flight.delivery.message.expires_at().is_some_and(|end| end <= now);
    let (expired, live): (Vec<InFlight>, Vec<InFlight>) = batch.into_iter().partition(expired);
    for _ in &expired {
        session.subscription.runner.metrics().count_as("expired");
    }
    let mut settled: Vec<(InFlight, Disposition)> =
        expired.into_iter().map(|in_flight| (in_flight, Disposition::Ack)).collect();
    if !live.is_empty() {
        let deliveries: Vec<_> = live.iter().map(|in_flight| in_flight.delivery.clone()).collect();
        let counts: Vec<_> = live.iter().map(|in_flight| in_flight.counts).collect();
        let dispositions = session.subscription.runner.run(&deliveries, &counts).await;
        settled.extend(live.into_iter().zip(dispositions));
    }
    if let Err(error) = settle::settle(session, state, settled).await {
        state.fail(error);
    }
}
