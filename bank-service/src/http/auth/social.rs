//! `/auth/social`: logins by other providers.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::envelope::{self, ItemBody};
use service_kit::http::fields::{Body, PathId};
use service_kit::http::paging::refuse_unknown;
use service_kit::http::problem::{Problem, ProblemBody};
use service_kit::http::server::{ClientAddr, head_only};

use super::login::{login_response, origin};
use super::login_metrics::{LoginMethod, counted};
use super::pages::page;
use super::social_bodies::{SocialLoginRequest, challenge_in};
use super::social_browser::{Browser, MaybeActor};
use crate::domain::one_time::Purpose;
use crate::domain::policy::Action;
use crate::domain::social::{Provider, SocialLoginView};
use crate::domain::social_state::Presenter;
use crate::http::AppState;
use crate::http::actor::Actor;
use crate::identity::TokenPair;
use crate::identity::social::{Beginning, Returning};
use crate::store::{StoreError, social};

/// The ways in which the caller can log in.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct SocialLoginsBody {
    /// Whether one of them is a password.
    has_password: bool,
    /// The providers that can be linked.
    providers: Vec<Provider>,
    /// How many logins by providers there are.
    #[schema(example = 1)]
    total: usize,
    /// At most one of each provider, the oldest first.
    results: Vec<SocialLoginView>,
}

/// The caller's logins by other providers, at most one of each: all of them in one answer, without pages. And whether it has a
/// password.
#[utoipa::path(
    get,
    path = "/auth/social",
    tag = "identity",
    responses(
        (status = 200, description = "The ways in which the caller can log in", body = SocialLoginsBody),
        (status = 422, description = "An unknown query parameter", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_social_logins(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ListSocialLogins)?;
    refuse_unknown(request.query_string(), &[])?;
    let (user, providers) = (actor.user_id, state.identity.social_providers());
    let found =
        state.store.read(move |db| Ok::<_, StoreError>((social::has_password(db, user)?, social::list(db, user)?)));
    let (has_password, logins) = found.await?;
    let results: Vec<_> = logins.into_iter().map(SocialLoginView::from).collect();
    Ok(HttpResponse::Ok().json(SocialLoginsBody { has_password, providers, total: results.len(), results }))
}

/// A login that was begun.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct StartedBody {
    /// Where to send the browser.
    #[schema(example = "https://github.com/login/oauth/authorize?response_type=code&client_id=…&state=…")]
    authorization_url: String,
    /// Comes back from the provider with the code; good once.
    state: String,
    /// For apps that get an `id_token` from the provider by themselves: they ask for it with this nonce, and it is good once.
    /// Null where a provider has no such tokens.
    nonce: Option<String>,
    /// Seconds until the login has to be ended.
    #[schema(example = 600)]
    expires_in: i64,
}

/// Begins a login at a provider; with a token, the linking of one to the caller. A page in a browser gets a cookie, which the
/// end of the login requires; a program sends a `code_challenge` (S256, RFC 7636), and its `code_verifier` at the end.
#[utoipa::path(
    get,
    path = "/auth/social/{provider}/start",
    tag = "identity",
    params(
        ("provider" = Provider, Path, description = "The provider's name"),
        ("code_challenge" = Option<String>, Query, pattern = "^[A-Za-z0-9_-]{43}$", description = "Base64url of the SHA-256 of the `code_verifier` that will be sent at the end; programs need it, pages may have it"),
        ("code_challenge_method" = Option<String>, Query, pattern = "^S256$", description = "`S256`, which is also the default"),
    ),
    responses(
        (status = 200, description = "Where to send the browser", body = StartedBody,
            headers(("Set-Cookie" = String, description = "What the browser is known by when it comes back"))),
        (status = 401, description = "A token was sent, and is a bad one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`blocked`: a token was sent, and its user is blocked", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The provider is not set up on this server, the challenge is none, or a parameter is unknown", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many logins from this address", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn start_social_login(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    provider: PathId<Provider>,
    actor: MaybeActor,
) -> Result<HttpResponse, Problem> {
    if head_only() {
        return Ok(HttpResponse::Ok()
            .content_type(ContentType::json())
            .insert_header((CACHE_CONTROL, "no-store"))
            .finish());
    }
    state.limits.social_starts.check(client.0)?;
    let browser = Browser::of(&request, &state);
    refuse_unknown(request.query_string(), &["code_challenge", "code_challenge_method"])?;
    let challenge = challenge_in(request.query_string())?;
    let owner = actor.0.as_ref().map(|actor| (actor.user_id, actor.session_id));
    let ctx = actor.0.as_ref().map_or_else(|| state.ctx_anonymous(), |actor| state.ctx(actor.user_id));
    let by_browser = browser.begins(challenge.is_some());
    let beginning = Beginning { provider: provider.0, owner, kept: browser.kept(), by_browser, challenge };
    let started = state.identity.start_social_login(ctx, beginning).await?;
    let lifetime = Purpose::SocialState.lifetime().num_seconds();
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((SET_COOKIE, browser.cookie(&started.browser, lifetime)))
        .json(StartedBody {
            authorization_url: started.authorization_url,
            state: started.state,
            nonce: started.nonce,
            expires_in: lifetime,
        }))
}

/// The page to which a provider returns a browser if no application handles the return itself. It consumes nothing: an
/// application takes `code` and `state` from its address.
#[utoipa::path(
    get,
    path = "/auth/social/{provider}/callback",
    tag = "identity",
    params(("provider" = Provider, Path, description = "The provider's name")),
    responses((status = 200, description = "A page for people", body = String, content_type = "text/html"))
)]
pub(super) async fn show_callback(provider: PathId<Provider>) -> HttpResponse {
    let name = provider.0.title();
    let body = format!(
        "<p>{name} has sent you back. The application that you came from takes it from here: it sends <code>code</code> and \
         <code>state</code> from the address of this page to <code>POST /auth/social/{}</code>.</p>",
        provider.0
    );
    page(StatusCode::OK, "Almost there", &body)
}

/// Logs in with the `code` and `state` of a login that was begun here, an `id_token` that an app got for the `nonce` of such a
/// login, or an `access_token` of the provider. Code and `id_token` count once, and only with everything that the start bound
/// them to: the cookie of the page, the `code_verifier` of the challenge, the session that links. An unknown identity gets a new
/// user without a password. With a fresh token of the caller, the login is linked to the caller instead.
#[utoipa::path(
    post,
    path = "/auth/social/{provider}",
    tag = "identity",
    params(("provider" = Provider, Path, description = "The provider's name")),
    request_body = SocialLoginRequest,
    responses(
        (status = 200, description = "Tokens of a new session", body = TokenPair),
        (status = 201, description = "The login is linked to the caller", body = ItemBody<SocialLoginView>),
        (status = 401, description = "`invalid_credentials`: refused by the provider, or the state is not good; `mfa_required`, with the `mfa_token` for `POST /auth/login/mfa`; with a token: `fresh_token_required`, or a bad token", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`blocked`: the user is blocked", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`link_required`: the address is an existing user's, who has to log in and link; `conflict`: linked already", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many logins from this address", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: the provider cannot be asked; or too much to do", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn finish_social_login(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    provider: PathId<Provider>,
    actor: MaybeActor,
    body: Body<SocialLoginRequest>,
) -> Result<HttpResponse, Problem> {
    state.limits.logins.check(client.0)?;
    let (provider, Body(SocialLoginRequest { proof, challenge }), origin) =
        (provider.0, body, origin(&request, client));
    let session = actor.0.as_ref().map(|actor| (actor.user_id, actor.session_id));
    let presenter = Presenter { session, cookie: Browser::of(&request, &state).cookie_hash(), challenge };
    let Some(actor) = actor.0 else {
        let returning = Returning { provider, proof, presenter, origin };
        let result = state.identity.social_log_in(state.ctx_anonymous(), returning).await.map_err(Problem::from);
        return counted(&state, LoginMethod::Social, result.and_then(|result| login_response(&state, result)));
    };
    actor.require_fresh(state.clock.now())?;
    let owner = (actor.user_id, actor.session_id);
    let returning = Returning { provider, proof, presenter, origin };
    let linked = state.identity.link_social_login(state.ctx(actor.user_id), owner, returning).await?;
    Ok(envelope::created(&SocialLoginView::from(linked), &format!("/auth/social/{provider}")))
}

/// Unlinks a login of the caller by its `id`, the provider's name; needs a fresh token. The last way to log in cannot be
/// removed.
#[utoipa::path(
    delete,
    path = "/auth/social/{provider}",
    tag = "identity",
    params(("provider" = Provider, Path, description = "The `id` in the caller's list")),
    responses(
        (status = 200, description = "The login that is gone", body = ItemBody<SocialLoginView>),
        (status = 401, description = "`fresh_token_required`; or no token or a bad one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The caller has no such login", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It is the last way to log in; set a password or link another one first", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn unlink_social_login(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    actor: Actor,
    provider: PathId<Provider>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::UnlinkSocialLogin)?;
    actor.require_fresh(state.clock.now())?;
    let (ctx, owner) = (state.ctx(actor.user_id), (actor.user_id, actor.session_id));
    let gone = state.identity.unlink_social_login(ctx, owner, provider.0, origin(&request, client)).await?;
    Ok(envelope::deleted(&SocialLoginView::from(gone)))
}
