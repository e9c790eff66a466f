//! Entries of transfers: both owners see them, each its own half only.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared_events::events::{Event as _, TransferPosted};

use crate::harness::{App, Who, event, send};
use crate::stream::Events;

const SENDER: Who = Who::User(SENDER_ID);
const RECEIVER: Who = Who::User(RECEIVER_ID);
const STRANGER: Who = Who::User(9);
const STAFF: Who = Who::Manager;
/// Numbers that stand nowhere else in an entry.
const SENDER_ID: i64 = 70_707_070_707;
const RECEIVER_ID: i64 = 80_808_080_808;
const SENDER_HAS: i64 = 7_000_000_004_711;
const RECEIVER_HAS: i64 = 8_000_000_008_822;
const SENDER_SEQ: i64 = 717_171_717;
const RECEIVER_SEQ: i64 = 828_282_828;

/// The body of a POST about a transfer that this user caused.
fn transfer(actor: Option<i64>, message: &str) -> Value {
    let mut data = serde_json::to_value(TransferPosted::example()).unwrap();
    for (side, user, balance, seq) in
        [("from", SENDER_ID, SENDER_HAS, SENDER_SEQ), ("to", RECEIVER_ID, RECEIVER_HAS, RECEIVER_SEQ)]
    {
        data[side]["user_id"] = json!(user);
        data[side]["balance_after"] = json!(balance);
        data[side]["seq"] = json!(seq);
    }
    let mut body = event(actor, message);
    (body["event_type"], body["data"]) = (json!("transfer.posted"), data);
    body
}

/// The entry as the owner of the other side sees it.
fn without(item: &Value, side: &str) -> Value {
    let mut half = item.clone();
    half["data"][side] = json!({"account_id": item["data"][side]["account_id"]});
    half
}

fn path_of(item: &Value) -> String {
    format!("/api/logs/{}", item["id"].as_str().unwrap())
}

async fn total(app: &App, who: Who, query: &str) -> Value {
    app.get(who, &format!("/api/logs?{query}")).await.json()["total"].clone()
}

#[actix_web::test]
async fn each_owner_sees_its_own_half_on_every_route_and_staff_sees_the_whole() {
    let app = App::start().await;
    let mut streams = Vec::new();
    for who in [SENDER, RECEIVER, STAFF] {
        streams.push(Events::open(&app, who, "", None).await);
    }
    let item = app.record(transfer(Some(SENDER_ID), "Transfer posted")).await;
    let mut of_receiver = without(&item, "from");
    of_receiver["user_id"] = Value::Null;
    let shown = [(SENDER, without(&item, "to")), (RECEIVER, of_receiver), (STAFF, item.clone())];
    for ((who, expected), stream) in shown.into_iter().zip(&mut streams) {
        let list = app.get(who, "/api/logs").await.json();
        assert_eq!((&list["total"], &list["results"]), (&json!(1), &json!([expected])), "{who:?}");
        let walk = app.get(who, "/api/logs?after=&order=desc").await.json();
        assert_eq!(walk["results"], json!([expected]), "{who:?}");
        assert_eq!(app.get(who, &path_of(&item)).await.json(), expected, "{who:?}");
        let lines = app.get(who, "/api/logs/export").await.text;
        assert_eq!(serde_json::from_str::<Value>(&lines).unwrap(), expected, "{who:?}");
        let csv = app.get(who, "/api/logs/export?format=csv").await.text;
        for (side, figures) in [("from", [SENDER_HAS, SENDER_SEQ]), ("to", [RECEIVER_HAS, RECEIVER_SEQ])] {
            let is_shown = expected["data"][side]["seq"].is_i64();
            for figure in figures {
                assert_eq!(csv.contains(&figure.to_string()), is_shown, "{figure} for {who:?} in {csv}");
            }
        }
        assert_eq!(stream.log().await, expected, "{who:?}");
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn a_stranger_to_both_sides_sees_nothing_of_a_transfer() {
    let app = App::start().await;
    let mut stream = Events::open(&app, STRANGER, "", None).await;
    let item = app.record(transfer(Some(SENDER_ID), "of others")).await;
    assert_eq!(total(&app, STRANGER, "").await, 0);
    assert_eq!(app.get(STRANGER, &path_of(&item)).await.error(), "access_denied");
    assert_eq!(app.get(STRANGER, "/api/logs/export").await.text, "");
    app.record(event(Some(9), "own")).await;
    assert_eq!(stream.log().await["message"], "own");
    app.running.stop().await;
}

#[actix_web::test]
async fn an_actor_who_owns_neither_side_sees_neither_half() {
    let app = App::start().await;
    let item = app.record(transfer(Some(9), "for others")).await;
    let expected = without(&without(&item, "from"), "to");
    assert_eq!(app.get(STRANGER, &path_of(&item)).await.json(), expected);
    assert_eq!(app.get(STRANGER, "/api/logs").await.json()["results"], json!([expected]));
    app.running.stop().await;
}

#[actix_web::test]
async fn owners_see_a_transfer_once_by_any_actor() {
    let app = App::start().await;
    for actor in [None, Some(1000), Some(SENDER_ID), Some(RECEIVER_ID)] {
        let item = app.record(transfer(actor, "one of four")).await;
        for (who, user) in [(SENDER, SENDER_ID), (RECEIVER, RECEIVER_ID)] {
            let shown = app.get(who, &path_of(&item)).await.json();
            assert_eq!(shown["user_id"], json!(actor.filter(|actor| *actor == user)), "{who:?} of {actor:?}");
        }
    }
    for who in [SENDER, RECEIVER, STAFF] {
        assert_eq!(app.get(who, "/api/logs").await.messages(), ["one of four"; 4], "{who:?}");
    }
    let mut own = transfer(None, "between its own");
    own["data"]["to"]["user_id"] = json!(SENDER_ID);
    let own = app.record(own).await;
    assert_eq!(app.get(SENDER, "/api/logs?q=own").await.json()["results"], json!([own]));
    app.running.stop().await;
}

#[actix_web::test]
async fn nothing_is_found_by_what_is_not_shown() {
    let app = App::start().await;
    app.record(transfer(Some(SENDER_ID), "Rent for May")).await;
    for hidden in [SENDER_ID, RECEIVER_ID, SENDER_HAS, RECEIVER_HAS, SENDER_SEQ, RECEIVER_SEQ] {
        for who in [SENDER, RECEIVER, STAFF] {
            assert_eq!(total(&app, who, &format!("q={hidden}")).await, 0, "{hidden} for {who:?}");
        }
    }
    for common in ["rent", "INVOICE-7", "01937f2a-1b3c"] {
        for who in [SENDER, RECEIVER, STAFF] {
            assert_eq!(total(&app, who, &format!("q={common}")).await, 1, "{common} for {who:?}");
        }
    }
    for (who, user, found) in [
        (SENDER, SENDER_ID, 1),
        (SENDER, RECEIVER_ID, 0),
        (RECEIVER, SENDER_ID, 0),
        (RECEIVER, RECEIVER_ID, 0),
        (STAFF, SENDER_ID, 1),
        (STAFF, RECEIVER_ID, 0),
    ] {
        assert_eq!(total(&app, who, &format!("user_id={user}")).await, found, "caused by {user} for {who:?}");
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn the_tag_of_an_entry_is_of_what_is_shown() {
    let app = App::start().await;
    let path = path_of(&app.record(transfer(Some(SENDER_ID), "Transfer posted")).await);
    let mut tags = Vec::new();
    for who in [SENDER, RECEIVER, STAFF] {
        let tag = app.get(who, &path).await.headers["etag"].to_str().unwrap().to_owned();
        let again = send(app.request(who, Method::GET, &path).header("If-None-Match", &tag)).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{who:?}");
        tags.push(tag);
    }
    let different: std::collections::BTreeSet<&String> = tags.iter().collect();
    assert_eq!(different.len(), 3, "a tag of the whole entry would tell whether a guess of the rest is right");
    app.running.stop().await;
}

#[actix_web::test]
async fn an_edit_of_the_sides_moves_the_entry_to_their_owners() {
    let app = App::start().await;
    let item = app.record(transfer(Some(SENDER_ID), "Transfer posted")).await;
    let path = path_of(&item);
    let mut data = item["data"].clone();
    data["to"]["user_id"] = json!(9);
    app.put(Who::Admin, &path, &json!({"data": data})).await;
    assert_eq!((total(&app, RECEIVER, "").await, total(&app, STRANGER, "").await), (json!(0), json!(1)));
    assert_eq!(app.get(STRANGER, &path).await.json()["data"]["to"], data["to"]);
    assert_eq!(total(&app, STRANGER, &format!("q={RECEIVER_HAS}")).await, 0);
    app.put(Who::Admin, &path, &json!({"message": "Transfer checked"})).await;
    assert_eq!(total(&app, STRANGER, "q=checked").await, 1);
    app.put(Who::Admin, &path, &json!({"data": {}})).await;
    assert_eq!((total(&app, SENDER, "").await, total(&app, STRANGER, "").await), (json!(1), json!(0)));
    app.running.stop().await;
}

#[actix_web::test]
async fn what_a_user_caused_and_what_it_owns_a_side_of_is_one_log_in_order() {
    let app = App::start().await;
    let mut own = Vec::new();
    for n in 0..40 {
        let message = format!("entry {n}");
        let body = match n % 4 {
            0 => event(Some(RECEIVER_ID), &message),
            1 => transfer(Some(SENDER_ID), &message),
            2 => transfer(Some(RECEIVER_ID), &message),
            _ => event(Some(SENDER_ID), &message),
        };
        app.record(body).await;
        if n % 4 < 3 {
            own.push(message);
        }
    }
    let newest_first: Vec<String> = own.iter().rev().cloned().collect();
    for (order, expected) in [("asc", &own), ("desc", &newest_first)] {
        let mut paged = Vec::new();
        for page in 1..=5 {
            let path = format!("/api/logs?page_size=7&page_number={page}&order={order}");
            paged.extend(app.get(RECEIVER, &path).await.messages());
        }
        assert_eq!(&paged, expected, "pages {order}");
        let (mut walked, mut cursor) = (Vec::new(), Some(String::new()));
        while let Some(after) = cursor {
            let step = app.get(RECEIVER, &format!("/api/logs?page_size=7&after={after}&order={order}")).await;
            walked.extend(step.messages());
            cursor = step.json()["cursor"].as_str().map(str::to_owned);
        }
        assert_eq!(&walked, expected, "walk {order}");
        let export = app.get(RECEIVER, &format!("/api/logs/export?order={order}")).await.text;
        let exported: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let exported: Vec<&str> = exported.iter().map(|log| log["message"].as_str().unwrap()).collect();
        assert_eq!(&exported, expected, "export {order}");
    }
    assert_eq!(total(&app, RECEIVER, "").await, 30);
    assert_eq!(total(&app, RECEIVER, "event_type=transfer.posted").await, 20);
    assert_eq!(total(&app, RECEIVER, "event_type=account.created").await, 10);
    let mut stream = Events::open(&app, RECEIVER, "", Some("0")).await;
    assert_eq!(stream.messages(30).await, own);
    app.running.stop().await;
}
