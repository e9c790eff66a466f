//! Whether a token's session is live: other services ask before they trust a token.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::actor::Actor;

/// A token whose session counts now.
#[derive(Serialize, ToSchema)]
pub(super) struct Introspection {
    /// Always true; a token that does not count is refused.
    active: bool,
    /// The user of the token.
    user_id: i64,
    /// The user's roles at this moment, whatever the token says.
    roles: Vec<String>,
}

/// Whether the session of this token counts, and with which roles. A refusal is final: the session has ended, or its user is
/// blocked.
#[utoipa::path(
    get,
    path = "/auth/introspect",
    operation_id = "introspect_token",
    tag = "identity",
    responses((status = 200, description = "The token counts", body = Introspection))
)]
pub(super) async fn introspect(actor: Actor) -> HttpResponse {
    let Actor { user_id, roles, .. } = actor;
    HttpResponse::Ok().json(Introspection { active: true, user_id: user_id.get(), roles })
}
