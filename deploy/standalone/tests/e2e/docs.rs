//! The service documents.

use reqwest::StatusCode;
use serde_json::Value;

use crate::api::client;
use crate::process::Place;

#[tokio::test]
async fn every_service_serves_its_api_page_document_and_probes() {
    let place = Place::new();
    let system = place.start().await;
    let http = client();
    for url in system.urls.all() {
        for path in ["/docs/", "/livez", "/readyz", "/metrics", "/ping", "/docs/errors/not_found"] {
            let answer = http.get(format!("{url}{path}")).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{url}{path}");
        }
        let answer = http.get(format!("{url}/docs")).send().await.unwrap();
        assert!(answer.status().is_success() || answer.status().is_redirection(), "{url}/docs: {}", answer.status());
        let document: Value = http.get(format!("{url}/openapi.json")).send().await.unwrap().json().await.unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{url}");
        assert!(document["paths"].as_object().is_some_and(|paths| !paths.is_empty()), "{url}");
    }
}

#[tokio::test]
async fn an_api_page_loads_nothing_from_elsewhere() {
    let place = Place::new();
    let system = place.start().await;
    let http = client();
    for url in system.urls.all() {
        let page = http.get(format!("{url}/docs/")).send().await.unwrap().text().await.unwrap();
        let targets = page.split(['"', '\'']).filter(|text| text.contains("://") || text.starts_with("//"));
        let foreign: Vec<&str> = targets.filter(|text| !text.starts_with(url)).collect();
        assert!(foreign.is_empty(), "{url}: {foreign:?}");
        let is_asset = |text: &&str| [Some("js"), Some("css")].contains(&text.rsplit_once('.').map(|(_, end)| end));
        for asset in page.split('"').filter(is_asset) {
            let asset = asset.trim_start_matches("./");
            let answer = http.get(format!("{url}/docs/{asset}")).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{url}/docs/{asset}");
        }
    }
}

#[tokio::test]
async fn an_unknown_route_is_answered_with_a_problem_whose_page_exists() {
    let place = Place::new();
    let system = place.start().await;
    let http = client();
    for url in system.urls.all() {
        let answer = http.get(format!("{url}/nowhere")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert!(answer.headers().contains_key("x-request-id"));
        let problem: Value = answer.json().await.unwrap();
        let page = http.get(format!("{url}{}", problem["type"].as_str().unwrap())).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::OK, "{problem}");
    }
}
