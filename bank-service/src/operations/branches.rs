//! Branches of banks.

use service_kit::http::paging::{ListQuery, Listing};
use shared_events::events::{self, BranchCreated, BranchDeleted, BranchUpdated};
use shared_events::{BankId, BranchId, CityId};

use super::errors::{ChangeError, FindError, Stale, check_version, found, written};
use crate::domain::bank::Bank;
use crate::domain::branch::Branch;
use crate::domain::city::City;
use crate::domain::policy::{OutOfScope, Scope};
use crate::domain::version::Expected;
use crate::store::named::NamedItem;
use crate::store::{self, Ctx, Db, IdempotencyError, Outcome, StoreError};

const WHAT: &str = "branch";

/// Why a branch was not opened or moved.
#[derive(Debug, thiserror::Error)]
pub enum PlaceBranchError {
    /// The branch itself, or the bank that it belongs to.
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    #[error("there is no such city")]
    UnknownCity,
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

crate::operation_errors!(PlaceBranchError);

pub fn find_branch(db: &mut Db, id: BranchId) -> Result<Branch, FindError> {
    Ok(found(store::branches::find(db, id)?, Scope::All, WHAT)?)
}

/// A page of branches; of one bank, if given.
pub fn list_branches(db: &mut Db, bank: Option<BankId>, query: &ListQuery) -> Result<Listing<Branch>, FindError> {
    if let Some(bank) = bank {
        found(Bank::find(db, bank)?, Scope::All, Bank::WHAT)?;
    }
    Ok(store::branches::list(db, bank, query)?)
}

pub fn open_branch(db: &mut Db, ctx: &Ctx, bank: BankId, city: CityId) -> Result<Outcome<Branch>, PlaceBranchError> {
    found(Bank::find(db, bank)?, Scope::All, Bank::WHAT)?;
    check_city(db, city)?;
    let branch = Branch { id: ctx.next_id()?, bank_id: bank, city_id: city, version: 1 };
    store::branches::insert(db, &branch).map_err(super::errors::retry_if_referred_to)?;
    let event = BranchCreated(events::Branch::from(&branch));
    Ok(Outcome::new(branch).event(&event))
}

/// An unchanged city writes nothing and emits no event.
pub fn move_branch(
    db: &mut Db,
    id: BranchId,
    city: Option<CityId>,
    expected: &Expected,
) -> Result<Outcome<Branch>, PlaceBranchError> {
    let mut branch = found(store::branches::find(db, id)?, Scope::All, WHAT)?;
    check_version(expected, branch.version)?;
    let Some(city) = city.filter(|city| *city != branch.city_id) else { return Ok(Outcome::new(branch)) };
    check_city(db, city)?;
    branch.city_id = city;
    branch.version = branch.version.saturating_add(1);
    written(store::branches::update(db, &branch).map_err(super::errors::retry_if_referred_to)?)?;
    let event = BranchUpdated(events::Branch::from(&branch));
    Ok(Outcome::new(branch).event(&event))
}

pub fn close_branch(db: &mut Db, id: BranchId, expected: &Expected) -> Result<Outcome<Branch>, ChangeError> {
    let branch = found(store::branches::find(db, id)?, Scope::All, WHAT)?;
    check_version(expected, branch.version)?;
    written(store::branches::delete(db, &branch)?)?;
    let event = BranchDeleted(events::Branch::from(&branch));
    Ok(Outcome::new(branch).event(&event))
}

fn check_city(db: &mut Db, city: CityId) -> Result<(), PlaceBranchError> {
    City::find(db, city)?.map(|_| ()).ok_or(PlaceBranchError::UnknownCity)
}
