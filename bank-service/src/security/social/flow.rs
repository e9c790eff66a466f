//! From a code or token to a session or a linked login.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use service_kit::http::rate::RateLimit;
use shared_events::UserId;

use super::error::ProviderError;
use super::provider::{Attempt, SocialProvider};
use crate::domain::one_time::Purpose;
use crate::domain::session::{FirstFactor, SessionId};
use crate::domain::social::{Identity, Presenter, Provider, SocialLogin, SocialState};
use crate::operations::identity::social::{
    Arrive, ArriveError, Link, LinkError, Unlink, UnlinkError, arrive, begin_social_login, link, refuse_social_login,
    spend_state, unlink,
};
use crate::security::one_time::LinkSecret;
use crate::security::{Admission, Arrival, LogInError, OpaqueToken, Origin, Security};
use crate::store::{Ctx, StoreError};

/// How long a provider may take for all that one login asks of it.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// What somebody has from a provider. It has no `Debug`: it holds secrets.
pub enum SocialProof {
    /// From a login that was begun here.
    Code {
        code: String,
        state: String,
    },
    IdToken(String),
    AccessToken(String),
}

/// A proof, and who brings it. It has no `Debug`.
pub struct Returning {
    pub provider: Provider,
    pub proof: SocialProof,
    pub presenter: Presenter,
    pub origin: Origin,
}

/// A login that was begun. It has no `Debug`: it holds secrets.
pub struct StartedLogin {
    pub authorization_url: String,
    pub state: String,
    /// What the browser keeps, to be known again.
    pub browser: OpaqueToken,
}

#[derive(Debug, thiserror::Error)]
pub enum SocialError {
    #[error("{0} is not set up")]
    NotConfigured(Provider),
    #[error("{0} has no such tokens")]
    NotOffered(Provider),
    #[error("the login was refused")]
    Refused,
    #[error("{0} cannot be asked")]
    Unavailable(Provider),
    #[error(transparent)]
    Arrive(#[from] ArriveError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    LogIn(#[from] LogInError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Security {
    /// Social logins that are begun, per remote address.
    pub fn social_start_limit(&self) -> &RateLimit {
        &self.0.social.starts
    }

    /// The providers that are set up.
    pub fn social_providers(&self) -> Vec<Provider> {
        self.0.social.providers.iter().map(|provider| provider.provider()).collect()
    }

    /// Begins a login, or with an owner the linking of one. `browser` is the cookie that the browser has from before.
    pub async fn start_social_login(
        &self,
        ctx: Ctx,
        provider: Provider,
        owner: Option<(UserId, SessionId)>,
        browser: Option<OpaqueToken>,
    ) -> Result<StartedLogin, SocialError> {
        let known = self.social_provider(provider)?;
        let browser = browser.unwrap_or_else(OpaqueToken::generate);
        let state = LinkSecret::generate();
        let url = known.authorization_url(&self.attempt(provider, state.expose()));
        let url = url.map_err(|error| unavailable(provider, &error))?;
        let hash = state.hash(Purpose::SocialState);
        let row = SocialState { provider, owner, browser: browser.hash() };
        self.0.store.write(&ctx, move |db, ctx| begin_social_login(db, ctx, &hash, &row)).await?;
        Ok(StartedLogin { authorization_url: url.into(), state: state.expose().to_owned(), browser })
    }

    /// Logs somebody in who has proved to the provider who it is; whoever is new becomes a user.
    pub async fn social_log_in(&self, ctx: Ctx, returning: Returning) -> Result<Admission, SocialError> {
        let identity = self.confirm(&ctx, &returning, None).await?;
        let command = Arrive {
            provider: returning.provider,
            identity,
            roles: vec![self.0.social.default_role.clone()],
            link: self.new_link(Purpose::EmailVerification),
            remote_addr: Some(returning.origin.remote_addr.clone()),
        };
        // The provider took its time.
        let ctx = self.later(&ctx);
        let user_id = self.0.store.write(&ctx, move |db, ctx| arrive(db, ctx, &command)).await?;
        let arrival = Arrival { user_id, first: FirstFactor::Provider, origin: returning.origin, rehash: None };
        Ok(self.admit(ctx, arrival).await?)
    }

    /// Links the login that is proved to the user of a session.
    pub async fn link_social_login(
        &self,
        ctx: Ctx,
        (user_id, session_id): (UserId, SessionId),
        returning: Returning,
    ) -> Result<SocialLogin, SocialError> {
        let identity = self.confirm(&ctx, &returning, Some(user_id)).await?;
        let remote_addr = Some(returning.origin.remote_addr);
        let command = Link { user_id, session_id, provider: returning.provider, identity, remote_addr };
        Ok(self.0.store.write(&self.later(&ctx), move |db, ctx| link(db, ctx, &command)).await?)
    }

    /// Takes a login from the user of a session, unless it is the last way in.
    pub async fn unlink_social_login(
        &self,
        ctx: Ctx,
        (user_id, session_id): (UserId, SessionId),
        provider: Provider,
        origin: Origin,
    ) -> Result<SocialLogin, UnlinkError> {
        let (available, remote_addr) = (self.social_providers(), Some(origin.remote_addr));
        let command = Unlink { user_id, session_id, provider, available, remote_addr };
        self.0.store.write(&ctx, move |db, ctx| unlink(db, ctx, &command)).await
    }

    /// Asks the provider who it is. A refusal goes on record.
    async fn confirm(&self, ctx: &Ctx, returning: &Returning, user: Option<UserId>) -> Result<Identity, SocialError> {
        let provider = returning.provider;
        let known = self.social_provider(provider)?;
        if let SocialProof::Code { state, .. } = &returning.proof
            && !self.spend_state(ctx, returning, state).await?
        {
            tracing::info!(%provider, reason = "the state is not good", "a social login was refused");
            return Err(self.refuse(ctx, returning, user).await?);
        }
        let asked = tokio::time::timeout(TIME_LIMIT, self.ask(known, provider, &returning.proof)).await;
        match asked.unwrap_or_else(|_| Err(ProviderError::unavailable("it took too long in all"))) {
            Ok(identity) => Ok(identity),
            Err(ProviderError::NotOffered) => Err(SocialError::NotOffered(provider)),
            Err(error @ ProviderError::Unavailable(_)) => Err(unavailable(provider, &error)),
            Err(ProviderError::Refused(reason)) => {
                tracing::info!(%provider, reason, "a social login was refused");
                Err(self.refuse(ctx, returning, user).await?)
            }
        }
    }

    async fn ask(
        &self,
        known: &dyn SocialProvider,
        provider: Provider,
        proof: &SocialProof,
    ) -> Result<Identity, ProviderError> {
        match proof {
            SocialProof::Code { code, state } => known.redeem(code, &self.attempt(provider, state)).await,
            SocialProof::IdToken(token) => known.of_id_token(token).await,
            SocialProof::AccessToken(token) => known.of_access_token(token).await,
        }
    }

    async fn spend_state(&self, ctx: &Ctx, returning: &Returning, state: &str) -> Result<bool, SocialError> {
        let Some(hash) = LinkSecret::parse(state).map(|state| state.hash(Purpose::SocialState)) else {
            return Ok(false);
        };
        let (provider, presenter) = (returning.provider, returning.presenter.clone());
        let spend = move |db: &mut crate::store::Db, ctx: &Ctx| spend_state(db, ctx, &hash, provider, &presenter);
        Ok(self.0.store.write(ctx, spend).await?)
    }

    async fn refuse(&self, ctx: &Ctx, returning: &Returning, user: Option<UserId>) -> Result<SocialError, SocialError> {
        let (provider, from) = (returning.provider, returning.origin.remote_addr.clone());
        let refuse = move |db: &mut crate::store::Db, ctx: &Ctx| {
            refuse_social_login(db, ctx, provider, user, Some(from.clone()))
        };
        self.0.store.write(&self.later(ctx), refuse).await?;
        Ok(SocialError::Refused)
    }

    fn social_provider(&self, provider: Provider) -> Result<&dyn SocialProvider, SocialError> {
        self.0.social.provider(provider).ok_or(SocialError::NotConfigured(provider))
    }

    /// What belongs to a state. Verifier and nonce follow from it under our key, so that nobody else can compute them.
    fn attempt(&self, provider: Provider, state: &str) -> Attempt {
        let derive = |purpose| URL_SAFE_NO_PAD.encode(self.0.vault.hmac(purpose, state.as_bytes()));
        Attempt {
            state: state.to_owned(),
            verifier: derive("social login: code_verifier"),
            nonce: derive("social login: nonce"),
            redirect_uri: self.0.social.redirect_uri(provider),
        }
    }

    fn later(&self, ctx: &Ctx) -> Ctx {
        let mut ctx = ctx.clone();
        ctx.now = self.0.clock.now();
        ctx
    }
}

fn unavailable(provider: Provider, error: &ProviderError) -> SocialError {
    tracing::warn!(%provider, %error, "a provider cannot be asked");
    SocialError::Unavailable(provider)
}
