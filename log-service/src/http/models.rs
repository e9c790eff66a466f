//! The answers and parameters as the OpenAPI document shows them. The real ones are in `params` and `domain`; a test compares
//! both.

use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

/// A log entry: one event, recorded once.
#[derive(ToSchema)]
#[schema(example = example_log)]
#[expect(dead_code, reason = "a shape for the document only")]
pub(super) struct Log {
    /// Opaque; greater ones are not promised to sort as text.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9]+$")]
    id: String,
    /// The event's identity; unique.
    #[schema(format = Uuid)]
    event_id: String,
    /// `<entity>.<past verb>`.
    #[schema(max_length = 100, pattern = r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")]
    event_type: String,
    /// The publisher of the event, as a URN.
    source: String,
    /// The user who caused it; null where nobody was logged in, and for a user where another one caused a transfer.
    #[schema(minimum = 1)]
    user_id: Option<i64>,
    /// When it happened, in whole seconds.
    #[schema(format = DateTime)]
    date: String,
    /// The event, in a sentence.
    message: String,
    /// The facts of the event. Whole numbers within 64 bits and doubles have the value that came, longer numbers the nearest double.
    /// Of a transfer, a user sees its own side whole, and of the other side only which it is.
    data: Value,
    /// When it was recorded, with fractions of a second.
    #[schema(format = DateTime)]
    received_at: String,
}

/// The answer to a change.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a shape for the document only")]
pub(super) struct LogEnvelope {
    /// `item created`, `item updated` or `item deleted`.
    #[schema(example = "item created")]
    msg: String,
    /// The entry: as it is now, or as it was.
    item: Log,
}

/// A page, or a step of a cursor walk (which has neither `total`, `pages` nor `prev`).
#[derive(ToSchema)]
#[expect(dead_code, reason = "a shape for the document only")]
pub(super) struct LogList {
    /// Exact up to 10,000; 10001 stands for more.
    #[schema(example = 1, minimum = 0, maximum = 10_001, nullable = false)]
    total: Option<i64>,
    /// True if there are more than 10,000.
    #[schema(nullable = false)]
    total_is_capped: Option<bool>,
    /// How many pages there are; like `total`.
    #[schema(example = 1, minimum = 0, maximum = 10_001, nullable = false)]
    pages: Option<i64>,
    /// Relative. At the last page the last page; in a cursor walk the next step.
    #[schema(example = "/api/logs?page_number=1&page_size=10")]
    next: String,
    /// Relative. At the first page the first page.
    #[schema(example = "/api/logs?page_number=1&page_size=10", nullable = false)]
    prev: Option<String>,
    /// The entries of the page.
    results: Vec<Log>,
    /// The place from which `after` continues; null after the last entry.
    #[schema(required, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// In a walk, the place after the last entry seen: ask again from here for what was recorded since.
    #[schema(pattern = "^[A-Za-z0-9_-]*$", nullable = false)]
    tail: Option<String>,
}

fn example_log() -> Value {
    let mut log = example_new_log();
    if let Some(fields) = log.as_object_mut() {
        fields.insert("id".to_owned(), json!("1"));
        fields.insert("received_at".to_owned(), json!("2025-01-16T17:10:26.123456Z"));
    }
    log
}

pub(super) fn example_new_log() -> Value {
    json!({
        "event_id": "01946fd1-7e10-7c3a-9d5e-2f4b6a8c0e12",
        "event_type": "account.created",
        "source": "urn:bank-service",
        "user_id": 1,
        "date": "2025-01-16T17:10:26Z",
        "message": "Account created with ID: 1",
        "data": {"name": "John Doe"},
    })
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a shape for the document only")]
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
#[expect(dead_code, reason = "a shape for the document only")]
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
#[expect(dead_code, reason = "a shape for the document only")]
pub(super) struct OrderParam {
    /// In the order of recording (the default), or newest first.
    #[param(inline)]
    order: Option<OrderName>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "a shape for the document only")]
enum OrderName {
    Asc,
    Desc,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a shape for the document only")]
pub(super) struct FormatParam {
    /// One JSON object per line (the default), or CSV with a header.
    #[param(inline)]
    format: Option<FormatName>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "a shape for the document only")]
enum FormatName {
    Ndjson,
    Csv,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a shape for the document only")]
pub(super) struct IdParam {
    /// The entry's id.
    #[param(example = "1", min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9]+$")]
    id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "a shape for the document only")]
pub(super) struct LastEventIdParam {
    /// The last `id` that was seen; the stream goes on after it.
    #[param(rename = "Last-Event-ID", pattern = "^(0|[1-9][0-9]{0,18})?$")]
    last_event_id: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a shape for the document only")]
pub(super) struct LastEventIdQuery {
    /// As `Last-Event-ID`, where that header is missing.
    #[param(pattern = "^(0|[1-9][0-9]{0,18})?$")]
    last_event_id: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a shape for the document only")]
pub(super) struct TicketQuery {
    /// A ticket of `POST /api/logs/stream/ticket`, instead of a token.
    #[param(pattern = "^[A-Za-z0-9_-]{43}$")]
    ticket: Option<String>,
}
