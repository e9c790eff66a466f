//! Every value that is sealed under `SECRET_KEY`, a page at a time, to be sealed again.

use diesel::prelude::*;

use super::schema::{counters, devices, one_time_secrets, outbox, refresh_tokens, signing_keys, totp_factors};
use super::{Ctx, Db, StoreError};
use crate::domain::one_time::Purpose;

/// How many values are in memory at a time.
const PAGE: i64 = 500;

/// The seeds of second factors, by user, after the given one.
pub fn totp_seeds(db: &mut Db, after: i64) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let rows = totp_factors::table.filter(totp_factors::user_id.gt(after)).order(totp_factors::user_id).limit(PAGE);
    Ok(rows.select((totp_factors::user_id, totp_factors::sealed_seed)).load(db)?)
}

pub fn set_totp_seed(db: &mut Db, user: i64, sealed: &[u8]) -> Result<(), StoreError> {
    let row = totp_factors::table.find(user);
    diesel::update(row).set(totp_factors::sealed_seed.eq(sealed)).execute(db)?;
    Ok(())
}

/// The private halves of signing keys, by key id, after the given one.
pub fn signing_keys(db: &mut Db, after: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let rows = signing_keys::table.filter(signing_keys::kid.gt(after)).order(signing_keys::kid).limit(PAGE);
    Ok(rows.select((signing_keys::kid, signing_keys::sealed_private_key)).load(db)?)
}

pub fn set_signing_key(db: &mut Db, kid: &str, sealed: &[u8]) -> Result<(), StoreError> {
    let row = signing_keys::table.find(kid);
    diesel::update(row).set(signing_keys::sealed_private_key.eq(sealed)).execute(db)?;
    Ok(())
}

/// The push tokens of devices, by device, after the given one, and whether the device still has the token.
pub fn push_tokens(db: &mut Db, after: i64) -> Result<Vec<(i64, Vec<u8>, bool)>, StoreError> {
    let rows = devices::table.filter(devices::id.gt(after)).filter(devices::sealed_push_token.is_not_null());
    let columns = (devices::id, devices::sealed_push_token.assume_not_null(), devices::push_token_hash.is_not_null());
    Ok(rows.order(devices::id).limit(PAGE).select(columns).load(db)?)
}

pub fn set_push_token(db: &mut Db, device: i64, sealed: &[u8], hash: Option<&str>) -> Result<(), StoreError> {
    let row = devices::table.find(device);
    diesel::update(row).set((devices::sealed_push_token.eq(sealed), devices::push_token_hash.eq(hash))).execute(db)?;
    Ok(())
}

/// The outbox messages with a secret, by row, after the given one, with the event's id.
pub fn messages(db: &mut Db, after: i64) -> Result<Vec<(i64, String, Vec<u8>)>, StoreError> {
    let rows = outbox::table.filter(outbox::id.gt(after)).filter(outbox::sealed.is_not_null());
    let columns = (outbox::id, outbox::event_id, outbox::sealed.assume_not_null());
    Ok(rows.order(outbox::id).limit(PAGE).select(columns).load(db)?)
}

pub fn set_message(db: &mut Db, row: i64, sealed: &[u8]) -> Result<(), StoreError> {
    diesel::update(outbox::table.find(row)).set(outbox::sealed.eq(sealed)).execute(db)?;
    Ok(())
}

/// Ends the rows that are keyed by a hash under the old key, which cannot be computed again: codes and begun social logins, which
/// users request again; counters, which no lookup would find; responses of refreshes, which live for seconds.
pub fn end_hashed(db: &mut Db, ctx: &Ctx) -> Result<(), StoreError> {
    let purposes = [Purpose::PasswordResetCode, Purpose::PhoneCode, Purpose::SocialState, Purpose::SocialNonce];
    let codes = one_time_secrets::table
        .filter(one_time_secrets::purpose.eq_any(purposes.map(Purpose::as_str)))
        .filter(one_time_secrets::consumed_at.is_null());
    diesel::update(codes).set(one_time_secrets::consumed_at.eq(Some(ctx.now_naive()))).execute(db)?;
    diesel::delete(counters::table).execute(db)?;
    let answers = refresh_tokens::table.filter(refresh_tokens::sealed_answer.is_not_null());
    let nothing = (
        refresh_tokens::sealed_answer.eq(None::<Vec<u8>>),
        refresh_tokens::retry_key.eq(None::<String>),
        refresh_tokens::answer_until.eq(None::<chrono::NaiveDateTime>),
    );
    diesel::update(answers).set(nothing).execute(db)?;
    Ok(())
}
