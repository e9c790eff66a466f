//! Mails and guesses by strangers are bounded, and do not use up the owner's share.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, TestApp};

const ADDRESS: &str = "victim@example.com";
const OTHER: &str = "another horse, another staple";

async fn app() -> TestApp {
    TestApp::start_with(|config| "127.0.0.1".clone_into(&mut config.trusted_proxies)).await
}

async fn post_from(app: &TestApp, client: &str, path: &str, body: Value) -> Answer {
    app.send(app.request(Method::POST, path, None).header("X-Forwarded-For", client).json(&body)).await
}

async fn forgot_from(app: &TestApp, client: &str) {
    post_from(app, client, "/auth/password/forgot", json!({"email": ADDRESS})).await.expect(202);
    app.clock.advance(Duration::from_secs(61));
}

async fn reset_mails(app: &TestApp) -> usize {
    app.mails(ADDRESS).await.iter().filter(|mail| mail.0.template == "reset-password").count()
}

async fn reset_by(app: &TestApp, token: &str) -> u16 {
    app.post_anonymous("/auth/password/reset", json!({"token": token, "password": OTHER})).await.status.as_u16()
}

#[actix_web::test]
async fn the_last_three_links_stay_good_until_one_is_used() {
    let app = app().await;
    app.user(ADDRESS).await;
    let mut tokens = Vec::new();
    for n in 0..4 {
        forgot_from(&app, &format!("192.0.{n}.1")).await;
        tokens.push(app.newest_mail(ADDRESS, "reset-password").await.token().to_owned());
    }
    assert_eq!(reset_by(&app, &tokens[0]).await, 401, "three at most");
    assert_eq!(reset_by(&app, &tokens[1]).await, 200);
    assert_eq!(reset_by(&app, &tokens[2]).await, 401, "void with the one that was used");
    assert_eq!(reset_by(&app, &tokens[3]).await, 401);
}

#[actix_web::test]
async fn three_mails_an_hour_and_thirty_a_day_go_to_an_address_for_strangers() {
    let app = app().await;
    app.user(ADDRESS).await;
    for _ in 0..5 {
        forgot_from(&app, "192.0.2.1").await;
    }
    assert_eq!(reset_mails(&app).await, 3, "of one network");
    let kept = app.newest_mail(ADDRESS, "reset-password").await.token().to_owned();
    forgot_from(&app, "192.0.2.2").await;
    assert_eq!(reset_mails(&app).await, 3, "its neighbours are the same network");
    for n in 0..40 {
        forgot_from(&app, &format!("198.51.{n}.1")).await;
    }
    assert_eq!(reset_mails(&app).await, 29, "thirty over all, with that of the registration");
    assert_eq!(reset_by(&app, &kept).await, 401, "by now there are newer ones");
}

#[actix_web::test]
async fn a_mail_that_is_not_sent_voids_no_link() {
    let app = app().await;
    app.user(ADDRESS).await;
    for _ in 0..10 {
        forgot_from(&app, "192.0.2.1").await;
    }
    let first = app.mails(ADDRESS).await.into_iter().find(|mail| mail.0.template == "reset-password").unwrap();
    assert_eq!(reset_by(&app, first.token()).await, 200);
}

#[actix_web::test]
async fn an_owner_on_a_known_network_is_not_held_up_by_strangers() {
    let app = app().await;
    app.verified_user(ADDRESS).await;
    post_from(&app, "203.0.113.1", "/auth/login", json!({"email": ADDRESS, "password": PASSWORD})).await.expect(200);
    for n in 0..40 {
        forgot_from(&app, &format!("198.51.{n}.1")).await;
    }
    let before = reset_mails(&app).await;
    for _ in 0..5 {
        forgot_from(&app, "203.0.113.9").await;
    }
    assert_eq!(reset_mails(&app).await, before + 5);
}

#[actix_web::test]
async fn mails_to_a_third_party_are_bounded_too() {
    let app = app().await;
    let person = app.user("a@example.com").await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let answer = app.post(&person.token, "/auth/email/change", json!({"email": ADDRESS})).await;
        statuses.push(answer.status.as_u16());
        app.clock.advance(Duration::from_secs(61));
    }
    assert_eq!(statuses, [202, 202, 202, 429]);
}

/// Only an account with a verified address knows networks and devices: before that the account may be a stranger's.
#[actix_web::test]
async fn a_known_device_makes_nobody_owner_of_another_or_of_an_unverified_address() {
    let app = app().await;
    app.post_anonymous("/auth/register", json!({"email": ADDRESS, "password": PASSWORD})).await.expect(201);
    let login = json!({"email": ADDRESS, "password": PASSWORD});
    let tokens = post_from(&app, "203.0.113.1", "/auth/login", login).await.expect(200);
    let (token, device) = (tokens["access_token"].as_str().unwrap(), tokens["device_token"].as_str().unwrap());
    let ask = async |path: &str, body: Value| {
        let request = app.request(Method::POST, path, Some(token)).header("X-Forwarded-For", "203.0.113.1");
        let answer = app.send(request.header("X-Device-Token", device).json(&body)).await;
        app.clock.advance(Duration::from_secs(61));
        answer.status.as_u16()
    };
    for (path, body) in
        [("/auth/email/change", json!({"email": "third@example.com"})), ("/auth/email/verification", json!({}))]
    {
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(ask(path, body.clone()).await);
        }
        assert_eq!(statuses, [202, 202, 202, 429], "{path}");
    }
    for _ in 0..5 {
        forgot_from(&app, "203.0.113.1").await;
    }
    assert_eq!(reset_mails(&app).await, 0, "the share of the address is used up");
}

#[actix_web::test]
async fn mailed_codes_have_eight_characters_and_are_known_however_they_are_typed() {
    let app = app().await;
    app.user(ADDRESS).await;
    forgot_from(&app, "192.0.2.1").await;
    let code = app.newest_mail(ADDRESS, "reset-password").await.code().to_owned();
    assert!(code.len() == 8 && code.bytes().all(|byte| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&byte)), "{code}");
    let typed = format!(" {}-{} ", code[..4].to_lowercase(), &code[4..]);
    let body = json!({"email": ADDRESS, "verification_code": typed, "password": OTHER});
    app.post_anonymous("/auth/password/reset", body).await.expect(200);
}

#[actix_web::test]
async fn twenty_wrong_codes_an_hour_from_a_network_end_its_guesses_for_all_accounts() {
    let app = app().await;
    app.user(ADDRESS).await;
    app.user("other@example.com").await;
    let wrong = async |client: &str, email: &str| {
        let body = json!({"email": email, "verification_code": "00000000", "password": OTHER});
        post_from(&app, client, "/auth/password/reset", body).await.outcome().0
    };
    for n in 0..20 {
        assert_eq!(wrong(&format!("192.0.2.{n}"), "other@example.com").await, 401);
    }
    forgot_from(&app, "203.0.113.1").await;
    let code = app.newest_mail(ADDRESS, "reset-password").await.code().to_owned();
    let right = json!({"email": ADDRESS, "verification_code": code, "password": OTHER});
    let closed = post_from(&app, "192.0.2.200", "/auth/password/reset", right.clone()).await;
    assert_eq!(closed.outcome(), (401, "invalid_credentials"), "even the right one");
    post_from(&app, "203.0.113.1", "/auth/password/reset", right).await.expect(200);
}

#[actix_web::test]
async fn text_messages_need_a_verified_address_and_go_to_a_number_five_times_a_day() {
    let app = app().await;
    let person = app.user(ADDRESS).await;
    let ask = async |token: &str| app.post(token, "/auth/phone", json!({"phone": "+4915112345678"})).await;
    assert_eq!(ask(&person.token).await.outcome(), (409, "conflict"));
    let mut statuses = Vec::new();
    for n in 0..6 {
        let person = app.verified_user(&format!("user{n}@example.com")).await;
        statuses.push(ask(&person.token).await.status.as_u16());
    }
    assert_eq!(statuses, [202, 202, 202, 202, 202, 429]);
}

#[actix_web::test]
async fn a_number_is_taken_as_people_write_it() {
    let app = app().await;
    let person = app.verified_user(ADDRESS).await;
    for written in ["+49 151 1234-5678", "0049 (151) 12345678"] {
        let answer = app.post(&person.token, "/auth/phone", json!({"phone": written})).await;
        assert_eq!(answer.status.as_u16(), 202, "{}", answer.body);
        app.clock.advance(Duration::from_secs(61));
    }
}

#[actix_web::test]
async fn above_the_expected_number_an_alarm_is_raised_and_strangers_get_less() {
    let app = TestApp::start_with(|config| {
        "127.0.0.1".clone_into(&mut config.trusted_proxies);
        // Three registrations, and four more mails.
        config.mail_alarm_hourly = 7;
    })
    .await;
    for name in ["a@example.com", "b@example.com", ADDRESS] {
        app.user(name).await;
    }
    let alarm = || app.running.state.metrics.render().contains("bank_messages_above_alarm_total{kind=\"mail\"} 1");
    let ask = async |client: &str, email: &str| {
        post_from(&app, client, "/auth/password/forgot", json!({"email": email})).await.expect(202);
        app.clock.advance(Duration::from_secs(61));
    };
    for _ in 0..2 {
        ask("192.0.2.1", "a@example.com").await;
        ask("192.0.2.1", "b@example.com").await;
    }
    assert!(!alarm());
    for _ in 0..3 {
        ask("192.0.2.1", ADDRESS).await;
    }
    assert!(alarm(), "{}", app.running.state.metrics.render());
    assert_eq!(reset_mails(&app).await, 1, "an hour from a network");
    app.clock.advance(Duration::from_hours(1));
    for _ in 0..2 {
        ask("192.0.2.1", ADDRESS).await;
    }
    assert_eq!(reset_mails(&app).await, 3, "the hour is over");
}

#[actix_web::test]
async fn registrations_count_in_the_alarm() {
    let app = TestApp::start_with(|config| config.mail_alarm_hourly = 2).await;
    let alarm = || app.running.state.metrics.render().contains("bank_messages_above_alarm_total{kind=\"mail\"} 1");
    for (address, rings) in [("a@example.com", false), ("b@example.com", false), ("c@example.com", true)] {
        app.user(address).await;
        assert_eq!(alarm(), rings, "{address}");
    }
}

#[actix_web::test]
async fn notices_to_an_address_are_bounded_until_it_is_verified_and_each_stays_on_record() {
    let app = TestApp::start().await;
    let (stranger, owner) = (app.user(ADDRESS).await, app.verified_user("own@example.com").await);
    for (person, address, sent) in [(stranger, ADDRESS, 3), (owner, "own@example.com", 8)] {
        let mut passwords = [PASSWORD, OTHER];
        for _ in 0..8 {
            let body = json!({"existing_password": passwords[0], "new_password": passwords[1]});
            app.put(&person.token, "/auth/password", body).await.expect(200);
            passwords.reverse();
        }
        let notices = app.mails(address).await.into_iter().filter(|mail| mail.0.template == "notice");
        assert_eq!(notices.count(), sent, "{address}");
        let events = app.events().await;
        let changes = events.iter().filter(|event| event.event_type.as_str() == "security.password_changed");
        assert_eq!(changes.filter(|event| event.body.data["user_id"] == person.id).count(), 8, "{address}");
    }
    forgot_from(&app, "127.0.0.1").await;
    assert_eq!(reset_mails(&app).await, 1, "notices take nothing from who asks to reset the password");
}

#[actix_web::test]
async fn the_last_text_message_of_an_hour_and_each_that_is_refused_are_reported() {
    let app = TestApp::start_with(|config| config.sms.sms_total_hourly = 2).await;
    let alarm_count = || {
        let metrics = app.running.state.metrics.render();
        let name = "bank_messages_above_alarm_total{kind=\"text_message\"} ";
        metrics.lines().find_map(|line| line.strip_prefix(name)).map_or(0, |count| count.parse::<u32>().unwrap())
    };
    for (number, (status, count)) in [(202, 0), (202, 1), (429, 2)].into_iter().enumerate() {
        let person = app.verified_user(&format!("u{number}@example.com")).await;
        let body = json!({"phone": format!("+4915112345{number}78")});
        let answer = app.post(&person.token, "/auth/phone", body).await;
        assert_eq!((answer.status.as_u16(), alarm_count()), (status, count), "{number}");
    }
}
