//! Push notifications, from the request to the push service.

use std::sync::Arc;
use std::time::Duration;

use bank_service::config::Config;
use bank_service::consumers::SendPush;
use bank_service::push::{Fcm, FcmSettings, ServiceAccount};
use serde_json::{Value, json};
use service_kit::config::{AppEnv, Secret};
use service_kit::messaging::{Consumer, Delivery, HandlerResult};
use shared_events::WireMessage;
use stand_ins::fcm::{Behaviour, StandIn};

use super::devices::register;
use crate::harness::{Person, SECRET_KEY, TestApp};

const TOKEN: &str = "a-push-token-of-ada";
const WAIT_LIMIT: Duration = Duration::from_mins(1);

struct Scene {
    app: TestApp,
    ada: Person,
    device: i64,
    fcm: StandIn,
    consumer: SendPush,
}

impl Scene {
    async fn new(limit: Duration) -> Self {
        let app = TestApp::start().await;
        let ada = app.user("ada@example.com").await;
        let device = register(&app, &ada, "phone", TOKEN).await;
        let fcm = StandIn::start();
        let settings = FcmSettings {
            base_url: fcm.url.parse().unwrap(),
            account: ServiceAccount::parse(&fcm.credentials).unwrap(),
            limit,
        };
        let state = &app.running.state;
        let consumer = SendPush {
            store: state.store.clone(),
            clock: app.clock.clone(),
            identity: state.identity.clone(),
            sender: Arc::new(Fcm::new(settings, app.clock.clone())),
        };
        Self { app, ada, device, fcm, consumer }
    }

    /// Requests a notification, and delivers it to the consumer.
    async fn push(&self) -> HandlerResult {
        let path = format!("/api/devices/{}/push-test", self.device);
        self.app.post(&self.ada.token, &path, Value::Null).await.expect(202);
        // The limit is five a minute.
        self.app.clock.advance(Duration::from_secs(12));
        deliver(&self.app, &self.consumer).await
    }

    async fn devices(&self) -> usize {
        self.app.get(&self.ada.token, "/api/devices").await.expect(200)["results"].as_array().unwrap().len()
    }
}

/// Delivers the newest request to a consumer.
async fn deliver(app: &TestApp, consumer: &dyn Consumer) -> HandlerResult {
    let events = app.events().await;
    let request = events.iter().rev().find(|event| event.event_type.as_str() == "push.requested").unwrap();
    let message = WireMessage::encode(request).unwrap();
    consumer.handle(&[Delivery { message, attempt: 1, redelivered: false }]).await.remove(0)
}

fn retries(outcome: &HandlerResult) -> bool {
    matches!(outcome, HandlerResult::Retry { .. })
}

#[actix_web::test]
async fn a_notification_reaches_the_push_service_with_a_signed_grant() {
    let scene = Scene::new(WAIT_LIMIT).await;
    assert_eq!(scene.push().await, HandlerResult::Done);
    assert_eq!(scene.push().await, HandlerResult::Done);
    let message = json!({
        "token": TOKEN, "data": {"kind": "test"},
        "notification": {"title": "Test", "body": "Notifications reach this device."},
    });
    assert_eq!(scene.fcm.messages(), [message.clone(), message]);
    assert_eq!(scene.fcm.grants(), 1, "the access token is not kept");
    scene.app.clock.advance(Duration::from_mins(59));
    let (id, ada) = (scene.device, scene.app.person("ada@example.com").await);
    scene.app.post(&ada.token, &format!("/api/devices/{id}/push-test"), Value::Null).await.expect(202);
    assert_eq!(deliver(&scene.app, &scene.consumer).await, HandlerResult::Done);
    assert_eq!(scene.fcm.grants(), 2, "an access token is used until its end");
}

#[actix_web::test]
async fn a_push_service_that_fails_is_tried_again_and_one_that_refuses_is_not() {
    let scene = Scene::new(WAIT_LIMIT).await;
    for status in [500, 503, 429, 408, 404] {
        scene.fcm.answer_with(&[Behaviour::Status(status)]);
        assert!(retries(&scene.push().await), "{status}");
    }
    for status in [400, 403] {
        scene.fcm.answer_with(&[Behaviour::Status(status)]);
        assert!(matches!(scene.push().await, HandlerResult::Reject { .. }), "{status}");
    }
    assert_eq!((scene.fcm.messages().len(), scene.devices().await), (0, 1));
    assert_eq!(scene.push().await, HandlerResult::Done);
}

#[actix_web::test]
async fn an_access_token_that_is_refused_is_requested_anew_once() {
    let scene = Scene::new(WAIT_LIMIT).await;
    assert_eq!(scene.push().await, HandlerResult::Done);
    scene.fcm.answer_with(&[Behaviour::Status(401)]);
    assert_eq!(scene.push().await, HandlerResult::Done);
    assert_eq!((scene.fcm.grants(), scene.fcm.messages().len()), (2, 2));
    scene.fcm.answer_with(&[Behaviour::Status(401), Behaviour::Status(401)]);
    assert!(retries(&scene.push().await));
    assert_eq!(scene.fcm.grants(), 3);
}

#[actix_web::test]
async fn a_device_that_the_push_service_does_not_know_is_removed() {
    let scene = Scene::new(WAIT_LIMIT).await;
    scene.fcm.answer_with(&[Behaviour::Unregistered]);
    assert_eq!(scene.push().await, HandlerResult::Done);
    assert_eq!(scene.devices().await, 0);
    let events = scene.app.events().await;
    assert_eq!(events.last().unwrap().event_type.as_str(), "security.device_removed");
    assert_eq!(deliver(&scene.app, &scene.consumer).await, HandlerResult::Skipped);
}

#[actix_web::test]
async fn a_push_service_that_is_slow_or_unavailable_costs_a_retry() {
    let scene = Scene::new(Duration::from_millis(500)).await;
    scene.fcm.answer_with(&[Behaviour::Slow]);
    assert!(retries(&scene.push().await));
    scene.fcm.stop().await;
    assert!(retries(&scene.push().await));
    assert!(scene.consumer.dependency().await.is_err(), "an outage is not noticed");
}

#[actix_web::test]
async fn a_notification_is_tried_out_with_a_text_of_ones_own() {
    let scene = Scene::new(WAIT_LIMIT).await;
    let path = format!("/api/devices/{}/push-test", scene.device);
    let notification = json!({"title": "Olá", "body": "Is this thing on?"});
    scene.app.post(&scene.ada.token, &path, notification).await.expect(202);
    assert_eq!(deliver(&scene.app, &scene.consumer).await, HandlerResult::Done);
    let message = scene.fcm.messages().pop().unwrap().to_string();
    assert!(message.contains("Olá") && message.contains("Is this thing on?"), "{message}");
    let long = "x".repeat(501);
    for (bad, field) in [
        (json!({"title": ""}), "title"),
        (json!({"title": " "}), "title"),
        (json!({"title": "x".repeat(101)}), "title"),
        (json!({"body": long}), "body"),
        (json!({"body": "two\nlines"}), "body"),
        (json!({"data": {}}), "data"),
    ] {
        let answer = scene.app.post(&scene.ada.token, &path, bad).await;
        assert_eq!(answer.outcome(), (422, "validation_failed"));
        assert!(answer.body["errors"][field].is_array(), "{}", answer.body);
    }
    let request = scene.app.request(reqwest::Method::POST, &path, Some(&scene.ada.token));
    let text = request.header("Content-Type", "text/plain").body("{}");
    assert_eq!(scene.app.send(text).await.outcome(), (415, "unsupported_media_type"));
}

#[actix_web::test]
async fn a_notification_does_not_follow_its_token_to_another_user() {
    let scene = Scene::new(WAIT_LIMIT).await;
    let path = format!("/api/devices/{}/push-test", scene.device);
    scene.app.post(&scene.ada.token, &path, Value::Null).await.expect(202);
    let bob = scene.app.user("bob@example.com").await;
    register(&scene.app, &bob, "phone", TOKEN).await;
    assert_eq!(deliver(&scene.app, &scene.consumer).await, HandlerResult::Skipped);
    assert_eq!(scene.fcm.messages(), Vec::<Value>::new());
}

#[actix_web::test]
async fn a_new_login_notifies_the_devices_and_without_a_push_service_becomes_a_file() {
    let folder = tempfile::TempDir::new().unwrap();
    let push_folder = folder.path().join("push");
    let app = TestApp::start_with(|config| config.push.push_folder = Some(push_folder.clone())).await;
    let ada = app.user("ada@example.com").await;
    register(&app, &ada, "phone", TOKEN).await;
    app.person("ada@example.com").await;
    let (settings, consumer) = app.running.push_notifications();
    assert_eq!(settings.queue, "bank-service.push");
    consumer.dependency().await.unwrap();
    assert_eq!(deliver(&app, consumer.as_ref()).await, HandlerResult::Done);
    assert_eq!(deliver(&app, consumer.as_ref()).await, HandlerResult::Done);
    let files: Vec<_> = std::fs::read_dir(&push_folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&files[0]).unwrap()).unwrap();
    assert_eq!(written["message"]["notification"]["title"], "New login");
    assert!(!written.to_string().contains(TOKEN));
}

#[actix_web::test]
async fn production_refuses_a_push_service_by_plain_http_beyond_this_machine() {
    let folder = tempfile::TempDir::new().unwrap();
    let credentials = folder.path().join("key.json");
    std::fs::write(&credentials, &StandIn::start().credentials).unwrap();
    let check = |app_env, base_url: &str| {
        let mut config = Config {
            app_env,
            secret_key: Some(Secret::new(SECRET_KEY)),
            public_url: "https://bank.example".to_owned(),
            ..Config::default()
        };
        config.push.push_credentials_file = Some(credentials.clone());
        config.push.push_base_url = base_url.to_owned();
        config.check().map(drop).map_err(|error| error.to_string())
    };
    let error = check(AppEnv::Production, "http://push.test").unwrap_err();
    assert!(error.contains("PUSH_BASE_URL: plain http"), "{error}");
    for (app_env, base_url) in [
        (AppEnv::Production, "https://push.test"),
        (AppEnv::Production, "http://127.0.0.1:1"),
        (AppEnv::Staging, "http://push.test"),
    ] {
        assert_eq!(check(app_env, base_url), Ok(()), "{app_env:?} {base_url}");
    }
}
