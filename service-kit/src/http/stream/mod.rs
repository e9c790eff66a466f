//! Streams of server-sent events: the head of the answer, where a client that comes back goes on from, and the tickets with
//! which a browser's own `EventSource` opens one.

mod ticket;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

pub use ticket::{LIFETIME as TICKET_LIFETIME, MAX_OF_USER as MAX_TICKETS_OF_USER};
pub use ticket::{StreamTicket, TicketBody, TicketHash, Tickets, give, presented, redeem};

use super::problem::Problem;

/// The header with which a client that comes back says what it received last.
const LAST_EVENT_ID: &str = "Last-Event-ID";

/// The head of a stream, which no cache keeps and no proxy holds back.
pub fn head() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("X-Accel-Buffering", "no"));
    response
}

/// The position that a returning client names, by `Last-Event-ID` or, where that is missing, by a parameter; an empty one is
/// none.
pub fn last_event_id<'a>(request: &'a HttpRequest, parameter: Option<&'a str>) -> Result<Option<&'a str>, Problem> {
    let header = request.headers().get(LAST_EVENT_ID);
    let header = header.map(|value| value.to_str().map_err(|_| not_an_event_id())).transpose()?;
    Ok(header.or(parameter).filter(|text| !text.is_empty()))
}

/// What was named is no position of this stream.
pub fn not_an_event_id() -> Problem {
    Problem::malformed("Last-Event-ID must be an id of this stream.")
}
