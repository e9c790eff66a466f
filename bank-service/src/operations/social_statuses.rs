//! Social statuses. One that clients have cannot be deleted.

use shared_events::SocialStatusId;
use shared_events::events::{self, SocialStatusCreated, SocialStatusDeleted, SocialStatusUpdated};

use super::named::{self, NamingError, RemoveError};
use crate::domain::name::Name;
use crate::domain::social_status::SocialStatus;
use crate::domain::version::Expected;
use crate::store::{Ctx, Db, Outcome};

pub fn create_social_status(db: &mut Db, ctx: &Ctx, name: &Name) -> Result<Outcome<SocialStatus>, NamingError> {
    let status: SocialStatus = named::create(db, ctx, name)?;
    let event = SocialStatusCreated(events::SocialStatus::from(&status));
    Ok(Outcome::new(status).event(&event))
}

/// An unchanged name writes nothing and emits no event.
pub fn rename_social_status(
    db: &mut Db,
    id: SocialStatusId,
    name: Option<&Name>,
    expected: &Expected,
) -> Result<Outcome<SocialStatus>, NamingError> {
    let (status, changed) = named::rename::<SocialStatus>(db, id, name, expected)?;
    let event = SocialStatusUpdated(events::SocialStatus::from(&status));
    let outcome = Outcome::new(status);
    Ok(if changed { outcome.event(&event) } else { outcome })
}

pub fn remove_social_status(
    db: &mut Db,
    _: &Ctx,
    id: SocialStatusId,
    expected: &Expected,
) -> Result<Outcome<SocialStatus>, RemoveError> {
    let status: SocialStatus = named::remove(db, id, expected, "clients")?;
    let event = SocialStatusDeleted(events::SocialStatus::from(&status));
    Ok(Outcome::new(status).event(&event))
}
