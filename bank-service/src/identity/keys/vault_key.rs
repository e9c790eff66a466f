//! The `SECRET_KEY` that a database is sealed under, and resealing it under another one.
//!
//! A database stores a keyed hash of its key, and whether it is a development key (short, or from an example). A start under
//! another key is refused, and so is, outside of development, a database of a development key. [`reseal`] is one transaction:
//! afterwards everything opens under the new key, or nothing was changed.

use service_kit::clock::SharedClock;
use service_kit::config::AppEnv;
use shared_events::events::{Event as _, KeysRotated, SecurityFacts, SmsRequested};
use shared_events::{UserId, WireMessage};

use crate::config::Settings;
use crate::identity::keys::ring;
use crate::identity::{devices, second_factor};
use crate::sealing::{Place, Vault, VaultError, outbox_place, text_message};
use crate::store::vault_keys::{self, VaultKey};
use crate::store::{Ctx, Db, OperationError, Outcome, Store, StoreError, existing, sealed_values as values};

/// Why this key must not be used with this database.
#[derive(Debug, thiserror::Error)]
pub enum VaultKeyError {
    #[error(
        "SECRET_KEY: the database is sealed under a short or an example key, which only development takes; run `bank-service rotate-secret` with that key as OLD_SECRET_KEY, which seals everything anew under SECRET_KEY"
    )]
    DevelopmentOnly,
    #[error(
        "SECRET_KEY: is not the key that the database is sealed under; expected that key, or run `bank-service rotate-secret` with it as OLD_SECRET_KEY"
    )]
    Another,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The key of this process, as a database stores it.
pub(in crate::identity) fn named(vault: &Vault, weak: bool) -> VaultKey {
    VaultKey { fingerprint: vault.fingerprint(), development: weak }
}

/// Compares the key with the one that the database stores, if it stores one.
pub(in crate::identity) async fn check(
    store: &Store,
    own: &VaultKey,
    is_development: bool,
) -> Result<(), VaultKeyError> {
    check_fits(store.read(vault_keys::find).await?, own, is_development)
}

/// The same for a database that this process has not opened yet, and that may be older than stored fingerprints. Blocks.
pub fn fits(settings: &Settings) -> Result<(), VaultKeyError> {
    let Ok(vault) = Vault::try_new(settings.secret_key.expose()) else { return Err(VaultKeyError::Another) };
    let own = named(&vault, settings.has_weak_secret_key());
    let known = existing::vault_key(&settings.database_url)?;
    check_fits(known, &own, settings.config.app_env == AppEnv::Development)
}

fn check_fits(known: Option<VaultKey>, own: &VaultKey, is_development: bool) -> Result<(), VaultKeyError> {
    match known {
        Some(known) if known.development && !is_development => Err(VaultKeyError::DevelopmentOnly),
        Some(known) if known.fingerprint != own.fingerprint => Err(VaultKeyError::Another),
        Some(_) | None => Ok(()),
    }
}

/// Stores the key in a database that has none. Call it only after this key has opened the existing values.
pub(in crate::identity) async fn record(
    store: &Store,
    clock: &SharedClock,
    own: VaultKey,
) -> Result<(), VaultKeyError> {
    let write = move |db: &mut Db, ctx: &Ctx| match vault_keys::find(db)? {
        Some(_) => Ok(Outcome::new(())),
        None => vault_keys::insert(db, ctx, &own).map(Outcome::new),
    };
    store.write(&store.ctx(clock.now()), write).await.map_err(VaultKeyError::Store)
}

/// How many values were resealed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    pub second_factors: usize,
    pub signing_keys: usize,
    pub push_tokens: usize,
    pub messages: usize,
}

/// The outcome of a change of keys.
#[derive(Debug, PartialEq, Eq)]
pub enum Resealing {
    Done(Resealed),
    /// Everything is under the new key already.
    Unneeded,
}

#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    #[error("OLD_SECRET_KEY: is not the key that the database is sealed under; nothing was changed")]
    Another,
    #[error("OLD_SECRET_KEY: does not open {table} of {row}; nothing was changed")]
    Unopened { table: &'static str, row: String },
    #[error("a value cannot be sealed; nothing was changed")]
    Vault(#[from] VaultError),
    #[error("DATABASE_URL: {0}; nothing was changed")]
    Store(#[from] StoreError),
}

impl OperationError for ResealError {
    fn store_error(&self) -> Option<&StoreError> {
        if let Self::Store(error) = self { Some(error) } else { None }
    }
}

/// Seals everything under another key. No other process may use the database meanwhile: it would write under the old key.
pub fn reseal(
    db: &mut Db,
    ctx: &Ctx,
    old: &Vault,
    new: &Vault,
    new_is_weak: bool,
) -> Result<Outcome<Resealing>, ResealError> {
    let after = named(new, new_is_weak);
    let before = vault_keys::find(db)?;
    match &before {
        Some(before) if *before == after => return Ok(Outcome::new(Resealing::Unneeded)),
        // The same key, but development or not has changed.
        Some(before) if before.fingerprint == after.fingerprint => {
            vault_keys::replace(db, ctx, before, &after)?;
            return Ok(Outcome::new(Resealing::Unneeded));
        }
        Some(before) if before.fingerprint != old.fingerprint() => return Err(ResealError::Another),
        Some(before) => vault_keys::replace(db, ctx, before, &after)?,
        None => vault_keys::insert(db, ctx, &after)?,
    }
    let move_to = Move { old, new };
    let done = Resealed {
        second_factors: move_to.second_factors(db)?,
        signing_keys: move_to.signing_keys(db)?,
        push_tokens: move_to.push_tokens(db)?,
        messages: move_to.messages(db)?,
    };
    values::end_hashed(db, ctx)?;
    let detail = Some("SECRET_KEY (everything sealed anew)".to_owned());
    let facts = SecurityFacts { user_id: None, session_id: None, remote_addr: None, detail };
    Ok(Outcome::new(Resealing::Done(done)).event(&KeysRotated(facts)))
}

/// From one key to another. Each loop ends: pages are ordered, and the next one begins after the last row.
struct Move<'a> {
    old: &'a Vault,
    new: &'a Vault,
}

impl Move<'_> {
    fn open(&self, place: Place<'_>, table: &'static str, sealed: &[u8]) -> Result<Vec<u8>, ResealError> {
        let row = place.row.to_owned();
        self.old.open(place, sealed).map_err(|_| ResealError::Unopened { table, row })
    }

    fn moved(&self, place: Place<'_>, table: &'static str, sealed: &[u8]) -> Result<Vec<u8>, ResealError> {
        Ok(self.new.seal(place, &self.open(place, table, sealed)?)?)
    }

    fn second_factors(&self, db: &mut Db) -> Result<usize, ResealError> {
        let (mut after, mut done) = (i64::MIN, 0);
        loop {
            let page = values::totp_seeds(db, after)?;
            let Some((last, _)) = page.last() else { return Ok(done) };
            after = *last;
            for (user, sealed) in &page {
                let text = user.to_string();
                let sealed = self.moved(second_factor::place(&text), "totp_factors", sealed)?;
                values::set_totp_seed(db, *user, &sealed)?;
                done += 1;
            }
        }
    }

    fn signing_keys(&self, db: &mut Db) -> Result<usize, ResealError> {
        let (mut after, mut done) = (String::new(), 0);
        loop {
            let page = values::signing_keys(db, &after)?;
            let Some((last, _)) = page.last() else { return Ok(done) };
            after.clone_from(last);
            for (kid, sealed) in &page {
                let sealed = self.moved(ring::place(kid), "signing_keys", sealed)?;
                values::set_signing_key(db, kid, &sealed)?;
                done += 1;
            }
        }
    }

    fn push_tokens(&self, db: &mut Db) -> Result<usize, ResealError> {
        let (mut after, mut done) = (i64::MIN, 0);
        loop {
            let page = values::push_tokens(db, after)?;
            let Some((last, ..)) = page.last() else { return Ok(done) };
            after = *last;
            for (device, sealed, is_its_own) in &page {
                let text = device.to_string();
                let token = self.open(devices::place(&text), "devices", sealed)?;
                let hash = is_its_own.then(|| devices::token_hash(self.new, &token));
                let sealed = self.new.seal(devices::place(&text), &token)?;
                values::set_push_token(db, *device, &sealed, hash.as_deref())?;
                done += 1;
            }
        }
    }

    fn messages(&self, db: &mut Db) -> Result<usize, ResealError> {
        let (mut after, mut done) = (i64::MIN, 0);
        loop {
            let page = values::messages(db, after)?;
            let Some((last, ..)) = page.last() else { return Ok(done) };
            after = *last;
            for (row, event_id, sealed) in &page {
                let plain = self.open(outbox_place(event_id), "outbox", sealed)?;
                let plain = self.text_message(event_id, &plain)?.unwrap_or(plain);
                let sealed = self.new.seal(outbox_place(event_id), &plain)?;
                values::set_message(db, *row, &sealed)?;
                done += 1;
            }
        }
    }

    /// A text message is sealed once more inside, for its consumer; none if it is another message.
    fn text_message(&self, event_id: &str, plain: &[u8]) -> Result<Option<Vec<u8>>, ResealError> {
        match serde_json::from_slice::<WireMessage>(plain) {
            Ok(message) if message.routing_key == SmsRequested::TYPE => {
                let unopened = || ResealError::Unopened { table: "outbox", row: event_id.to_owned() };
                self.sealed_inside(message).map(Some).ok_or_else(unopened)
            }
            Ok(_) | Err(_) => Ok(None),
        }
    }

    fn sealed_inside(&self, mut message: WireMessage) -> Option<Vec<u8>> {
        let mut body: serde_json::Value = serde_json::from_slice(&message.body).ok()?;
        let data = body.get_mut("data")?;
        let user = UserId::try_new(data.get("user_id")?.as_i64()?).ok()?;
        let text = text_message::open(self.old, user, data.get("sealed")?.as_str()?)?;
        *data.get_mut("sealed")? = text_message::seal(self.new, user, &text)?.into();
        message.body = serde_json::to_vec(&body).ok()?;
        serde_json::to_vec(&message).ok()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use shared_events::{Envelope, EventId};

    use super::*;

    fn vault(key: &str) -> Vault {
        Vault::try_new(key.repeat(32).as_str()).unwrap()
    }

    fn plain(event: &impl shared_events::events::Event) -> Vec<u8> {
        let (id, date) = (EventId::from_content("test", b""), DateTime::<Utc>::UNIX_EPOCH);
        let envelope = Envelope::new(id, "urn:bank-service", None, date, event).unwrap();
        serde_json::to_vec(&WireMessage::encode(&envelope).unwrap()).unwrap()
    }

    #[test]
    fn a_text_message_that_does_not_open_holds_all_back_and_another_message_has_none_inside() {
        let (old, new) = (vault("a"), vault("b"));
        let moving = Move { old: &old, new: &new };
        let refused = moving.text_message("event", &plain(&SmsRequested::example())).unwrap_err();
        assert!(refused.to_string().contains("outbox of event"), "{refused}");
        let none = SecurityFacts { user_id: None, session_id: None, remote_addr: None, detail: None };
        assert_eq!(moving.text_message("event", &plain(&KeysRotated(none))).unwrap(), None);
    }
}
