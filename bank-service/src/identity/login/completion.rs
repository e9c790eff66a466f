//! The second step of a login: its challenge and a second factor open the session.

use crate::domain::one_time::Purpose;
use crate::domain::session::Grant;
use crate::identity::login::OpeningKeys;
use crate::identity::login::challenge::{Complete, CompleteError, Opening, complete};
use crate::identity::one_time::secret::LinkSecret;
use crate::identity::origin::Origin;
use crate::identity::second_factor::{GivenFactor, SecondFactorError};
use crate::identity::tokens::TokenPair;
use crate::identity::{IdentityService, one_time};
use crate::store::Ctx;

impl IdentityService {
    /// Opens the session of a login that requires a second factor.
    pub async fn complete_login(
        &self,
        ctx: Ctx,
        mfa_token: &str,
        given: GivenFactor,
        origin: Origin,
    ) -> Result<TokenPair, SecondFactorError> {
        let keys = OpeningKeys::generate();
        let grant = self.complete(ctx, mfa_token, given, origin, &keys).await?;
        Ok(self.first_tokens(&grant, &keys)?)
    }

    pub(in crate::identity::login) async fn complete(
        &self,
        ctx: Ctx,
        mfa_token: &str,
        given: GivenFactor,
        origin: Origin,
        keys: &OpeningKeys,
    ) -> Result<Grant, SecondFactorError> {
        let challenge = LinkSecret::parse(mfa_token).ok_or(SecondFactorError::NoChallenge)?;
        let challenge = challenge.hash(Purpose::MfaChallenge);
        let (login_ctx, hash) = (ctx.clone(), challenge.clone());
        let find = move |db: &mut crate::store::Db| one_time::find(db, &login_ctx, Purpose::MfaChallenge, &hash);
        let live = self.0.store.read(find).await?.ok_or(SecondFactorError::NoChallenge)?;
        let user_id = live.user_id.ok_or(SecondFactorError::NoChallenge)?;
        let second_factor =
            self.resolve_factor(&ctx, user_id, Some(given)).await?.ok_or(SecondFactorError::NoChallenge)?;
        let Opening { session_id, key, remote_addr, user_agent, visit, .. } = self.opening(keys, origin);
        let command = Complete { challenge, second_factor, session_id, key, remote_addr, user_agent, visit };
        let ctx = ctx.by(user_id);
        let granted = self.0.store.write(&ctx, move |db, ctx| complete(db, ctx, &command)).await?;
        granted.map_err(|refused| SecondFactorError::refused(refused, ctx.now))
    }
}

impl From<CompleteError> for SecondFactorError {
    fn from(error: CompleteError) -> Self {
        match error {
            CompleteError::NoChallenge => Self::NoChallenge,
            CompleteError::Session(error) => Self::Password(error.into()),
            CompleteError::Store(error) => Self::Store(error),
        }
    }
}
