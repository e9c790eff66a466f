//! The network and the device that a password was reset from stay known, and no others do.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::throttle::{ADDRESS, WRONG, device_of, log_in, reach_the_ceiling, registered};
use crate::harness::{Answer, PASSWORD, TestApp};

const OTHER: &str = "another horse, another staple";

/// A request without a session from an address, on a device if a token is given.
async fn post_from(app: &TestApp, from: &str, device: Option<&str>, path: &str, body: Value) -> Answer {
    let request = app.request(Method::POST, path, None).header("X-Forwarded-For", from);
    let request = device.iter().fold(request, |request, token| request.header("X-Device-Token", *token));
    app.send(request.json(&body)).await
}

/// The secret of a new link, which was requested from elsewhere.
async fn link(app: &TestApp) -> String {
    app.clock.advance(Duration::from_mins(1));
    post_from(app, "192.0.9.1", None, "/auth/password/forgot", json!({"email": ADDRESS})).await.expect(202);
    app.newest_mail(ADDRESS, "reset-password").await.token().to_owned()
}

async fn reset(app: &TestApp, from: &str, device: Option<&str>, token: &str) {
    let body = json!({"token": token, "password": OTHER});
    post_from(app, from, device, "/auth/password/reset", body).await.expect(200);
}

async fn status(app: &TestApp, from: &str, device: Option<&str>) -> u16 {
    log_in(app, from, device, OTHER).await.status.as_u16()
}

#[actix_web::test]
async fn the_network_of_a_reset_is_known_while_the_account_is_closed_to_unknown_ones() {
    let app = registered().await;
    let device = device_of(&log_in(&app, "192.0.2.1", None, PASSWORD).await);
    reach_the_ceiling(&app).await;
    let token = link(&app).await;
    reset(&app, "198.51.100.1", Some(&device), &token).await;
    assert_eq!(status(&app, "192.0.2.1", None).await, 401, "known before the reset");
    assert_eq!(status(&app, "192.0.9.1", None).await, 401, "the network that the link was requested from");
    assert_eq!(status(&app, "192.0.9.1", Some(&device)).await, 401, "an account's first reset keeps no device");
    assert_eq!(status(&app, "198.51.100.200", None).await, 200);
    assert_eq!(app.sql_number("SELECT COUNT(*) FROM known_networks").await, 1);
}

#[actix_web::test]
async fn a_later_reset_keeps_the_device_of_its_client_only() {
    let app = registered().await;
    let token = link(&app).await;
    reset(&app, "192.0.2.1", None, &token).await;
    let elsewhere = device_of(&log_in(&app, "192.0.3.1", None, OTHER).await);
    let device = device_of(&log_in(&app, "192.0.2.1", None, OTHER).await);
    reach_the_ceiling(&app).await;
    let token = link(&app).await;
    reset(&app, "198.51.100.1", Some(&device), &token).await;
    assert_eq!(status(&app, "192.0.3.1", Some(&elsewhere)).await, 401, "another device, in a network known before");
    assert_eq!(status(&app, "192.0.9.1", Some(&device)).await, 200);
}

#[actix_web::test]
async fn a_reset_clears_the_delay_of_its_network() {
    let app = registered().await;
    let token = link(&app).await;
    for from in ["192.0.2.1", "198.51.100.1"] {
        for _ in 0..5 {
            log_in(&app, from, None, WRONG).await;
        }
    }
    reset(&app, "192.0.2.1", None, &token).await;
    assert_eq!(status(&app, "192.0.2.1", None).await, 200);
    assert_eq!(status(&app, "198.51.100.1", None).await, 401, "another network");
}

#[actix_web::test]
async fn a_request_or_a_guess_makes_no_network_known() {
    let app = registered().await;
    let from = "198.51.100.1";
    post_from(&app, from, None, "/auth/password/forgot", json!({"email": ADDRESS})).await.expect(202);
    let by_link = json!({"token": "A".repeat(43), "password": OTHER});
    let by_code = json!({"email": ADDRESS, "verification_code": "00000000", "password": OTHER});
    for body in [by_link, by_code] {
        let answer = post_from(&app, from, None, "/auth/password/reset", body).await;
        assert_eq!(answer.status.as_u16(), 401);
    }
    assert_eq!(app.sql_number("SELECT COUNT(*) FROM known_networks").await, 0);
}
