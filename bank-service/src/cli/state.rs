//! The service's parts, for commands with or without a server.

use std::sync::Arc;

use service_kit::clock::SystemClock;
use service_kit::messaging::AmqpDeadLetters;
use service_kit::telemetry::Metrics;

use crate::app;
use crate::config::Settings;
use crate::http::AppState;
use crate::store::existing;
use crate::trace::known_queues;

/// The parts that the commands share, and the broker's dead letters if there is a broker.
pub(super) async fn prepare(settings: Settings, metrics: Arc<Metrics>) -> anyhow::Result<AppState> {
    let clock = Arc::new(SystemClock);
    let mut state = app::prepare(settings, clock.clone(), metrics).await?;
    state.store = state.store.timed_by_database();
    if let Some(broker) = state.settings.broker.clone() {
        let queues = known_queues(&state.settings.config);
        state.dead_letters = Some(Arc::new(AmqpDeadLetters::new(broker, queues, clock)));
    }
    Ok(state)
}

/// Whether a command that makes no database may migrate the one that is there.
pub(super) fn may_migrate(settings: &Settings) -> bool {
    // Errors of the database are reported when it is opened.
    settings.config.migrate_on_start && !existing::is_new(&settings.database_url).unwrap_or(false)
}

/// Runs a command with these parts on a database that is there, and closes it.
pub(super) fn with_state<T>(
    mut settings: Settings,
    f: impl AsyncFnOnce(AppState) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    settings.config.migrate_on_start = may_migrate(&settings);
    with_new_state(settings, f)
}

/// The same for a command that also makes the database.
pub(super) fn with_new_state<T>(
    settings: Settings,
    f: impl AsyncFnOnce(AppState) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let state = prepare(settings, Metrics::new()).await?;
        let store = state.store.clone();
        let done = f(state).await;
        store.close().await;
        done
    })
}
