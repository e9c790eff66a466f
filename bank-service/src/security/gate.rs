//! The ways to tokens: logging in, refreshing, giving the password again.
//!
//! A login answers the same, after the same work, for an unknown address, a wrong password and an account that is being slowed
//! down; only who knows the password learns that a user is blocked. The core for hashing is taken before the account is read,
//! so that parallel guesses cannot outrun the delay after failures.

use std::net::IpAddr;

use service_kit::http::auth::AuthError;
use service_kit::ids::new_uuid;
use shared_events::UserId;

use super::Security;
use super::one_time::LinkSecret;
use super::passwords::{HashingError, Slot, Verdict};
use super::secrets::OpaqueToken;
use super::tokens::{MfaChallenge, TokenPair, access_token};
use crate::domain::email::Email;
use crate::domain::one_time::Purpose;
use crate::domain::password::Password;
use crate::domain::session::{FirstFactor, Grant, SessionId};
use crate::operations::identity::admission::{Admit, Admitted, admit};
use crate::operations::identity::login::{OpenSessionError, Refusal, RefuseLogin, refuse_login};
use crate::operations::identity::refresh::{RefreshSession, Refreshed, refresh};
use crate::store::users::{Credentials, credentials, credentials_of};
use crate::store::{Ctx, StoreError};

const MAX_USER_AGENT: usize = 255;

/// Where a request came from, as the session list shows it.
#[derive(Debug, Clone)]
pub struct Origin {
    pub remote_addr: String,
    pub user_agent: Option<String>,
}

impl Origin {
    pub fn new(remote_addr: IpAddr, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.map(|text| text.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect());
        Self { remote_addr: remote_addr.to_string(), user_agent }
    }
}

/// A claim to be somebody. It has no `Debug`.
pub struct LoginAttempt {
    /// None if no user can have the address.
    pub email: Option<Email>,
    /// None if no user can have the password.
    pub password: Option<Password>,
    pub origin: Origin,
}

#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    #[error("the address and the password do not belong together")]
    InvalidCredentials,
    #[error("the user is blocked")]
    Blocked,
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error("the token cannot be made")]
    Token(#[from] AuthError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    #[error("there is no such refresh token, or it was just used")]
    Invalid,
    #[error("the session has ended")]
    Revoked,
    #[error("the session is over")]
    Expired,
    #[error("the user is blocked")]
    Blocked,
    #[error("the token cannot be made")]
    Token(#[from] AuthError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// Who is said to know the password.
pub(super) enum Claimant {
    /// Whoever has this address; none if no user can have it.
    Address(Option<Email>),
    /// A user whose token was checked.
    User(UserId),
}

/// A password that was checked: whose it is, the hash it was checked with, and the one to keep instead.
pub(super) struct Proved {
    pub(super) user_id: UserId,
    pub(super) stored: String,
    pub(super) renewed: Option<String>,
}

impl Proved {
    /// The hash that was checked and the one to keep instead.
    pub(super) fn rehash(self) -> Option<(String, String)> {
        self.renewed.map(|renewed| (self.stored, renewed))
    }
}

/// Somebody whose first factor was right. It has no `Debug`: it may hold password hashes.
pub struct Arrival {
    pub user_id: UserId,
    pub first: FirstFactor,
    pub origin: Origin,
    /// The hash that was checked and the one to keep instead; none where no password was given.
    pub rehash: Option<(String, String)>,
}

/// What a login has come to. It has no `Debug`: it holds secrets.
pub enum Admission {
    Tokens(TokenPair),
    /// The user has a second factor, which has to be given first.
    SecondFactor(MfaChallenge),
}

impl Security {
    /// Checks a password, and admits whoever gave it.
    pub async fn log_in(&self, ctx: Ctx, attempt: LoginAttempt) -> Result<Admission, LogInError> {
        let LoginAttempt { email, password, origin } = attempt;
        let proved = self.prove(&ctx, Claimant::Address(email), password, &origin).await?;
        let (user_id, rehash) = (proved.user_id, proved.rehash());
        self.admit(ctx, Arrival { user_id, first: FirstFactor::Password, origin, rehash }).await
    }

    /// Opens a session for somebody whose first factor was right, or asks for the second. Every way to log in ends here.
    pub async fn admit(&self, ctx: Ctx, arrival: Arrival) -> Result<Admission, LogInError> {
        let Arrival { user_id, first, origin, rehash } = arrival;
        let (refresh_token, challenge) = (OpaqueToken::generate(), LinkSecret::generate());
        let command = Admit {
            user_id,
            first,
            session_id: SessionId(new_uuid()),
            refresh_token: refresh_token.hash(),
            challenge: challenge.hash(Purpose::MfaChallenge),
            remote_addr: Some(origin.remote_addr),
            user_agent: origin.user_agent,
            rehash,
        };
        let ctx = ctx.by(user_id);
        match self.0.store.write(&ctx, move |db, ctx| admit(db, ctx, &command)).await? {
            Admitted::Session(grant) => Ok(Admission::Tokens(self.tokens(&grant, &refresh_token)?)),
            Admitted::SecondFactor => Ok(Admission::SecondFactor(MfaChallenge::new(&challenge))),
        }
    }

    /// Spends a refresh token for its successor. The answer is held back for a moment, see `refreshing`.
    pub async fn refresh(&self, ctx: Ctx, presented: &str, origin: Origin) -> Result<TokenPair, RefreshError> {
        let presented = OpaqueToken::parse(presented).ok_or(RefreshError::Invalid)?.hash();
        let under_way = self.0.refreshing.arrive(presented.clone());
        let refresh_token = OpaqueToken::generate();
        let command = RefreshSession {
            presented,
            in_race: under_way.in_race(),
            successor: refresh_token.hash(),
            arrived_on: ctx.now,
            remote_addr: Some(origin.remote_addr),
        };
        let clock = self.0.clock.clone();
        let operation = move |db: &mut crate::store::Db, ctx: &Ctx| {
            // The request may have waited for its turn to write; what counts is when the token is spent.
            let mut ctx = ctx.clone();
            ctx.now = clock.now();
            refresh(db, &ctx, &command)
        };
        let grant = match self.0.store.write(&ctx, operation).await? {
            Refreshed::Granted(grant) => grant,
            Refreshed::Unknown => return Err(RefreshError::Invalid),
            Refreshed::Expired => return Err(RefreshError::Expired),
            Refreshed::Revoked => return Err(RefreshError::Revoked),
            Refreshed::Blocked => return Err(RefreshError::Blocked),
            Refreshed::Reused(session) => {
                self.session_ended(session);
                return Err(RefreshError::Revoked);
            }
        };
        under_way.settle().await;
        Ok(self.tokens(&grant, &refresh_token)?)
    }

    pub(super) fn tokens(&self, grant: &Grant, refresh_token: &OpaqueToken) -> Result<TokenPair, AuthError> {
        let access_token = access_token(&self.0.keys, grant, self.0.clock.now())?;
        Ok(TokenPair::new(access_token, refresh_token))
    }

    /// Checks a password; whatever is wrong with it goes on record.
    pub(super) async fn prove(
        &self,
        ctx: &Ctx,
        claimant: Claimant,
        password: Option<Password>,
        origin: &Origin,
    ) -> Result<Proved, LogInError> {
        let slot = self.0.passwords.slot().await?;
        let known = match claimant {
            Claimant::Address(Some(email)) => self.0.store.read(move |db| credentials(db, &email)).await?,
            Claimant::Address(None) => None,
            Claimant::User(id) => self.0.store.read(move |db| credentials_of(db, id)).await?,
        };
        let (outcome, _slot) = self.check(slot, password, known).await?;
        let (user_id, refusal) = match outcome {
            Ok(proved) => return Ok(proved),
            Err(refused) => refused,
        };
        // The slot is held until the failure is on record.
        let command = RefuseLogin { user_id, refusal, remote_addr: Some(origin.remote_addr.clone()) };
        // The login has waited for a core and the hash; the delay begins now.
        let mut ctx = ctx.clone();
        ctx.now = self.0.clock.now();
        self.0.store.write(&ctx, move |db, ctx| refuse_login(db, ctx, &command)).await?;
        Err(if refusal == Refusal::Blocked { LogInError::Blocked } else { LogInError::InvalidCredentials })
    }

    async fn check(
        &self,
        slot: Slot,
        password: Option<Password>,
        known: Option<Credentials>,
    ) -> Result<(Result<Proved, (Option<UserId>, Refusal)>, Slot), LogInError> {
        let now = self.0.clock.now();
        let slowed_down = known.as_ref().and_then(|user| user.login_not_before).is_some_and(|until| now < until);
        let stored = known.as_ref().filter(|_| !slowed_down).and_then(|user| user.password_hash.clone());
        let (verdict, slot) = self.0.passwords.verify(slot, password, stored).await?;
        let Some(user) = known else { return Ok((Err((None, Refusal::UnknownAddress)), slot)) };
        let refused = |refusal| Err((Some(user.user_id), refusal));
        let stored = user.password_hash.clone().unwrap_or_default();
        let proved = |renewed| Ok(Proved { user_id: user.user_id, stored, renewed });
        let outcome = match verdict {
            Verdict::Wrong if slowed_down => refused(Refusal::SlowedDown),
            Verdict::Wrong => refused(Refusal::WrongPassword),
            _ if user.is_blocked => refused(Refusal::Blocked),
            Verdict::Right => proved(None),
            Verdict::RightRehashed(renewed) => proved(Some(renewed)),
        };
        Ok((outcome, slot))
    }
}

impl From<OpenSessionError> for LogInError {
    fn from(error: OpenSessionError) -> Self {
        match error {
            OpenSessionError::Blocked => Self::Blocked,
            OpenSessionError::Gone => Self::InvalidCredentials,
            OpenSessionError::Store(error) => Self::Store(error),
        }
    }
}
