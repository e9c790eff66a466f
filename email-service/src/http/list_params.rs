//! The query parameters of a list of deliveries, for the document.
#![expect(dead_code, reason = "shapes for the document only")]

use utoipa::{IntoParams, ToSchema};

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Which page; a page beyond the end is 404.
    #[param(minimum = 1, maximum = 1_000_000_000, default = 1)]
    page_number: Option<i64>,
    /// How many items a page has.
    #[param(minimum = 1, maximum = 100, default = 5)]
    page_size: Option<i64>,
    /// The `cursor` of the page before; empty at the start. Its cost does not depend on the depth. A `page_number` of 1 beside it
    /// is passed over.
    #[param(pattern = "^(A[w-z0-9_-][A-Za-z0-9_-]{12}[AEIMQUYcgkosw048])?$")]
    after: Option<String>,
    /// Only items of exactly this value.
    #[param(format = Uuid)]
    event_id: Option<String>,
    /// Only items of exactly this value.
    #[param(min_length = 1, max_length = 255, pattern = r"^[^\u0000]*$", example = "account.created")]
    event_type: Option<String>,
    /// Only items of exactly this value.
    #[param(inline)]
    state: Option<StateName>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum StateName {
    Sending,
    Sent,
    Rejected,
    Failed,
}
