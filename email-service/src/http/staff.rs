//! Admits staff, and services for reads: they follow their events.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use service_kit::http::auth::{Bearer, Claims};
use service_kit::http::problem::Problem;

/// The claims of the caller, for handlers that need them.
#[derive(Debug, Clone)]
pub(super) struct Staff(pub(super) Claims);

/// Refuses before the handler reads anything: 403 without a token or without the role, 401 with a bad token.
pub(super) async fn require_staff(
    bearer: Bearer,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let reads = bearer.0.is_service() && request.method() == Method::GET;
    if !bearer.0.is_staff() && !reads {
        return Err(Problem::access_denied().into());
    }
    request.extensions_mut().insert(Staff(bearer.0));
    next.call(request).await
}
