//! The one way to give out and redeem one-time secrets: links, codes and challenges.
//!
//! To be called inside the transaction that does what the secret is for, so that both happen or neither. A wrong answer is a
//! value and not an error, because its count has to be committed.

use shared_events::UserId;

use crate::domain::one_time::{Issued, NotYet, Purpose, SecretHash, Slots};
use crate::security::Vault;
use crate::security::one_time::{Code, same_hash};
use crate::store::one_time_secrets::{self as secrets, NewSecret};
use crate::store::{Ctx, Db, StoreError};

pub use crate::store::one_time_secrets::Live;

/// A link on its way into a mail. It has no `Debug`.
pub struct NewLink {
    pub purpose: Purpose,
    pub hash: SecretHash,
    /// The whole address, for the mail only.
    pub url: String,
}

impl NewLink {
    /// What is to be kept of it, once it is known whose it is and what it proves.
    pub fn secret(&self, user_id: UserId, subject: &str) -> NewSecret {
        let (purpose, hash) = (self.purpose, self.hash.clone());
        NewSecret { purpose, user_id: Some(user_id), subject: subject.to_owned(), hash }
    }
}

/// Keeps a secret that is about to be sent. Where a user has one at most, the new one takes the place of the one before, not
/// earlier than the purpose's cooldown allows; of parallel callers one succeeds, and the others are told so.
pub fn issue(db: &mut Db, ctx: &Ctx, new: &NewSecret) -> Result<Result<(), NotYet>, StoreError> {
    let first = Issued::first(new.purpose, ctx.now);
    let lost = Ok(Err(NotYet::CoolingDown(first.cooldown_until)));
    let former = match (new.purpose.slots(), new.user_id) {
        (Slots::One, Some(user)) => secrets::former(db, new.purpose, user)?,
        (Slots::One | Slots::Many, _) => None,
    };
    let Some(former) = former else {
        return match secrets::insert(db, ctx, new, first) {
            Ok(()) => Ok(Ok(())),
            Err(StoreError::UniqueViolation) => lost,
            Err(error) => Err(error),
        };
    };
    match former.issued.one_more(new.purpose, ctx.now) {
        Err(not_yet) => Ok(Err(not_yet)),
        Ok(issued) if secrets::replace(db, ctx, &former, new, issued)? => Ok(Ok(())),
        Ok(_) => lost,
    }
}

/// Looks a link or a challenge up without using it.
pub fn find(db: &mut Db, ctx: &Ctx, purpose: Purpose, hash: &SecretHash) -> Result<Option<Live>, StoreError> {
    secrets::find(db, ctx, purpose, hash)
}

/// Uses a secret up; false if somebody else did, or it expired or ran out of tries meanwhile. Nothing that hangs on it may
/// happen then.
pub fn consume(db: &mut Db, ctx: &Ctx, live: &Live) -> Result<bool, StoreError> {
    secrets::consume(db, ctx, live)
}

/// Counts a wrong answer to a challenge; false if it takes no more.
pub fn count_try(db: &mut Db, ctx: &Ctx, live: &Live) -> Result<bool, StoreError> {
    secrets::count_try(db, ctx, live)
}

/// Finds a link and uses it up; none if there is none to use.
pub fn redeem_link(db: &mut Db, ctx: &Ctx, purpose: Purpose, hash: &SecretHash) -> Result<Option<Live>, StoreError> {
    match secrets::find(db, ctx, purpose, hash)? {
        Some(live) if secrets::consume(db, ctx, &live)? => Ok(Some(live)),
        Some(_) | None => Ok(None),
    }
}

/// What became of a code.
#[derive(Debug)]
pub enum CodeTry {
    /// Right, and used up with this. The code's subject is what it proves.
    Right { subject: String },
    /// Wrong, and counted; or there is none to try, which nobody is told.
    Wrong,
}

/// Tries a code of a user: a right one is used up, a wrong one counted. Where there is none to try, or no user, the work is
/// that of a wrong one, so that the time of a refusal does not tell which it was.
pub fn try_code(
    db: &mut Db,
    ctx: &Ctx,
    vault: &Vault,
    purpose: Purpose,
    user: Option<UserId>,
    code: &Code,
) -> Result<CodeTry, StoreError> {
    let live = secrets::find_of_user(db, ctx, purpose, user)?;
    let (Some(live), Some(user)) = (live, user) else {
        secrets::count_nothing(db, ctx)?;
        return Ok(CodeTry::Wrong);
    };
    if !same_hash(&live.hash, &code.hash(vault, purpose, user, &live.subject)) {
        secrets::count_try(db, ctx, &live)?;
        return Ok(CodeTry::Wrong);
    }
    if secrets::consume(db, ctx, &live)? { Ok(CodeTry::Right { subject: live.subject }) } else { Ok(CodeTry::Wrong) }
}

/// Makes a user's pending secrets for these purposes void; gives how many.
pub fn void(db: &mut Db, ctx: &Ctx, user: UserId, purposes: &[Purpose]) -> Result<usize, StoreError> {
    secrets::void(db, ctx, user, purposes)
}
