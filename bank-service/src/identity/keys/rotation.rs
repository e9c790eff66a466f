//! Rotation of the signing keys.
//!
//! A new key is in the key set for a while before it signs, so that caches of the set hold it by then. Its predecessor retires
//! when the new one begins; that time is stored with it, so replicas change over without a message. If several replicas find
//! a key too old at the same time, the one that sets the old key's retirement makes the next.

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::events::{KeysRotated, SecurityFacts};

use crate::store::signing_keys::{self, StoredKey};
use crate::store::{Ctx, Db, Outcome, StoreError};

/// A new key, its private half sealed.
pub struct NewKey {
    pub kid: String,
    pub sealed_private_key: Vec<u8>,
    pub public_key: Vec<u8>,
}

impl NewKey {
    fn stored(&self, created_on: DateTime<Utc>, signs_from: DateTime<Utc>) -> StoredKey {
        StoredKey {
            kid: self.kid.clone(),
            sealed_private_key: self.sealed_private_key.clone(),
            public_key: self.public_key.clone(),
            created_on,
            signs_from,
            retired_on: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    pub kid: String,
    pub signs_from: DateTime<Utc>,
}

/// Makes the first key, unless there is one.
pub fn make_first(db: &mut Db, ctx: &Ctx, new: &NewKey) -> Result<Outcome<()>, StoreError> {
    let exists = signing_keys::list(db)?.iter().any(|key| key.retired_on.is_none());
    if !exists {
        signing_keys::insert(db, &new.stored(ctx.now, ctx.now))?;
    }
    Ok(Outcome::new(()))
}

/// Makes the next key, which signs after `published_for`; none if the newest is younger than `if_older_than`, or if another
/// process rotated first.
pub fn rotate(
    db: &mut Db,
    ctx: &Ctx,
    new: &NewKey,
    published_for: TimeDelta,
    if_older_than: TimeDelta,
) -> Result<Outcome<Option<Rotated>>, StoreError> {
    let keys = signing_keys::list(db)?;
    let Some(newest) = keys.iter().find(|key| key.retired_on.is_none()) else { return Ok(Outcome::new(None)) };
    let signs_from = ctx.now + published_for;
    if ctx.now - newest.created_on < if_older_than || !signing_keys::retire(db, &newest.kid, signs_from)? {
        return Ok(Outcome::new(None));
    }
    signing_keys::retire_all(db, signs_from)?;
    signing_keys::insert(db, &new.stored(ctx.now, signs_from))?;
    Ok(made(new, signs_from, "rotated"))
}

/// Makes a key that signs at once, and deletes all others: tokens that they signed are void.
pub fn replace_compromised(db: &mut Db, ctx: &Ctx, new: &NewKey) -> Result<Outcome<Rotated>, StoreError> {
    signing_keys::delete_all(db)?;
    signing_keys::insert(db, &new.stored(ctx.now, ctx.now))?;
    let Outcome { value, events } = made(new, ctx.now, "all others deleted");
    let value = value.ok_or(StoreError::Corrupt { what: "a key just made" })?;
    Ok(Outcome::new(value).events(events))
}

fn made(new: &NewKey, signs_from: DateTime<Utc>, how: &str) -> Outcome<Option<Rotated>> {
    let detail = Some(format!("{} ({how})", new.kid));
    let facts = SecurityFacts { user_id: None, session_id: None, remote_addr: None, detail };
    Outcome::new(Some(Rotated { kid: new.kid.clone(), signs_from })).event(&KeysRotated(facts))
}
