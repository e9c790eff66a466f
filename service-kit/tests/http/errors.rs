//! Every kind of error ends in a problem.

use std::time::Duration;

use test_support::eventually;

use crate::support::{answer, raw, settings, start, start_with};

#[actix_web::test]
async fn an_unknown_route_is_not_found() {
    let started = start();
    started.get("/nowhere").await.assert_problem(404, "not_found");
    started.get("/docs/errors/nonsense").await.assert_problem(404, "not_found");
    started.get("/docs/nonsense.js").await.assert_problem(404, "not_found");
}

#[actix_web::test]
async fn a_wrong_method_is_answered_with_the_right_ones() {
    let started = start();
    let answer = answer(started.client.delete(started.url("/banks"))).await;
    answer.assert_problem(405, "method_not_allowed");
    let mut allowed: Vec<_> = answer.header("allow").split(", ").collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
}

#[actix_web::test]
async fn what_cannot_be_an_id_is_not_found() {
    let started = start();
    assert_eq!(started.get("/banks/7").await.status, 200);
    for bad in ["abc", "0", "-1", "18446744073709551616", "1.0", "%00", "%c3%a9", "1%2F2"] {
        started.get(&format!("/banks/{bad}")).await.assert_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn a_path_that_is_not_percent_encoded_utf_8_is_malformed() {
    let started = start();
    for bad in ["/banks/%ff", "/banks/%zz", "/banks/7%", "/banks/%c3%28/", "/nowhere/%ff", "/docs/%ff", "/%ff/7"] {
        started.get(bad).await.assert_problem(400, "malformed_request");
    }
    started.post("/banks/%ff", r#"{"name":"Alpha"}"#).await.assert_problem(400, "malformed_request");
    let head = answer(started.client.head(started.url("/banks/%ff"))).await;
    assert_eq!(head.status, 400);
}

#[actix_web::test]
async fn all_faults_of_a_body_come_at_once() {
    let started = start();
    let body =
        started.post("/banks", r#"{"id":1,"size":1.5,"color":"red"}"#).await.assert_problem(422, "validation_failed");
    let fields: Vec<_> = body["errors"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["color", "id", "name", "size"]);
    assert_eq!(started.post("/banks", r#"{"name":"Alpha"}"#).await.status, 201);
}

#[actix_web::test]
async fn a_malformed_body_is_refused_and_not_repeated() {
    let started = start();
    for bad in [&b"{"[..], b"", b"\xff\xfe", b"{\"hush\":1,\"hush\":2}", &b"[".repeat(10_000)] {
        let answer = started.post("/banks", bad.to_vec()).await;
        answer.assert_problem(400, "malformed_request");
        assert!(!answer.text.contains("hush"));
    }
    started.post("/banks", "[]").await.assert_problem(422, "validation_failed");
}

#[actix_web::test]
async fn only_json_is_taken() {
    let started = start();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let request = started.client.post(started.url("/banks")).header("content-type", kind).body("{}");
        answer(request).await.assert_problem(415, "unsupported_media_type");
    }
    for kind in ["application/json; charset=utf-8", "application/merge-patch+json", "Application/JSON"] {
        let request = started.client.post(started.url("/banks")).header("content-type", kind).body(r#"{"name":"x"}"#);
        assert_eq!(answer(request).await.status, 201, "{kind}");
    }
}

#[actix_web::test]
async fn a_body_over_the_limit_is_too_large_declared_or_not() {
    let started = start();
    started.post("/banks", "x".repeat(64 * 1024 + 1)).await.assert_problem(413, "payload_too_large");
    started.post("/small", "x".repeat(101)).await.assert_problem(413, "payload_too_large");
    let chunks = futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![b' '; 10])));
    started.post("/small", reqwest::Body::wrap_stream(chunks)).await.assert_problem(413, "payload_too_large");
    // The server still works.
    assert_eq!(started.post("/small", r#"{"name":"x"}"#).await.status, 204);
}

#[actix_web::test]
async fn the_frameworks_own_errors_are_problems_too() {
    let started = start();
    let answer = started.get("/framework").await;
    answer.assert_problem(500, "internal_error");
    assert!(!answer.text.contains("SELECT"));
    started.get("/bare").await.assert_problem(409, "conflict");
    started.post("/json", "{").await.assert_problem(400, "malformed_request");
}

#[actix_web::test]
async fn an_internal_error_or_a_panic_reveals_nothing_and_harms_no_other_request() {
    let started = start();
    for path in ["/internal", "/panic"] {
        for _ in 0..5 {
            let answer = started.get(path).await;
            answer.assert_problem(500, "internal_error");
            assert!(!answer.text.contains("UNIQUE") && !answer.text.contains("secret reason"));
        }
    }
    assert_eq!(started.get("/ping").await.status, 200);
}

#[actix_web::test]
async fn a_panic_is_counted_for_its_route() {
    let started = start();
    started.get("/panic/7").await.assert_problem(500, "internal_error");
    let text = started.get("/metrics").await.text;
    assert!(text.contains("route=\"/panic/{id}\",status=\"500\""), "{text}");
}

#[actix_web::test]
async fn a_handler_that_hangs_is_cut_off_as_unavailable() {
    let mut settings = settings();
    settings.request_timeout = Duration::from_millis(200);
    let started = start_with(settings, |_| {});
    let answer = started.get("/slow").await;
    answer.assert_problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
}

#[actix_web::test]
async fn a_slow_client_is_answered_with_the_reason() {
    let mut hasty = settings();
    hasty.head_timeout = Duration::from_millis(500);
    let started = start_with(hasty, |_| {});
    let head = raw(started.server.addr, b"GET /ping HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
    assert!(head.starts_with("HTTP/1.1 408"), "{head}");
    // The head may take its time here: a busy machine reads it late.
    let mut hasty = settings();
    hasty.body_timeout = Duration::from_millis(500);
    let started = start_with(hasty, |_| {});
    let body = b"POST /banks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{";
    let body = raw(started.server.addr, body).await;
    assert!(body.starts_with("HTTP/1.1 408") && body.contains("\"error\":\"request_timeout\""), "{body}");
}

#[actix_web::test]
async fn nonsense_on_the_wire_is_a_bad_request() {
    let started = start();
    for bytes in [&b"NONSENSE\r\n\r\n"[..], b"GET /ping HTTP/1.1\r\nContent-Length: x\r\n\r\n"] {
        let text = raw(started.server.addr, bytes).await;
        assert!(text.starts_with("HTTP/1.1 400"), "{text}");
    }
    assert_eq!(started.get("/ping").await.status, 200);
}

#[actix_web::test]
async fn more_requests_than_allowed_are_refused_early_but_probes_are_answered() {
    let mut settings = settings();
    settings.max_in_flight = 2;
    let started = start_with(settings, |_| {});
    let held = [(); 2].map(|()| {
        let request = started.client.get(started.url("/held"));
        service_kit::task::spawn("held", async move { answer(request).await })
    });
    let full = async || started.metrics.render().lines().any(|line| line == "http_requests_in_flight 2");
    eventually("both requests are in work", full).await;
    let refused = started.get("/ping").await;
    refused.assert_problem(503, "overloaded");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(started.get("/livez").await.status, 200);
    started.gate.add_permits(2);
    for held in held {
        assert_eq!(held.await.unwrap().status, 200);
    }
    assert_eq!(started.get("/ping").await.status, 200);
}
