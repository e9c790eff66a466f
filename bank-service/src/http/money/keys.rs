//! The `Idempotency-Key` of a request that moves money. It never lapses: the transfer itself keeps it.

use actix_web::HttpRequest;
use service_kit::http::problem::Problem;
use shared_events::UserId;

use crate::http::idempotency::idempotency_key;
use crate::http::problem_map::fault;
use crate::http::state::AppState;
use crate::store::IdempotencyKey;
use crate::store::ledger::TransferKey;

/// More than the UUIDs have that pages are made with.
const MAX_FORM_KEY: usize = 64;

/// The key of a request; a fault if one is required and missing.
pub(super) fn transfer_key(
    request: &HttpRequest,
    state: &AppState,
    user: UserId,
) -> Result<Option<TransferKey>, Problem> {
    let key = idempotency_key(request, state, Some(user))?;
    if key.is_none() && state.settings.config.money.requires_key(state.settings.config.app_env) {
        return Err(fault("Idempotency-Key", "is required where money moves"));
    }
    Ok(key.map(|key| TransferKey::of(&key, 0)))
}

/// The key of a form, which its page was made with: a form that is sent twice moves money once. `content` is what the form asks for.
pub(crate) fn key_of_form(state: &AppState, user: UserId, given: &str, content: &str) -> Result<TransferKey, Problem> {
    let is_ours = (1..=MAX_FORM_KEY).contains(&given.len()) && given.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_ours {
        return Err(Problem::malformed("The form has no key. Open its page again and send it from there."));
    }
    let request_hash = hex::encode(state.identity.vault().hmac("idempotency-key", content.as_bytes()));
    let key = IdempotencyKey { caller: format!("console:{user}"), key: given.to_owned(), request_hash };
    Ok(TransferKey::of(&key, 0))
}

/// The key of each item of a batch; the batch itself has to have one.
pub(super) fn batch_keys(
    request: &HttpRequest,
    state: &AppState,
    user: UserId,
    count: usize,
) -> Result<Vec<TransferKey>, Problem> {
    let key = idempotency_key(request, state, Some(user))?
        .ok_or_else(|| fault("Idempotency-Key", "is required for a batch"))?;
    Ok((1..=count).map(|place| TransferKey::of(&key, place)).collect())
}
