//! The parts that every service has: ids, headers, health, metrics, documentation, TLS.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use service_kit::http::healthcheck;
use service_kit::http::problem::ErrorCode;
use service_kit::http::server::Tls;
use test_support::eventually;

use crate::support::{answer, settings, start, start_with};

#[actix_web::test]
async fn a_sane_request_id_comes_back_and_a_bad_one_is_replaced() {
    let started = start();
    let sent = answer(started.client.get(started.url("/id")).header("x-request-id", "abc-1.2_Z")).await;
    assert_eq!((sent.header("x-request-id"), sent.json()), ("abc-1.2_Z", json!("abc-1.2_Z")));
    let long = "a".repeat(65);
    for bad in ["", "a b", "<script>", "a;b", &long] {
        let made = answer(started.client.get(started.url("/id")).header("x-request-id", bad)).await;
        let id = made.header("x-request-id");
        assert_eq!(id.len(), 36, "{bad:?}");
        assert_eq!(made.json(), json!(id));
    }
    assert_ne!(started.get("/id").await.text, started.get("/id").await.text);
}

#[actix_web::test]
async fn every_response_has_the_security_headers() {
    let started = start();
    for path in ["/ping", "/nowhere", "/panic", "/livez", "/banks"] {
        let answer = started.get(path).await;
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(answer.headers.get("strict-transport-security").is_none());
        assert!(answer.headers.get("server").is_none());
    }
}

#[actix_web::test]
async fn health_names_the_dependency_that_is_down_and_not_why() {
    let started = start();
    assert_eq!(started.get("/livez").await.status, 200);
    started.readiness.add("database", || Box::pin(async { Ok(()) }));
    assert_eq!(started.get("/readyz").await.json(), json!({ "status": "ready", "dependencies": { "database": "up" } }));
    started.readiness.add("broker", || Box::pin(async { Err("amqp://user:hush@host refused".to_owned()) }));
    eventually("the report is new", async || started.get("/readyz").await.status == 503).await;
    let answer = started.get("/readyz").await;
    assert_eq!(answer.json()["dependencies"], json!({ "database": "up", "broker": "down" }));
    assert!(!answer.text.contains("hush"));
    assert_eq!(started.get("/livez").await.status, 200);
    assert_eq!(started.get("/ping").await.json(), json!({ "status": "success", "message": "pong!" }));
}

#[actix_web::test]
async fn readiness_is_a_metric_of_each_scrape() {
    let started = start();
    started.readiness.add("database", || Box::pin(async { Ok(()) }));
    started.readiness.watch("broker", || Box::pin(async { Err("refused".to_owned()) }));
    let lines = async || started.get("/metrics").await.text.lines().map(str::to_owned).collect::<Vec<_>>();
    let shown = lines().await;
    for line in
        ["bank_ready 1", "bank_dependency_up{dependency=\"database\"} 1", "bank_dependency_up{dependency=\"broker\"} 0"]
    {
        assert!(shown.iter().any(|shown| shown == line), "{line} in {shown:?}");
    }
    started.readiness.set_draining();
    assert!(lines().await.iter().any(|shown| shown == "bank_ready 0"));
}

#[actix_web::test]
async fn metrics_count_by_pattern_and_never_by_path() {
    let started = start();
    for id in 1..=3 {
        started.get(&format!("/banks/{id}")).await;
    }
    started.get("/nowhere/with/a/token").await;
    let text = started.get("/metrics").await.text;
    let line = "http_requests_total{method=\"GET\",route=\"/banks/{id}\",status=\"200\"} 3";
    assert!(text.contains(line), "{text}");
    assert!(text.contains("route=\"unmatched\"") && !text.contains("token"));
    assert!(text.contains("http_request_duration_seconds_bucket"));
}

#[actix_web::test]
async fn the_documentation_is_served_from_the_binary() {
    let started = start();
    let document = started.get("/openapi.json").await;
    assert!(document.json()["openapi"].as_str().unwrap().starts_with("3.1"));
    for path in ["/docs", "/docs/"] {
        let page = started.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.contains("<base href=\"/docs/\">") && page.text.contains("swagger-ui"), "{}", page.text);
        assert!(page.text.contains("<noscript>") && page.text.contains("name=\"viewport\""), "{}", page.text);
        assert!(page.header("content-security-policy").contains("script-src 'self'"));
        assert!(!page.text.contains("src=\"http") && !page.text.contains("href=\"http"));
    }
    for file in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        let answer = started.get(&format!("/docs/{file}")).await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(file != "swagger-initializer.js" || answer.text.contains("/openapi.json"));
    }
}

#[actix_web::test]
async fn every_error_type_resolves_to_a_page() {
    let started = start();
    for code in ErrorCode::ALL {
        let page = started.get(&format!("/docs/errors/{code}")).await;
        assert_eq!(page.status, 200, "{code}");
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.text.contains(code.title()));
    }
}

#[actix_web::test]
async fn an_adhoc_certificate_serves_https() {
    let mut settings = settings();
    settings.tls = Tls::Adhoc;
    let started = start_with(settings, |_| {});
    assert!(started.server.url().starts_with("https://"));
    let answer = started.get("/ping").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("strict-transport-security").starts_with("max-age="));
}

#[actix_web::test]
async fn a_taken_port_is_an_error_at_once() {
    let started = start();
    let mut settings = settings();
    settings.bind = started.server.addr;
    let parts = service_kit::http::server::ServerParts {
        metrics: started.metrics.clone(),
        readiness: started.readiness.clone(),
        shutdown: started.shutdown.clone(),
        openapi: utoipa::openapi::OpenApi::default(),
    };
    let error = service_kit::http::server::serve(settings, parts, |_| {}).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&started.server.addr.to_string()));
}

#[actix_web::test]
async fn a_stream_is_neither_cut_nor_held_back() {
    let mut settings = settings();
    settings.request_timeout = Duration::from_millis(200);
    let started = start_with(settings, |_| {});
    let request = started.client.get(started.url("/stream")).header("accept-encoding", "gzip").send();
    let response = request.await.unwrap();
    assert!(response.headers().get("content-encoding").is_none());
    let mut parts = response.bytes_stream();
    assert_eq!(parts.next().await.unwrap().unwrap(), "data: 0\n\n");
    // Longer than the time limit of a request.
    let quiet = tokio::time::timeout(Duration::from_millis(600), parts.next()).await;
    assert!(quiet.is_err());
    started.gate.add_permits(3);
    assert_eq!(parts.next().await.unwrap().unwrap(), "data: 1\n\n");
}

#[actix_web::test]
async fn the_forwarded_address_is_believed_from_trusted_proxies_only() {
    let ask = async |started: &crate::support::Started| {
        answer(started.client.get(started.url("/who")).header("x-forwarded-for", "6.6.6.6, 9.9.9.9")).await.json()
    };
    assert_eq!(ask(&start()).await, json!("127.0.0.1"));
    let mut settings = settings();
    settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    assert_eq!(ask(&start_with(settings, |_| {})).await, json!("9.9.9.9"));
}

#[actix_web::test]
async fn a_health_check_of_a_container_reports_whether_the_service_is_ready() {
    let started = start();
    let bind = format!("0.0.0.0:{}", started.server.addr.port()).parse().unwrap();
    assert_eq!(healthcheck(bind, &Tls::Off).await, Ok(()));
    started.readiness.add("broker", || Box::pin(async { Err("refused".to_owned()) }));
    eventually("it is not ready", async || healthcheck(bind, &Tls::Off).await.is_err()).await;
    let mut settings = settings();
    settings.tls = Tls::Adhoc;
    let protected = start_with(settings, |_| {});
    assert_eq!(healthcheck(protected.server.addr, &Tls::Adhoc).await, Ok(()));
    assert!(healthcheck(protected.server.addr, &Tls::Off).await.is_err());
}
