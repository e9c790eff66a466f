//! A process that ended between a mail and its record: sent again, recognisably.

use std::sync::Arc;

use chrono::DateTime;
use email_service::domain::State;
use email_service::store::{DeliveryStore, Planned, Settled, SqliteStore};
use service_kit::messaging::PublishResult;
use shared_events::events::AccountCreated;
use shared_events::{Envelope, Event};

use crate::doubles::Scripted;
use crate::support::{App, Options, event};

fn planned(envelope: &Envelope) -> Planned {
    Planned {
        event_id: envelope.id,
        event_type: envelope.event_type.as_str().to_owned(),
        recipients: vec!["john.doe@example.com".parse().unwrap()],
        message_id_domain: "bank.localhost".to_owned(),
    }
}

#[actix_rt::test]
async fn a_mail_cut_off_by_a_crash_is_sent_again_to_the_same_file() {
    let envelope = event(&AccountCreated::example());
    let app = App::start().await;
    app.publish_until_accepted(&envelope).await;
    let before = app.mails();
    let folder = app.stop().await;

    // As after a crash between the mail and its record: the file is there, the record still says `sending`.
    let store = SqliteStore::open(&folder.path().join("email.sqlite")).unwrap();
    let record = store.begin(planned(&envelope), DateTime::UNIX_EPOCH).await.unwrap().remove(0).into_delivery();
    let cut_off = Settled { id: record.id, state: State::Sending, answer: String::new(), counts: true };
    store.settle(cut_off, DateTime::UNIX_EPOCH).await.unwrap();
    drop(store);

    let app = App::start_in(folder, Options::default()).await;
    assert_eq!(app.publish(&envelope).await, PublishResult::Accepted);
    assert_eq!(app.mails(), before);
    let record = &app.records().await[0];
    assert_eq!((&record["state"], &record["attempts"]), (&"sent".into(), &2.into()));
    app.stop().await;
}

#[actix_rt::test]
async fn a_mail_sent_again_has_the_same_message_id() {
    let folder = tempfile::tempdir().unwrap();
    let envelope = event(&AccountCreated::example());
    let store = SqliteStore::open(&folder.path().join("email.sqlite")).unwrap();
    let record = store.begin(planned(&envelope), DateTime::UNIX_EPOCH).await.unwrap().remove(0).into_delivery();
    assert_eq!(record.state, State::Sending);
    drop(store);
    let mailer = Scripted::new([]);
    let options = Options { mailer: Some(mailer.clone() as Arc<_>), ..Options::default() };
    let app = App::start_in(folder, options).await;
    app.publish_until_accepted(&envelope).await;
    assert_eq!(mailer.message_ids(), [record.message_id.to_string()]);
    app.stop().await;
}
