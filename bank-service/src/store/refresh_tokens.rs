//! The `refresh_tokens` table: every token ever given within a living session, by its hash, so that reuse is recognised.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::mysql::Mysql;
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::sql_types::{Text, Timestamp};

use super::prepared::{self, KeptRow, bind_columns};
use super::schema::refresh_tokens;
use super::{Db, StoreError};
use crate::domain::session::SessionId;

pub struct RefreshToken {
    pub session_id: SessionId,
    pub used_on: Option<DateTime<Utc>>,
}

#[derive(Insertable)]
#[diesel(table_name = refresh_tokens)]
struct NewRow {
    token_hash: String,
    session_id: String,
    issued_at: NaiveDateTime,
}

impl KeptRow for NewRow {
    const INSERT: &'static str = "INSERT INTO refresh_tokens (token_hash, session_id, issued_at) VALUES ";

    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        let Self { token_hash, session_id, issued_at } = self;
        bind_columns!(out, token_hash => Text, session_id => Text, issued_at => Timestamp)
    }
}

pub fn insert(db: &mut Db, hash: &str, session: SessionId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let row = NewRow { token_hash: hash.to_owned(), session_id: session.to_string(), issued_at: now.naive_utc() };
    match db {
        Db::Mysql(conn) => prepared::insert(conn, &[row])?,
        Db::Sqlite(conn) => diesel::insert_into(refresh_tokens::table).values(row).execute(conn)?,
    };
    Ok(())
}

pub fn find(db: &mut Db, hash: &str) -> Result<Option<RefreshToken>, StoreError> {
    let row: Option<(String, Option<NaiveDateTime>)> = refresh_tokens::table
        .find(hash)
        .select((refresh_tokens::session_id, refresh_tokens::used_at))
        .first(db)
        .optional()?;
    let Some((session_id, used_at)) = row else { return Ok(None) };
    let session_id = session_id.parse().map_err(|_| StoreError::Corrupt { what: "refresh_tokens.session_id" })?;
    Ok(Some(RefreshToken { session_id, used_on: used_at.map(|date| date.and_utc()) }))
}

/// Spends a token: of any number of callers, one gets true.
pub fn spend(db: &mut Db, hash: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let unused =
        refresh_tokens::table.filter(refresh_tokens::token_hash.eq(hash)).filter(refresh_tokens::used_at.is_null());
    Ok(diesel::update(unused).set(refresh_tokens::used_at.eq(now.naive_utc())).execute(db)? == 1)
}

pub(super) fn delete_of_session(db: &mut Db, session: &str) -> Result<(), StoreError> {
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::session_id.eq(session))).execute(db)?;
    Ok(())
}
