//! The identity of callers and its proof: passwords, second factors, tokens, sessions, keys.
//!
//! [`IdentityService`] is one per process and cheap to clone. Its promises: a password is stored only as its Argon2id hash, a
//! refresh token only as its SHA-256, a private key only sealed under `SECRET_KEY`. A revocation counts at once in the process
//! that took it and within one second in all others.
//!
//! One folder or file for each flow. A flow has two halves, side by side: the methods of [`IdentityService`] hash, make tokens and
//! wait; the functions on `&mut Db` are one transaction each, which loads, decides, writes with row counts checked, and
//! returns its events. The only secrets in a transaction are hashes, sealed values and the links and codes of mails.

pub mod devices;
pub mod email;
mod facts;
pub mod keys;
pub mod login;
pub mod one_time;
mod opaque_token;
mod origin;
pub mod password;
pub mod phone;
pub mod second_factor;
pub mod sessions;
pub mod social;
mod tokens;
pub mod users;

use std::num::NonZeroUsize;
use std::sync::Arc;

use service_kit::clock::SharedClock;
use service_kit::config::AppEnv;
use service_kit::http::auth::{AUDIENCE_BANK, AuthError, KeySource, SessionSource, Verifier};
use service_kit::http::server::Network;
use service_kit::telemetry::Metrics;
use shared_events::UserId;

use crate::config::Settings;
use crate::domain::phone::TextMessageRules;
use crate::domain::session::SessionId;
use crate::sealing::{Vault, VaultError};
use crate::store::mail_alarm::MailAlarm;
use crate::store::{Store, StoreError};

pub use keys::ring::{KeyError, KeyRing};
pub use keys::vault_key::{ResealError, Resealed, Resealing, VaultKeyError, fits as secret_key_fits, reseal};
pub use login::console::{ConsoleLogin, ConsoleLoginResult};
pub use login::first_factor::LogInError;
pub use login::{FirstFactorPassed, LoginAttempt, LoginResult};
pub use opaque_token::OpaqueToken;
pub use origin::Origin;
pub use password::change::ChangePasswordError;
pub use password::hashing::{HashingError, NewPasswordError, Passwords};
pub use password::reset::{ResetClaim, ResetError};
pub use second_factor::{GivenFactor, GivenPassword, NewSeed, SecondFactorError};
pub use sessions::cache::{Denied, Sessions};
pub use sessions::refresh::RefreshError;
pub use tokens::{AccessToken, MfaChallenge, TokenPair};

/// Why the identity service cannot start; names the variable at fault.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("SECRET_KEY: no key can be derived from it")]
    Vault(#[source] VaultError),
    #[error(transparent)]
    VaultKey(#[from] VaultKeyError),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error("password hashing does not work")]
    Passwords(#[from] HashingError),
    #[error("DEFAULT_ROLE: {0:?} is not a role's name; expected a lower-case word such as user")]
    DefaultRole(String),
    #[error("DATABASE_URL: the roles cannot be set up")]
    Store(#[from] StoreError),
}

#[derive(Clone)]
pub struct IdentityService(Arc<Parts>);

struct Parts {
    store: Store,
    clock: SharedClock,
    vault: Arc<Vault>,
    passwords: Passwords,
    keys: Arc<KeyRing>,
    /// Networks of proxies: any client may be behind them.
    trusted_proxies: Vec<Network>,
    verifier: Arc<Verifier>,
    sessions: Sessions,
    links: email::links::Links,
    text_messages: TextMessageRules,
    social: social::Social,
}

impl IdentityService {
    /// Derives the keys, seeds the roles, and makes the signing key on the first start.
    pub async fn start(
        settings: &Settings,
        store: Store,
        clock: SharedClock,
        metrics: &Metrics,
    ) -> Result<Self, IdentityError> {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let passwords = Passwords::start(cores, settings.password_min_score)?;
        Self::start_with(settings, store, clock, metrics, passwords).await
    }

    /// The same with a password hasher of the caller's choice; the configuration cannot reach it, test harnesses can.
    #[doc(hidden)]
    pub async fn start_with(
        settings: &Settings,
        store: Store,
        clock: SharedClock,
        metrics: &Metrics,
        passwords: Passwords,
    ) -> Result<Self, IdentityError> {
        let vault = Arc::new(Vault::try_new(settings.secret_key.expose()).map_err(IdentityError::Vault)?);
        let key = keys::vault_key::named(&vault, settings.has_weak_secret_key());
        keys::vault_key::check(&store, &key, settings.config.app_env == AppEnv::Development).await?;
        store.seal_with(vault.clone());
        store.watch_mails_with(MailAlarm::new(settings.mail_alarm_hourly, metrics));
        passwords.measure_with(metrics);
        seed_roles(settings, &store, &clock).await?;
        let keys = Arc::new(
            KeyRing::start(store.clone(), Arc::clone(&vault), clock.clone(), settings.access_token_lifetime).await?,
        );
        // The signing keys have been opened with it.
        keys::vault_key::record(&store, &clock, key).await?;
        let verifier = Arc::new(Verifier::new(keys.clone(), AUDIENCE_BANK, clock.clone()));
        Ok(Self(Arc::new(Parts {
            links: email::links::Links::new(&settings.public_url),
            text_messages: settings.text_messages,
            sessions: Sessions::new(store.clone(), clock.clone()),
            trusted_proxies: settings.trusted_proxies.clone(),
            social: social::Social::new(settings, &clock),
            store,
            clock,
            vault,
            passwords,
            keys,
            verifier,
        })))
    }

    /// Whether the database is still sealed under this process's key: `rotate-secret` may have run meanwhile.
    pub async fn key_is_current(&self) -> Result<bool, StoreError> {
        let own = self.0.vault.fingerprint();
        let known = self.0.store.read(crate::store::vault_keys::find).await?;
        Ok(known.is_none_or(|known| known.fingerprint == own))
    }

    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// The same vault, for holders that outlive a borrow of this.
    pub fn shared_vault(&self) -> Arc<Vault> {
        Arc::clone(&self.0.vault)
    }

    pub fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    pub fn keys(&self) -> &KeyRing {
        &self.0.keys
    }

    /// The public keys, for other services in the same process.
    pub fn key_source(&self) -> Arc<dyn KeySource> {
        self.0.keys.clone()
    }

    /// Session validity, for other services in the same process.
    pub fn session_source(&self) -> Arc<dyn SessionSource> {
        Arc::new(sessions::own_sessions::OwnSessions(self.clone()))
    }

    /// Checks access tokens for this service's audience.
    pub fn verifier(&self) -> Arc<Verifier> {
        Arc::clone(&self.0.verifier)
    }

    pub fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// A token with which this service calls another one.
    pub fn service_token(&self, audience: &str) -> Result<String, AuthError> {
        tokens::service_token(&self.0.keys, audience, self.0.clock.now())
    }

    /// Call it after the commit that ended a session.
    pub fn forget_session(&self, session: SessionId) {
        self.0.sessions.forget(session);
    }

    /// Call it after the commit that renamed a role.
    pub fn roles_changed(&self) {
        self.0.sessions.forget_all();
    }

    /// Call it after the commit that changed a user's roles, block or sessions.
    pub fn user_changed(&self, user: UserId) {
        self.0.sessions.forget_user(user);
    }
}

async fn seed_roles(settings: &Settings, store: &Store, clock: &SharedClock) -> Result<(), IdentityError> {
    let default_role = settings.config.default_role.clone();
    if crate::domain::role::RoleName::parse(&default_role).is_err() {
        return Err(IdentityError::DefaultRole(default_role));
    }
    let seed =
        move |db: &mut crate::store::Db, ctx: &crate::store::Ctx| users::seed::seed_roles(db, ctx, &default_role);
    Ok(store.write(&store.ctx(clock.now()), seed).await?)
}
