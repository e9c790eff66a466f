//! Logging in to the console: the same factors, throttles and events as every login. The session that opens has a cookie in place of
//! a refresh token, and is for staff only.

use shared_events::UserId;
use shared_events::events::{LoginFailed, SecurityFacts};

use crate::identity::IdentityService;
use crate::identity::facts::user_facts;
use crate::identity::login::challenge::OpenedLogin;
use crate::identity::login::first_factor::LogInError;
use crate::identity::login::{LoginAttempt, OpeningKeys};
use crate::identity::opaque_token::OpaqueToken;
use crate::identity::origin::Origin;
use crate::identity::second_factor::{GivenFactor, SecondFactorError};
use crate::identity::tokens::MfaChallenge;
use crate::store::{Ctx, Db, Outcome, StoreError};

/// The secrets of a session that was just opened, for the browser's cookies. It has no `Debug`.
pub struct ConsoleLogin {
    pub session: OpaqueToken,
    /// The device token, with which later logins are not slowed down by others' wrong passwords.
    pub device: OpaqueToken,
}

impl From<OpeningKeys> for ConsoleLogin {
    fn from(keys: OpeningKeys) -> Self {
        Self { session: keys.session, device: keys.device }
    }
}

/// The result of a right password. It has no `Debug`: it holds secrets.
pub enum ConsoleLoginResult {
    Session(ConsoleLogin),
    /// The user has a second factor, which is required first.
    SecondFactor(MfaChallenge),
}

impl IdentityService {
    /// Checks a password, and opens a session of the console or a challenge. A right password of a user outside
    /// the staff is recorded too: otherwise passwords could be tried here without a trace.
    pub async fn log_in_to_console(&self, ctx: Ctx, attempt: LoginAttempt) -> Result<ConsoleLoginResult, LogInError> {
        let passed = self.check_first_factor(&ctx, attempt).await?;
        let (user_id, remote_addr) = (passed.user_id, passed.origin.remote_addr.clone());
        let keys = OpeningKeys::for_console();
        let opened = self.open(ctx.clone(), passed, &keys).await;
        if let Err(LogInError::NotStaff) = &opened {
            let refuse = move |_: &mut Db, _: &Ctx| Ok::<_, StoreError>(refused_customer(user_id, remote_addr.clone()));
            self.0.store.write(&ctx, refuse).await?;
        }
        Ok(match opened? {
            OpenedLogin::Session(_) => ConsoleLoginResult::Session(keys.into()),
            OpenedLogin::SecondFactor => ConsoleLoginResult::SecondFactor(MfaChallenge::new(&keys.challenge)),
        })
    }

    /// Opens the session of a login that requires a second factor.
    pub async fn complete_console_login(
        &self,
        ctx: Ctx,
        mfa_token: &str,
        given: GivenFactor,
        origin: Origin,
    ) -> Result<ConsoleLogin, SecondFactorError> {
        let keys = OpeningKeys::for_console();
        self.complete(ctx, mfa_token, given, origin, &keys).await?;
        Ok(keys.into())
    }
}

/// Records a right password of a user outside the staff. It counts as no failure.
fn refused_customer(user: UserId, remote_addr: String) -> Outcome<()> {
    let detail = Some("not of the staff".to_owned());
    Outcome::new(()).event(&LoginFailed(SecurityFacts { remote_addr: Some(remote_addr), ..user_facts(user, detail) }))
}
