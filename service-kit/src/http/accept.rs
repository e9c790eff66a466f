//! The `Accept` header.

use actix_web::HttpRequest;
use actix_web::http::header;

/// The media types that a client accepts, in their order and without parameters. One of weight 0 is what it refuses, and is none.
pub fn accepted_types(request: &HttpRequest) -> impl Iterator<Item = &str> {
    let headers = request.headers().get_all(header::ACCEPT).filter_map(|header| header.to_str().ok());
    headers.flat_map(|header| header.split(',')).filter_map(accepted)
}

fn accepted(entry: &str) -> Option<&str> {
    let mut parts = entry.split(';').map(str::trim);
    let media_type = parts.next()?;
    let is_refused = parts.filter_map(|parameter| parameter.split_once('=')).any(is_weight_0);
    (!is_refused).then_some(media_type)
}

/// `q=0` with up to three zeros behind a point.
fn is_weight_0((name, value): (&str, &str)) -> bool {
    let is_zero = |rest: &str| {
        rest.is_empty() || rest.strip_prefix('.').is_some_and(|zeros| zeros.bytes().all(|byte| byte == b'0'))
    };
    name.trim().eq_ignore_ascii_case("q") && value.trim().strip_prefix('0').is_some_and(is_zero)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_media_type_of_weight_0_is_refused() {
        for (accept, expected) in [
            ("", &[""][..]),
            ("text/html", &["text/html"]),
            ("text/html; level=1 ;q=0.001, */*;q=0.8", &["text/html", "*/*"]),
            ("text/html;q=0, application/json", &["application/json"]),
            ("text/html; Q=0.000,text/csv ; q = 0.,a/b;q=0.5", &["a/b"]),
            ("text/html;level=0;q=1", &["text/html"]),
        ] {
            let request = TestRequest::default().insert_header((header::ACCEPT, accept)).to_http_request();
            assert_eq!(accepted_types(&request).collect::<Vec<_>>(), expected, "{accept}");
        }
        let twice =
            TestRequest::default().append_header((header::ACCEPT, "a/b;q=0")).append_header((header::ACCEPT, "c/d"));
        assert_eq!(accepted_types(&twice.to_http_request()).collect::<Vec<_>>(), ["c/d"]);
    }
}
