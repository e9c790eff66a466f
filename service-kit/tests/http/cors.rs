//! Pages of other origins.

use reqwest::Method;
use service_kit::config::Faults;
use service_kit::http::CorsOptions;

use crate::support::{Answer, Started, answer, settings, start, start_with};

const APP: &str = "https://app.example";

fn open_to_the_app() -> Started {
    let mut settings = settings();
    let options = CorsOptions { cors_origins: format!("{APP},http://localhost:5173") };
    settings.cors_origins = options.check(&mut Faults::new());
    start_with(settings, |_| {})
}

async fn from(started: &Started, origin: &str, path: &str) -> Answer {
    answer(started.client.get(started.url(path)).header("origin", origin)).await
}

async fn preflight(started: &Started, origin: &str, path: &str) -> Answer {
    let request = started.client.request(Method::OPTIONS, started.url(path));
    answer(request.header("origin", origin).header("access-control-request-method", "PUT")).await
}

#[actix_web::test]
async fn a_page_of_a_configured_origin_may_read_every_answer() {
    let started = open_to_the_app();
    for path in ["/banks", "/nowhere", "/panic", "/internal", "/banks/x", "/docs", "/stream"] {
        let answer = answer(started.client.head(started.url(path)).header("origin", APP)).await;
        assert_eq!(answer.header("access-control-allow-origin"), APP, "{path}");
        assert!(answer.header("vary").contains("Origin"), "{path}");
        let exposed = "Allow, Content-Disposition, ETag, Link, Location, Retry-After, WWW-Authenticate, X-Request-Id";
        assert_eq!(answer.header("access-control-expose-headers"), exposed, "{path}");
        assert!(answer.headers.get("access-control-allow-credentials").is_none(), "{path}");
    }
}

#[actix_web::test]
async fn a_page_of_another_origin_may_not() {
    let started = open_to_the_app();
    for origin in [
        "https://evil.example",
        "https://app.example.evil",
        "http://app.example",
        "https://app.example:8443",
        "null",
        "*",
    ] {
        let answer = from(&started, origin, "/banks").await;
        assert_eq!(answer.status, 200, "{origin}");
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{origin}");
        assert_eq!(answer.header("vary"), "Origin", "{origin}");
        preflight(&started, origin, "/banks").await.assert_problem(405, "method_not_allowed");
    }
    assert_eq!(started.get("/banks").await.header("vary"), "Origin");
    assert_eq!(start().get("/banks").await.header("vary"), "Origin");
}

#[actix_web::test]
async fn a_preflight_is_answered_before_anything_else_is_checked() {
    let mut busy = settings();
    busy.max_in_flight = 0;
    busy.cors_origins = CorsOptions { cors_origins: APP.to_owned() }.check(&mut Faults::new());
    let started = start_with(busy, |_| {});
    started.get("/banks").await.assert_problem(503, "overloaded");
    let answer = preflight(&started, APP, "/banks").await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(answer.header("access-control-allow-origin"), APP);
    assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD, POST, PUT, DELETE");
    assert_eq!(answer.header("access-control-max-age"), "600");
    for header in ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID"] {
        assert!(answer.header("access-control-allow-headers").contains(header), "{header}");
    }
}

#[actix_web::test]
async fn health_and_metrics_are_not_for_pages() {
    let started = open_to_the_app();
    for path in ["/livez", "/readyz", "/metrics"] {
        let answer = from(&started, APP, path).await;
        assert_eq!(answer.status, 200, "{path}");
        for header in ["access-control-allow-origin", "access-control-expose-headers", "vary"] {
            assert!(answer.headers.get(header).is_none(), "{path}: {header}");
        }
        preflight(&started, APP, path).await.assert_problem(405, "method_not_allowed");
    }
}
