//! A user's own profile data.

use shared_events::UserId;
use shared_events::events::{self, UserUpdated};

use crate::domain::user::{Profile, User};
use crate::operations::errors::written;
use crate::store::{self, Ctx, Db, Outcome, StoreError};

/// The fields to change; `Some(None)` clears one.
#[derive(Debug, Clone, Default)]
pub struct UpdateProfile {
    pub first_name: Option<Option<String>>,
    pub last_name: Option<Option<String>>,
    pub username: Option<Option<String>>,
    pub language: Option<Option<String>>,
    pub country: Option<Option<String>>,
}

impl UpdateProfile {
    fn apply(&self, profile: &mut Profile) {
        let fields = [
            (&mut profile.first_name, &self.first_name),
            (&mut profile.last_name, &self.last_name),
            (&mut profile.username, &self.username),
            (&mut profile.language, &self.language),
            (&mut profile.country, &self.country),
        ];
        for (field, change) in fields {
            if let Some(value) = change {
                field.clone_from(value);
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum UpdateProfileError {
    #[error("there is no such user")]
    NotFound,
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(UpdateProfileError);

pub fn update_profile(
    db: &mut Db,
    _: &Ctx,
    id: UserId,
    command: &UpdateProfile,
) -> Result<Outcome<User>, UpdateProfileError> {
    let mut user = store::users::find(db, id)?.ok_or(UpdateProfileError::NotFound)?;
    let before = user.profile.clone();
    command.apply(&mut user.profile);
    if user.profile == before {
        return Ok(Outcome::new(user));
    }
    user.version += 1;
    written(store::users::update(db, &user)?)?;
    let event = UserUpdated(events::User::from(&user));
    Ok(Outcome::new(user).event(&event))
}
