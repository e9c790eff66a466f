//! The facts of security events.

use shared_events::UserId;
use shared_events::events::SecurityFacts;

use crate::domain::session::SessionId;

/// The facts of a security event about a session of a known user.
pub(in crate::identity) fn session_facts(
    user: UserId,
    session: SessionId,
    remote_addr: Option<String>,
) -> SecurityFacts {
    SecurityFacts { user_id: Some(user), session_id: Some(session.to_string()), remote_addr, detail: None }
}

pub(in crate::identity) fn user_facts(user: UserId, detail: Option<String>) -> SecurityFacts {
    SecurityFacts { user_id: Some(user), session_id: None, remote_addr: None, detail }
}
