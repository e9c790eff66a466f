//! An unavailable mailbox: nothing is lost, no attempt is spent, it recovers by itself.

use std::fs;

use service_kit::messaging::{PublishResult, Publisher};
use shared_events::events::{AccountCreated, UserCreated};
use shared_events::{Event, routing};

use crate::support::{App, event};

async fn heals(break_it: impl Fn(&App), mend_it: impl Fn(&App)) {
    let app = App::start().await;
    break_it(&app);
    let mut resumed = app.broker.resumed();
    let (one, two) = (event(&AccountCreated::example()), event(&UserCreated::example()));
    for _ in 0..10 {
        for envelope in [&one, &two] {
            match app.publish(envelope).await {
                PublishResult::Later { waiting_for: Some(queue), progress, .. } => {
                    assert_eq!(queue, routing::EMAIL_QUEUE);
                    assert_eq!(progress.get(&queue).unwrap().counts().attempts, 0);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let (status, ready) = app.request("GET", "/readyz", None, None).await;
    assert_eq!(status, 503, "{ready}");
    mend_it(&app);
    assert_eq!(resumed.recv().await.unwrap(), routing::EMAIL_QUEUE);
    assert_eq!(app.publish(&one).await, PublishResult::Accepted);
    assert_eq!(app.publish(&two).await, PublishResult::Accepted);
    assert_eq!(app.mails().len(), 2, "and nothing else is left in the folder");
    assert!(app.dead.all().is_empty());
    for record in app.records().await {
        assert_eq!((&record["state"], &record["attempts"]), (&"sent".into(), &1.into()));
    }
    app.stop().await;
}

#[actix_rt::test]
async fn a_removed_folder_pauses_the_queue_until_it_is_back() {
    heals(|app| fs::remove_dir(app.mailbox()).unwrap(), |app| fs::create_dir(app.mailbox()).unwrap()).await;
}

#[actix_rt::test]
async fn a_file_in_the_folders_place_pauses_the_queue_until_it_is_gone() {
    let block = |app: &App| {
        fs::remove_dir(app.mailbox()).unwrap();
        fs::write(app.mailbox(), "in the way").unwrap();
    };
    let clear = |app: &App| {
        fs::remove_file(app.mailbox()).unwrap();
        fs::create_dir(app.mailbox()).unwrap();
    };
    heals(block, clear).await;
}

#[actix_rt::test]
async fn a_probe_leaves_nothing_behind() {
    let app = App::start().await;
    for _ in 0..20 {
        app.consumer.dependency().await.unwrap();
    }
    assert_eq!(fs::read_dir(app.mailbox()).unwrap().count(), 0);
    let (status, _) = app.request("GET", "/readyz", None, None).await;
    assert_eq!(status, 200);
    app.stop().await;
}
