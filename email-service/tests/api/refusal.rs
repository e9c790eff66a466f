//! Mails that are refused, for now or for good, and events without a mail.

use std::collections::BTreeMap;

use email_service::mailer::SendError;
use serde_json::json;
use service_kit::messaging::{Progress, PublishResult};
use shared_events::events::{
    AccountCreated, BankCreated, CardCreated, EmailRejected, EmailRequest, EmailRequested, EmailSent,
};
use shared_events::{Envelope, Event, WireMessage};

use crate::doubles::Scripted;
use crate::support::{App, Options, event, with_reply};

async fn app_with(answers: Vec<SendError>) -> (App, std::sync::Arc<Scripted>) {
    let mailer = Scripted::new(answers.into_iter().map(Err));
    let app = App::start_with(Options { mailer: Some(mailer.clone()), ..Options::default() }).await;
    (app, mailer)
}

#[actix_rt::test]
async fn a_permanent_refusal_is_reported_and_not_tried_again() {
    let (app, mailer) = app_with(vec![SendError::Permanent("550 mailbox unavailable".to_owned())]).await;
    let envelope = with_reply(&BankCreated::example());
    for _ in 0..3 {
        assert_eq!(app.publish(&envelope).await, PublishResult::Accepted);
    }
    assert_eq!(mailer.message_ids().len(), 1);
    let ack = app.acks.received().remove(0);
    assert_eq!((ack.event_type.as_str(), ack.id), ("email.rejected", envelope.id.derive("email.rejected")));
    let EmailRejected(report) = ack.data().unwrap();
    assert_eq!(report.reason.as_deref(), Some("550 mailbox unavailable"));
    assert_eq!((report.message_id, report.recipients), (None, vec!["o***@bank.localhost".to_owned()]));
    let record = &app.records().await[0];
    assert_eq!((&record["state"], &record["answer"]), (&"rejected".into(), &"550 mailbox unavailable".into()));
    assert!(app.dead.all().is_empty());
    app.stop().await;
}

#[actix_rt::test]
async fn a_transient_refusal_is_tried_again() {
    let busy = || SendError::Transient("451 try later".to_owned());
    let (app, mailer) = app_with(vec![busy(), busy()]).await;
    let envelope = with_reply(&BankCreated::example());
    assert_eq!(app.publish_until_accepted(&envelope).await, 3);
    let ids = mailer.message_ids();
    assert!(ids.len() == 3 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(app.acks.received().len(), 1);
    let record = &app.records().await[0];
    assert_eq!((&record["state"], &record["attempts"]), (&"sent".into(), &3.into()));
    app.stop().await;
}

#[actix_rt::test]
async fn an_event_refused_too_often_is_a_dead_letter() {
    let (app, mailer) = app_with((0..9).map(|_| SendError::Transient("451 try later".to_owned())).collect()).await;
    assert_eq!(app.publish_until_accepted(&with_reply(&BankCreated::example())).await, 5);
    assert_eq!(mailer.message_ids().len(), 5);
    let [dead_letter] = app.dead.all().try_into().unwrap();
    assert!(dead_letter.attempts == 5 && dead_letter.reason.ends_with("451 try later"), "{}", dead_letter.reason);
    assert_eq!(app.records().await[0]["state"], "failed");
    assert!(app.acks.received().is_empty());
    app.stop().await;
}

/// The server was silent, and is back before the probe: that was an outage all the same.
#[actix_rt::test]
async fn a_mail_that_could_not_be_given_spends_no_attempt() {
    let silent = || SendError::Unanswered("RCPT TO was not answered in time".to_owned());
    let (app, mailer) = app_with((0..9).map(|_| silent()).collect()).await;
    assert_eq!(app.publish_until_accepted(&with_reply(&BankCreated::example())).await, 10);
    assert_eq!(mailer.message_ids().len(), 10);
    let record = &app.records().await[0];
    assert_eq!((&record["state"], &record["attempts"]), (&"sent".into(), &1.into()));
    assert_eq!(app.metric("bank_messages_total", &[("outcome", "retry")]), 0);
    assert!(app.dead.all().is_empty());
    app.stop().await;
}

#[actix_rt::test]
async fn one_refused_receiver_does_not_undo_the_mail_of_the_other() {
    let mailer = Scripted::new([Err(SendError::Permanent("550 no".to_owned()))]);
    let args = vec!["--receivers=a@bank.example,b@bank.example".to_owned()];
    let app = App::start_with(Options { args, mailer: Some(mailer), ..Options::default() }).await;
    assert_eq!(app.publish(&with_reply(&BankCreated::example())).await, PublishResult::Accepted);
    let EmailSent(report) = app.acks.received().remove(0).data().unwrap();
    assert_eq!(report.recipients, ["b***@bank.example"]);
    app.stop().await;
}

fn account_for(email: &str) -> Envelope {
    with_reply(&AccountCreated { email: email.to_owned(), ..AccountCreated::example() })
}

#[actix_rt::test]
async fn an_address_that_is_none_is_poison_and_reported() {
    let app = App::start().await;
    for (index, email) in ["nobody", "a@b.c\r\nBcc: x@y.z", "", "a b@c.d"].iter().enumerate() {
        let envelope = account_for(email);
        assert_eq!(app.publish(&envelope).await, PublishResult::Accepted);
        let ack = app.acks.received().remove(index);
        let EmailRejected(report) = ack.data().unwrap();
        assert!(report.reason.unwrap().starts_with("email must be an e-mail address"));
        assert_eq!(app.dead.all().len(), index + 1);
    }
    assert!(app.mails().is_empty() && app.records().await.is_empty());
    app.stop().await;
}

#[actix_rt::test]
async fn a_request_that_cannot_be_written_is_poison() {
    let app = App::start().await;
    let request = |template: &str, params: BTreeMap<String, String>| {
        event(&EmailRequested(EmailRequest { template: template.into(), to: "a@b.example".into(), params }))
    };
    let link = |link: &str| BTreeMap::from([("link".to_owned(), link.to_owned())]);
    for envelope in [
        request("no-such-template", BTreeMap::new()),
        request("invitation", BTreeMap::new()),
        request("invitation", link("javascript:alert('s3cret')")),
    ] {
        assert_eq!(app.publish(&envelope).await, PublishResult::Accepted);
    }
    let dead_letters = app.dead.all();
    assert_eq!(dead_letters.len(), 3);
    assert!(dead_letters.iter().all(|dead_letter| !dead_letter.reason.contains("s3cret")));
    assert!(app.mails().is_empty());
    app.stop().await;
}

#[actix_rt::test]
async fn what_is_no_event_is_poison_and_its_neighbour_is_not() {
    let app = App::start().await;
    let good = WireMessage::encode(&event(&AccountCreated::example())).unwrap();
    for body in [&b"not json"[..], b"\xff\xfe", b"{}", b"[1]", b""] {
        let bad = WireMessage { body: body.to_vec(), ..good.clone() };
        assert_eq!(app.publish_message(bad, Progress::default()).await, PublishResult::Accepted);
    }
    assert_eq!(app.publish_message(good, Progress::default()).await, PublishResult::Accepted);
    assert_eq!(app.mails().len(), 1);
    assert_eq!(app.metric("bank_emails_total", &[("outcome", "sent")]), 1);
    app.stop().await;
}

#[actix_rt::test]
async fn events_without_a_template_are_skipped_and_counted() {
    let app = App::start().await;
    assert_eq!(app.publish(&event(&CardCreated::example())).await, PublishResult::Accepted);
    let mut stranger = event(&CardCreated::example());
    stranger.event_type = "spaceship.created".parse().unwrap();
    assert_eq!(app.publish(&stranger).await, PublishResult::Accepted);
    assert_eq!(app.metric("bank_emails_skipped_total", &[("event_type", "card.created")]), 1);
    assert_eq!(app.metric("bank_emails_skipped_total", &[("event_type", "other")]), 1);
    assert!(app.mails().is_empty() && app.dead.all().is_empty());
    app.stop().await;
}

#[actix_rt::test]
async fn the_parameters_of_a_requested_mail_are_nowhere_but_in_the_mail() {
    let app = App::start().await;
    let params = BTreeMap::from([("link".to_owned(), "https://bank.example/s3cret".to_owned())]);
    let request = EmailRequest { template: "invitation".into(), to: "john.doe@example.com".into(), params };
    assert_eq!(app.publish(&with_reply(&EmailRequested(request))).await, PublishResult::Accepted);
    assert!(app.mail().text.contains("s3cret"));
    let shown = json!([app.records().await, app.acks.received().iter().map(|ack| &ack.body.data).collect::<Vec<_>>()]);
    assert!(!shown.to_string().contains("s3cret") && !shown.to_string().contains("john.doe"), "{shown}");
    app.stop().await;
}
