//! Streams of server-sent events: the head of the answer, the position from which a returning client continues, and the
//! tickets with which a browser's own `EventSource` opens one. And what they share with exports: bounded bodies, and slots.

mod feed;
mod slots;
mod ticket;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

pub use feed::{CHUNK_BYTES, Feed, FeedBody, Gone, feed};
pub use slots::{Slot, Slots};
pub use ticket::{LIFETIME as TICKET_LIFETIME, MAX_OF_USER as MAX_TICKETS_OF_USER};
pub use ticket::{StreamTicket, TicketBody, TicketHash, Tickets, from_request, give, redeem};

use super::problem::Problem;

/// The header in which a returning client names the last event it received.
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

/// The position that a returning client names, by `Last-Event-ID` or, where that is missing, by a parameter; an empty one
/// means none. A number in the one decimal form in which streams send it, so without a sign and without leading zeros.
pub fn last_event_id<'a>(request: &'a HttpRequest, parameter: Option<&'a str>) -> Result<Option<&'a str>, Problem> {
    let header = request.headers().get(LAST_EVENT_ID);
    let header = header.map(|value| value.to_str().map_err(|_| not_an_event_id())).transpose()?;
    let named = header.or(parameter).filter(|text| !text.is_empty());
    if named.is_some_and(|text| !is_number(text)) { Err(not_an_event_id()) } else { Ok(named) }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

/// The problem for an id that is no position of this stream.
pub fn not_an_event_id() -> Problem {
    Problem::malformed("Last-Event-ID must be an id of this stream.")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_position_has_one_form_in_the_header_and_in_the_parameter() {
        let none = TestRequest::default().to_http_request();
        let named = |text: &str| TestRequest::default().insert_header((LAST_EVENT_ID, text)).to_http_request();
        for good in ["0", "1", "10", "9223372036854775807"] {
            assert_eq!(last_event_id(&named(good), Some("7")).unwrap(), Some(good));
            assert_eq!(last_event_id(&none, Some(good)).unwrap(), Some(good));
        }
        assert_eq!(last_event_id(&named(""), None).unwrap(), None);
        assert_eq!(last_event_id(&none, None).unwrap(), None);
        for bad in ["01", "00", "007", "+1", "-1", "1.0", "1 2", "abc", "65a6f0c2"] {
            assert!(last_event_id(&named(bad), None).is_err(), "{bad}");
            assert!(last_event_id(&none, Some(bad)).is_err(), "{bad}");
        }
    }
}
