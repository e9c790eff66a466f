//! TLS on the service's port, and other services under the other scheme.

use serde_json::json;
use service_kit::config::AppEnv;
use service_kit::http::TlsOptions;
use shared_events::events::CityUpdated;
use shared_events::events::Event as _;

use crate::harness::TestApp;
use crate::trace::peer_stubs::PeerStubs;

const HSTS: &str = "strict-transport-security";

/// The HSTS header of a response, if any: a year of TLS and nothing else.
async fn promised(scheme: &str, tls: Option<&str>, public_url: &str) -> Option<String> {
    let app = TestApp::start_with(|config| {
        config.app_env = AppEnv::Production;
        public_url.clone_into(&mut config.public_url);
        config.tls = TlsOptions { tls: tls.map(str::to_owned), ..TlsOptions::default() };
    })
    .await;
    let client = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build().unwrap();
    let answer = client.get(format!("{scheme}://{}/ping", app.running.addr())).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    answer.headers().get(HSTS).map(|value| value.to_str().unwrap().to_owned())
}

#[actix_web::test]
async fn in_production_an_answer_by_tls_promises_a_year_of_it_and_a_plain_one_on_this_machine_nothing() {
    let year = Some("max-age=31536000".to_owned());
    assert_eq!(promised("https", Some("adhoc"), "https://bank.example").await, year, "its own TLS");
    assert_eq!(promised("https", Some("adhoc"), "http://127.0.0.1:5000").await, year, "its own, whatever links say");
    assert_eq!(promised("http", None, "https://bank.example").await, year, "TLS in front");
    assert_eq!(promised("http", None, "http://127.0.0.1:5000").await, None);
}

/// The journey of a logged and mailed event, where the configured peer addresses are https and the peers speak http.
async fn reports_over_the_other_scheme(app_env: AppEnv) -> (serde_json::Value, serde_json::Value) {
    let peers = PeerStubs::start();
    let https = peers.url.replace("http://", "https://");
    let app = TestApp::start_with(|config| {
        config.app_env = app_env;
        config.log_service_url.clone_from(&https);
        config.email_service_url = Some(https.clone());
    })
    .await;
    let admin = app.admin().await;
    let id = app.commit(&CityUpdated::example()).await;
    app.running.relay(app.dead_letters.transport.clone()).drain().await.unwrap();
    peers.log(id);
    let seen = app.get(&admin.token, &format!("/api/events/{id}/journey")).await.expect(200);
    (seen["log"]["state"].clone(), seen["mail"]["state"].clone())
}

#[actix_web::test]
async fn development_reaches_both_services_by_the_scheme_that_they_speak_and_no_other_environment_does() {
    assert_eq!(reports_over_the_other_scheme(AppEnv::Development).await, (json!("logged"), json!("none")));
    assert_eq!(reports_over_the_other_scheme(AppEnv::Staging).await.0, json!("unknown"));
}
