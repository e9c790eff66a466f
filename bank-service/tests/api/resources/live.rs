//! Live changes: visibility, resumption and end of streams.

use reqwest::Method;
use serde_json::{Value, json};
use test_support::eventually;

use super::fixture::{Fixture, id};
use super::stream::Stream;
use crate::harness::TestApp;
use crate::identity::authenticator::begin;

/// Two changes of the card: its own, and its balance by the transfer of the difference.
async fn set_balance(fixture: &Fixture, card: i64, balance: i64) {
    fixture.app.put(&fixture.admin.token, &format!("/api/cards/{card}"), json!({"balance": balance})).await.expect(200);
}

#[actix_web::test]
async fn each_sees_its_own_items_and_staff_sees_all() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (&fixture.ada, &fixture.bob);
    let mut adas = Stream::open(&fixture.app, ada.token(), "account,card", None).await;
    let mut bobs = Stream::open(&fixture.app, bob.token(), "account,card", None).await;
    let mut staffs = Stream::open(&fixture.app, &fixture.admin.token, "account,card", None).await;
    set_balance(&fixture, ada.card, 1).await;
    set_balance(&fixture, bob.card, 2).await;
    let opened = json!({"client_id": ada.client, "bank_id": fixture.bank});
    let account = id(&fixture.app.post(ada.token(), "/api/accounts", opened).await.item(201));
    fixture.app.delete(bob.token(), &format!("/api/cards/{}", bob.card)).await.expect(200);
    set_balance(&fixture, ada.card, 3).await;

    let names = [
        format!("update card {}", ada.card),
        format!("update card {}", bob.card),
        format!("create account {account}"),
        format!("delete card {}", bob.card),
        // What was left on the card went there: by the transfer, and then as the account's own change.
        format!("update account {}", bob.account),
    ];
    let [card_a, card_b, opened, gone, credited] = names.each_ref().map(String::as_str);
    assert_eq!(adas.names(5).await, [card_a, card_a, opened, card_a, card_a]);
    assert_eq!(bobs.names(6).await, [card_b, card_b, card_b, credited, gone, credited]);
    let first = [card_a, card_a, card_b, card_b, opened];
    let then = [card_b, credited, gone, credited, card_a, card_a];
    assert_eq!(staffs.names(11).await, [&first[..], &then].concat());
}

#[actix_web::test]
async fn an_owner_sees_what_goes_with_a_parent() {
    let fixture = Fixture::new().await;
    let mut adas = Stream::open(&fixture.app, fixture.ada.token(), "client,account,card", None).await;
    let mut bobs = Stream::open(&fixture.app, fixture.bob.token(), "client,account,card", None).await;
    fixture.app.delete(&fixture.admin.token, &format!("/api/clients/{}", fixture.ada.client)).await.expect(200);
    set_balance(&fixture, fixture.bob.card, 9).await;
    let (account, card, client) = (fixture.ada.account, fixture.ada.card, fixture.ada.client);
    let (of_card, of_account) = (format!("update card {card}"), format!("update account {account}"));
    let posted = [of_card.as_str(), &of_account, &of_account];
    assert_eq!(adas.names(3).await, posted, "what is left is posted first");
    let mut gone = adas.names(3).await;
    gone.sort();
    assert_eq!(
        gone,
        [format!("delete account {account}"), format!("delete card {card}"), format!("delete client {client}")]
    );
    assert_eq!(bobs.names(1).await, [format!("update card {}", fixture.bob.card)]);
}

#[actix_web::test]
async fn a_stream_that_comes_back_misses_nothing_and_gets_nothing_twice() {
    let fixture = Fixture::new().await;
    let card = fixture.ada.card;
    let balance = |data: &Value| data["item"]["balance"].as_i64().unwrap();
    let mut stream = Stream::open(&fixture.app, fixture.ada.token(), "card", None).await;
    for amount in 1..=3 {
        set_balance(&fixture, card, amount).await;
    }
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(balance(&stream.next().await.unwrap().1));
    }
    let last_id = stream.last_id.clone();
    drop(stream);
    for amount in 4..=6 {
        set_balance(&fixture, card, amount).await;
    }
    let mut stream = Stream::open(&fixture.app, fixture.ada.token(), "card", Some(&last_id)).await;
    set_balance(&fixture, card, 7).await;
    for _ in 0..10 {
        seen.push(balance(&stream.next().await.unwrap().1));
    }
    assert_eq!(seen, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]);
}

#[actix_web::test]
async fn a_stream_ends_with_its_session() {
    let fixture = Fixture::new().await;
    let mut stream = Stream::open(&fixture.app, fixture.ada.token(), "card", None).await;
    set_balance(&fixture, fixture.ada.card, 1).await;
    stream.names(2).await;
    let block = json!({"is_blocked": true});
    fixture.app.put(&fixture.admin.token, &format!("/api/users/{}", fixture.ada.person.id), block).await.expect(200);
    set_balance(&fixture, fixture.ada.card, 2).await;
    assert_eq!(stream.next().await, None);
}

#[actix_web::test]
async fn streams_are_bounded_and_their_parameters_checked() {
    let fixture = Fixture::new().await;
    let token = fixture.ada.token();
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(Stream::open(&fixture.app, token, "bank", None).await);
    }
    let path = "/api/events/stream";
    let refused = fixture.app.get(token, path).await;
    assert_eq!(refused.outcome(), (429, "too_many_requests"));
    assert!(refused.headers.contains_key("retry-after"));
    let head = fixture.app.send(fixture.app.request(Method::HEAD, path, Some(fixture.bob.token()))).await;
    assert_eq!((head.status.as_u16(), &head.headers["content-type"]), (200, &"text/event-stream".parse().unwrap()));
    for bad in ["?channels=security", "?channels=account,log", "?channels=", "?user_id=1"] {
        assert_eq!(
            fixture.app.get(token, &format!("{path}{bad}")).await.outcome(),
            (422, "validation_failed"),
            "{bad}"
        );
    }
    let request = fixture.app.request(Method::GET, path, Some(token)).header("Last-Event-ID", "-1");
    assert_eq!(fixture.app.send(request).await.outcome(), (400, "malformed_request"));
    let anonymous = fixture.app.send(fixture.app.request(Method::GET, path, None)).await;
    assert_eq!(anonymous.outcome(), (403, "access_denied"));
    let query = fixture.app.get(token, &format!("{path}?last_event_id=x")).await;
    assert_eq!(query.outcome(), (400, "malformed_request"));
    drop(streams);
    let opens = async || fixture.app.request(Method::GET, path, Some(token)).send().await.unwrap().status() == 200;
    eventually("closed streams have freed their slots", opens).await;
}

#[actix_web::test]
async fn a_client_that_was_disconnected_for_too_long_gets_a_reset() {
    let fixture = Fixture::new().await;
    let store = fixture.app.running.state.store.clone();
    let ctx = store.ctx(crate::harness::start_of_tests());
    let far = store.write(&ctx, |db, _| {
        use bank_service::store::schema::outbox::dsl::{id, outbox};
        use diesel::prelude::*;
        let last: i64 = outbox.select(id).order(id.desc()).first(db)?;
        diesel::update(outbox.filter(id.eq(last))).set(id.eq(last + 20_000)).execute(db)?;
        Ok::<_, bank_service::store::StoreError>(bank_service::store::Outcome::new(()))
    });
    far.await.unwrap();
    let request = fixture.app.request(Method::GET, "/api/events/stream?last_event_id=1", Some(fixture.ada.token()));
    let chunk = request.send().await.unwrap().chunk().await.unwrap().unwrap();
    let text = String::from_utf8(chunk.to_vec()).unwrap();
    assert!(text.contains("event: reset\n") && text.contains("data: {}\n"), "{text}");
}

#[actix_web::test]
async fn how_a_user_logs_in_changes_before_its_own_eyes_only() {
    let app = TestApp::start().await;
    let other = app.user("b@example.com").await;
    let mut theirs = Stream::open(&app, &other.token, "second_factor,recovery_code,login_method,user", None).await;
    let person = app.user("a@example.com").await;
    let mut own = Stream::open(&app, &person.token, "second_factor,recovery_code,login_method", None).await;
    let phone = begin(&app, &person).await;
    let body = json!({"otp": phone.code(&app)});
    app.post(&person.token, "/auth/mfa/totp/verify", body).await.expect(200);
    for expected in [("create", "second_factor"), ("create", "recovery_code")] {
        let (name, data) = own.next().await.unwrap();
        assert!(name.starts_with(&format!("{} {} ", expected.0, expected.1)), "{name}");
        assert_eq!(data["item"], json!({"user_id": person.id, "detail": null}), "{data}");
    }
    app.put(&other.token, "/auth/me", json!({"first_name": "Bob"})).await.expect(200);
    let (name, _) = theirs.next().await.unwrap();
    assert_eq!(name, format!("update user {}", other.id), "what is another's came first");
}
