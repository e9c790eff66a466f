//! The `Idempotency-Key` of a request that moves money. It never lapses: the transfer itself keeps it.

use actix_web::HttpRequest;
use service_kit::http::problem::Problem;
use sha2::{Digest, Sha256};
use shared_events::UserId;

use crate::http::idempotency::idempotency_key;
use crate::http::problem_map::fault;
use crate::http::state::AppState;
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
    Ok(key.map(|key| TransferKey { key: hash(&key.caller, &key.key, 0), request_hash: key.request_hash }))
}

/// The key of a form, which its page was made with: a form that is sent twice moves money once. `content` is what the form asks for.
pub(crate) fn key_of_form(state: &AppState, user: UserId, given: &str, content: &str) -> Result<TransferKey, Problem> {
    let is_ours = (1..=MAX_FORM_KEY).contains(&given.len()) && given.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_ours {
        return Err(Problem::malformed("The form has no key. Open its page again and send it from there."));
    }
    let request_hash = hex::encode(state.identity.vault().hmac("idempotency-key", content.as_bytes()));
    Ok(TransferKey { key: hash(&format!("console:{user}"), given, 0), request_hash })
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
    let of = |index| TransferKey { key: hash(&key.caller, &key.key, index), request_hash: key.request_hash.clone() };
    Ok((1..=count).map(of).collect())
}

/// One column holds caller, key and place, whatever characters they have.
fn hash(caller: &str, key: &str, index: usize) -> String {
    let mut hash = Sha256::new();
    for part in [caller, key, &index.to_string()] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}
