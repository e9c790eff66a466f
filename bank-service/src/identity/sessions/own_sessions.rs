//! Answers other services in the same process whether a session counts, without HTTP.

use async_trait::async_trait;
use service_kit::http::auth::{Claims, SessionError, SessionSource};
use service_kit::http::problem::ErrorCode;

use crate::domain::session::SessionId;
use crate::identity::IdentityService;
use crate::identity::sessions::cache::Denied;

pub(in crate::identity) struct OwnSessions(pub(in crate::identity) IdentityService);

#[async_trait]
impl SessionSource for OwnSessions {
    async fn roles(&self, _: &str, claims: &Claims, _: bool) -> Result<Vec<String>, SessionError> {
        let session: Option<SessionId> = claims.sid.as_deref().and_then(|sid| sid.parse().ok());
        let session = session.ok_or(SessionError::Refused(ErrorCode::InvalidToken))?;
        let authority = self.0.sessions().authority(session).await.map_err(|denied| match denied {
            Denied::Revoked => SessionError::Refused(ErrorCode::TokenRevoked),
            Denied::Expired => SessionError::Refused(ErrorCode::TokenExpired),
            Denied::Blocked => SessionError::Refused(ErrorCode::Blocked),
            Denied::Store(_) => SessionError::Unknown,
        })?;
        if claims.user_id == Some(authority.session.user_id.get()) {
            Ok(authority.roles.clone())
        } else {
            Err(SessionError::Refused(ErrorCode::InvalidToken))
        }
    }
}
