//! Banks. Closing one closes its branches and its accounts, with their cards.

use shared_events::BankId;
use shared_events::events::{self, BankCreated, BankDeleted, BankUpdated};

use super::cascade;
use super::errors::{CloseError, check_version, found, retry_if_referred_to, written};
use super::ledger::caller;
use super::named::{self, NamingError};
use crate::domain::bank::Bank;
use crate::domain::name::Name;
use crate::domain::policy::Scope;
use crate::domain::version::Expected;
use crate::store::accounts::Parent;
use crate::store::former_names::{self, Party};
use crate::store::named::NamedItem;
use crate::store::{Ctx, Db, Outcome, PendingEvent};

/// The event's mail needs a confirmation: the bank is logged only after its mail was accepted.
pub fn create_bank(db: &mut Db, ctx: &Ctx, name: &Name) -> Result<Outcome<Bank>, NamingError> {
    named::create(db, ctx, name, |bank| PendingEvent::new(&BankCreated(events::Bank::from(bank))))
}

pub fn rename_bank(
    db: &mut Db,
    ctx: &Ctx,
    id: BankId,
    name: Option<&Name>,
    expected: &Expected,
) -> Result<Outcome<Bank>, NamingError> {
    named::rename(db, ctx, id, name, expected, |bank| PendingEvent::new(&BankUpdated(events::Bank::from(bank))))
}

pub fn close_bank(db: &mut Db, ctx: &Ctx, id: BankId, expected: &Expected) -> Result<Outcome<Bank>, CloseError> {
    let bank = found(Bank::find(db, id)?, Scope::All, Bank::WHAT)?;
    check_version(expected, bank.version)?;
    let accounts = cascade::delete_accounts(db, ctx, caller(ctx, Scope::All), Parent::Bank(id))?;
    let branches = cascade::delete_branches(db, id)?;
    written(bank.delete(db).map_err(retry_if_referred_to)?)?;
    former_names::keep(db, ctx, Party::Bank(id), &bank.name)?;
    let event = BankDeleted(events::Bank::from(&bank));
    Ok(Outcome::new(bank).events(accounts).events(branches).event(&event))
}
