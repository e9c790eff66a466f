//! Parameters and the answer to a change as the OpenAPI document shows them. The real ones are in `params` and service-kit; a
//! test compares both.
#![expect(dead_code, reason = "shapes for the document only")]

use utoipa::{IntoParams, ToSchema};

use crate::domain::LogEntry;

/// The answer to a change.
#[derive(ToSchema)]
pub(super) struct LogEnvelope {
    /// `item created`, `item updated` or `item deleted`.
    #[schema(example = "item created")]
    msg: String,
    /// The entry: as it is now, or as it was.
    item: LogEntry,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageParams {
    /// Which page; a page beyond the end is 404. Page numbers reach to the first 10,000 entries.
    #[param(minimum = 1, maximum = 1_000_000_000, default = 1)]
    page_number: Option<i64>,
    /// How many items a page has.
    #[param(minimum = 1, maximum = 100, default = 10)]
    page_size: Option<i64>,
    /// The `cursor` of the page before; empty at the start. Its cost does not depend on the depth. A `page_number` of 1 beside it
    /// is passed over.
    #[param(pattern = "^[A-Za-z0-9_-]*$")]
    after: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FilterParams {
    /// Caused by this user; only staff finds anything by another one.
    #[param(minimum = 1)]
    user_id: Option<i64>,
    /// Exactly this type.
    #[param(min_length = 1, max_length = 100, pattern = r"^[^\u0000]*$", example = "account.created")]
    event_type: Option<String>,
    /// Published by exactly this source.
    #[param(min_length = 1, max_length = 255, pattern = r"^[^\u0000]*$", example = "urn:bank-service")]
    source: Option<String>,
    /// Happened at or after this date; without a zone it is UTC.
    #[param(example = "2025-01-16T00:00:00Z", format = DateTime)]
    from: Option<String>,
    /// Happened at or before this date; without a zone it is UTC.
    #[param(example = "2025-01-16T23:59:59Z", format = DateTime)]
    to: Option<String>,
    /// Part of the message, or of a text or number in the data, in any case. Of a transfer's sides only which they are is searched.
    #[param(min_length = 1, max_length = 100, pattern = r"^[^\u0000]*$")]
    q: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OrderParam {
    /// In the order of recording (the default), or newest first.
    #[param(inline)]
    order: Option<OrderName>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum OrderName {
    Asc,
    Desc,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FormatParam {
    /// One JSON object per line (the default), or CSV with a header.
    #[param(inline)]
    format: Option<FormatName>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum FormatName {
    Ndjson,
    Csv,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct IdParam {
    /// The entry's id.
    #[param(example = "1", min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9]+$")]
    id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct LastEventIdParam {
    /// The last `id` that was seen; the stream goes on after it.
    #[param(rename = "Last-Event-ID", pattern = "^(0|[1-9][0-9]{0,18})?$")]
    last_event_id: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LastEventIdQuery {
    /// As `Last-Event-ID`, where that header is missing.
    #[param(pattern = "^(0|[1-9][0-9]{0,18})?$")]
    last_event_id: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TicketQuery {
    /// A ticket of `POST /api/logs/stream/ticket`, instead of a token.
    #[param(pattern = "^[A-Za-z0-9_-]{43}$")]
    ticket: Option<String>,
}
