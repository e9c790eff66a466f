//! The context of the request being served.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::ids;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LENGTH: usize = 64;

/// The request's id, its origin, and the findings of its extractors.
pub(super) struct Context {
    pub(super) id: HeaderValue,
    pub(super) client: Option<IpAddr>,
    /// The method was HEAD; the request is served as GET.
    pub(super) head_only: bool,
    /// The origin of the requesting page, if it may read the answer.
    pub(super) origin: Option<HeaderValue>,
    /// Kept here as well as in the request, which is gone when a handler hangs or panics.
    pub(super) route: RefCell<Option<String>>,
    pub(super) caller: Cell<Option<Caller>>,
}

impl Context {
    pub(super) fn new(id: HeaderValue, client: Option<IpAddr>, head_only: bool, origin: Option<HeaderValue>) -> Self {
        Self { id, client, head_only, origin, route: RefCell::default(), caller: Cell::default() }
    }
}

tokio::task_local! {
    pub(super) static CURRENT: Rc<Context>;
}

/// The holder of the request's token, for the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    pub user_id: Option<i64>,
}

/// Records the route of the request being served; the first extractor wins.
pub(crate) fn record_route(request: &HttpRequest) {
    // Outside of a server, as in a handler's unit test, there is no context to record it in.
    CURRENT
        .try_with(|context| {
            context.route.borrow_mut().get_or_insert_with(|| request.match_pattern().unwrap_or_default());
        })
        .ok();
}

/// Records the caller for the access log.
pub fn record_caller(caller: Caller) {
    CURRENT.try_with(|context| context.caller.set(Some(caller))).ok();
}

/// Whether the request was HEAD. A handler whose work costs or spends something answers it without that work; the server
/// leaves out the body of any other.
pub fn head_only() -> bool {
    CURRENT.try_with(|context| context.head_only).unwrap_or(false)
}

/// The id that the client gave, if it is sane; a new one otherwise.
pub(super) fn id_of(headers: &HeaderMap) -> HeaderValue {
    headers.get(REQUEST_ID).filter(|id| is_sane(id.as_bytes())).cloned().unwrap_or_else(new_id)
}

fn new_id() -> HeaderValue {
    let mut buffer = uuid::Uuid::encode_buffer();
    let text = ids::new_uuid().hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

fn is_sane(id: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_plain_ids_are_taken() {
        assert!(is_sane(b"a-B_9.z") && is_sane(&[b'a'; 64]));
        for bad in [&b""[..], &[b'a'; 65], b"a b", b"a\"b", b"a\nb", "ä".as_bytes()] {
            assert!(!is_sane(bad), "{bad:?}");
        }
        assert!(is_sane(new_id().as_bytes()));
    }
}
