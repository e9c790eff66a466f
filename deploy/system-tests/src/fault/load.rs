//! Clients at work, until they are stopped.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use service_kit::task;
use tokio::task::JoinHandle;

use crate::ledger::Ledger;

/// Running clients, until they are stopped.
pub(crate) struct Load {
    ledger: Arc<Ledger>,
    clients: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Load {
    /// So many clients, each with a pause between its requests.
    pub(crate) fn start(ledger: &Arc<Ledger>, clients: u32, pause: Duration) -> Self {
        ledger.stopped.store(false, Ordering::Relaxed);
        let work = |_| task::spawn("client", work(Arc::clone(ledger), pause));
        Self { ledger: Arc::clone(ledger), clients: (0..clients).map(work).collect() }
    }

    /// Waits until every request in flight is answered.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.ledger.stopped.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.context("a client")??;
        }
        Ok(())
    }
}

async fn work(ledger: Arc<Ledger>, pause: Duration) -> anyhow::Result<()> {
    while !ledger.stopped.load(Ordering::Relaxed) {
        ledger.bank().await?;
        let account = ledger.account().await?;
        tokio::time::sleep(pause).await;
        let card = ledger.card().await?;
        ledger.city().await?;
        ledger.move_money(account, card).await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}
