//! From a provider's code or token to a session or a linked login.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared_events::UserId;

use crate::config::social_variable;
use crate::domain::one_time::Purpose;
use crate::domain::session::SessionId;
use crate::domain::social::{Identity, Provider, SocialLogin};
use crate::domain::social_state::{CodeChallenge, Presenter, SocialState};
use crate::identity::IdentityService;
use crate::identity::login::first_factor::LogInError;
use crate::identity::login::{LoginResult, OpeningKeys};
use crate::identity::one_time::secret::LinkSecret;
use crate::identity::opaque_token::OpaqueToken;
use crate::identity::origin::Origin;
use crate::identity::social::error::ProviderError;
use crate::identity::social::logins::{
    Link, LinkError, LogIn, ResolveIdentity, ResolveIdentityError, SocialLogInError, Unlink, UnlinkError,
    begin_social_login, link, log_in, refuse_social_login, spend_state, unlink,
};
use crate::identity::social::provider::{Attempt, SocialProvider};
use crate::store::{Ctx, StoreError};

/// The time limit for all requests to a provider in one login.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// A proof from a provider. It has no `Debug`: it holds secrets.
pub enum SocialProof {
    /// From a login that was begun here.
    Code {
        code: String,
        state: String,
    },
    IdToken(String),
    AccessToken(String),
}

/// A proof, and the origin and secrets of its bearer.
pub struct Returning {
    pub provider: Provider,
    pub proof: SocialProof,
    pub presenter: Presenter,
    pub origin: Origin,
}

/// The beginning of a login.
pub struct Beginning {
    pub provider: Provider,
    /// The session that links it; none for a login.
    pub owner: Option<(UserId, SessionId)>,
    /// The cookie that the browser already has.
    pub kept: Option<OpaqueToken>,
    /// Whether a browser page asks, which will keep the cookie.
    pub by_browser: bool,
    pub challenge: Option<CodeChallenge>,
}

/// A login that was begun. It has no `Debug`: it holds secrets.
pub struct StartedLogin {
    pub authorization_url: String,
    pub state: String,
    /// The nonce that an app's `id_token` has to repeat; none where the provider has no such tokens.
    pub nonce: Option<String>,
    /// The browser's cookie, which ties the answer to it.
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
    Arrive(#[from] ResolveIdentityError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    LogIn(#[from] LogInError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl From<SocialLogInError> for SocialError {
    fn from(error: SocialLogInError) -> Self {
        match error {
            SocialLogInError::Arrive(error) => Self::Arrive(error),
            SocialLogInError::Session(error) => Self::LogIn(error.into()),
            SocialLogInError::Store(error) => Self::Store(error),
        }
    }
}

impl IdentityService {
    /// The configured providers.
    pub fn social_providers(&self) -> Vec<Provider> {
        self.0.social.providers.iter().map(|provider| provider.provider()).collect()
    }

    /// Begins a login, or with an owner the linking of one.
    pub async fn start_social_login(&self, ctx: Ctx, beginning: Beginning) -> Result<StartedLogin, SocialError> {
        let Beginning { provider, owner, kept, by_browser, challenge } = beginning;
        let known = self.social_provider(provider)?;
        let browser = kept.unwrap_or_else(OpaqueToken::generate);
        let state = LinkSecret::generate();
        let attempt = self.attempt(provider, state.expose());
        let url = known.authorization_url(&attempt).map_err(|error| unavailable(provider, &error))?;
        // Code and state alone are never enough: without session and challenge the cookie has to tie them.
        let tied = owner.is_some() || challenge.is_some();
        let bound = |cookie_demanded: bool| SocialState {
            provider,
            owner,
            cookie: cookie_demanded.then(|| browser.hash()),
            challenge: challenge.clone(),
        };
        let mut secrets = vec![(Purpose::SocialState, state.hash(Purpose::SocialState), bound(by_browser || !tied))];
        let nonce = LinkSecret::parse(&attempt.nonce).filter(|_| known.has_id_tokens());
        if let Some(nonce) = &nonce {
            secrets.push((Purpose::SocialNonce, nonce.hash(Purpose::SocialNonce), bound(by_browser)));
        }
        self.0.store.write(&ctx, move |db, ctx| begin_social_login(db, ctx, &secrets)).await?;
        Ok(StartedLogin {
            authorization_url: url.into(),
            state: state.expose().to_owned(),
            nonce: nonce.map(|nonce| nonce.expose().to_owned()),
            browser,
        })
    }

    /// Logs in by a confirmed identity of a provider; a new identity becomes a new user.
    pub async fn social_log_in(&self, ctx: Ctx, returning: Returning) -> Result<LoginResult, SocialError> {
        let identity = self.confirm(&ctx, &returning, None).await?;
        let resolve = ResolveIdentity {
            provider: returning.provider,
            identity,
            roles: vec![self.0.social.default_role.clone()],
            link: self.new_link(Purpose::EmailVerification),
            remote_addr: Some(returning.origin.remote_addr.clone()),
        };
        // The provider's answer may have taken seconds.
        let ctx = self.later(&ctx);
        let keys = OpeningKeys::generate();
        let command = LogIn { resolve, opening: self.opening(&keys, returning.origin) };
        let opened = self.0.store.write(&ctx, move |db, ctx| log_in(db, ctx, &command)).await?;
        Ok(self.login_result(opened, &keys).map_err(LogInError::from)?)
    }

    /// Links a confirmed identity to the user of a session.
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

    /// Removes a login of a session's user, unless it is the last way in.
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

    /// Confirms the identity with the provider. A refusal goes on record.
    async fn confirm(&self, ctx: &Ctx, returning: &Returning, user: Option<UserId>) -> Result<Identity, SocialError> {
        let provider = returning.provider;
        let known = self.social_provider(provider)?;
        if let SocialProof::Code { state, .. } = &returning.proof
            && !self.spend(ctx, returning, Purpose::SocialState, state).await?
        {
            return Err(self.refuse(ctx, returning, user, "the state is not good, or another one's").await?);
        }
        let answered = tokio::time::timeout(TIME_LIMIT, self.identify(known, provider, &returning.proof)).await;
        match answered.unwrap_or_else(|_| Err(ProviderError::unavailable("it took too long in all"))) {
            Ok((identity, None)) => Ok(identity),
            Ok((identity, Some(nonce))) => {
                if self.spend(ctx, returning, Purpose::SocialNonce, &nonce).await? {
                    Ok(identity)
                } else {
                    Err(self.refuse(ctx, returning, user, "the nonce is not good, or another one's").await?)
                }
            }
            Err(ProviderError::NotOffered) => Err(SocialError::NotOffered(provider)),
            Err(error @ (ProviderError::Unavailable(_) | ProviderError::UnknownClient)) => {
                Err(unavailable(provider, &error))
            }
            Err(ProviderError::Refused(reason)) => Err(self.refuse(ctx, returning, user, reason).await?),
        }
    }

    /// The identity, and the nonce that is still to be spent.
    async fn identify(
        &self,
        known: &dyn SocialProvider,
        provider: Provider,
        proof: &SocialProof,
    ) -> Result<(Identity, Option<String>), ProviderError> {
        match proof {
            SocialProof::Code { code, state } => Ok((known.redeem(code, &self.attempt(provider, state)).await?, None)),
            SocialProof::IdToken(token) => {
                let claims = known.of_id_token(token).await?;
                let nonce = claims.nonce.ok_or(ProviderError::Refused("the id_token has no nonce"))?;
                Ok((claims.identity, Some(nonce)))
            }
            // Another text does not fit into a header: the request would fail here, as if the provider could not be asked.
            SocialProof::AccessToken(token) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err(ProviderError::Refused("the access token cannot be one"))
            }
            SocialProof::AccessToken(token) => Ok((known.of_access_token(token).await?, None)),
        }
    }

    /// Spends a state or a nonce; false if it is not live, or belongs to another login.
    async fn spend(
        &self,
        ctx: &Ctx,
        returning: &Returning,
        purpose: Purpose,
        secret: &str,
    ) -> Result<bool, SocialError> {
        let Some(hash) = LinkSecret::parse(secret).map(|secret| secret.hash(purpose)) else {
            return Ok(false);
        };
        let (provider, presenter) = (returning.provider, returning.presenter.clone());
        let spend =
            move |db: &mut crate::store::Db, ctx: &Ctx| spend_state(db, ctx, purpose, &hash, provider, &presenter);
        Ok(self.0.store.write(&self.later(ctx), spend).await?)
    }

    /// Records the refusal; the answer does not show the reason.
    async fn refuse(
        &self,
        ctx: &Ctx,
        returning: &Returning,
        user: Option<UserId>,
        reason: &str,
    ) -> Result<SocialError, SocialError> {
        tracing::info!(provider = %returning.provider, reason, "a social login was refused");
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

    /// The values that belong to a state. Verifier and nonce follow from it under our key, so that only we can compute them.
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
    if *error == ProviderError::UnknownClient {
        let [id, secret] = ["CLIENT_ID", "CLIENT_SECRET"].map(|suffix| social_variable(provider, suffix));
        tracing::error!(%provider, "{id}, {secret}: the provider does not know this client by this secret");
    } else {
        tracing::warn!(%provider, %error, "a provider cannot be asked");
    }
    SocialError::Unavailable(provider)
}
