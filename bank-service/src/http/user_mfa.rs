//! `/api/users/{id}/mfa`: the second factor of a user who has lost it, for administrators.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::envelope::{self, ItemBody};
use service_kit::http::fields::PathId;
use service_kit::http::problem::Problem;
use shared_events::UserId;

use super::actor::Actor;
use super::{AppState, answers};
use crate::domain::policy::Action;
use crate::operations::identity::mfa;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/users/{id}/mfa").route(web::delete().to(reset_mfa)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(reset_mfa))]
pub(super) struct Document;

/// A second factor, as an administrator sees it.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct FactorView {
    #[schema(value_type = i64, example = 2)]
    user_id: UserId,
    #[schema(example = "totp")]
    kind: &'static str,
}

/// Takes the second factor away from a user who has lost it. Its sessions end, and it is told by mail.
#[utoipa::path(
    delete,
    path = "/api/users/{id}/mfa",
    tag = "users",
    responses(
        (status = 200, description = "The factor that was taken away", body = ItemBody<FactorView>),
    )
)]
async fn reset_mfa(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    id: PathId<UserId>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ResetMfa)?;
    let (id, expected) = (id.0, answers::expected(&request)?);
    let ctx = state.ctx(actor.user_id);
    state.store.write(&ctx, move |db, ctx| mfa::reset(db, ctx, id, &expected)).await?;
    state.security.user_changed(id);
    Ok(envelope::deleted(&FactorView { user_id: id, kind: "totp" }))
}
