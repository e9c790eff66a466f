//! Cities. A city with branches cannot be deleted.

use shared_events::CityId;
use shared_events::events::{self, CityCreated, CityDeleted, CityUpdated};

use super::named::{self, NamingError, RemoveError};
use crate::domain::city::City;
use crate::domain::name::Name;
use crate::domain::version::Expected;
use crate::store::{Ctx, Db, Outcome};

pub fn create_city(db: &mut Db, ctx: &Ctx, name: &Name) -> Result<Outcome<City>, NamingError> {
    let city: City = named::create(db, ctx, name)?;
    let event = CityCreated(events::City::from(&city));
    Ok(Outcome::new(city).event(&event))
}

/// An unchanged name writes nothing and emits no event.
pub fn rename_city(
    db: &mut Db,
    id: CityId,
    name: Option<&Name>,
    expected: &Expected,
) -> Result<Outcome<City>, NamingError> {
    let (city, changed) = named::rename::<City>(db, id, name, expected)?;
    let event = CityUpdated(events::City::from(&city));
    let outcome = Outcome::new(city);
    Ok(if changed { outcome.event(&event) } else { outcome })
}

pub fn remove_city(db: &mut Db, _: &Ctx, id: CityId, expected: &Expected) -> Result<Outcome<City>, RemoveError> {
    let city: City = named::remove(db, id, expected, "branches")?;
    let event = CityDeleted(events::City::from(&city));
    Ok(Outcome::new(city).event(&event))
}
