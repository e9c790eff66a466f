//! How a response announces the end of its body (RFC 9112, 6; RFC 9110, 8.6).

use actix_web::body::{self, BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::{ConnectionType, Method, Version};

/// To HEAD, an empty body has no length: a handler may have left out the work that the body of GET takes. To HTTP/1.0, which
/// knows no chunks, a body of unknown length ends with the connection.
pub(super) fn apply(response: ServiceResponse<BoxBody>, method: &Method) -> ServiceResponse<BoxBody> {
    let version = response.request().version();
    response.map_body(|head, body| match body.size() {
        BodySize::Sized(0) if *method == Method::HEAD => BoxBody::new(body::None::new()),
        BodySize::Stream if version < Version::HTTP_11 => {
            head.no_chunking(true);
            head.set_connection_type(ConnectionType::Close);
            body
        }
        _ => body,
    })
}
