//! Making a user: by registration, by an administrator, by the command line.

use shared_events::UserId;
use shared_events::events::{UserCreated, UserRegistered};

use crate::domain::email::Email;
use crate::domain::user::{Profile, User};
use crate::identity::users::roles::role_ids;
use crate::store::users::NewUser;
use crate::store::{self, Ctx, Db, IdempotencyError, Outcome, StoreError};

/// It has no `Debug`: it holds a password hash.
pub struct RegisterUser {
    pub email: Email,
    /// None for a user without a password.
    pub password_hash: Option<String>,
    pub profile: Profile,
    pub roles: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    #[error("the e-mail address is taken")]
    EmailTaken,
    #[error("there is no role {0:?}")]
    UnknownRole(String),
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(RegisterError);

pub fn register(db: &mut Db, ctx: &Ctx, command: &RegisterUser) -> Result<Outcome<User>, RegisterError> {
    let roles = role_ids(db, &command.roles)?.map_err(RegisterError::UnknownRole)?;
    if store::users::find_by_email(db, &command.email)?.is_some() {
        return Err(RegisterError::EmailTaken);
    }
    let id: UserId = ctx.next_id()?;
    let new = NewUser {
        id,
        email: &command.email,
        password_hash: command.password_hash.as_deref(),
        profile: &command.profile,
        registered_on: ctx.now,
    };
    match store::users::insert(db, &new) {
        // A parallel registration of the address committed first.
        Err(StoreError::UniqueViolation) => return Err(RegisterError::EmailTaken),
        inserted => inserted?,
    }
    store::user_roles::replace(db, id, &roles)?;
    let user = store::users::find(db, id)?.ok_or(StoreError::Corrupt { what: "a user just inserted" })?;
    let event = UserCreated(UserRegistered::from(&user));
    Ok(Outcome::new(user).event(&event))
}
