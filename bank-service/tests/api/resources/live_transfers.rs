//! Live transfers: each owner sees its own half and its new balance, staff sees all.

use serde_json::{Value, json};

use super::fixture::{Fixture, Owner};
use super::stream::Stream;

const CHANNELS: &str = "account,card,transfer";

/// The body of a transfer between the accounts of two owners.
fn order(from: &Owner, to: &Owner, amount: i64) -> Value {
    json!({"from": {"account_id": from.account}, "to": {"account_id": to.account}, "amount": amount})
}

/// Asks for a transfer, and returns its name in a stream.
async fn transfer(fixture: &Fixture, owner: &Owner, body: Value) -> String {
    let item = fixture.app.post(owner.token(), "/api/transfers", body).await.item(201);
    format!("create transfer {}", item["id"])
}

/// An account's balance as an update shows it.
fn balance(account: i64, [balance, held, available, seq]: [i64; 4]) -> Value {
    json!({"id": account, "balance": balance, "held": held, "available": available, "seq": seq})
}

/// Fails the test unless the next change is this one; returns its item.
async fn expect(stream: &mut Stream, expected: &str) -> Value {
    let (name, data) = stream.next().await.expect("the stream ended");
    assert_eq!(name, expected, "{data}");
    data["item"].clone()
}

#[actix_web::test]
async fn each_owner_sees_its_half_and_its_new_balance_and_staff_sees_all() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let mut adas = Stream::open(app, ada.token(), CHANNELS, None).await;
    let mut bobs = Stream::open(app, bob.token(), CHANNELS, None).await;
    let mut staffs = Stream::open(app, &fixture.admin.token, CHANNELS, None).await;
    let first = transfer(&fixture, ada, order(ada, bob, 100)).await;
    let second = transfer(&fixture, bob, order(bob, ada, 20)).await;
    let updates = [ada, bob].map(|owner| format!("update account {}", owner.account));
    let [of_ada, of_bob] = updates.each_ref().map(String::as_str);

    let whole = expect(&mut staffs, &first).await;
    assert_eq!((&whole["from"]["balance_after"], &whole["to"]["balance_after"]), (&json!(420), &json!(620)));
    assert_eq!((&whole["posted_at"], &whole["expires_at"]), (&json!("2026-01-16T17:10:26Z"), &Value::Null));
    assert_eq!(staffs.names(5).await, [of_ada, of_bob, &second, of_bob, of_ada]);
    for (stream, own, other, account, update, after) in [
        (&mut adas, "from", "to", ada.account, of_ada, [[420, 0, 420, 2], [440, 0, 440, 3]]),
        (&mut bobs, "to", "from", bob.account, of_bob, [[620, 0, 620, 2], [600, 0, 600, 3]]),
    ] {
        let mut half = whole.clone();
        half[other] = json!({"account_id": whole[other]["account_id"]});
        assert_eq!(expect(stream, &first).await, half, "the half that is {own}");
        assert_eq!(expect(stream, update).await, balance(account, after[0]));
        let half = expect(stream, &second).await;
        assert!(half[other]["user_id"].is_i64() && half[own]["user_id"].is_null(), "the sides have changed: {half}");
        assert_eq!(expect(stream, update).await, balance(account, after[1]));
    }
}

#[actix_web::test]
async fn a_stranger_to_both_sides_sees_nothing() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let carol = app.user("carol@example.com").await;
    let mut stream = Stream::open(app, &carol.token, "account,card,transfer,city", None).await;
    transfer(&fixture, ada, order(ada, bob, 100)).await;
    let city = app.post(&fixture.admin.token, "/api/cities", json!({"name": "Porto"})).await.item(201);
    assert_eq!(stream.names(1).await, [format!("create city {}", city["id"])]);
}

#[actix_web::test]
async fn what_a_bank_has_is_not_shown_to_a_customer() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let mut adas = Stream::open(app, ada.token(), "transfer", None).await;
    let mut staffs = Stream::open(app, &fixture.admin.token, "transfer", None).await;
    let path = format!("/api/accounts/{}/deposits", ada.account);
    let deposit = app.post(&fixture.admin.token, &path, json!({"amount": 80})).await.item(201);
    let name = format!("create transfer {}", deposit["id"]);
    let shown = expect(&mut adas, &name).await;
    assert_eq!(shown["from"], json!({"bank_id": fixture.bank, "system": "cash"}));
    assert_eq!((&shown["to"]["balance_after"], &shown["to"]["seq"]), (&json!(600), &json!(2)));
    assert_eq!(expect(&mut staffs, &name).await["from"]["balance_after"], -80);
}

#[actix_web::test]
async fn what_is_available_is_shown_up_to_the_largest_amount() {
    const LARGEST: i64 = 9_007_199_254_740_991;
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let limit = json!({"overdraft_limit": LARGEST});
    app.put(&fixture.admin.token, &format!("/api/accounts/{}", ada.account), limit).await.expect(200);
    let mut adas = Stream::open(app, ada.token(), CHANNELS, None).await;
    let name = transfer(&fixture, ada, order(ada, bob, 20)).await;
    expect(&mut adas, &name).await;
    let update = format!("update account {}", ada.account);
    assert_eq!(expect(&mut adas, &update).await, balance(ada.account, [500, 0, LARGEST, 3]));
}

#[actix_web::test]
async fn a_hold_changes_what_is_available_until_it_ends() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let limit = json!({"overdraft_limit": 300});
    app.put(&fixture.admin.token, &format!("/api/accounts/{}", ada.account), limit).await.expect(200);
    let mut adas = Stream::open(app, ada.token(), CHANNELS, None).await;
    let mut body = order(ada, bob, 50);
    body["hold"] = json!(true);
    let update = format!("update account {}", ada.account);
    let mut seq = 3;
    for (how, verb, after) in [("void", "update", [520, 0, 820]), ("capture", "create", [470, 0, 770])] {
        let hold = app.post(ada.token(), "/api/transfers", body.clone()).await.item(201);
        let held = expect(&mut adas, &format!("create transfer {}", hold["id"])).await;
        assert_eq!((&held["status"], &held["to"]), (&json!("held"), &json!({"account_id": bob.account})));
        assert_eq!(held["expires_at"], "2026-01-23T17:10:26Z");
        assert_eq!(expect(&mut adas, &update).await, balance(ada.account, [520, 50, 770, seq]));

        let path = format!("/api/transfers/{}/{how}", hold["id"].as_str().unwrap());
        let answer = app.post(bob.token(), &path, json!({})).await;
        assert!(answer.status.is_success(), "{}", answer.body);
        let ended = expect(&mut adas, &format!("{verb} transfer {}", answer.body["item"]["id"])).await;
        assert_eq!(ended["from"]["held_after"], 0, "{how}");
        let [balance_after, held_after, available] = after;
        let expected = balance(ada.account, [balance_after, held_after, available, seq + 1]);
        assert_eq!(expect(&mut adas, &update).await, expected, "{how}");
        seq += 2;
    }
}

#[actix_web::test]
async fn a_card_has_its_own_updates_up_to_its_end() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let mut adas = Stream::open(app, ada.token(), "card,transfer", None).await;
    let filled = json!({"from": {"account_id": ada.account}, "to": {"card_id": ada.card}, "amount": 20});
    let name = transfer(&fixture, ada, filled).await;
    expect(&mut adas, &name).await;
    let update = expect(&mut adas, &format!("update card {}", ada.card)).await;
    assert_eq!(update, balance(ada.card, [120, 0, 120, 2]));

    app.delete(ada.token(), &format!("/api/cards/{}", ada.card)).await.expect(200);
    let (_, closing) = adas.next().await.unwrap();
    assert_eq!((&closing["channel"], &closing["item"]["kind"]), (&json!("transfer"), &json!("closing")));
    let update = expect(&mut adas, &format!("update card {}", ada.card)).await;
    assert_eq!(update, balance(ada.card, [0, 0, 0, 3]));
    expect(&mut adas, &format!("delete card {}", ada.card)).await;
}

#[actix_web::test]
async fn a_client_that_is_cut_off_within_a_transfer_gets_all_of_it_again_and_after_it_nothing_twice() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let update = format!("update account {}", ada.account);
    let mut stream = Stream::open(app, ada.token(), CHANNELS, None).await;
    let before = stream.last_id.clone();
    let first = transfer(&fixture, ada, order(ada, bob, 10)).await;
    expect(&mut stream, &first).await;
    assert_eq!(stream.last_id, before, "the first half does not move the position");
    drop(stream);

    let mut stream = Stream::open(app, ada.token(), CHANNELS, Some(&before)).await;
    assert_eq!(stream.names(2).await, [first, update.clone()]);
    let after = stream.last_id.clone();
    assert_ne!(after, before);
    drop(stream);
    let second = transfer(&fixture, ada, order(ada, bob, 20)).await;
    let mut stream = Stream::open(app, ada.token(), CHANNELS, Some(&after)).await;
    let third = transfer(&fixture, ada, order(ada, bob, 30)).await;
    assert_eq!(stream.names(4).await, [second, update.clone(), third, update.clone()]);
    let last = transfer(&fixture, ada, order(ada, bob, 40)).await;
    assert_eq!(stream.names(2).await, [last, update]);
}

/// The position moves with the last change that the stream shows, whichever that is.
#[actix_web::test]
async fn a_stream_of_one_channel_moves_its_position_too() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    for channel in ["transfer", "account"] {
        let mut stream = Stream::open(app, ada.token(), channel, None).await;
        let before = stream.last_id.clone();
        transfer(&fixture, ada, order(ada, bob, 10)).await;
        stream.names(1).await;
        assert_ne!(stream.last_id, before, "{channel}");
    }
}
