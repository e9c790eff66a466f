//! `POST /auth/register`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::envelope::ItemBody;
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::{Problem, ProblemBody};
use service_kit::http::server::ClientAddr;

use super::password_strength::with_password_strength;
use super::profile_fields::{new_profile, password};
use crate::domain::email::Email;
use crate::domain::one_time::Purpose;
use crate::domain::password::Password;
use crate::domain::user::{Profile, UserView};
use crate::http::AppState;
use crate::http::idempotency::idempotency_key;
use crate::http::request_bodies::NameText;
use crate::http::responses::created;
use crate::identity::email::verification::register_to_verify;
use crate::identity::users::register::RegisterUser;

// It has no `Debug`: it holds a password.
pub(in crate::http) struct RegisterRequest {
    email: Email,
    password: Password,
    profile: Profile,
}

/// What a registration takes.
#[derive(utoipa::ToSchema)]
#[schema(as = RegisterRequest)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which the request type reads")]
pub(in crate::http) struct RegisterBody {
    #[schema(example = "john.doe@example.com", max_length = 254, format = Email)]
    pub email: String,
    #[schema(example = "correct horse battery staple", min_length = 8, max_length = 128)]
    pub password: String,
    #[schema(value_type = Option<NameText>)]
    pub first_name: Option<String>,
    #[schema(value_type = Option<NameText>)]
    pub last_name: Option<String>,
    /// Letters and digits of any script, dots, hyphens, underscores.
    #[schema(example = "john.doe", min_length = 1, max_length = 50)]
    pub username: Option<String>,
    /// A language tag (BCP 47).
    #[schema(example = "en", max_length = 35, pattern = "^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$")]
    pub language: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "PT", pattern = "^[A-Za-z]{2}$")]
    pub country: Option<String>,
}

impl FromFields for RegisterRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.ignore("roles");
        fields.ignore("is_blocked");
        let email = fields.required("email", parse::via(Email::mailable));
        let password = fields.required("password", password);
        let profile = new_profile(fields);
        Some(Self { email: email?, password: password?, profile: profile? })
    }
}

/// Registers a user with the default role, and sends a link to the address that verifies it. `roles` and `is_blocked` in the body never take effect.
#[utoipa::path(
    operation_id = "register_user",
    post,
    path = "/auth/register",
    tag = "identity",
    request_body = RegisterBody,
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
