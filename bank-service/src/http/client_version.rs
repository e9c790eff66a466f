//! Refuses clients that are too old, before any other check.
//!
//! Only if `MIN_CLIENT_VERSION` is set, and only for clients that send their version: other services and tools do not.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web;
use service_kit::http::problem::{ErrorCode, Problem};

use super::AppState;
use crate::domain::client_version::ClientVersion;

const HEADER: &str = "X-Client-Version";

pub(super) async fn check(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = request.app_data::<web::Data<AppState>>();
    if let Some(least) = state.and_then(|state| state.settings.min_client_version)
        && let Err(problem) = check_version(&request, least)
    {
        // The response carries its request, whose route is needed by the log and the metrics.
        return Ok(request.into_response(problem.response()).map_into_right_body());
    }
    next.call(request).await.map(ServiceResponse::map_into_left_body)
}

fn check_version(request: &ServiceRequest, least: ClientVersion) -> Result<(), Problem> {
    let Some(header) = request.headers().get(HEADER) else { return Ok(()) };
    let given = header.to_str().ok().and_then(|text| text.trim().parse::<ClientVersion>().ok());
    match given {
        None => Err(Problem::malformed(format!("{HEADER} must be a version such as 1.4.2."))),
        Some(given) if given < least => {
            let detail = format!("This client is too old; version {least} or later is needed.");
            Err(Problem::new(ErrorCode::ClientTooOld, detail))
        }
        Some(_) => Ok(()),
    }
}
