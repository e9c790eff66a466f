//! One id in a path. A text that cannot be an id is answered 404, like an id that does not exist.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::http::problem::{ErrorCode, Problem};
use crate::http::server::record_route;

/// The last parameter of the route's pattern, such as `id` in `/api/banks/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathId<T>(pub T);

impl<T: FromStr> FromRequest for PathId<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        record_route(request);
        let id = request.match_info().iter().last().and_then(|(_, text)| text.parse().ok());
        ready(id.map(Self).ok_or_else(|| Problem::new(ErrorCode::NotFound, "There is no such item.")))
    }
}
