//! One mail and one record per event and recipient, however often the event is delivered.

use chrono::DateTime;
use email_service::store::Planned;
use service_kit::messaging::PublishResult;
use shared_events::events::{AccountCreated, BankCreated};
use shared_events::{Envelope, Event};
use test_support::eventually;

use crate::doubles::Scripted;
use crate::support::{App, Options, event, with_reply};

#[actix_rt::test]
async fn a_hundred_deliveries_are_one_mail_and_the_same_reply() {
    let app = App::start().await;
    let envelope = with_reply(&BankCreated::example());
    for _ in 0..100 {
        assert_eq!(app.publish(&envelope).await, PublishResult::Accepted);
    }
    assert_eq!(app.mails().len(), 1);
    let records = app.records().await;
    assert_eq!((records.len(), &records[0]["attempts"]), (1, &1.into()));
    let acks = app.acks.received();
    assert_eq!(acks.len(), 100);
    assert!(acks.iter().all(|ack| *ack == acks[0]), "every reply is the same message");
    assert_eq!(app.metric("bank_emails_total", &[("event_type", "bank.created"), ("outcome", "sent")]), 1);
    assert_eq!(app.metric("bank_emails_total", &[("event_type", "bank.created"), ("outcome", "duplicate")]), 99);
    app.stop().await;
}

#[actix_rt::test]
async fn deliveries_at_the_same_time_are_one_mail() {
    let mailer = Scripted::gated();
    let app = App::start_with(Options { mailer: Some(mailer.clone()), ..Options::default() }).await;
    let envelope = event(&AccountCreated::example());
    let all = futures_util::future::join_all((0..50).map(|_| app.publish(&envelope)));
    let opening = async {
        eventually("a mail is under way", async || !mailer.message_ids().is_empty()).await;
        // The other workers have their copies by now; an answer over HTTP takes longer.
        app.records().await;
        mailer.open();
    };
    let (results, ()) = futures_util::future::join(all, opening).await;
    assert!(results.iter().all(|result| *result == PublishResult::Accepted));
    assert_eq!(mailer.message_ids().len(), 1);
    app.stop().await;
}

pub(crate) fn planned(envelope: &Envelope) -> Planned {
    Planned {
        event_id: envelope.id,
        event_type: envelope.event_type.as_str().to_owned(),
        recipients: vec!["john.doe@example.com".parse().unwrap()],
        message_id_domain: "bank.localhost".to_owned(),
    }
}

#[actix_rt::test]
async fn a_new_receiver_gets_the_mail_and_the_old_one_not_again() {
    let envelope = event(&AccountCreated::example());
    let app = App::start().await;
    app.publish_until_accepted(&envelope).await;
    let first = app.mails();
    let folder = app.stop().await;
    let args = vec!["--receivers=a@bank.example".to_owned()];
    let app = App::start_in(folder, Options { args, ..Options::default() }).await;
    app.publish_until_accepted(&envelope).await;
    assert_eq!(app.mails().len(), 2);
    assert!(app.mails().contains(&first[0]));
    app.stop().await;
}

#[actix_rt::test]
async fn old_records_are_removed_in_batches() {
    let folder = tempfile::tempdir().unwrap();
    let store = crate::engine::open(&folder).await;
    for number in 0..1_200_u32 {
        let mut plan = planned(&event(&AccountCreated::example()));
        plan.event_id = shared_events::EventId::from_content("x.y", &number.to_be_bytes());
        let now = DateTime::UNIX_EPOCH + chrono::Duration::seconds(number.into());
        store.begin(plan, now).await.unwrap();
    }
    let half = DateTime::UNIX_EPOCH + chrono::Duration::seconds(600);
    assert_eq!(store.remove_before(half, 500).await.unwrap(), 500);
    assert_eq!(store.remove_before(half, 500).await.unwrap(), 100);
    assert_eq!(store.remove_before(half, 500).await.unwrap(), 0);
    drop(store);
    // The others are half a century old: the service removes them when it starts.
    let app = App::start_in(folder, Options::default()).await;
    eventually("all are gone", async || app.records().await.is_empty()).await;
    app.stop().await;
}
