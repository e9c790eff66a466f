//! The one way to issue and redeem one-time secrets: links, codes and challenges.
//!
//! Call these inside the transaction that does the secret's work, so that both happen or neither. A wrong answer is a value and
//! not an error, because its count has to be committed.

pub mod secret;

use std::net::IpAddr;
use std::sync::Arc;

use shared_events::UserId;

use crate::domain::network::ClientNetwork;
use crate::domain::one_time::{Cooldown, Issued, Purpose, SecretHash, Slots};
use crate::domain::throttle::Cap;
use crate::identity::email::caps;
use crate::identity::one_time::secret::{Code, same_hash};
use crate::sealing::{CounterKey, Seal, Vault};
use crate::store::one_time_secrets::{self as secrets, Former, NewSecret};
use crate::store::{self, Ctx, Db, StoreError};

pub use crate::store::one_time_secrets::Live;

/// Wrong codes from a /24 or a /56 within an hour.
const WRONG_CODES: Cap = Cap::hourly(20);
/// Wrong codes from a /48 within an hour.
const WRONG_CODES_OF_A_SITE: Cap = Cap::hourly(200);

/// A link on its way into a mail.
pub struct NewLink {
    pub purpose: Purpose,
    pub hash: SecretHash,
    /// The whole address, for the mail only.
    pub url: String,
}

impl NewLink {
    /// The row to store, with its user and the subject that it proves.
    pub fn secret(&self, user_id: UserId, subject: &str) -> NewSecret {
        let (purpose, hash) = (self.purpose, self.hash.clone());
        NewSecret {
            purpose,
            user_id: Some(user_id),
            subject: subject.to_owned(),
            hash,
            session_id: None,
            lifetime: purpose.lifetime(),
        }
    }
}

/// Stores a secret that is about to be sent. If a user may have only so many of this purpose, the new one replaces the oldest, not
/// earlier than the purpose's cooldown allows; of parallel callers one succeeds, and the others get a cooldown.
pub fn issue(db: &mut Db, ctx: &Ctx, new: &NewSecret) -> Result<Result<(), Cooldown>, StoreError> {
    let first = Issued::first(new.purpose, ctx.now);
    let lost = Ok(Err(Cooldown::CoolingDown(first.cooldown_until)));
    let former = match (new.purpose.slots(), new.user_id) {
        (Slots::Few(most), Some(user)) => secrets::former(db, new.purpose, user, most)?,
        (Slots::Few(_) | Slots::Many, _) => Former::default(),
    };
    let issued = match former.newest.map_or(Ok(first), |newest| newest.one_more(new.purpose, ctx.now)) {
        Ok(issued) => issued,
        Err(cooldown) => return Ok(Err(cooldown)),
    };
    match &former.oldest {
        None => match secrets::insert(db, ctx, new, former.free_slot, issued) {
            Ok(()) => Ok(Ok(())),
            Err(StoreError::UniqueViolation) => lost,
            Err(error) => Err(error),
        },
        Some(oldest) if secrets::replace(db, ctx, oldest, new, issued)? => Ok(Ok(())),
        Some(_) => lost,
    }
}

/// Finds a link or a challenge without using it.
pub fn find(db: &mut Db, ctx: &Ctx, purpose: Purpose, hash: &SecretHash) -> Result<Option<Live>, StoreError> {
    secrets::find(db, ctx, purpose, hash)
}

/// Uses a secret up; false if another request did, or it expired or ran out of tries meanwhile. The caller must then not do the
/// secret's work.
pub fn consume(db: &mut Db, ctx: &Ctx, live: &Live) -> Result<bool, StoreError> {
    secrets::consume(db, ctx, live)
}

/// Counts a wrong answer to a challenge; false if it takes no more.
pub fn count_try(db: &mut Db, ctx: &Ctx, live: &Live) -> Result<bool, StoreError> {
    secrets::count_try(db, ctx, live)
}

/// Finds a link and uses it up; none if there is no live one.
pub fn redeem_link(db: &mut Db, ctx: &Ctx, purpose: Purpose, hash: &SecretHash) -> Result<Option<Live>, StoreError> {
    match secrets::find(db, ctx, purpose, hash)? {
        Some(live) if secrets::consume(db, ctx, &live)? => {
            // The other links of the same purpose become void.
            if let Some(user) = live.user_id.filter(|_| purpose.slots() != Slots::Many) {
                secrets::void(db, ctx, user, &[purpose])?;
            }
            Ok(Some(live))
        }
        Some(_) | None => Ok(None),
    }
}

/// Wrong codes count per network too, which stops guessing across accounts.
#[derive(Clone)]
pub struct Guesses {
    pub vault: Arc<Vault>,
    shares: [(CounterKey, Cap); 2],
}

impl Guesses {
    /// Of an address: its /24 or /56, and its /48.
    pub fn new(vault: Arc<Vault>, address: IpAddr) -> Self {
        let (near, wide) = (ClientNetwork::of(address), ClientNetwork::site_of(address));
        let key = |purpose, network: &ClientNetwork| vault.counter_key(purpose, &[network.as_str()]);
        let shares = [(key("codes: network", &near), WRONG_CODES), (key("codes: site", &wide), WRONG_CODES_OF_A_SITE)];
        Self { vault, shares }
    }

    fn are_too_many(&self, db: &mut Db, ctx: &Ctx) -> Result<bool, StoreError> {
        for (key, cap) in &self.shares {
            let counter = store::counters::find(db, key)?;
            if counter.is_some_and(|counter| counter.one_more(*cap, ctx.now).is_err()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn count(&self, db: &mut Db, ctx: &Ctx) -> Result<(), StoreError> {
        caps::take_all(db, ctx, &self.shares).map(drop)
    }
}

/// The outcome of trying a code.
#[derive(Debug)]
pub enum CodeTry {
    /// Right, and used up now. `subject` is what the code proves.
    Right { subject: String },
    /// Wrong, and counted; or there is no code to try, which the answer does not show.
    Wrong,
}

/// Tries a user's code: a right one is used up, a wrong one counted. Without a user or a code the work is that of a wrong one,
/// so that the time of a refusal does not show the reason.
pub fn try_code(
    db: &mut Db,
    ctx: &Ctx,
    guesses: &Guesses,
    purpose: Purpose,
    user: Option<UserId>,
    code: &Code,
) -> Result<CodeTry, StoreError> {
    let live = secrets::find_of_user(db, ctx, purpose, user)?;
    if guesses.are_too_many(db, ctx)? {
        // Refused unchecked, after the same work.
        secrets::count_nothing(db, ctx)?;
        return Ok(CodeTry::Wrong);
    }
    let (Some(live), Some(user)) = (live, user) else {
        guesses.count(db, ctx)?;
        secrets::count_nothing(db, ctx)?;
        return Ok(CodeTry::Wrong);
    };
    if !same_hash(&live.hash, &code.hash(&guesses.vault, purpose, user, &live.subject)) {
        guesses.count(db, ctx)?;
        secrets::count_try(db, ctx, &live)?;
        return Ok(CodeTry::Wrong);
    }
    if secrets::consume(db, ctx, &live)? { Ok(CodeTry::Right { subject: live.subject }) } else { Ok(CodeTry::Wrong) }
}

/// Makes a user's pending secrets for these purposes void; gives how many.
pub fn void(db: &mut Db, ctx: &Ctx, user: UserId, purposes: &[Purpose]) -> Result<usize, StoreError> {
    secrets::void(db, ctx, user, purposes)
}
