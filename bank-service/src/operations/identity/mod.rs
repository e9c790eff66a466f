//! Who may log in, and what becomes of logins: registration, sessions, profiles, users, roles.
//!
//! Each verb is one transaction: it loads, decides, writes with row counts checked, and returns its events. Hashing, token
//! making and the caches around them are in `security`; nothing secret comes in here but hashes.

pub mod admin;
pub mod block;
pub mod credentials;
pub mod email;
pub mod email_change;
pub mod import;
pub mod keys;
pub mod login;
pub mod login_challenge;
pub mod logout;
pub mod mail_caps;
pub mod mails;
pub mod mfa;
pub mod one_time;
pub mod password;
pub mod phone;
pub mod profile;
pub mod purge_unverified;
pub mod refresh;
pub mod register;
pub mod reset;
pub mod roles;
pub mod second_factor;
pub mod seed;
pub mod social;
pub mod throttle;
pub mod users;

pub use admin::{AdminError, AdminOutcome, Wanted, ensure_admin, has_admin, promote_by_id};
use shared_events::RoleId;
use shared_events::events::SecurityFacts;

use crate::domain::session::SessionId;
use crate::store::{self, Ctx, Db, StoreError};

/// Finds the roles of these names; the error is the first name that no role has.
fn role_ids(db: &mut Db, names: &[String]) -> Result<Result<Vec<RoleId>, String>, StoreError> {
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        match store::roles::find_by_name(db, name)? {
            Some(role) if ids.contains(&role.id) => {}
            Some(role) => ids.push(role.id),
            None => return Ok(Err(name.clone())),
        }
    }
    Ok(Ok(ids))
}

/// Whether a session still counts. To be asked while the user's row is held: what ends sessions holds it too.
fn session_lives(db: &mut Db, ctx: &Ctx, session: SessionId) -> Result<bool, StoreError> {
    Ok(store::sessions::find(db, session)?.is_some_and(|session| session.check(ctx.now).is_ok()))
}

/// The facts of a security event about a session of a known user.
fn session_facts(user: shared_events::UserId, session: SessionId, remote_addr: Option<String>) -> SecurityFacts {
    SecurityFacts { user_id: Some(user), session_id: Some(session.to_string()), remote_addr, detail: None }
}

/// The facts of a security event about a user.
fn user_facts(user: shared_events::UserId, detail: Option<String>) -> SecurityFacts {
    SecurityFacts { user_id: Some(user), session_id: None, remote_addr: None, detail }
}
