//! The problems that faults of the layers below become.

use std::time::Duration;

use actix_web::HttpRequest;
use service_kit::http::problem::{ErrorCode, Problem};

use crate::domain::{LogId, Visibility};
use crate::store::StoreError;

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An overload and an outage have a `Retry-After`; any other fault is ours and is logged once.
#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err asks for")]
pub(super) fn of_store(error: StoreError) -> Problem {
    match error {
        StoreError::Busy(_) => Problem::overloaded(RETRY_AFTER),
        StoreError::Unavailable(_) => {
            tracing::error!(%error, "the log store did not answer");
            Problem::new(ErrorCode::Unavailable, "The log store does not answer.").with_retry_after(RETRY_AFTER)
        }
        StoreError::Corrupt(_) => Problem::internal(&error),
    }
}

/// A missing entry: staff sees that it is missing, any other caller cannot distinguish it from another user's entry.
pub(super) fn missing(visibility: Visibility) -> Problem {
    match visibility {
        Visibility::Staff => Problem::not_found("log"),
        Visibility::Own(_) => Problem::access_denied(),
    }
}

/// The id in the path; `None` for a text that no entry can have.
pub(super) fn path_id(request: &HttpRequest) -> Option<LogId> {
    request.match_info().get("id")?.parse().ok()
}
