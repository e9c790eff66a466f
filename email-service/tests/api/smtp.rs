//! The effects of a mail server's answers, silences and cut connections on a mail.

use std::sync::Arc;
use std::time::Duration;

use email_service::domain::{Content, Mail, MessageId};
use email_service::mailer::{Accepted, Mailer, Security, SendError, SmtpMailer, SmtpSettings};
use service_kit::messaging::{PublishResult, Publisher};
use shared_events::events::{AccountCreated, BankCreated};
use shared_events::{Event, EventId, date, routing};

use crate::smtp_stub::{Act, SmtpStub, Speaks, Step};
use crate::support::{App, Options, event, with_reply};

pub(crate) fn mail(number: u32) -> Mail {
    let event = EventId::from_content("a.b", &number.to_be_bytes());
    Mail {
        message_id: MessageId::for_event(event, 0, "bank.localhost").unwrap(),
        from: "Bank <no-reply@bank.localhost>".parse().unwrap(),
        to: "john.doe@example.com".parse().unwrap(),
        date: date::parse("2025-01-16T17:10:26").unwrap(),
        content: Content { subject: "Grüße".into(), text: "..\n.\nt".into(), html: "<p>h</p>".into() },
    }
}

async fn plain() -> (SmtpStub, Arc<SmtpMailer>) {
    let stub = SmtpStub::start(Speaks::Plain).await;
    let mailer = Arc::new(SmtpMailer::new(stub.settings(Security::Off)).unwrap());
    (stub, mailer)
}

async fn app(mailer: &Arc<SmtpMailer>) -> App {
    App::start_with(Options { mailer: Some(mailer.clone()), ..Options::default() }).await
}

#[actix_rt::test]
async fn mails_go_over_one_connection_as_they_were_written() {
    let (stub, mailer) = plain().await;
    for number in 0..3 {
        let accepted = mailer.send(&mail(number)).await.unwrap();
        assert_eq!(accepted.answer, "250 2.0.0 queued");
    }
    let mails = stub.mails();
    assert_eq!((mails.len(), stub.connections()), (3, 1));
    assert_eq!(mails[0].to, "RCPT TO:<john.doe@example.com>");
    assert_eq!(mails[1].message_id(), mail(1).message_id.to_string());
    // Dots at the start of a line are doubled on the wire.
    let wire = String::from_utf8(mail(0).to_message().unwrap().formatted()).unwrap();
    let stuffed = format!("{}\r\n", wire.trim_end()).replace("\r\n.", "\r\n..");
    assert_eq!(mails[0].content.trim_end(), stuffed.trim_end());
}

#[actix_rt::test]
async fn a_connection_takes_a_bounded_number_of_mails() {
    let stub = SmtpStub::start(Speaks::Plain).await;
    let mut settings = stub.settings(Security::Off);
    settings.limits.mails_per_connection = 2;
    let mailer = SmtpMailer::new(settings).unwrap();
    for number in 0..5 {
        mailer.send(&mail(number)).await.unwrap();
    }
    assert_eq!((stub.mails().len(), stub.connections()), (5, 3));
}

#[actix_rt::test]
async fn a_connection_that_the_server_has_closed_is_replaced_in_silence() {
    let (stub, mailer) = plain().await;
    stub.at(Step::Rset, [Act::Answer("421 too many"), Act::Cut]);
    for number in 0..3 {
        mailer.send(&mail(number)).await.unwrap();
    }
    assert_eq!((stub.mails().len(), stub.connections()), (3, 3));
}

#[actix_rt::test]
async fn greylisting_costs_attempts_and_keeps_the_message_id() {
    let (stub, mailer) = plain().await;
    stub.at(Step::Rcpt, [Act::Answer("451 later"), Act::Answer("450 later")]);
    let app = app(&mailer).await;
    assert_eq!(app.publish_until_accepted(&event(&AccountCreated::example())).await, 3);
    let record = &app.records().await[0];
    assert_eq!((&record["state"], &record["attempts"]), (&"sent".into(), &3.into()));
    assert_eq!(record["message_id"], stub.mails()[0].message_id());
    app.stop().await;
}

#[actix_rt::test]
async fn a_refusal_is_final_at_every_step_and_reported_without_the_address() {
    for step in [Step::Mail, Step::Rcpt, Step::Data, Step::Accept] {
        let (stub, mailer) = plain().await;
        stub.at(step, [Act::Answer("550 5.1.1 <john.doe@example.com> is not here")]);
        let Err(SendError::Permanent(error)) = mailer.send(&mail(0)).await else { panic!("{step:?}") };
        assert!(error.contains("550 5.1.1 <address> is not here"), "{error}");
        mailer.send(&mail(1)).await.unwrap();
        assert_eq!(stub.connections(), 1, "the dialogue stays in step after {step:?}");
    }
}

#[actix_rt::test]
async fn a_refused_bank_mail_is_reported_as_rejected() {
    let (stub, mailer) = plain().await;
    stub.at(Step::Rcpt, [Act::Answer("550 no")]);
    let app = app(&mailer).await;
    assert_eq!(app.publish(&with_reply(&BankCreated::example())).await, PublishResult::Accepted);
    assert_eq!(app.acks.received()[0].event_type.as_str(), "email.rejected");
    app.stop().await;
}

#[actix_rt::test]
async fn what_is_not_the_mails_fault_is_not_final() {
    for (step, answer) in [
        (Step::Rcpt, "503 out of step"),
        (Step::Mail, "250-and\r\nnonsense"),
        (Step::Accept, "251 not quite"),
        (Step::Accept, "354 more?"),
        (Step::Data, "250 what?"),
        (Step::Rcpt, "452 full"),
    ] {
        let (stub, mailer) = plain().await;
        stub.at(step, [Act::Answer(answer)]);
        let answered = mailer.send(&mail(0)).await;
        assert!(matches!(answered, Err(SendError::Transient(_))), "{step:?} {answer}: {answered:?}");
        mailer.send(&mail(0)).await.unwrap();
    }
    for (step, answer) in [(Step::Greeting, "421 busy"), (Step::Greeting, "554 no"), (Step::Mail, "421 closing")] {
        let (stub, mailer) = plain().await;
        stub.at(step, [Act::Answer(answer)]);
        let answered = mailer.send(&mail(0)).await;
        assert!(matches!(answered, Err(SendError::Unavailable(_))), "{step:?} {answer}: {answered:?}");
        mailer.send(&mail(0)).await.unwrap();
    }
}

/// Whether the error fits a server that falls silent or disconnects at this step. Only after the content may it have the mail.
fn is_as_meant(step: Step, answered: &Result<Accepted, SendError>) -> bool {
    match step {
        Step::Greeting | Step::Ehlo => matches!(answered, Err(SendError::Unavailable(_))),
        Step::Content | Step::Accept => matches!(answered, Err(SendError::Transient(_))),
        _ => matches!(answered, Err(SendError::Unanswered(_))),
    }
}

#[actix_rt::test]
async fn a_cut_connection_is_never_used_again_and_the_mail_goes_out_on_a_new_one() {
    for step in [Step::Mail, Step::Rcpt, Step::Data, Step::Content, Step::Accept] {
        let (stub, mailer) = plain().await;
        stub.at(step, [Act::Cut]);
        let answered = mailer.send(&mail(0)).await;
        assert!(is_as_meant(step, &answered), "{step:?}: {answered:?}");
        mailer.send(&mail(0)).await.unwrap();
        let mails = stub.mails();
        assert_eq!(mails.last().unwrap().connection, 2);
        // Cut after the content, the server has both copies, with the same Message-ID.
        assert_eq!(mails.len(), if step == Step::Accept { 2 } else { 1 });
        assert!(mails.iter().all(|one| one.message_id() == mail(0).message_id.to_string()));
    }
}

#[actix_rt::test]
async fn silence_ends_at_its_time_limit_at_every_step() {
    let steps = [Step::Greeting, Step::Ehlo, Step::Mail, Step::Rcpt, Step::Data, Step::Accept];
    let each = steps.map(|step| async move {
        let (stub, mailer) = plain().await;
        stub.at(step, [Act::Silence]);
        let started = std::time::Instant::now();
        let answered = mailer.send(&mail(0)).await;
        assert!(started.elapsed() < Duration::from_mins(1), "{step:?}");
        assert!(is_as_meant(step, &answered), "{step:?}: {answered:?}");
        mailer.send(&mail(0)).await.unwrap();
        assert_eq!(stub.mails().last().unwrap().connection, 2, "{step:?}");
    });
    futures_util::future::join_all(each).await;
}

#[actix_rt::test]
async fn an_acceptance_that_comes_too_late_is_not_taken_for_the_next_mails() {
    let (stub, mailer) = plain().await;
    // The late 250 of the first mail must not become the answer to the second, which is refused.
    stub.at(Step::Accept, [Act::Late(Duration::from_secs(5), "250 late"), Act::Answer("550 spam")]);
    assert!(matches!(mailer.send(&mail(0)).await, Err(SendError::Transient(_))));
    assert!(matches!(mailer.send(&mail(1)).await, Err(SendError::Permanent(_))));
    mailer.send(&mail(0)).await.unwrap();
    let mails = stub.mails();
    assert_eq!(mails[0].message_id(), mails[2].message_id());
    assert_ne!(mails[0].connection, mails[1].connection);
}

#[actix_rt::test]
async fn a_send_that_is_cancelled_takes_its_connection_with_it() {
    let (stub, mailer) = plain().await;
    mailer.send(&mail(0)).await.unwrap();
    stub.at(Step::Accept, [Act::Late(Duration::from_millis(500), "250 late"), Act::Answer("550 spam")]);
    let cut = tokio::time::timeout(Duration::from_millis(250), mailer.send(&mail(1))).await;
    assert!(cut.is_err());
    assert!(matches!(mailer.send(&mail(2)).await, Err(SendError::Permanent(_))));
    assert_eq!(stub.connections(), 2);
}

#[actix_rt::test]
async fn an_unavailable_server_pauses_the_queue_and_spends_no_attempts() {
    let (stub, mailer) = plain().await;
    stub.at(Step::Greeting, [Act::Answer("421 closed"); 6]);
    let app = app(&mailer).await;
    let mut resumed = app.broker.resumed();
    let envelope = event(&AccountCreated::example());
    assert!(matches!(app.publish(&envelope).await, PublishResult::Later { waiting_for: Some(_), .. }));
    assert_eq!(resumed.recv().await.unwrap(), routing::EMAIL_QUEUE);
    assert_eq!(app.publish(&envelope).await, PublishResult::Accepted);
    assert_eq!(app.records().await[0]["attempts"], 1);
    app.stop().await;
}

#[actix_rt::test]
async fn a_server_that_cannot_be_reached_is_reported_with_the_systems_own_reason() {
    let stub = SmtpStub::start(Speaks::Plain).await;
    // No process listens there.
    let settings = SmtpSettings { port: 1, ..stub.settings(Security::Off) };
    let error = SmtpMailer::new(settings).unwrap().probe().await.unwrap_err();
    assert!(error.contains("127.0.0.1:1: it cannot be reached: Connection refused (os error "), "{error}");
}

#[actix_rt::test]
async fn a_probe_sends_ehlo_and_quit_and_is_cached() {
    let stub = SmtpStub::start(Speaks::Plain).await;
    let mut settings = stub.settings(Security::Off);
    settings.limits.probe_cache = Duration::from_mins(1);
    let mailer = SmtpMailer::new(settings).unwrap();
    for _ in 0..20 {
        mailer.probe().await.unwrap();
    }
    assert_eq!(stub.connections(), 1);
    assert_eq!(stub.lines(), ["EHLO bank.localhost", "QUIT"]);
}
