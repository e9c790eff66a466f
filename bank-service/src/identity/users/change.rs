//! Changes by administrators: a user's roles and address, its block, its deletion.
//!
//! The last administrator that can log in stays one: transactions that could change that wait for each other on the row of the
//! role.

use shared_events::UserId;
use shared_events::events::{
    self, EmailChanged, RolesChanged, SessionsEnded, UserBlocked, UserDeleted, UserUnblocked, UserUpdated,
};

use crate::domain::email::Email;
use crate::domain::ledger::Refusal;
use crate::domain::one_time::Purpose;
use crate::domain::role::ADMIN;
use crate::domain::user::User;
use crate::domain::version::Expected;
use crate::identity::email::mails;
use crate::identity::facts::user_facts;
use crate::identity::one_time;
use crate::identity::users::credentials::{Cause, revoke_credentials};
use crate::identity::users::roles::role_ids;
use crate::operations::cascade::delete_client_of;
use crate::operations::errors::{CloseError, TooMany, retry_if_referred_to, written};
use crate::store::login_devices::Kept;
use crate::store::{self, Ctx, Db, Outcome, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum ChangeUserError {
    #[error("there is no such user")]
    NotFound,
    #[error("there is no role {0:?}")]
    UnknownRole(String),
    #[error("the last administrator stays")]
    LastAdmin,
    #[error("the address is taken")]
    EmailTaken,
    #[error("the user was changed meanwhile")]
    Stale,
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The money of a deleted user does not fit into a ledger account of its bank.
    #[error(transparent)]
    Refused(Refusal),
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(ChangeUserError);

impl From<CloseError> for ChangeUserError {
    fn from(error: CloseError) -> Self {
        match error {
            CloseError::OutOfScope(_) => Self::NotFound,
            CloseError::Stale(_) => Self::Stale,
            CloseError::TooMany(error) => Self::TooMany(error),
            // Only an owner's own account is ever in use.
            CloseError::InUse(_) => Self::Store(StoreError::Serialization),
            CloseError::Refused(refusal) => Self::Refused(refusal),
            CloseError::Store(error) => Self::Store(error),
        }
    }
}

/// The fields to change.
#[derive(Debug, Clone, Default)]
pub struct UpdateUser {
    pub roles: Option<Vec<String>>,
    pub is_blocked: Option<bool>,
    /// Another address, which becomes unproved.
    pub email: Option<Email>,
    /// The versions that the change may be applied to (`If-Match`).
    pub expected: Expected,
}

/// Changes roles, address and block. A block ends all sessions of the user, and voids every link and code that it was sent.
pub fn update_user(db: &mut Db, ctx: &Ctx, id: UserId, command: &UpdateUser) -> Result<Outcome<User>, ChangeUserError> {
    store::roles::lock(db, ADMIN)?;
    let before = load(db, id, &command.expected)?;
    let mut user = before.clone();
    if let Some(names) = &command.roles {
        let ids = role_ids(db, names)?.map_err(ChangeUserError::UnknownRole)?;
        store::user_roles::replace(db, id, &ids)?;
        user.roles = store::user_roles::names(db, id)?;
    }
    if let Some(blocked) = command.is_blocked {
        user.is_blocked = blocked;
        user.blocked_on = if blocked { before.blocked_on.or(Some(ctx.now)) } else { None };
    }
    if let Some(email) = command.email.clone().filter(|email| *email != before.email) {
        match store::users::set_email(db, id, &email) {
            Err(StoreError::UniqueViolation) => return Err(ChangeUserError::EmailTaken),
            set => written(set?)?,
        }
        one_time::void(db, ctx, id, &Purpose::OF_THE_ADDRESS)?;
        user.email = email;
        user.email_verified_on = None;
    }
    if user == before {
        return Ok(Outcome::new(user));
    }
    if is_acting_admin(&before) && !is_acting_admin(&user) {
        keep_last_admin(db, id)?;
    }
    user.version += 1;
    written(store::users::update(db, &user)?)?;
    Ok(announce(db, ctx, &before, user)?)
}

/// The events of a change, and the end of the sessions of a user that it blocks.
fn announce(db: &mut Db, ctx: &Ctx, before: &User, user: User) -> Result<Outcome<User>, StoreError> {
    let id = user.id;
    let mut outcome = Outcome::new(()).event(&UserUpdated(events::User::from(&user)));
    if user.email != before.email {
        let detail = format!("from {} to {} by an administrator", before.email.masked(), user.email.masked());
        outcome = outcome.event(&EmailChanged(user_facts(id, Some(detail))));
        let text = format!("The e-mail address of your account is {} now.", user.email.masked());
        outcome = outcome.events(mails::notice(db, ctx, before, "Your e-mail address was changed", &text)?);
    }
    if user.roles != before.roles {
        let detail = format!("from {} to {}", before.roles.join(", "), user.roles.join(", "));
        outcome = outcome.event(&RolesChanged(user_facts(id, Some(detail))));
    }
    if user.is_blocked && !before.is_blocked {
        let ended = revoke_credentials(db, ctx, id, Cause::Blocked)?;
        outcome = outcome.event(&UserBlocked(user_facts(id, None)));
        outcome = outcome.event(&SessionsEnded(user_facts(id, Some(format!("{ended} ended")))));
        let text = "An administrator has blocked your account; all its sessions were ended.";
        outcome = outcome.events(mails::notice(db, ctx, &user, "Your account was blocked", text)?);
    }
    if !user.is_blocked && before.is_blocked {
        outcome = outcome.event(&UserUnblocked(user_facts(id, None)));
    }
    Ok(outcome.map(|()| user))
}

/// Deletes a user with everything it owns: client, accounts, cards, sessions.
pub fn delete_user(db: &mut Db, ctx: &Ctx, id: UserId, expected: &Expected) -> Result<Outcome<User>, ChangeUserError> {
    store::roles::lock(db, ADMIN)?;
    let user = load(db, id, expected)?;
    if is_acting_admin(&user) {
        keep_last_admin(db, id)?;
    }
    let client_events = delete_client_of(db, ctx, id)?;
    store::sessions::delete_all(db, id)?;
    store::login_devices::forget(db, id, &Kept::default())?;
    store::one_time_secrets::delete_all(db, id)?;
    store::second_factors::delete_all(db, id)?;
    store::phones::delete_all(db, id)?;
    store::user_roles::delete_all(db, id)?;
    store::social::delete_all(db, id)?;
    written(store::users::delete(db, id).map_err(retry_if_referred_to)?)?;
    let event = UserDeleted(events::User::from(&user));
    Ok(Outcome::new(user).events(client_events).event(&event))
}

fn load(db: &mut Db, id: UserId, expected: &Expected) -> Result<User, ChangeUserError> {
    let user = store::users::find(db, id)?.ok_or(ChangeUserError::NotFound)?;
    if expected.accepts(user.version) { Ok(user) } else { Err(ChangeUserError::Stale) }
}

fn is_acting_admin(user: &User) -> bool {
    !user.is_blocked && user.roles.iter().any(|role| role == ADMIN)
}

fn keep_last_admin(db: &mut Db, id: UserId) -> Result<(), ChangeUserError> {
    if store::user_roles::another_holder(db, ADMIN, id)? { Ok(()) } else { Err(ChangeUserError::LastAdmin) }
}
