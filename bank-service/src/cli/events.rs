//! `events republish`: what an operator does after somebody listens to more than before.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use shared_events::EventType;

use super::people::with_state;
use super::say;
use crate::config::Config;
use crate::store::{Outcome, unrouted};

/// Pages that one run takes at most.
const MAX_PAGES: usize = 10_000;

#[derive(Debug, Clone, Subcommand)]
pub enum EventCommand {
    /// Publish events again that no queue took; the service that runs beside does it within a second
    Republish {
        /// All of them, or those of one type
        #[arg(long, value_name = "TYPE", required = true, num_args = 0..=1, default_missing_value = "")]
        unrouted: String,
    },
}

pub(super) fn run(command: EventCommand, config: Config) -> anyhow::Result<ExitCode> {
    let EventCommand::Republish { unrouted: event_type } = command;
    let event_type = Some(event_type).filter(|text| !text.is_empty());
    if let Some(text) = &event_type {
        text.parse::<EventType>().with_context(|| format!("--unrouted {text:?}"))?;
    }
    with_state(config, async |state| {
        let (mut after, mut rows) = (0, 0);
        for _ in 0..MAX_PAGES {
            let event_type = event_type.clone();
            let release =
                move |db: &mut _, _: &_| unrouted::release(db, event_type.as_deref(), after).map(Outcome::new);
            let released = state.store.write(&state.ctx_anonymous(), release).await?;
            rows += released.rows;
            let Some(next) = released.next else {
                say(format_args!("{rows} unrouted events are published again"))?;
                return Ok(ExitCode::SUCCESS);
            };
            after = next;
        }
        bail!("{rows} unrouted events are published again, and there are more: run it once more");
    })
}
