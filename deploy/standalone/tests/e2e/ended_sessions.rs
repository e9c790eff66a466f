//! A revoked right counts at log-service and email-service too, not only where it was revoked.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use test_support::found;

use crate::api::Api;
use crate::process::{Place, Standalone};

/// Far longer than logging an event takes.
const LIMIT: Duration = Duration::from_mins(1);
const PASSWORD: &str = "correct horse battery staple";

/// The answers of the three services to a token.
async fn answers(api: &Api) -> [(StatusCode, Value); 3] {
    let urls = &api.urls;
    let paths =
        [format!("{}/auth/me", urls.bank), format!("{}/api/logs", urls.log), format!("{}/api/emails", urls.email)];
    let mut answers = Vec::new();
    for path in paths {
        let (status, body) = api.send(Method::GET, &path, None).await;
        answers.push((status, body["error"].clone()));
    }
    answers.try_into().unwrap()
}

/// An administrator besides the first one.
async fn second_admin(system: &Standalone) -> (Api, Value) {
    let first = system.admin().await;
    let user = json!({"email": "second@example.com", "password": PASSWORD, "roles": ["admin"]});
    let user = first.create("/api/users", user).await;
    (Api::login(&system.urls, "second@example.com", PASSWORD).await, user)
}

#[tokio::test]
async fn a_logout_counts_in_all_services() {
    let place = Place::new();
    let system = place.start().await;
    let (admin, _) = second_admin(&system).await;
    for (status, _) in answers(&admin).await {
        assert_eq!(status, StatusCode::OK);
    }
    admin.send(Method::POST, &format!("{}/auth/logout", system.urls.bank), None).await;
    for answer in answers(&admin).await {
        assert_eq!(answer, (StatusCode::UNAUTHORIZED, json!("token_revoked")));
    }
    system.terminate().await;
}

#[tokio::test]
async fn a_block_and_a_lost_role_count_in_all_services() {
    let place = Place::new();
    let system = place.start().await;
    let (admin, user) = second_admin(&system).await;
    let entry = found("the log entry", LIMIT, async || admin.logs("user.created").await.pop()).await.0;
    let entry = format!("{}/api/logs/{}", system.urls.log, entry["id"].to_string().trim_matches('"'));
    let first = system.admin().await;
    let path = format!("/api/users/{}", user["id"]);
    first.update(&path, json!({"roles": ["user"]})).await;
    let (status, body) = admin.send(Method::DELETE, &entry, None).await;
    assert_eq!((status, &body["error"]), (StatusCode::FORBIDDEN, &json!("access_denied")));
    let (status, _) = admin.send(Method::GET, &format!("{}/api/emails", system.urls.email), None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    first.update(&path, json!({"is_blocked": true})).await;
    for (status, error) in answers(&admin).await {
        assert!(!status.is_success() && (error == "token_revoked" || error == "blocked"), "{status} {error}");
    }
    system.terminate().await;
}

/// Opens a stream, with a token or with a ticket in its URL.
async fn open(url: &str, token: Option<&str>) -> Response {
    let request = service_kit::http::client(Duration::from_mins(1)).get(url);
    let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK, "{url}");
    stream.chunk().await.unwrap().expect("it begins");
    stream
}

/// Reads until the server ends it.
async fn ended(mut stream: Response) {
    while stream.chunk().await.expect("the service ends it").is_some() {}
}

#[tokio::test]
async fn open_streams_of_all_services_end_with_their_session() {
    let place = Place::new();
    let system = place.start().await;
    let (admin, _) = second_admin(&system).await;
    let (bank, log) =
        (format!("{}/api/events/stream", system.urls.bank), format!("{}/api/logs/stream", system.urls.log));
    let mut streams = Vec::new();
    for url in [bank, log] {
        streams.push(open(&url, Some(&admin.token)).await);
        let (status, body) = admin.send(Method::POST, &format!("{url}/ticket"), None).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        streams.push(open(&format!("{url}?ticket={}", body["ticket"].as_str().unwrap()), None).await);
    }
    admin.send(Method::POST, &format!("{}/auth/logout", system.urls.bank), None).await;
    for stream in streams {
        ended(stream).await;
    }
    system.terminate().await;
}

#[tokio::test]
async fn a_stream_of_the_log_ends_when_its_reader_loses_the_right_to_it() {
    let place = Place::new();
    let system = place.start().await;
    let (admin, user) = second_admin(&system).await;
    let stream = open(&format!("{}/api/logs/stream", system.urls.log), Some(&admin.token)).await;
    system.admin().await.update(&format!("/api/users/{}", user["id"]), json!({"roles": ["user"]})).await;
    ended(stream).await;
    system.terminate().await;
}
