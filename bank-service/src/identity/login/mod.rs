//! The ways to tokens: logging in, giving the password again.
//!
//! A login answers the same, after the same work, for an unknown address, a wrong password and a login that is being slowed
//! down; only who knows the password learns that a user is blocked. The core for hashing is taken before the account is read,
//! so that parallel guesses cannot outrun the delay after failures.

pub mod challenge;
pub mod session;
pub mod throttle;

use std::net::IpAddr;

use service_kit::http::auth::AuthError;
use service_kit::ids::new_uuid;
use shared_events::UserId;

use crate::domain::email::Email;
use crate::domain::network::ClientNetwork;
use crate::domain::one_time::Purpose;
use crate::domain::password::Password;
use crate::domain::session::{FirstFactor, Grant, SessionId, TokenHash};
use crate::domain::user::CredentialVersion;
use crate::identity::IdentityService;
use crate::identity::login::challenge::{OpenLogin, OpenedLogin, Opening, open_login};
use crate::identity::login::session::{OpenSessionError, Refusal, RefuseLogin, refuse_login};
use crate::identity::login::throttle::{
    AccountKeys, LoginThrottle, Visit, login_throttle, session_key, session_throttle,
};
use crate::identity::one_time::secret::LinkSecret;
use crate::identity::opaque_token::OpaqueToken;
use crate::identity::password::hashing::{HashPermit, HashingError, PasswordCheck};
use crate::identity::tokens::{MfaChallenge, TokenPair, access_token};
use crate::sealing::VaultError;
use crate::store::users::{Credentials, credentials, credentials_of};
use crate::store::{Ctx, Db, Outcome, StoreError, counters};

const MAX_USER_AGENT: usize = 255;

/// Where a request came from.
#[derive(Debug, Clone)]
pub struct Origin {
    pub address: IpAddr,
    /// The address, as the session list shows it.
    pub remote_addr: String,
    pub user_agent: Option<String>,
    /// Of the device token that came with it.
    pub device: Option<TokenHash>,
}

impl Origin {
    pub fn new(remote_addr: IpAddr, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.map(|text| text.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect());
        Self { address: remote_addr, remote_addr: remote_addr.to_string(), user_agent, device: None }
    }

    /// The same from a device that has a token.
    #[must_use]
    pub fn on_device(self, token: Option<&OpaqueToken>) -> Self {
        Self { device: token.map(OpaqueToken::hash), ..self }
    }
}

/// A claim to be somebody.
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
    #[error("there is no such refresh token")]
    Invalid,
    #[error("the refresh token was spent a moment ago")]
    Spent,
    #[error("the answer cannot be sealed or opened")]
    Vault(#[from] VaultError),
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
pub(in crate::identity) enum LoginSubject {
    /// Whoever has this address; none if no user can have it.
    Address(Option<Email>),
    /// The user of a session, whose token was checked.
    Session(UserId, SessionId),
}

/// A password that was checked: whose it is, the hash it was checked with, and the one to keep instead.
pub(in crate::identity) struct VerifiedPassword {
    pub(in crate::identity) user_id: UserId,
    pub(in crate::identity) version: CredentialVersion,
    pub(in crate::identity) stored: String,
    pub(in crate::identity) renewed: Option<String>,
}

impl VerifiedPassword {
    /// The hash that was checked and the one to keep instead.
    pub(in crate::identity) fn rehash(self) -> Option<(String, String)> {
        self.renewed.map(|renewed| (self.stored, renewed))
    }
}

/// Somebody whose first factor was right. It has no `Debug`: it may hold password hashes.
pub struct FirstFactorPassed {
    pub user_id: UserId,
    pub first: FirstFactor,
    /// The credentials that it was proved under.
    pub credential_version: CredentialVersion,
    pub origin: Origin,
    /// The hash that was checked and the one to keep instead; none where no password was given.
    pub rehash: Option<(String, String)>,
}

/// What a login has come to. It has no `Debug`: it holds secrets.
pub enum LoginResult {
    Tokens(TokenPair),
    /// The user has a second factor, which has to be given first.
    SecondFactor(MfaChallenge),
}

/// The secrets of a session, or a challenge, that is about to be.
pub(in crate::identity) struct OpeningKeys {
    refresh_token: OpaqueToken,
    challenge: LinkSecret,
    device: OpaqueToken,
}

impl OpeningKeys {
    pub(in crate::identity) fn generate() -> Self {
        let (refresh_token, device) = (OpaqueToken::generate(), OpaqueToken::generate());
        Self { refresh_token, challenge: LinkSecret::generate(), device }
    }

    /// What the store keeps of it.
    fn opening(&self, visit: Visit, origin: Origin) -> Opening {
        Opening {
            visit,
            session_id: SessionId(new_uuid()),
            refresh_token: self.refresh_token.hash(),
            challenge: self.challenge.hash(Purpose::MfaChallenge),
            remote_addr: Some(origin.remote_addr),
            user_agent: origin.user_agent,
        }
    }
}

impl IdentityService {
    /// Checks a password, and admits whoever gave it.
    pub async fn log_in(&self, ctx: Ctx, attempt: LoginAttempt) -> Result<LoginResult, LogInError> {
        let passed = self.check_first_factor(&ctx, attempt).await?;
        self.complete_first_factor(ctx, passed).await
    }

    /// Checks a password. What it gives counts until the user's credentials change.
    pub async fn check_first_factor(&self, ctx: &Ctx, attempt: LoginAttempt) -> Result<FirstFactorPassed, LogInError> {
        let LoginAttempt { email, password, origin } = attempt;
        let verified = self.verify_password(ctx, LoginSubject::Address(email), password, &origin).await?;
        let (user_id, credential_version, rehash) = (verified.user_id, verified.version, verified.rehash());
        Ok(FirstFactorPassed { user_id, first: FirstFactor::Password, credential_version, origin, rehash })
    }

    /// Opens a session for somebody whose first factor was right, or asks for the second. Every way to log in ends here.
    pub async fn complete_first_factor(&self, ctx: Ctx, passed: FirstFactorPassed) -> Result<LoginResult, LogInError> {
        let FirstFactorPassed { user_id, first, credential_version, origin, rehash } = passed;
        let keys = OpeningKeys::generate();
        let opening = self.opening(&keys, origin);
        let command = OpenLogin { user_id, first, credential_version, opening, rehash };
        let ctx = ctx.by(user_id);
        let opened = self.0.store.write(&ctx, move |db, ctx| open_login(db, ctx, &command)).await?;
        Ok(self.login_result(opened, &keys)?)
    }

    /// What the store keeps of a session, or a challenge, that is about to be.
    pub(in crate::identity) fn opening(&self, keys: &OpeningKeys, origin: Origin) -> Opening {
        keys.opening(self.visit(&origin, &keys.device), origin)
    }

    /// Where a request comes from that opens no session.
    pub(in crate::identity) fn visitor(&self, origin: &Origin) -> Visit {
        self.visit(origin, &OpaqueToken::generate())
    }

    /// Where a login comes from, and the token that its device gets.
    pub(in crate::identity) fn visit(&self, origin: &Origin, device: &OpaqueToken) -> Visit {
        Visit {
            vault: self.shared_vault(),
            network: ClientNetwork::of(origin.address),
            is_knowable: self.is_knowable(origin.address),
            known_device: origin.device.clone(),
            device: device.hash(),
        }
    }

    /// Whether an address tells whose it is: anybody can be behind loopback or a proxy.
    fn is_knowable(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        !address.is_loopback() && !self.0.trusted_proxies.iter().any(|proxy| proxy.contains(address))
    }

    /// The answer to a login.
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
        Ok(TokenPair::new(access_token, self.0.keys.token_lifetime(), &keys.refresh_token).on_device(&keys.device))
    }

    /// Checks a password; whatever is wrong with it goes on record.
    pub(in crate::identity) async fn verify_password(
        &self,
        ctx: &Ctx,
        subject: LoginSubject,
        password: Option<Password>,
        origin: &Origin,
    ) -> Result<VerifiedPassword, LogInError> {
        let permit = self.0.passwords.permit().await?;
        let (known, throttle) = self.load_credentials(ctx, subject, origin).await?;
        let (outcome, _permit) = self.compare_password(permit, password, known, throttle.is_closed).await?;
        let (user_id, refusal) = match outcome {
            Ok(verified) => return Ok(verified),
            Err(refused) => refused,
        };
        // The slot is held until the failure is on record.
        let remote_addr = Some(origin.remote_addr.clone());
        let command = RefuseLogin { user_id, refusal, remote_addr, counted_on: throttle.counted_on };
        // The login has waited for a core and the hash; the delay begins now.
        let mut ctx = ctx.clone();
        ctx.now = self.0.clock.now();
        self.0.store.write(&ctx, move |db, ctx| refuse_login(db, ctx, &command)).await?;
        Err(if refusal == Refusal::Blocked { LogInError::Blocked } else { LogInError::InvalidCredentials })
    }

    /// Reads what a password is checked against, and what a wrong one counts on.
    async fn load_credentials(
        &self,
        ctx: &Ctx,
        subject: LoginSubject,
        origin: &Origin,
    ) -> Result<(Option<Credentials>, LoginThrottle), StoreError> {
        let mut ctx = ctx.clone();
        ctx.now = self.0.clock.now();
        match subject {
            LoginSubject::Address(email) => {
                let visit = self.visitor(origin);
                let email_key = email.as_ref().map(Email::normalized).unwrap_or_default();
                let keys = AccountKeys::new(&self.0.vault, &email_key, &visit.network);
                let read = move |db: &mut Db| {
                    let known = email.map_or(Ok(None), |email| credentials(db, &email))?;
                    let user = known.as_ref().map(|known| known.user_id);
                    Ok::<_, StoreError>((known, login_throttle(db, &ctx, user, keys, &visit)?))
                };
                self.0.store.read(read).await
            }
            LoginSubject::Session(user, session) => {
                let key = session_key(&self.0.vault, session);
                let read = move |db: &mut Db| {
                    Ok::<_, StoreError>((credentials_of(db, user)?, session_throttle(db, &ctx, key)?))
                };
                self.0.store.read(read).await
            }
        }
    }

    async fn compare_password(
        &self,
        permit: HashPermit,
        password: Option<Password>,
        known: Option<Credentials>,
        is_closed: bool,
    ) -> Result<(Result<VerifiedPassword, (Option<UserId>, Refusal)>, HashPermit), LogInError> {
        let stored = known.as_ref().filter(|_| !is_closed).and_then(|user| user.password_hash.clone());
        let (checked, permit) = self.0.passwords.verify(permit, password, stored).await?;
        if is_closed {
            return Ok((Err((known.map(|user| user.user_id), Refusal::SlowedDown)), permit));
        }
        let Some(user) = known else { return Ok((Err((None, Refusal::UnknownAddress)), permit)) };
        let refused = |refusal| Err((Some(user.user_id), refusal));
        let stored = user.password_hash.clone().unwrap_or_default();
        let verified = |renewed| Ok(VerifiedPassword { user_id: user.user_id, version: user.version, stored, renewed });
        let outcome = match checked {
            PasswordCheck::Wrong => refused(Refusal::WrongPassword),
            _ if user.is_blocked => refused(Refusal::Blocked),
            PasswordCheck::Right => verified(None),
            PasswordCheck::RightRehashed(renewed) => verified(Some(renewed)),
        };
        Ok((outcome, permit))
    }

    /// Forgets the wrong passwords that were given in a session.
    pub(in crate::identity) async fn clear_session_failures(
        &self,
        ctx: &Ctx,
        session: SessionId,
    ) -> Result<(), StoreError> {
        let key = session_key(&self.0.vault, session);
        let clear = move |db: &mut Db, _: &Ctx| counters::clear(db, std::slice::from_ref(&key)).map(Outcome::new);
        self.0.store.write(ctx, clear).await
    }
}

crate::operation_errors!(RefreshError);

impl From<OpenSessionError> for LogInError {
    fn from(error: OpenSessionError) -> Self {
        match error {
            OpenSessionError::Blocked => Self::Blocked,
            OpenSessionError::Gone | OpenSessionError::Outdated => Self::InvalidCredentials,
            OpenSessionError::Store(error) => Self::Store(error),
        }
    }
}
