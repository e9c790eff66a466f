//! The `refresh_tokens` table: every token issued in a live session, by its hash, so that reuse is recognised.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use super::kept_row::kept_row;
use super::schema::refresh_tokens;
use super::{Ctx, Db, StoreError};
use crate::domain::session::{REFRESH_GRACE, SessionId, TokenHash};

/// How many stored responses one sweep removes.
const SWEEP: i64 = 500;

pub struct RefreshToken {
    pub session_id: SessionId,
    /// None until the token is spent.
    pub first_use: Option<Use>,
}

/// The first use of a token.
pub struct Use {
    pub used_on: DateTime<Utc>,
    pub used_from: Option<String>,
    /// Whether the token that replaced it is spent too.
    pub successor_is_spent: bool,
    pub answer: Option<KeptAnswer>,
}

/// The response to the first use, for a retry of the same request.
#[derive(Clone)]
pub struct KeptAnswer {
    /// A keyed hash of the request's `Idempotency-Key`.
    pub retry_key: String,
    pub sealed: Vec<u8>,
}

#[derive(Insertable)]
#[diesel(table_name = refresh_tokens)]
struct NewRow {
    token_hash: String,
    session_id: String,
    issued_at: NaiveDateTime,
}

kept_row!(NewRow, refresh_tokens: token_hash => Text, session_id => Text, issued_at => Timestamp);

pub fn insert(db: &mut Db, hash: &str, session: SessionId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let row = NewRow { token_hash: hash.to_owned(), session_id: session.to_string(), issued_at: now.naive_utc() };
    match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => super::mysql::insert(conn, &[row])?,
        Db::Sqlite(conn) => diesel::insert_into(refresh_tokens::table).values(row).execute(conn)?,
    };
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_tokens)]
struct Row {
    session_id: String,
    used_at: Option<NaiveDateTime>,
    used_from: Option<String>,
    successor_hash: Option<String>,
    retry_key: Option<String>,
    sealed_answer: Option<Vec<u8>>,
}

pub fn find(db: &mut Db, hash: &str) -> Result<Option<RefreshToken>, StoreError> {
    let row: Option<Row> = refresh_tokens::table.find(hash).select(Row::as_select()).first(db).optional()?;
    let Some(row) = row else { return Ok(None) };
    let session_id = row.session_id.parse().map_err(|_| StoreError::Corrupt { what: "refresh_tokens.session_id" })?;
    let Some(used_at) = row.used_at else { return Ok(Some(RefreshToken { session_id, first_use: None })) };
    let successor_is_spent = row.successor_hash.map_or(Ok(false), |successor| is_spent(db, &successor))?;
    let answer = row.retry_key.zip(row.sealed_answer);
    let first_use = Use {
        used_on: used_at.and_utc(),
        used_from: row.used_from,
        successor_is_spent,
        answer: answer.map(|(retry_key, sealed)| KeptAnswer { retry_key, sealed }),
    };
    Ok(Some(RefreshToken { session_id, first_use: Some(first_use) }))
}

fn is_spent(db: &mut Db, hash: &str) -> Result<bool, StoreError> {
    let used_at: Option<Option<NaiveDateTime>> =
        refresh_tokens::table.find(hash).select(refresh_tokens::used_at).first(db).optional()?;
    Ok(used_at.flatten().is_some())
}

/// Spends a token for its successor: of parallel callers, one gets true.
pub fn spend(
    db: &mut Db,
    ctx: &Ctx,
    hash: &str,
    used_from: Option<&str>,
    successor: &TokenHash,
) -> Result<bool, StoreError> {
    let unused =
        refresh_tokens::table.filter(refresh_tokens::token_hash.eq(hash)).filter(refresh_tokens::used_at.is_null());
    let changes = (
        refresh_tokens::used_at.eq(ctx.now_naive()),
        refresh_tokens::used_from.eq(used_from),
        refresh_tokens::successor_hash.eq(successor.as_str()),
    );
    Ok(diesel::update(unused).set(changes).execute(db)? == 1)
}

/// Stores the response to the use of a token, for a retry.
pub fn keep_answer(db: &mut Db, ctx: &Ctx, hash: &str, answer: &KeptAnswer) -> Result<(), StoreError> {
    let changes = (
        refresh_tokens::retry_key.eq(&answer.retry_key),
        refresh_tokens::sealed_answer.eq(&answer.sealed),
        refresh_tokens::answer_until.eq((ctx.now + REFRESH_GRACE).naive_utc()),
    );
    diesel::update(refresh_tokens::table.find(hash)).set(changes).execute(db)?;
    Ok(())
}

/// Removes some of the expired responses; returns how many.
pub fn sweep_answers(db: &mut Db, ctx: &Ctx) -> Result<usize, StoreError> {
    let over = refresh_tokens::table.filter(refresh_tokens::answer_until.lt(ctx.now_naive()));
    let hashes: Vec<String> = over.select(refresh_tokens::token_hash).limit(SWEEP).load(db)?;
    let nothing = (
        refresh_tokens::retry_key.eq(None::<String>),
        refresh_tokens::sealed_answer.eq(None::<Vec<u8>>),
        refresh_tokens::answer_until.eq(None::<NaiveDateTime>),
    );
    let rows = refresh_tokens::table.filter(refresh_tokens::token_hash.eq_any(&hashes));
    Ok(diesel::update(rows).set(nothing).execute(db)?)
}

pub(super) fn delete_of_session(db: &mut Db, session: &str) -> Result<(), StoreError> {
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::session_id.eq(session))).execute(db)?;
    Ok(())
}
