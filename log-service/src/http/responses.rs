//! The error answers of the routes as the OpenAPI document shows them, in groups that routes share.

use std::collections::BTreeMap;

use service_kit::http::openapi;
use service_kit::http::problem::ErrorCode;
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

/// Declares a group of error answers as a type that `responses(…)` takes.
macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident: $($code:ident),+;)+) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                responses(&[$(ErrorCode::$code),+])
            }
        }
    )+};
}

problems! {
    /// Problems that every route may answer with, beside those of every server.
    ReadProblems: MalformedRequest, InvalidToken, TokenExpired, TokenRevoked, AccessDenied, Blocked;
    PageProblems: NotFound, ValidationFailed;
    FilterProblem: ValidationFailed;
    MissingProblem: NotFound;
    ConflictProblem: Conflict;
    BusyProblem: TooManyRequests;
}

/// One answer per status, whose description lists the codes.
fn responses(codes: &[ErrorCode]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status().as_u16().to_string()).or_default().push(code.as_str());
    }
    by_status.into_iter().map(|(status, codes)| (status, problem(&codes).into())).collect()
}

fn problem(codes: &[&str]) -> Response {
    let codes: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    openapi::problem(codes.join(", "))
}
