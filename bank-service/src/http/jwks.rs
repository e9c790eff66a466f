//! The public keys with which other services verify tokens.

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpResponse, web};

use super::AppState;

/// How long a client may keep the keys, in seconds. An unknown `kid` is a reason to ask before.
const MAX_AGE: u32 = 300;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/.well-known/jwks.json").route(web::get().to(read_keys)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(read_keys))]
pub(super) struct Document;

/// The public keys that tokens are signed with (RFC 7517).
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "identity",
    responses((status = 200, description = "The key set: `{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"…\",\"x\":\"…\"}]}`", body = Object))
)]
async fn read_keys(state: web::Data<AppState>) -> HttpResponse {
    let caching = CacheControl(vec![CacheDirective::Public, CacheDirective::MaxAge(MAX_AGE)]);
    HttpResponse::Ok().insert_header(caching).json(state.identity.keys().jwks())
}
