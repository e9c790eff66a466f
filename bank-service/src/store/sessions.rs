//! The `sessions` table: one row per login.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use shared_events::UserId;

use super::kept_row::kept_row;
use super::schema::{sessions, users};
use super::{Ctx, Db, StoreError, refresh_tokens, user_roles};
use crate::domain::session::{Proof, Session, SessionId};

/// How many sessions are ended or deleted at once.
const SWEEP: i64 = 200;
/// How long an expired session is kept, so that its tokens are still recognised.
const KEPT: TimeDelta = TimeDelta::days(7);

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: String,
    user_id: i64,
    created_at: NaiveDateTime,
    auth_time: NaiveDateTime,
    last_used_at: NaiveDateTime,
    expires_at: NaiveDateTime,
    revoked_at: Option<NaiveDateTime>,
    user_agent: Option<String>,
    remote_addr: Option<String>,
    amr: String,
}

impl From<&Session> for SessionRow {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            user_id: session.user_id.get(),
            created_at: session.created_on.naive_utc(),
            auth_time: session.authenticated_on.naive_utc(),
            last_used_at: session.last_used_on.naive_utc(),
            expires_at: session.expires_on.naive_utc(),
            revoked_at: session.revoked_on.map(|date| date.naive_utc()),
            user_agent: session.user_agent.clone(),
            remote_addr: session.remote_addr.clone(),
            amr: session.proof.to_text(),
        }
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;
    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.parse().map_err(|_| StoreError::Corrupt { what: "sessions.id" })?,
            user_id: UserId::try_new(row.user_id).map_err(|_| StoreError::Corrupt { what: "sessions.user_id" })?,
            proof: Proof::parse(&row.amr).ok_or(StoreError::Corrupt { what: "sessions.amr" })?,
            authenticated_on: row.auth_time.and_utc(),
            created_on: row.created_at.and_utc(),
            last_used_on: row.last_used_at.and_utc(),
            expires_on: row.expires_at.and_utc(),
            revoked_on: row.revoked_at.map(|date| date.and_utc()),
            remote_addr: row.remote_addr,
            user_agent: row.user_agent,
        })
    }
}

kept_row!(
    SessionRow, sessions:
    id => Text, user_id => BigInt, created_at => Timestamp, auth_time => Timestamp, last_used_at => Timestamp,
    expires_at => Timestamp, revoked_at => Nullable<Timestamp>, user_agent => Nullable<Text>,
    remote_addr => Nullable<Text>, amr => Text
);

pub fn insert(db: &mut Db, session: &Session) -> Result<(), StoreError> {
    let row = SessionRow::from(session);
    match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => super::mysql::insert(conn, &[row])?,
        Db::Sqlite(conn) => diesel::insert_into(sessions::table).values(row).execute(conn)?,
    };
    Ok(())
}

pub fn find(db: &mut Db, id: SessionId) -> Result<Option<Session>, StoreError> {
    let row = sessions::table.find(id.to_string()).select(SessionRow::as_select()).first(db).optional()?;
    row.map(Session::try_from).transpose()
}

/// The live sessions of a user, oldest first.
pub fn list_live(db: &mut Db, user: UserId, now: DateTime<Utc>) -> Result<Vec<Session>, StoreError> {
    let rows = sessions::table
        .filter(sessions::user_id.eq(user.get()))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now.naive_utc()))
        .select(SessionRow::as_select())
        .order((sessions::created_at, sessions::id))
        .load(db)?;
    rows.into_iter().map(Session::try_from).collect()
}

/// The live sessions of a user beyond the `kept` newest; at most a few hundred at once.
pub fn beyond(db: &mut Db, user: UserId, now: DateTime<Utc>, kept: usize) -> Result<Vec<SessionId>, StoreError> {
    let ids: Vec<String> = sessions::table
        .filter(sessions::user_id.eq(user.get()))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now.naive_utc()))
        .select(sessions::id)
        .order((sessions::created_at.desc(), sessions::id.desc()))
        .offset(i64::try_from(kept).unwrap_or(i64::MAX))
        .limit(SWEEP)
        .load(db)?;
    ids.iter().map(|id| id.parse().map_err(|_| StoreError::Corrupt { what: "sessions.id" })).collect()
}

pub fn touch(db: &mut Db, id: SessionId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let row = sessions::table.find(id.to_string());
    diesel::update(row).set(sessions::last_used_at.eq(now.naive_utc())).execute(db)?;
    Ok(())
}

/// Records a request in a session of the console, which moves its end; nothing if it has ended.
pub fn extend(db: &mut Db, id: SessionId, now: DateTime<Utc>, expires_on: DateTime<Utc>) -> Result<(), StoreError> {
    let row = sessions::table
        .filter(sessions::id.eq(id.to_string()))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now.naive_utc()));
    let changes = (sessions::last_used_at.eq(now.naive_utc()), sessions::expires_at.eq(expires_on.naive_utc()));
    diesel::update(row).set(changes).execute(db)?;
    Ok(())
}

/// Records that identity was proved again in a session; false if it has ended.
pub fn reauthenticate(db: &mut Db, id: SessionId, proof: Proof, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let row = sessions::table.filter(sessions::id.eq(id.to_string())).filter(sessions::revoked_at.is_null());
    let changes = (
        sessions::auth_time.eq(now.naive_utc()),
        sessions::last_used_at.eq(now.naive_utc()),
        sessions::amr.eq(proof.to_text()),
    );
    Ok(diesel::update(row).set(changes).execute(db)? == 1)
}

/// Records a second factor given in a live session.
pub fn set_proof(db: &mut Db, id: SessionId, proof: Proof) -> Result<(), StoreError> {
    diesel::update(sessions::table.find(id.to_string())).set(sessions::amr.eq(proof.to_text())).execute(db)?;
    Ok(())
}

/// Ends a session; false if it had ended.
pub fn revoke(db: &mut Db, id: SessionId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let row = sessions::table.filter(sessions::id.eq(id.to_string())).filter(sessions::revoked_at.is_null());
    Ok(diesel::update(row).set(sessions::revoked_at.eq(now.naive_utc())).execute(db)? == 1)
}

/// Ends all sessions of a user; returns how many.
pub fn revoke_all(db: &mut Db, user: UserId, now: DateTime<Utc>) -> Result<usize, StoreError> {
    let rows = sessions::table.filter(sessions::user_id.eq(user.get())).filter(sessions::revoked_at.is_null());
    Ok(diesel::update(rows).set(sessions::revoked_at.eq(now.naive_utc())).execute(db)?)
}

/// Ends all sessions of a user but one; returns how many.
pub fn revoke_others(db: &mut Db, user: UserId, kept: SessionId, now: DateTime<Utc>) -> Result<usize, StoreError> {
    let others = sessions::table
        .filter(sessions::user_id.eq(user.get()))
        .filter(sessions::id.ne(kept.to_string()))
        .filter(sessions::revoked_at.is_null());
    Ok(diesel::update(others).set(sessions::revoked_at.eq(now.naive_utc())).execute(db)?)
}

/// Deletes the sessions of a user with their refresh tokens.
pub fn delete_all(db: &mut Db, user: UserId) -> Result<(), StoreError> {
    let ids: Vec<String> = sessions::table.filter(sessions::user_id.eq(user.get())).select(sessions::id).load(db)?;
    delete_with_tokens(db, &ids)
}

/// Deletes some of the sessions that expired long ago, with their refresh tokens; returns how many.
pub fn sweep(db: &mut Db, ctx: &Ctx) -> Result<usize, StoreError> {
    let expired = sessions::table.filter(sessions::expires_at.lt((ctx.now - KEPT).naive_utc()));
    let ids: Vec<String> = expired.select(sessions::id).limit(SWEEP).load(db)?;
    delete_with_tokens(db, &ids)?;
    Ok(ids.len())
}

fn delete_with_tokens(db: &mut Db, ids: &[String]) -> Result<(), StoreError> {
    for id in ids {
        refresh_tokens::delete_of_session(db, id)?;
        diesel::delete(sessions::table.find(id)).execute(db)?;
    }
    Ok(())
}

/// The current rights of a session's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    pub session: Session,
    /// The address of its user.
    pub email: String,
    pub is_blocked: bool,
    pub roles: Vec<String>,
}

/// None if the session does not exist.
pub fn authority(db: &mut Db, id: SessionId) -> Result<Option<Authority>, StoreError> {
    let row: Option<(SessionRow, String, bool)> = sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(id.to_string()))
        .select((SessionRow::as_select(), users::email, users::is_blocked))
        .first(db)
        .optional()?;
    let Some((row, email, is_blocked)) = row else { return Ok(None) };
    let session = Session::try_from(row)?;
    let roles = user_roles::names(db, session.user_id)?;
    Ok(Some(Authority { session, email, is_blocked, roles }))
}
