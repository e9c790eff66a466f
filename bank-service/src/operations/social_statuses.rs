//! Social statuses. One that clients have cannot be deleted.

use shared_events::SocialStatusId;
use shared_events::events::{self, SocialStatusCreated, SocialStatusDeleted, SocialStatusUpdated};

use super::named::{self, NamingError, RemoveError};
use crate::domain::name::Name;
use crate::domain::social_status::SocialStatus;
use crate::domain::version::Expected;
use crate::store::{Ctx, Db, Outcome, PendingEvent};

pub fn create_social_status(db: &mut Db, ctx: &Ctx, name: &Name) -> Result<Outcome<SocialStatus>, NamingError> {
    named::create(db, ctx, name, |status| PendingEvent::new(&SocialStatusCreated(events::SocialStatus::from(status))))
}

pub fn rename_social_status(
    db: &mut Db,
    ctx: &Ctx,
    id: SocialStatusId,
    name: Option<&Name>,
    expected: &Expected,
) -> Result<Outcome<SocialStatus>, NamingError> {
    named::rename(db, ctx, id, name, expected, |status| {
        PendingEvent::new(&SocialStatusUpdated(events::SocialStatus::from(status)))
    })
}

pub fn remove_social_status(
    db: &mut Db,
    _: &Ctx,
    id: SocialStatusId,
    expected: &Expected,
) -> Result<Outcome<SocialStatus>, RemoveError> {
    named::remove(db, id, expected, "clients", |status| {
        PendingEvent::new(&SocialStatusDeleted(events::SocialStatus::from(status)))
    })
}
