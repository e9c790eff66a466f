//! The `console_sessions` table: the sessions of the console by the hashes of their cookies. A row goes with its session.

use diesel::prelude::*;

use super::schema::console_sessions::{self, dsl};
use super::{Db, StoreError};
use crate::domain::session::{SessionId, TokenHash};

pub fn insert(db: &mut Db, cookie: &TokenHash, session: SessionId) -> Result<(), StoreError> {
    let row = (dsl::cookie_hash.eq(cookie.as_str()), dsl::session_id.eq(session.to_string()));
    diesel::insert_into(console_sessions::table).values(row).execute(db)?;
    Ok(())
}

/// The session of a cookie, ended or not; none if there is none.
pub fn find(db: &mut Db, cookie: &TokenHash) -> Result<Option<SessionId>, StoreError> {
    let id: Option<String> =
        dsl::console_sessions.find(cookie.as_str()).select(dsl::session_id).first(db).optional()?;
    let corrupt = |_| StoreError::Corrupt { what: "console_sessions.session_id" };
    id.map(|id| id.parse().map_err(corrupt)).transpose()
}
