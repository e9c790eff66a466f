//! The reply: after the mail, never before, and the same one every time.

use service_kit::messaging::{HandlerResult, PublishResult};
use shared_events::events::{BankCreated, EmailSent};
use shared_events::{Event, routing};
use test_support::eventually;

use crate::doubles::Scripted;
use crate::support::{App, Options, event, with_reply};

#[actix_rt::test]
async fn a_bank_is_confirmed_after_its_mail() {
    let app = App::start().await;
    let envelope = with_reply(&BankCreated::example());
    assert_eq!(app.publish(&envelope).await, PublishResult::Accepted);
    assert_eq!(app.mails().len(), 1);
    let [ack] = app.acks.received().try_into().unwrap();
    assert_eq!(ack.event_type.as_str(), "email.sent");
    assert_eq!(ack.id, envelope.id.derive("email.sent"));
    assert_eq!(ack.correlation_id, Some(envelope.id.to_string()));
    assert_eq!(ack.source, "urn:email-service");
    let EmailSent(report) = ack.data().unwrap();
    assert_eq!((report.event_id, report.event_type.as_str()), (envelope.id, "bank.created"));
    assert_eq!(report.recipients, ["o***@bank.localhost"]);
    assert_eq!(report.message_id, Some(format!("<{}@bank.localhost>", envelope.id)));
    assert_eq!(report.reason, None);
    app.stop().await;
}

#[actix_rt::test]
async fn nothing_is_confirmed_while_the_mail_is_under_way() {
    let mailer = Scripted::gated();
    let app = App::start_with(Options { mailer: Some(mailer.clone()), ..Options::default() }).await;
    let envelope = with_reply(&BankCreated::example());
    let publishing = app.publish(&envelope);
    let watching = async {
        eventually("the mail is under way", async || !mailer.message_ids().is_empty()).await;
        assert!(app.acks.received().is_empty());
        assert_eq!(app.records().await[0]["state"], "sending");
        mailer.open();
    };
    let (result, ()) = futures_util::future::join(publishing, watching).await;
    assert_eq!(result, PublishResult::Accepted);
    assert_eq!(app.acks.received().len(), 1);
    app.stop().await;
}

#[actix_rt::test]
async fn an_event_that_requests_no_reply_gets_none() {
    let app = App::start().await;
    app.publish_until_accepted(&event(&BankCreated::example())).await;
    assert!(app.acks.received().is_empty() && app.mails().len() == 1);
    app.stop().await;
}

#[actix_rt::test]
async fn a_lost_reply_is_given_again_and_the_mail_is_not() {
    let app = App::start().await;
    app.acks.answer([HandlerResult::retry("lost"), HandlerResult::retry("lost")]);
    let envelope = with_reply(&BankCreated::example());
    assert_eq!(app.publish_until_accepted(&envelope).await, 3);
    let ids: Vec<_> = app.acks.received().iter().map(|ack| ack.id).collect();
    assert_eq!(ids, [envelope.id.derive("email.sent"); 3]);
    assert_eq!(app.mails().len(), 1);
    assert_eq!(app.records().await[0]["attempts"], 1);
    app.stop().await;
}

#[actix_rt::test]
async fn a_paused_callback_queue_pauses_the_mail_and_spends_no_attempts() {
    let app = App::start().await;
    app.acks.set_unavailable(true);
    let mut resumed = service_kit::messaging::Publisher::resumed(&app.broker);
    let envelope = with_reply(&BankCreated::example());
    for _ in 0..20 {
        match app.publish(&envelope).await {
            PublishResult::Later { waiting_for: Some(queue), progress, .. } => {
                assert_eq!(queue, routing::EMAIL_QUEUE);
                assert_eq!(progress.get(&queue).unwrap().counts().attempts, 0);
            }
            other => panic!("{other:?}"),
        }
    }
    app.acks.set_unavailable(false);
    while resumed.recv().await.unwrap() != routing::EMAIL_QUEUE {}
    assert_eq!(app.publish(&envelope).await, PublishResult::Accepted);
    assert_eq!(app.mails().len(), 1);
    assert!(app.dead.all().is_empty());
    assert!(app.acks.received().iter().all(|ack| ack.id == envelope.id.derive("email.sent")));
    app.stop().await;
}

#[actix_rt::test]
async fn a_made_up_reply_queue_does_not_hold_up_other_mail() {
    let app = App::start().await;
    let stray = event(&BankCreated::example()).with_reply_to("no.such.queue");
    assert_eq!(app.publish_until_accepted(&stray).await, 5);
    assert_eq!(app.dead.all().len(), 1);
    assert_eq!(app.mails().len(), 1, "its mail went out once all the same");
    let other = event(&shared_events::events::UserCreated::example());
    assert_eq!(app.publish(&other).await, PublishResult::Accepted);
    app.stop().await;
}

#[actix_rt::test]
async fn a_callback_queue_of_another_name_is_answered_to_and_waited_for() {
    let name = "branch-office.acks";
    let args = vec![format!("--callback-queue={name}")];
    let app = App::start_with(Options { args, no_callback: true, ..Options::default() }).await;
    let envelope = event(&BankCreated::example()).with_reply_to(name);
    assert!(matches!(app.publish(&envelope).await, PublishResult::Later { waiting_for: Some(_), .. }));
    let mut resumed = service_kit::messaging::Publisher::resumed(&app.broker);
    let settings = service_kit::messaging::ConsumerSettings::new(name, vec![]);
    app.broker.subscribe(settings, app.acks.clone()).unwrap();
    assert_eq!(resumed.recv().await.unwrap(), routing::EMAIL_QUEUE);
    assert_eq!(app.publish(&envelope).await, PublishResult::Accepted);
    // Replies that waited may be among them: under the same id.
    let acks = app.acks.received();
    assert!(!acks.is_empty() && acks.iter().all(|ack| ack.id == envelope.id.derive("email.sent")), "{acks:?}");
    app.stop().await;
}

#[actix_rt::test]
async fn the_callback_queue_may_come_later() {
    let app = App::start_with(Options { no_callback: true, ..Options::default() }).await;
    let envelope = with_reply(&BankCreated::example());
    let mut resumed = service_kit::messaging::Publisher::resumed(&app.broker);
    assert!(matches!(app.publish(&envelope).await, PublishResult::Later { waiting_for: Some(_), .. }));
    let settings = service_kit::messaging::ConsumerSettings::new(routing::ACK_QUEUE, vec![]);
    app.broker.subscribe(settings, app.acks.clone()).unwrap();
    assert_eq!(resumed.recv().await.unwrap(), routing::EMAIL_QUEUE);
    assert_eq!(app.publish(&envelope).await, PublishResult::Accepted);
    assert_eq!(BankCreated::TYPE, app.records().await[0]["event_type"]);
    app.stop().await;
}
