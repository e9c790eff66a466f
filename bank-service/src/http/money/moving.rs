//! Moving money on behalf of a user: what the routes of the API and the forms of the console share.

use serde_json::{Map, Value};
use service_kit::http::fields::Fields;
use service_kit::http::problem::Problem;
use shared_events::UserId;

use super::bodies::{CaptureBody, ReverseBody, TransferBody};
use crate::domain::ledger::{Amount, Caller, LedgerId, Order, Refusal, TransferId};
use crate::domain::policy::Scope;
use crate::http::state::AppState;
use crate::operations::ledger::{Command, Posted, Request, TransferError};
use crate::store::StoreError;
use crate::store::ledger::{TransferKey, by_keys};

/// A user, and the money that it may move.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mover {
    pub(crate) user_id: UserId,
    pub(crate) scope: Scope,
}

/// The order of a body of `POST /api/transfers`.
pub(crate) fn read_order(given: Map<String, Value>) -> Result<Order, Problem> {
    Ok(Fields::read_object::<TransferBody>(given)?.0)
}

/// The command of a body of `POST /api/transfers/{id}/capture`.
pub(crate) fn read_capture(hold: TransferId, given: Map<String, Value>) -> Result<Command, Problem> {
    let CaptureBody { amount } = Fields::read_object::<CaptureBody>(given)?;
    Ok(capture(hold, amount))
}

pub(super) fn capture(hold: TransferId, amount: Option<Amount>) -> Command {
    Command::Capture { hold, amount }
}

/// The command of a body of `POST /api/transfers/{id}/reverse`.
pub(crate) fn read_reversal(transfer: TransferId, given: Map<String, Value>) -> Result<Command, Problem> {
    Ok(reversal(transfer, Fields::read_object::<ReverseBody>(given)?))
}

pub(super) fn reversal(transfer: TransferId, body: ReverseBody) -> Command {
    let ReverseBody { amount, text } = body;
    Command::Reverse { transfer, amount, text }
}

/// Does what a command asks for.
pub(crate) async fn post(
    state: &AppState,
    mover: Mover,
    key: Option<TransferKey>,
    command: Command,
) -> Result<Posted, TransferError> {
    state.ledger.post(request_of(state, mover, key, command)).await
}

pub(super) fn request_of(state: &AppState, mover: Mover, key: Option<TransferKey>, command: Command) -> Request {
    let caller = Caller { user_id: Some(mover.user_id), scope: mover.scope };
    Request { ctx: state.ctx(mover.user_id), caller, key, command }
}

/// Refuses a customer who tried too many recipients, except for its own accounts and cards, and for what was done under the same key
/// before: it learns of nobody by them. They are read only once the limit is used up.
pub(super) async fn check_recipient(
    state: &AppState,
    mover: Mover,
    key: Option<&TransferKey>,
    to: LedgerId,
) -> Result<(), Problem> {
    let Err(refused) = state.limits.check_recipients(mover.user_id, mover.scope) else { return Ok(()) };
    if covers(state, mover.scope, to).await? || was_done(state, key).await? { Ok(()) } else { Err(refused) }
}

/// Refuses a customer a debited side that is not its own.
pub(super) async fn check_debited(state: &AppState, mover: Mover, from: LedgerId) -> Result<(), Problem> {
    if mover.scope == Scope::All || covers(state, mover.scope, from).await? {
        return Ok(());
    }
    Err(mover.scope.missing(if from.card().is_some() { "card" } else { "account" }).into())
}

/// Whether there is such an account or card within the scope.
async fn covers(state: &AppState, scope: Scope, id: LedgerId) -> Result<bool, StoreError> {
    match (id.account(), id.card()) {
        (Some(id), _) => Ok(state.store.account(scope, id).await?.is_some()),
        (None, Some(id)) => Ok(state.store.card(scope, id).await?.is_some()),
        (None, None) => Ok(false),
    }
}

/// Whether there is a transfer under this key. It stays, so the request is answered by it, or refused for its key.
async fn was_done(state: &AppState, key: Option<&TransferKey>) -> Result<bool, StoreError> {
    let Some(key) = key.map(|key| key.key.clone()) else { return Ok(false) };
    let found = state.store.read(move |db| by_keys(db, vec![key])).await?;
    Ok(!found.is_empty())
}

/// Moves or holds money. A customer who tries too many recipients is refused.
pub(crate) async fn transfer(
    state: &AppState,
    mover: Mover,
    key: Option<TransferKey>,
    order: Order,
) -> Result<Posted, Problem> {
    check_recipient(state, mover, key.as_ref(), order.to).await?;
    let posted = post(state, mover, key, Command::Transfer(order)).await;
    if let Err(error) = &posted {
        count_unknown(state, mover, error)?;
    }
    Ok(posted?)
}

/// Counts an unknown recipient, if that is the error.
pub(super) fn count_unknown(state: &AppState, mover: Mover, error: &TransferError) -> Result<(), Problem> {
    if matches!(error, TransferError::Refused(Refusal::UnknownRecipient)) {
        state.limits.count_unknown_recipient(mover.user_id)?;
    }
    Ok(())
}

/// Gives up a hold, which counts for the user whose money was held.
pub(crate) async fn void(
    state: &AppState,
    mover: Mover,
    key: Option<TransferKey>,
    hold: TransferId,
) -> Result<Posted, TransferError> {
    let posted = post(state, mover, key, Command::Void { hold }).await?;
    // Each hold counts once: whoever repeats a void must not use up the sender's allowance.
    if let Some(sender) = posted.from.user_id.filter(|_| !posted.is_replayed)
        && posted.to.user_id != Some(sender)
    {
        state.limits.count_voided_hold(sender);
    }
    Ok(posted)
}

/// Gives money back. The receiver's money is not the caller's to learn of.
pub(crate) async fn reverse(
    state: &AppState,
    mover: Mover,
    key: Option<TransferKey>,
    command: Command,
) -> Result<Posted, TransferError> {
    post(state, mover, key, command).await.map_err(|error| match error {
        TransferError::Refused(Refusal::InsufficientFunds { .. }) => Refusal::SpentByReceiver.into(),
        error => error,
    })
}
