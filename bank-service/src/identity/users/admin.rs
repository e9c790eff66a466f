//! Administrators that an operator makes, from the command line or at the first start.
//!
//! An address alone proves nothing: a stranger can have registered it before the operator names it. So an account is promoted only
//! if its address is proved and has the same spelling; the deliberate case is by id.

use service_kit::config::Secret;
use shared_events::UserId;

use crate::domain::email::{Email, EmailError};
use crate::domain::password::{Password, PasswordError};
use crate::domain::role::ADMIN;
use crate::domain::user::{Profile, User};
use crate::identity::IdentityService;
use crate::identity::password::hashing::NewPasswordError;
use crate::identity::users::change::{ChangeUserError, UpdateUser, update_user};
use crate::identity::users::register::{RegisterError, RegisterUser, register};
use crate::operations::errors::written;
use crate::store::{self, Ctx, Db, OperationError, Outcome, Store, StoreError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminOutcome {
    Created(UserId),
    /// The user existed, and keeps its password.
    Promoted(UserId),
    /// The user is an administrator already.
    Unchanged(UserId),
    /// There is an administrator that can log in, so none was made.
    Present,
    /// The account may be a stranger's: its address was never proved, is spelled otherwise, or the account is blocked.
    Refused {
        id: UserId,
        there_is_another: bool,
    },
}

/// The condition for making an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// This one, beside others.
    Always,
    /// Only if no administrator can log in.
    IfThereIsNone,
}

/// The source alone has the cause: the command line prints both.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("the e-mail address")]
    Email(#[from] EmailError),
    #[error("the password")]
    Password(#[from] PasswordError),
    #[error("the password")]
    NewPassword(#[from] NewPasswordError),
    #[error(transparent)]
    Register(#[from] RegisterError),
    #[error(transparent)]
    Change(#[from] ChangeUserError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl OperationError for AdminError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Register(error) => error.store_error(),
            Self::Change(error) => error.store_error(),
            Self::Store(error) => Some(error),
            Self::Email(_) | Self::Password(_) | Self::NewPassword(_) => None,
        }
    }
}

/// Makes an administrator: a new user, or the one that has the address. Idempotent.
pub async fn ensure_admin(
    store: &Store,
    identity: &IdentityService,
    ctx: &Ctx,
    (email, password): (&str, &Secret),
    wanted: Wanted,
) -> Result<AdminOutcome, AdminError> {
    // An existing administrator is found, whatever its address.
    let email = Email::mailable(email).or_else(|_| Email::parse(email))?;
    let password = Password::parse(password.expose())?;
    let password_hash = identity.passwords().hash(password, email.words()).await?;
    let command = RegisterUser {
        email,
        password_hash: Some(password_hash),
        profile: Profile::default(),
        roles: vec![ADMIN.to_owned()],
    };
    let outcome = store.write(ctx, move |db, ctx| create_or_promote(db, ctx, &command, wanted)).await?;
    if let AdminOutcome::Promoted(user) = outcome {
        identity.user_changed(user);
    }
    Ok(outcome)
}

/// Makes an administrator of a user that the operator names by id, whatever the state of its address, and also if it is blocked.
pub async fn promote_by_id(
    store: &Store,
    identity: &IdentityService,
    ctx: &Ctx,
    id: UserId,
) -> Result<AdminOutcome, AdminError> {
    let promoted = store.write(ctx, move |db, ctx| {
        let user = store::users::find(db, id)?.ok_or(ChangeUserError::NotFound)?;
        if is_acting_admin(&user) {
            return Ok(Outcome::new(AdminOutcome::Unchanged(id)));
        }
        promote(db, ctx, user)
    });
    let outcome = promoted.await?;
    identity.user_changed(id);
    Ok(outcome)
}

/// Whether any administrator can log in.
pub async fn has_admin(store: &Store) -> Result<bool, StoreError> {
    store.read(|db| store::user_roles::has_holder(db, ADMIN)).await
}

/// The row of the role is locked first: replicas that start at the same time decide one after the other.
fn create_or_promote(
    db: &mut Db,
    ctx: &Ctx,
    command: &RegisterUser,
    wanted: Wanted,
) -> Result<Outcome<AdminOutcome>, AdminError> {
    store::roles::lock(db, ADMIN)?;
    let there_is_one = store::user_roles::has_holder(db, ADMIN)?;
    if there_is_one && wanted == Wanted::IfThereIsNone {
        return Ok(Outcome::new(AdminOutcome::Present));
    }
    let Some(user) = store::users::find_by_email(db, &command.email)? else {
        if !command.email.is_mailable() {
            return Err(EmailError.into());
        }
        let created = register(db, ctx, command)?;
        // The operator vouches for the address.
        written(store::users::mark_email_verified(db, created.value.id, &command.email, ctx.now)?)?;
        store::users::settle(db, created.value.id, ctx.now)?;
        return Ok(created.map(|user| AdminOutcome::Created(user.id)));
    };
    if is_acting_admin(&user) {
        return Ok(Outcome::new(AdminOutcome::Unchanged(user.id)));
    }
    // A stranger can have registered the address before.
    let is_the_owners = user.email_verified_on.is_some() && user.email.as_str() == command.email.as_str();
    if !is_the_owners || user.is_blocked {
        return Ok(Outcome::new(AdminOutcome::Refused { id: user.id, there_is_another: there_is_one }));
    }
    promote(db, ctx, user)
}

fn promote(db: &mut Db, ctx: &Ctx, user: User) -> Result<Outcome<AdminOutcome>, AdminError> {
    let mut roles = user.roles;
    if !roles.iter().any(|role| role == ADMIN) {
        roles.push(ADMIN.to_owned());
    }
    let promotion = UpdateUser { roles: Some(roles), is_blocked: Some(false), ..UpdateUser::default() };
    Ok(update_user(db, ctx, user.id, &promotion)?.map(|user| AdminOutcome::Promoted(user.id)))
}

fn is_acting_admin(user: &User) -> bool {
    !user.is_blocked && user.roles.iter().any(|role| role == ADMIN)
}
