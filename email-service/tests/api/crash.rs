//! A process that ended between a mail and its record: sent again, recognisably.

use std::sync::Arc;

use chrono::DateTime;
use email_service::domain::State;
use email_service::store::{Begun, DeliveryStore, Settled, SqliteStore};
use service_kit::messaging::PublishResult;
use shared_events::Event;
use shared_events::events::AccountCreated;

use crate::doubles::Scripted;
use crate::once::planned;
use crate::support::{App, Options, event};

#[actix_rt::test]
async fn a_mail_cut_off_by_a_crash_is_sent_again_to_the_same_file() {
    let envelope = event(&AccountCreated::example());
    let app = App::start().await;
    app.publish_until_accepted(&envelope).await;
    let before = app.mails();
    let folder = app.stop().await;

    // As after a crash between the mail and its record: the file is there, the record still says `sending`.
    let store = SqliteStore::open(&folder.path().join("email.sqlite")).unwrap();
    let begun = store.begin(planned(&envelope), DateTime::UNIX_EPOCH).await.unwrap();
    let [Begun::Settled(record)] = &begun[..] else { panic!("{begun:?}") };
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
    let begun = store.begin(planned(&envelope), DateTime::UNIX_EPOCH).await.unwrap();
    let [Begun::ToSend(record)] = &begun[..] else { panic!("{begun:?}") };
    assert_eq!(record.state, State::Sending);
    drop(store);
    let mailer = Scripted::new([]);
    let options = Options { mailer: Some(mailer.clone() as Arc<_>), ..Options::default() };
    let app = App::start_in(folder, options).await;
    app.publish_until_accepted(&envelope).await;
    assert_eq!(mailer.message_ids(), [record.message_id.to_string()]);
    app.stop().await;
}
