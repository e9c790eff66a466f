//! `events republish`: run by an operator after more event types got a queue.

use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;
use service_kit::config::Faults;
use shared_events::EventType;

use super::print_line;
use super::state::with_state;
use crate::config::Settings;
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

impl EventCommand {
    pub(super) fn check(&self, faults: &mut Faults) {
        let Self::Republish { unrouted: event_type } = self;
        if !event_type.is_empty() && event_type.parse::<EventType>().is_err() {
            faults.add("--unrouted: the value is not valid; expected an event's type such as account.created");
        }
    }
}

pub(super) fn run(command: EventCommand, settings: Settings) -> anyhow::Result<ExitCode> {
    let EventCommand::Republish { unrouted: event_type } = command;
    let event_type = Some(event_type).filter(|text| !text.is_empty());
    with_state(settings, async |state| {
        let (mut after, mut rows) = (0, 0);
        for _ in 0..MAX_PAGES {
            let event_type = event_type.clone();
            let release =
                move |db: &mut _, _: &_| unrouted::release(db, event_type.as_deref(), after).map(Outcome::new);
            let released = state.store.write(&state.ctx_anonymous(), release).await?;
            rows += released.rows;
            let Some(next) = released.next else {
                print_line(format_args!("{rows} unrouted events are published again"))?;
                return Ok(ExitCode::SUCCESS);
            };
            after = next;
        }
        bail!("{rows} unrouted events are published again, and there are more: run it once more");
    })
}
