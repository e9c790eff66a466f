//! Wrong passwords delay only logins from the device, or the network, that they come from.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, PASSWORD, TestApp};

pub(super) const ADDRESS: &str = "v@example.com";
pub(super) const WRONG: &str = "a wrong password";
const OTHER: &str = "another horse, another staple";

async fn app() -> TestApp {
    TestApp::start_with(|config| "127.0.0.1".clone_into(&mut config.trusted_proxies)).await
}

/// A login from an address, on a device if a token is given.
pub(super) async fn log_in(app: &TestApp, from: &str, device: Option<&str>, password: &str) -> Answer {
    let request = app.request(Method::POST, "/auth/login", None).header("X-Forwarded-For", from);
    let request = device.iter().fold(request, |request, token| request.header("X-Device-Token", *token));
    app.send(request.json(&json!({"email": ADDRESS, "password": password}))).await
}

pub(super) fn device_of(answer: &Answer) -> String {
    answer.body["device_token"].as_str().unwrap_or_else(|| panic!("no device token: {}", answer.body)).to_owned()
}

pub(super) async fn registered() -> TestApp {
    let app = app().await;
    app.post_anonymous("/auth/register", json!({"email": ADDRESS, "password": PASSWORD})).await.expect(201);
    app
}

#[actix_web::test]
async fn a_stranger_who_goes_on_for_ever_slows_down_its_own_network_only() {
    let app = registered().await;
    for _ in 0..60 {
        assert_eq!(log_in(&app, "192.0.2.1", None, WRONG).await.status.as_u16(), 401);
        app.clock.advance(Duration::from_secs(30));
    }
    assert_eq!(log_in(&app, "192.0.2.99", None, PASSWORD).await.outcome(), (401, "invalid_credentials"), "one network");
    assert_eq!(log_in(&app, "198.51.100.1", None, PASSWORD).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn failures_fade_by_the_hour() {
    let app = registered().await;
    for _ in 0..7 {
        log_in(&app, "192.0.2.1", None, WRONG).await;
        app.clock.advance(Duration::from_mins(1));
    }
    app.clock.advance(Duration::from_hours(3));
    for _ in 0..4 {
        log_in(&app, "192.0.2.1", None, WRONG).await;
    }
    assert_eq!(log_in(&app, "192.0.2.1", None, PASSWORD).await.status.as_u16(), 200);
}

/// A hundred wrong passwords, each from another network.
pub(super) async fn reach_the_ceiling(app: &TestApp) {
    for n in 0..100 {
        assert_eq!(log_in(app, &format!("203.0.{n}.1"), None, WRONG).await.status.as_u16(), 401);
    }
}

#[actix_web::test]
async fn a_hundred_failures_from_everywhere_close_the_account_to_unknown_networks_for_a_day() {
    let app = registered().await;
    let device = device_of(&log_in(&app, "192.0.2.1", None, PASSWORD).await);
    reach_the_ceiling(&app).await;
    assert_eq!(log_in(&app, "198.51.100.1", None, PASSWORD).await.outcome(), (401, "invalid_credentials"));
    assert_eq!(log_in(&app, "198.51.100.1", Some(&device), PASSWORD).await.status.as_u16(), 200, "the device is known");
    reach_the_ceiling(&app).await;
    assert_eq!(log_in(&app, "192.0.2.200", None, PASSWORD).await.status.as_u16(), 200, "the network is known");
    reach_the_ceiling(&app).await;
    let forgot = app.post_anonymous("/auth/password/forgot", json!({"email": ADDRESS})).await;
    forgot.expect(202);
    app.newest_mail(ADDRESS, "reset-password").await;
    assert_eq!(log_in(&app, "198.51.101.1", None, PASSWORD).await.status.as_u16(), 401);
    app.clock.advance(Duration::from_hours(24));
    assert_eq!(log_in(&app, "198.51.101.1", None, PASSWORD).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn a_login_of_the_owner_clears_the_failures_of_strangers_but_opens_no_closed_account() {
    let app = registered().await;
    for part in 0..2 {
        for n in 0..60 {
            log_in(&app, &format!("203.{part}.{n}.1"), None, WRONG).await;
        }
        let unknown = format!("192.0.{part}.1");
        assert_eq!(log_in(&app, &unknown, None, PASSWORD).await.status.as_u16(), 200, "60 in a row");
    }
    let device = device_of(&log_in(&app, "192.0.2.1", None, PASSWORD).await);
    reach_the_ceiling(&app).await;
    for known in [Some(device.as_str()), None] {
        assert_eq!(log_in(&app, "192.0.2.1", known, PASSWORD).await.status.as_u16(), 200);
        assert_eq!(log_in(&app, "198.51.100.1", None, PASSWORD).await.status.as_u16(), 401, "still closed");
    }
    app.clock.advance(Duration::from_hours(24));
    assert_eq!(log_in(&app, "198.51.100.1", None, PASSWORD).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn wrong_passwords_with_a_device_token_count_on_it_alone_and_ten_void_it() {
    let app = registered().await;
    let device = device_of(&log_in(&app, "192.0.2.1", None, PASSWORD).await);
    for _ in 0..9 {
        log_in(&app, "192.0.2.1", Some(&device), WRONG).await;
    }
    assert_eq!(log_in(&app, "192.0.2.1", None, PASSWORD).await.status.as_u16(), 200, "nothing counts on the network");
    log_in(&app, "192.0.2.1", Some(&device), WRONG).await;
    for _ in 0..5 {
        log_in(&app, "192.0.2.1", Some(&device), WRONG).await;
    }
    let late = log_in(&app, "192.0.2.1", Some(&device), PASSWORD).await;
    assert_eq!(late.outcome(), (401, "invalid_credentials"), "the token is void, so the network counts");
}

#[actix_web::test]
async fn a_device_token_is_one_users_for_thirty_days_and_new_at_each_login() {
    let app = registered().await;
    app.user("other@example.com").await;
    let device = device_of(&log_in(&app, "192.0.2.1", None, PASSWORD).await);
    assert!(!app.holds(&device).await, "it is kept by its hash");
    let foreign = device_of(&app.login("other@example.com", PASSWORD).await);
    for _ in 0..5 {
        log_in(&app, "192.0.2.1", Some(&foreign), WRONG).await;
    }
    assert_eq!(log_in(&app, "192.0.2.1", Some(&foreign), PASSWORD).await.status.as_u16(), 401);
    let next = device_of(&log_in(&app, "192.0.2.1", Some(&device), PASSWORD).await);
    for _ in 0..5 {
        log_in(&app, "192.0.2.1", None, WRONG).await;
    }
    assert_eq!(log_in(&app, "192.0.2.1", Some(&device), PASSWORD).await.status.as_u16(), 401, "followed by the next");
    assert_eq!(log_in(&app, "192.0.2.1", Some(&next), PASSWORD).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn a_change_of_the_password_keeps_the_changers_device_only() {
    let app = registered().await;
    let elsewhere = device_of(&log_in(&app, "198.51.100.1", None, PASSWORD).await);
    let here = log_in(&app, "192.0.2.1", None, PASSWORD).await;
    let (device, token) = (device_of(&here), here.body["access_token"].as_str().unwrap());
    let body = json!({"existing_password": PASSWORD, "new_password": OTHER});
    app.put(token, "/auth/password", body).await.expect(200);
    for _ in 0..5 {
        log_in(&app, "192.0.2.1", None, WRONG).await;
    }
    assert_eq!(log_in(&app, "192.0.2.1", Some(&elsewhere), OTHER).await.status.as_u16(), 401);
    assert_eq!(log_in(&app, "192.0.2.1", Some(&device), OTHER).await.status.as_u16(), 200);
    assert_eq!(app.sql_number("SELECT COUNT(*) FROM known_networks").await, 1, "that of the change");
}

#[actix_web::test]
async fn loopback_and_trusted_proxies_are_no_known_networks() {
    let app = registered().await;
    app.login(ADDRESS, PASSWORD).await.expect(200);
    assert_eq!(app.sql_number("SELECT COUNT(*) FROM known_networks").await, 0);
    log_in(&app, "192.0.2.1", None, PASSWORD).await.expect(200);
    assert_eq!(app.sql_number("SELECT COUNT(*) FROM known_networks").await, 1);
}

#[actix_web::test]
async fn unknown_addresses_leave_the_same_rows_and_no_row_reveals_an_address() {
    let app = registered().await;
    // The counters of the registration's mail.
    let before = app.sql_number("SELECT COUNT(*) FROM counters").await;
    log_in(&app, "192.0.2.1", None, WRONG).await;
    let known = app.sql_number("SELECT COUNT(*) FROM counters").await;
    let request = app.request(Method::POST, "/auth/login", None).header("X-Forwarded-For", "192.0.2.1");
    app.send(request.json(&json!({"email": "nobody@example.com", "password": WRONG}))).await;
    let after = app.sql_number("SELECT COUNT(*) FROM counters").await;
    assert_eq!((known - before, after - known), (2, 2));
    assert!(!app.holds("nobody@example.com").await);
}

#[actix_web::test]
async fn passwords_given_again_in_a_session_count_apart_from_logins() {
    let app = registered().await;
    let person = app.person(ADDRESS).await;
    for _ in 0..20 {
        log_in(&app, "127.0.0.1", None, WRONG).await;
    }
    app.post(&person.token, "/auth/reauth", json!({"password": PASSWORD})).await.expect(200);
    for _ in 0..20 {
        app.post(&person.token, "/auth/reauth", json!({"password": WRONG})).await;
    }
    assert_eq!(app.post(&person.token, "/auth/reauth", json!({"password": PASSWORD})).await.status.as_u16(), 401);
    assert_eq!(log_in(&app, "192.0.2.1", None, PASSWORD).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn a_browser_gets_its_device_token_as_a_cookie_and_is_known_by_it() {
    let app = registered().await;
    let answer = app.login(ADDRESS, PASSWORD).await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    let device = device_of(&answer);
    assert_eq!(cookie, format!("device={device}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"));
    for _ in 0..5 {
        app.login(ADDRESS, WRONG).await;
    }
    let request = app.request(Method::POST, "/auth/login", None).header("Cookie", format!("device={device}"));
    let known = app.send(request.json(&json!({"email": ADDRESS, "password": PASSWORD}))).await;
    assert_eq!(known.status.as_u16(), 200);
    let tls = TestApp::start_with(|config| "https://bank.example".clone_into(&mut config.public_url)).await;
    tls.user(ADDRESS).await;
    let answer = tls.login(ADDRESS, PASSWORD).await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-device=") && cookie.ends_with("; Secure"), "{cookie}");
}
