//! The OpenAPI document as served.

use bank_service::domain::policy::RULES;

use crate::harness::TestApp;

#[actix_web::test]
async fn the_served_document_is_3_1_and_lists_every_route() {
    let app = TestApp::start().await;
    let answer = app.send(app.request(reqwest::Method::GET, "/openapi.json", None)).await;
    let document = answer.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["servers"][1]["url"], "/v1");
    for (method, path) in RULES.iter().flat_map(|rule| rule.routes) {
        let method = method.as_str();
        assert!(document["paths"][*path][method.to_lowercase()].is_object(), "{method} {path}");
    }
}

#[actix_web::test]
async fn every_route_of_the_table_is_mounted_at_the_root_and_below_v1() {
    let app = TestApp::start().await;
    for (method, pattern) in RULES.iter().flat_map(|rule| rule.routes) {
        let method = method.as_str();
        let path = ["{id}", "{bank_id}", "{client_id}", "{account_id}"]
            .iter()
            .fold(pattern.replace("{provider}", "github"), |p, n| p.replace(n, "1"));
        for prefix in ["", "/v1"] {
            let request = app.request(method.parse().unwrap(), &format!("{prefix}{path}"), None);
            let status = app.send(request).await.status.as_u16();
            assert!(!matches!(status, 404 | 405), "{method} {prefix}{path}: {status}");
        }
    }
}
