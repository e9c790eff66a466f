//! The proof of an address: the link that was sent there is redeemed.

use shared_events::UserId;
use shared_events::events::{self, EmailVerified, SecurityFacts, UserUpdated};

use crate::domain::email::Email;
use crate::domain::one_time::SecretHash;
use crate::domain::session::SessionId;
use crate::domain::user::User;
use crate::identity::facts::user_facts;
use crate::identity::one_time::Live;
use crate::operations::errors::written;
use crate::store::{self, Ctx, Db, Outcome, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum VerifyEmailError {
    #[error("the link is not valid, was used, or has expired")]
    Invalid,
    #[error("the address is another user's by now")]
    Taken,
    #[error("the store failed")]
    Store(#[from] StoreError),
}
crate::operation_errors!(VerifyEmailError);

/// The two kinds of link that prove an address, of one token.
pub struct VerifyEmail {
    pub verification: SecretHash,
    pub change: SecretHash,
    /// The session in which the link is redeemed, if there is one.
    pub session: Option<(UserId, SessionId)>,
    pub remote_addr: Option<String>,
}

/// The user of a secret, unless it is blocked.
pub(in crate::identity) fn owner(db: &mut Db, live: &Live) -> Result<Option<User>, StoreError> {
    let user = live.user_id.map_or(Ok(None), |id| store::users::find(db, id))?;
    Ok(user.filter(|user| !user.is_blocked))
}

/// Whether the link was sent to the user's present address.
pub(in crate::identity) fn matches_address(live: &Live, user: &User) -> bool {
    Email::parse(&live.subject).is_ok_and(|sent_to| sent_to.normalized() == user.email.normalized())
}

/// Records that the user's address is proved; gives the user as it is then.
pub(in crate::identity) fn mark_verified(
    db: &mut Db,
    ctx: &Ctx,
    mut user: User,
    remote_addr: Option<String>,
) -> Result<Outcome<User>, StoreError> {
    if user.email_verified_on.is_some() {
        return Ok(Outcome::new(user));
    }
    written(store::users::mark_email_verified(db, user.id, &user.email, ctx.now)?)?;
    user.email_verified_on = Some(ctx.now);
    user.version += 1;
    let facts = SecurityFacts { remote_addr, ..user_facts(user.id, None) };
    let updated = UserUpdated(events::User::from(&user));
    Ok(Outcome::new(user).event(&updated).event(&EmailVerified(facts)))
}
