//! `POST /auth/register`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::envelope::ItemBody;
use service_kit::http::fields::{Body, Fields, FromFields};
use service_kit::http::problem::{Problem, ProblemBody};
use service_kit::http::server::ClientAddr;
use service_kit::request_schema;

use super::password_strength::with_password_strength;
use super::profile_fields::{SET_BY_SERVER, email, new_password, new_profile};
use crate::domain::email::Email;
use crate::domain::one_time::Purpose;
use crate::domain::password::Password;
use crate::domain::user::{Profile, UserView};
use crate::http::AppState;
use crate::http::idempotency::idempotency_key;
use crate::http::responses::created;
use crate::identity::email::verification::register_to_verify;
use crate::identity::users::register::RegisterUser;

// It has no `Debug`: it holds a password.
pub(in crate::http) struct RegisterRequest {
    email: Email,
    password: Password,
    profile: Profile,
}

impl FromFields for RegisterRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(SET_BY_SERVER);
        fields.ignore("roles");
        fields.ignore("is_blocked");
        let email = fields.required("email", email());
        let password = fields.required("password", new_password());
        let profile = new_profile(fields);
        Some(Self { email: email?, password: password?, profile: profile? })
    }
}

request_schema!(RegisterRequest, "What a registration takes.");

/// Registers a user with the default role, and sends a link to the address that verifies it. `roles` and `is_blocked` in the body
/// never take effect.
#[utoipa::path(
    operation_id = "register_user",
    post,
    path = "/auth/register",
    tag = "identity",
    request_body = RegisterRequest,
    responses(
        (status = 201, description = "The new user", body = ItemBody<UserView>),
        (status = 409, description = "The address is taken", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many registrations from this address", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn register(
    state: web::Data<AppState>,
    request: HttpRequest,
    client: ClientAddr,
    body: Result<Body<RegisterRequest>, Problem>,
) -> Result<HttpResponse, Problem> {
    state.limits.registrations.check(client.0)?;
    let RegisterRequest { email, password, profile } =
        with_password_strength(body, &state, &request, "password").await?;
    let key = idempotency_key(&request, &state, None)?;
    let mut words = email.words();
    words.extend(profile.words());
    let password_hash = state.identity.passwords().hash(password, words).await?;
    let roles = vec![state.settings.config.default_role.clone()];
    let command = RegisterUser { email, password_hash: Some(password_hash), profile, roles };
    let link = state.identity.new_link(Purpose::EmailVerification);
    let ctx = state.ctx_anonymous();
    let registered = state.create(&ctx, key, move |db, ctx| {
        register_to_verify(db, ctx, &command, &link).map(|outcome| outcome.map(|user| UserView::from(&user)))
    });
    Ok(created(registered.await?, "/api/users"))
}
