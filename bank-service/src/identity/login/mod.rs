//! Logging in: a password or a provider's identity gives tokens, or a challenge where the user has a second factor.
//!
//! Hashing and token making are here and in `first_factor` and `completion`; each transaction is a function of `challenge` and
//! `session`, which get hashes only.

pub mod challenge;
mod completion;
pub mod console;
pub mod first_factor;
pub mod session;
pub mod throttle;

use service_kit::http::auth::AuthError;
use service_kit::ids::new_uuid;
use shared_events::UserId;

use crate::domain::email::Email;
use crate::domain::one_time::Purpose;
use crate::domain::password::Password;
use crate::domain::session::{FirstFactor, Grant, SessionId, SessionKey, TokenHash};
use crate::domain::user::CredentialVersion;
use crate::identity::IdentityService;
use crate::identity::login::challenge::{OpenLogin, OpenedLogin, Opening, open_login};
use crate::identity::login::first_factor::{LogInError, LoginSubject};
use crate::identity::one_time::secret::LinkSecret;
use crate::identity::opaque_token::OpaqueToken;
use crate::identity::origin::{Origin, Visit};
use crate::identity::tokens::{MfaChallenge, TokenPair, access_token};
use crate::store::Ctx;

pub struct LoginAttempt {
    /// None if the address is invalid.
    pub email: Option<Email>,
    /// None if the password is invalid.
    pub password: Option<Password>,
    pub origin: Origin,
}

/// A right first factor. It has no `Debug`: it may hold password hashes.
pub struct FirstFactorPassed {
    pub user_id: UserId,
    pub first: FirstFactor,
    /// The credentials that it was proved under.
    pub credential_version: CredentialVersion,
    pub origin: Origin,
    /// The hash that was checked and its replacement; none where no password was given.
    pub rehash: Option<(String, String)>,
}

/// The result of a login. It has no `Debug`: it holds secrets.
pub enum LoginResult {
    Tokens(TokenPair),
    /// The user has a second factor, which is required first.
    SecondFactor(MfaChallenge),
}

/// The secrets of a session or a challenge that is about to be opened.
pub(in crate::identity) struct OpeningKeys {
    /// The refresh token, or the cookie of the console.
    session: OpaqueToken,
    key: fn(TokenHash) -> SessionKey,
    challenge: LinkSecret,
    device: OpaqueToken,
}

impl OpeningKeys {
    pub(in crate::identity) fn generate() -> Self {
        Self::of(SessionKey::RefreshToken)
    }

    /// The same for a session of the console.
    fn for_console() -> Self {
        Self::of(SessionKey::ConsoleCookie)
    }

    fn of(key: fn(TokenHash) -> SessionKey) -> Self {
        let (session, device) = (OpaqueToken::generate(), OpaqueToken::generate());
        Self { session, key, challenge: LinkSecret::generate(), device }
    }

    /// The hashes of them, as the store keeps them.
    fn opening(&self, visit: Visit, origin: Origin) -> Opening {
        Opening {
            visit,
            session_id: SessionId(new_uuid()),
            key: (self.key)(self.session.hash()),
            challenge: self.challenge.hash(Purpose::MfaChallenge),
            remote_addr: Some(origin.remote_addr),
            user_agent: origin.user_agent,
        }
    }
}

impl IdentityService {
    /// Checks a password, and opens a session or a challenge.
    pub async fn log_in(&self, ctx: Ctx, attempt: LoginAttempt) -> Result<LoginResult, LogInError> {
        let passed = self.check_first_factor(&ctx, attempt).await?;
        self.complete_first_factor(ctx, passed).await
    }

    /// Checks a password. The result counts until the user's credentials change.
    pub async fn check_first_factor(&self, ctx: &Ctx, attempt: LoginAttempt) -> Result<FirstFactorPassed, LogInError> {
        let LoginAttempt { email, password, origin } = attempt;
        let verified = self.verify_password(ctx, LoginSubject::Address(email), password, &origin).await?;
        let (user_id, credential_version, rehash) = (verified.user_id, verified.version, verified.rehash());
        Ok(FirstFactorPassed { user_id, first: FirstFactor::Password, credential_version, origin, rehash })
    }

    /// Opens a session after a right first factor, or a challenge for the second.
    pub async fn complete_first_factor(&self, ctx: Ctx, passed: FirstFactorPassed) -> Result<LoginResult, LogInError> {
        let keys = OpeningKeys::generate();
        let opened = self.open(ctx, passed, &keys).await?;
        Ok(self.login_result(opened, &keys)?)
    }

    async fn open(&self, ctx: Ctx, passed: FirstFactorPassed, keys: &OpeningKeys) -> Result<OpenedLogin, LogInError> {
        let FirstFactorPassed { user_id, first, credential_version, origin, rehash } = passed;
        let opening = self.opening(keys, origin);
        let command = OpenLogin { user_id, first, credential_version, opening, rehash };
        let ctx = ctx.by(user_id);
        Ok(self.0.store.write(&ctx, move |db, ctx| open_login(db, ctx, &command)).await?)
    }

    /// The hashes of a session or a challenge that is about to be opened, as the store keeps them.
    pub(in crate::identity) fn opening(&self, keys: &OpeningKeys, origin: Origin) -> Opening {
        keys.opening(self.visit(&origin, &keys.device), origin)
    }

    pub(in crate::identity) fn login_result(
        &self,
        opened: OpenedLogin,
        keys: &OpeningKeys,
    ) -> Result<LoginResult, AuthError> {
        match opened {
            OpenedLogin::Session(grant) => Ok(LoginResult::Tokens(self.first_tokens(&grant, keys)?)),
            OpenedLogin::SecondFactor => Ok(LoginResult::SecondFactor(MfaChallenge::new(&keys.challenge))),
        }
    }

    /// The tokens of a session that was just opened.
    pub(in crate::identity) fn first_tokens(&self, grant: &Grant, keys: &OpeningKeys) -> Result<TokenPair, AuthError> {
        let access_token = access_token(&self.0.keys, grant, self.0.clock.now())?;
        Ok(TokenPair::new(access_token, self.0.keys.token_lifetime(), &keys.session).on_device(&keys.device))
    }
}
