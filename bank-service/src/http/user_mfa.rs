//! `/api/users/{id}/mfa`: removes the second factor of a user who has lost it, for administrators.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::envelope::{self, ItemBody};
use service_kit::http::fields::PathId;
use service_kit::http::problem::{ErrorCode, Problem, ProblemBody};
use shared_events::UserId;

use super::actor::Actor;
use super::{AppState, responses};
use crate::domain::policy::Action;
use crate::domain::version::Expected;
use crate::identity::second_factor::enrolment;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/users/{id}/mfa").route(web::delete().to(reset_mfa)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(reset_mfa))]
pub(super) struct Document;

/// A second factor, as an administrator sees it.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct FactorView {
    /// The user whose factor it is.
    #[schema(value_type = i64, example = 2)]
    user_id: UserId,
    /// `totp`: codes of an authenticator app.
    #[schema(example = "totp")]
    kind: &'static str,
}

/// Removes the second factor of another user, who has lost it; needs a fresh token. The user's sessions end, and a mail says so.
#[utoipa::path(
    delete,
    path = "/api/users/{id}/mfa",
    tag = "users",
    responses(
        (status = 200, description = "The factor that was taken away", body = ItemBody<FactorView>),
        (status = 401, description = "`fresh_token_required`; or a bad token", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn reset_mfa(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    id: PathId<UserId>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ResetMfa)?;
    actor.require_fresh(state.clock.now())?;
    let PathId(id) = id;
    remove_second_factor(&state, actor.user_id, id, responses::expected(&request)?).await?;
    Ok(envelope::deleted(&FactorView { user_id: id, kind: "totp" }))
}

/// Takes the second factor away from another user, for an administrator.
pub(crate) async fn remove_second_factor(
    state: &AppState,
    by: UserId,
    id: UserId,
    expected: Expected,
) -> Result<(), Problem> {
    if id == by {
        let detail = "Your own second factor is removed with DELETE /auth/mfa/totp, by password and code.";
        return Err(Problem::new(ErrorCode::AccessDenied, detail));
    }
    state.write(by, move |db, ctx| enrolment::reset(db, ctx, id, &expected)).await?;
    state.identity.user_changed(id);
    Ok(())
}
