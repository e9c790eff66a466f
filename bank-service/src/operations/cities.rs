//! Cities. A city with branches cannot be deleted.

use shared_events::CityId;
use shared_events::events::{self, CityCreated, CityDeleted, CityUpdated};

use super::named::{self, NamingError, RemoveError};
use crate::domain::city::City;
use crate::domain::name::Name;
use crate::domain::version::Expected;
use crate::store::{Ctx, Db, Outcome, PendingEvent};

pub fn create_city(db: &mut Db, ctx: &Ctx, name: &Name) -> Result<Outcome<City>, NamingError> {
    named::create(db, ctx, name, |city| PendingEvent::new(&CityCreated(events::City::from(city))))
}

pub fn rename_city(
    db: &mut Db,
    ctx: &Ctx,
    id: CityId,
    name: Option<&Name>,
    expected: &Expected,
) -> Result<Outcome<City>, NamingError> {
    named::rename(db, ctx, id, name, expected, |city| PendingEvent::new(&CityUpdated(events::City::from(city))))
}

pub fn remove_city(db: &mut Db, _: &Ctx, id: CityId, expected: &Expected) -> Result<Outcome<City>, RemoveError> {
    named::remove(db, id, expected, "branches", |city| PendingEvent::new(&CityDeleted(events::City::from(city))))
}
