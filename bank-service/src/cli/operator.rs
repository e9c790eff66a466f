//! `rotate-keys` and `block-user`: operator commands that may run while the service runs.

use std::process::ExitCode;

use anyhow::anyhow;
use shared_events::UserId;

use super::print_line;
use super::state::with_state;
use crate::config::Settings;
use crate::domain::email::Email;
use crate::identity::users::block::{Whom, block_user};

pub(super) fn rotate_keys(settings: Settings, compromised: bool) -> anyhow::Result<ExitCode> {
    with_state(settings, async |state| {
        let keys = state.identity.keys();
        let rotated = if compromised { Some(keys.replace_compromised().await?) } else { keys.rotate().await? };
        let rotated = rotated.ok_or_else(|| anyhow!("another process has rotated the keys at this moment"))?;
        let when = rotated.signs_from.format("%Y-%m-%dT%H:%M:%SZ");
        print_line(format_args!("key {} is in the key set, and signs from {when} on", rotated.kid))?;
        if compromised {
            print_line("the other keys are deleted: clients have to refresh their tokens")?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn block(settings: Settings, who: &str, blocked: bool) -> anyhow::Result<ExitCode> {
    let id = who.parse().ok().and_then(|id| UserId::try_new(id).ok());
    let whom = match id {
        Some(id) => Whom::Id(id),
        None => Whom::Address(Email::parse(who).map_err(|_| anyhow!("ADDRESS|ID: neither an address nor an id"))?),
    };
    with_state(settings, async |state| {
        let blocked_or_not =
            move |db: &mut crate::store::Db, ctx: &crate::store::Ctx| block_user(db, ctx, &whom, blocked);
        let user = state.store.write(&state.ctx_anonymous(), blocked_or_not).await?;
        let what = if blocked { "is blocked; its sessions have ended" } else { "is not blocked" };
        print_line(format_args!("user {} ({}) {what}", user.id, user.email.as_str()))?;
        Ok(ExitCode::SUCCESS)
    })
}
