//! One form of each request: slashes, HEAD, compressed bodies.

use serde_json::json;
use service_kit::http::server::head_only;

use actix_web::{HttpResponse, web};

use crate::support::{answer, raw, settings, start, start_with};

#[actix_web::test]
async fn one_trailing_slash_is_the_same_route() {
    let started = start();
    for (path, status) in [("/banks/", 200), ("/banks/7/", 200), ("/banks/?x=/", 200), ("/ping/", 200), ("/docs/", 200)]
    {
        assert_eq!(started.get(path).await.status, status, "{path}");
    }
    assert_eq!(started.post("/banks/", r#"{"name":"Alpha"}"#).await.status, 201);
    let metrics = started.get("/metrics").await.text;
    assert!(metrics.contains(r#"method="GET",route="/banks",status="200""#), "{metrics}");
    assert!(!metrics.contains("route=\"/banks/\""), "{metrics}");
}

#[actix_web::test]
async fn slashes_that_follow_each_other_name_nothing() {
    let started = start();
    for path in ["//", "/banks//", "//banks", "/banks//7", "/docs//", "/docs//swagger-ui.css", "/ping//", "///"] {
        started.get(path).await.assert_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn health_and_metrics_have_no_slash_form() {
    let started = start();
    for path in ["/livez/", "/readyz/", "/metrics/"] {
        started.get(path).await.assert_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn the_root_leads_to_the_page_for_people() {
    let mut versioned = settings();
    versioned.versioned = true;
    let started = start_with(versioned, |_| {});
    for path in ["/", "/v1", "/v1/"] {
        let answer = started.get(path).await;
        assert_eq!((answer.status, answer.header("location")), (302, "/docs"), "{path}");
    }
    for path in
        ["/v1/ping", "/v1/openapi.json", "/v1/docs", "/v1/docs/", "/v1/docs/swagger-ui.css", "/v1/docs/errors/conflict"]
    {
        let (below, root) = (started.get(path).await, started.get(path.strip_prefix("/v1").unwrap()).await);
        assert_eq!((below.status, &below.text), (200, &root.text), "{path}");
        assert_eq!(below.header("content-security-policy"), root.header("content-security-policy"), "{path}");
    }
    started.get("/v1/livez").await.assert_problem(404, "not_found");
    start().get("/v1/ping").await.assert_problem(404, "not_found");
}

#[actix_web::test]
async fn the_root_leads_a_browser_to_the_pages_of_a_service_that_has_some() {
    let mut with_pages = settings();
    with_pages.home = Some("/pages");
    let started = start_with(with_pages, |_| {});
    for (accept, place) in [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "/pages"),
        ("application/json, Text/HTML;q=0.5", "/pages"),
        ("*/*", "/docs"),
        ("text/htmlx", "/docs"),
        ("text/html;q=0, application/json", "/docs"),
    ] {
        let answer = answer(started.client.get(started.url("/")).header("accept", accept)).await;
        assert_eq!((answer.status, answer.header("location")), (302, place), "{accept}");
    }
}

#[actix_web::test]
async fn head_is_answered_wherever_get_is() {
    let started = start();
    for path in [
        "/ping",
        "/livez",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/banks",
        "/banks/7",
        "/nowhere",
        "/internal",
        "/panic",
    ] {
        let (get, head) = (started.get(path).await, answer(started.client.head(started.url(path))).await);
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.headers.get("content-type"), get.headers.get("content-type"), "{path}");
    }
    let length = answer(started.client.head(started.url("/banks/7"))).await;
    assert_eq!(length.header("content-length"), r#"{"id":7}"#.len().to_string());
    let refused = answer(started.client.head(started.url("/json"))).await;
    assert_eq!((refused.status, refused.header("allow")), (405, "POST"));
}

#[actix_web::test]
async fn a_handler_knows_that_only_the_head_is_wanted() {
    let route = |config: &mut web::ServiceConfig| {
        let reported =
            web::get().to(|| async { HttpResponse::Ok().insert_header(("x-head", head_only().to_string())).finish() });
        config.route("/told", reported);
    };
    let started = start_with(settings(), route);
    assert_eq!(answer(started.client.head(started.url("/told"))).await.header("x-head"), "true");
    assert_eq!(started.get("/told").await.header("x-head"), "false");
    assert!(started.get("/metrics").await.text.contains(r#"method="HEAD",route="/told""#));
}

#[actix_web::test]
async fn an_empty_answer_to_head_gives_no_length_since_get_may_have_a_body() {
    let route = |config: &mut web::ServiceConfig| {
        let file = web::get()
            .to(|| async { if head_only() { HttpResponse::Ok().finish() } else { HttpResponse::Ok().body("a file") } });
        config.route("/file", file);
    };
    let started = start_with(settings(), route);
    let head = answer(started.client.head(started.url("/file"))).await;
    assert_eq!((head.status, head.headers.get("content-length")), (200, None));
    assert_eq!(started.get("/file").await.header("content-length"), "6");
}

#[actix_web::test]
async fn to_http_1_0_a_stream_has_no_chunks_and_ends_with_the_connection() {
    let started = start();
    started.gate.add_permits(3);
    let text = raw(started.server.addr, b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
    for absent in ["transfer-encoding", "content-length", "keep-alive"] {
        assert!(!head.to_ascii_lowercase().contains(absent), "{head}");
    }
    assert_eq!(body, "data: 0\n\ndata: 1\n\ndata: 2\n\n");
}

#[actix_web::test]
async fn a_compressed_body_is_refused_before_it_is_read() {
    let started = start();
    for encoding in ["gzip", "br", "deflate", "zstd", "identity, gzip", "x"] {
        let request = started.client.post(started.url("/banks")).header("content-type", "application/json");
        let refused = answer(request.header("content-encoding", encoding).body(r#"{"name":"Alpha"}"#)).await;
        refused.assert_problem(415, "unsupported_media_type");
        assert_eq!(refused.header("accept-encoding"), "identity", "{encoding}");
    }
    let request = started.client.post(started.url("/banks")).header("content-type", "application/json");
    let plain = answer(request.header("content-encoding", "Identity").body(r#"{"name":"Alpha"}"#)).await;
    assert_eq!((plain.status, plain.json()), (201, json!({ "name": "Alpha" })));
    // There is no body to be compressed.
    let bare = started.client.get(started.url("/livez")).header("content-encoding", "gzip");
    assert_eq!(answer(bare).await.status, 200);
}
