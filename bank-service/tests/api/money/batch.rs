//! `POST /api/transfers/batch`: many transfers, each for itself or all of them at once.

use serde_json::{Value, json};

use super::support::{account, card, order, verified};
use crate::harness::Answer;
use crate::resources::fixture::{Fixture, Owner};

async fn batch(fixture: &Fixture, owner: &Owner, key: &str, transfers: &[Value], is_atomic: bool) -> Answer {
    let body = json!({"transfers": transfers, "atomic": is_atomic});
    fixture.keyed(owner.token(), "/api/transfers/batch", key, &body).await
}

/// Index, status and error of each result.
fn results(body: &Value) -> Vec<(u64, u64, &str)> {
    let number = |result: &Value, field: &str| result[field].as_u64().unwrap();
    let all = body["results"].as_array().unwrap().iter();
    all.map(|result| (number(result, "index"), number(result, "status"), result["error"].as_str().unwrap_or_default()))
        .collect()
}

#[actix_web::test]
async fn each_transfer_has_a_result_of_its_own() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (&fixture.ada, &fixture.bob);
    let from = fixture.app.events().await.len();
    let transfers = [
        fixture.to_bob(100),
        fixture.to_bob(10_000),
        order(&account(ada.account), &account(4711), 1),
        order(&account(bob.account), &account(ada.account), 1),
        order(&card(ada.card), &card(bob.card), 7),
        order(&card(ada.card), &card(ada.card), 7),
    ];
    let body = batch(&fixture, ada, "k", &transfers, false).await.expect(200);
    let expected: [(u64, u64, &str); 6] = [
        (0, 201, ""),
        (1, 422, "insufficient_funds"),
        (2, 422, "unknown_recipient"),
        (3, 403, "access_denied"),
        (4, 201, ""),
        (5, 422, "same_account"),
    ];
    assert_eq!(results(&body), expected);
    let done = &body["results"][4]["transfer"];
    assert_eq!((&done["item"]["from"], &done["own"]["balance"]), (&card(ada.card), &json!(93)));
    assert!(body["results"][1]["detail"].is_string() && body["results"][1].get("transfer").is_none(), "{body}");
    assert_eq!(
        fixture.app.event_types(from).await,
        ["transfer.posted"; 2],
        "one for each that is done, none for the batch"
    );
    assert_eq!(
        (fixture.figures(ada.account).await, fixture.figures(bob.account).await),
        ([420, 0, 420], [620, 0, 620])
    );
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn a_repeated_batch_goes_on_where_it_stopped() {
    let fixture = Fixture::new().await;
    let ada = &fixture.ada;
    let transfers = [fixture.to_bob(100), fixture.to_bob(600), fixture.to_bob(20)];
    let first = batch(&fixture, ada, "k", &transfers, false).await.expect(200);
    assert_eq!(results(&first), [(0, 201, ""), (1, 422, "insufficient_funds"), (2, 201, "")]);
    fixture.deposit(ada.account, 200).await;
    let second = batch(&fixture, ada, "k", &transfers, false).await.expect(200);
    assert_eq!(results(&second), [(0, 201, ""), (1, 201, ""), (2, 201, "")]);
    for index in [0_usize, 2] {
        assert_eq!(second["results"][index], first["results"][index], "it is not done twice");
    }
    assert_eq!(fixture.figures(ada.account).await, [0, 0, 0]);
    let after = fixture.state().await;
    assert_eq!(batch(&fixture, ada, "k", &transfers, false).await.expect(200), second);
    let others = [fixture.to_bob(100), fixture.to_bob(600)];
    let reused = batch(&fixture, ada, "k", &others, false).await.expect(200);
    assert_eq!(results(&reused), [(0, 422, "idempotency_key_reused"), (1, 422, "idempotency_key_reused")]);
    assert_eq!(fixture.state().await, after);
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn an_atomic_batch_is_done_in_its_order_once() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (&fixture.ada, &fixture.bob);
    // The second one spends what the first one brings.
    let transfers =
        [order(&account(ada.account), &card(ada.card), 500), order(&card(ada.card), &account(bob.account), 600)];
    let body = batch(&fixture, ada, "k", &transfers, true).await.expect(200);
    assert_eq!(results(&body), [(0, 201, ""), (1, 201, "")]);
    assert_eq!(body["results"][1]["transfer"]["own"]["balance"], 0);
    let after = fixture.state().await;
    assert_eq!(batch(&fixture, ada, "k", &transfers, true).await.expect(200), body);
    let other = batch(&fixture, ada, "k", &transfers[..1], true).await;
    assert_eq!(other.outcome(), (422, "validation_failed"));
    let fault = other.body["errors"]["transfers[0]"][0].as_str().unwrap();
    assert!(fault.starts_with("idempotency_key_reused: "), "{fault}");
    assert_eq!(fixture.state().await, after);
    assert_eq!(
        (fixture.figures(ada.account).await, fixture.figures(bob.account).await),
        ([20, 0, 20], [1120, 0, 1120])
    );
    let backwards =
        [order(&card(ada.card), &account(bob.account), 10), order(&account(ada.account), &card(ada.card), 20)];
    let refused = batch(&fixture, ada, "l", &backwards, true).await;
    assert!(refused.body["errors"]["transfers[0]"].is_array(), "what comes later brings nothing: {}", refused.body);
    assert_eq!(fixture.state().await, after);
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn an_atomic_batch_with_faults_names_each_and_does_nothing() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (&fixture.ada, &fixture.bob);
    let transfers = [
        fixture.to_bob(100),
        fixture.to_bob(421),
        order(&account(bob.account), &account(ada.account), 1),
        fixture.to_bob(20),
        order(&account(ada.account), &account(4711), 1),
    ];
    let before = fixture.state().await;
    let refused = batch(&fixture, ada, "k", &transfers, true).await;
    assert_eq!(refused.outcome(), (422, "validation_failed"));
    let errors = refused.body["errors"].as_object().unwrap();
    let named: Vec<&str> = errors.keys().map(String::as_str).collect();
    assert_eq!(named, ["transfers[1]", "transfers[2]", "transfers[4]"]);
    for (field, code) in [
        ("transfers[1]", "insufficient_funds: "),
        ("transfers[2]", "access_denied: "),
        ("transfers[4]", "unknown_recipient: "),
    ] {
        assert!(errors[field][0].as_str().unwrap().starts_with(code), "{}", errors[field]);
    }
    assert_eq!(fixture.state().await, before);
    let good = [fixture.to_bob(100), fixture.to_bob(420)];
    batch(&fixture, ada, "k", &good, true).await.expect(200);
    assert_eq!(fixture.figures(ada.account).await, [0, 0, 0], "a refused batch has not used its key");
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn a_batch_needs_a_key() {
    let fixture = Fixture::new().await;
    let before = fixture.state().await;
    for is_atomic in [true, false] {
        let body = json!({"transfers": [fixture.to_bob(1)], "atomic": is_atomic});
        let refused = fixture.app.post(fixture.ada.token(), "/api/transfers/batch", body).await;
        assert_eq!(refused.outcome(), (422, "validation_failed"));
        assert!(refused.body["errors"]["Idempotency-Key"].is_array(), "{}", refused.body);
    }
    assert_eq!(fixture.state().await, before);
}

#[actix_web::test]
async fn five_hundred_transfers_with_long_texts_are_one_batch() {
    let fixture = Fixture::new().await;
    let mut one = fixture.to_bob(1);
    one["description"] = json!("é".repeat(140));
    let transfers = vec![one; 500];
    assert!(serde_json::to_vec(&transfers).unwrap().len() > 128 * 1024, "more than other routes take");
    let body = batch(&fixture, &fixture.ada, "k", &transfers, false).await.expect(200);
    assert_eq!(results(&body), (0..500_u64).map(|index| (index, 201_u64, "")).collect::<Vec<_>>());
    assert_eq!(fixture.figures(fixture.ada.account).await, [20, 0, 20]);
    let again = batch(&fixture, &fixture.ada, "k", &transfers, false).await.expect(200);
    assert_eq!(again, body);
    verified(&fixture.app).await;
}
