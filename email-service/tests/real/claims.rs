//! Several replicas on one database: no mail is sent by two, and none is lost with a replica.

use std::sync::Arc;

use email_service::domain::State;
use email_service::store::{Begun, DeliveryStore, MongoStore};
use mongodb::bson::{Document, doc};
use mongodb::{Client, Collection};
use service_kit::config::Secret;
use service_kit::messaging::PublishResult;
use shared_events::events::AccountCreated;
use shared_events::{Event, routing};
use tempfile::TempDir;
use test_support::eventually;

use crate::contract::{begin, now, planned, settled};
use crate::doubles::Scripted;
use crate::engine::{database_url, replica};
use crate::support::{App, Options, event};

async fn begin_numbered(store: &MongoStore, number: u32) -> Begun {
    store.begin(planned(number, &["a@b.example"]), now()).await.unwrap().remove(0)
}

async fn collection(folder: &TempDir, name: &str) -> Collection<Document> {
    let client = Client::with_uri_str(database_url(folder)).await.unwrap();
    client.default_database().unwrap().collection(name)
}

/// Lets the claim on the only mail end so much earlier, as if that time had passed.
async fn pass_seconds(folder: &TempDir, seconds: i64) {
    let earlier = doc! { "$subtract": ["$claimed_until", seconds * 1_000] };
    let passed = vec![doc! { "$set": { "claimed_until": earlier } }];
    let changed = collection(folder, "deliveries").await.update_one(doc! {}, passed).await.unwrap();
    assert_eq!(changed.modified_count, 1);
}

#[actix_rt::test]
async fn a_mail_is_claimed_by_one_replica_until_it_is_settled() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (replica(&folder).await, replica(&folder).await);
    let delivery = begin(&one, 1).await;
    assert_eq!(begin_numbered(&two, 1).await, Begun::Elsewhere(delivery.clone()));
    let failed = one.settle(settled(&delivery, State::Failed), now()).await.unwrap();
    assert_eq!(failed.state, State::Failed);
    // Settled for now: any replica may try next.
    let Begun::ToSend(delivery) = begin_numbered(&two, 1).await else { panic!("not free") };
    let sent = two.settle(settled(&delivery, State::Sent), now()).await.unwrap();
    assert_eq!(begin_numbered(&one, 1).await, Begun::Settled(sent));
}

#[actix_rt::test]
async fn of_many_who_begin_at_once_exactly_one_sends() {
    let folder = tempfile::tempdir().unwrap();
    let replicas = futures_util::future::join_all((0..4).map(|_| replica(&folder))).await;
    for number in 0..25 {
        let begun = futures_util::future::join_all(replicas.iter().map(|one| begin_numbered(one, number))).await;
        assert_eq!(begun.iter().filter(|one| matches!(one, Begun::ToSend(_))).count(), 1, "{begun:?}");
        assert_eq!(begun.iter().filter(|one| matches!(one, Begun::Elsewhere(_))).count(), 3, "{begun:?}");
    }
}

#[actix_rt::test]
async fn a_crashed_claim_is_taken_over_when_it_has_run_out() {
    let folder = tempfile::tempdir().unwrap();
    let (crashed, other) = (replica(&folder).await, replica(&folder).await);
    let lost = begin(&crashed, 1).await;
    pass_seconds(&folder, 30).await;
    assert_eq!(begin_numbered(&other, 1).await, Begun::Elsewhere(lost.clone()));
    pass_seconds(&folder, 45).await;
    let Begun::ToSend(taken) = begin_numbered(&other, 1).await else { panic!("not free") };
    assert_eq!((&taken.message_id, taken.attempts), (&lost.message_id, 2));
    // The crashed one was only slow: it may no longer record a failure, but an acceptance is a fact.
    let late = crashed.settle(settled(&lost, State::Failed), now()).await.unwrap();
    assert_eq!(late.state, State::Sending);
    let late = crashed.settle(settled(&lost, State::Sent), now()).await.unwrap();
    assert_eq!(late.state, State::Sent);
    let after = other.settle(settled(&taken, State::Failed), now()).await.unwrap();
    assert_eq!(after.state, State::Sent);
}

/// As after a restore of the records without their counters.
#[actix_rt::test]
async fn a_number_that_is_given_twice_removes_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let before = replica(&folder).await;
    let first = begin(&before, 1).await;
    let sent = before.settle(settled(&first, State::Sent), now()).await.unwrap();
    collection(&folder, "email_counters").await.delete_one(doc! { "_id": "deliveries" }).await.unwrap();
    let after = replica(&folder).await;
    let second = begin(&after, 2).await;
    assert_ne!(second.id, first.id);
    assert_eq!(begin_numbered(&after, 1).await, Begun::Settled(sent));
}

#[actix_rt::test]
async fn two_services_that_get_the_same_event_send_one_mail() {
    let folder = tempfile::tempdir().unwrap();
    let url = database_url(&folder);
    let (first, second) = (Scripted::gated(), Scripted::new([]));
    let options = |mailer: &Arc<Scripted>| Options {
        mailer: Some(mailer.clone()),
        args: vec![format!("--database-url={url}")],
        ..Options::default()
    };
    let (one, two) = (App::start_with(options(&first)).await, App::start_with(options(&second)).await);
    let envelope = event(&AccountCreated::example());
    let meanwhile = async {
        eventually("the first is at it", async || !first.message_ids().is_empty()).await;
        let PublishResult::Later { progress, .. } = two.publish(&envelope).await else { panic!("not put off") };
        // A mail that another replica has claimed was not tried here.
        assert_eq!(progress.get(routing::EMAIL_QUEUE).unwrap().counts().attempts, 0);
        first.open();
    };
    let (result, ()) = futures_util::future::join(one.publish(&envelope), meanwhile).await;
    assert_eq!(result, PublishResult::Accepted);
    assert_eq!(two.publish(&envelope).await, PublishResult::Accepted);
    assert_eq!((first.message_ids().len(), second.message_ids().len()), (1, 0));
    assert_eq!(two.metric("bank_emails_total", &[("outcome", "elsewhere")]), 1);
    one.stop().await;
    two.stop().await;
}

#[actix_rt::test]
async fn an_unavailable_server_is_no_fault_of_start_and_shows_in_the_probe() {
    let store = MongoStore::open(&Secret::new("mongodb://127.0.0.1:1/bank")).await.unwrap();
    let error = store.probe().await.unwrap_err();
    assert!(!error.contains('\n'), "{error}");
    assert!(store.begin(planned(1, &["a@b.example"]), now()).await.is_err());
}
