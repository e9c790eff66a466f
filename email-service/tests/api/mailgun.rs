//! The effects of Mailgun's answers on a mail.

use std::sync::Arc;

use email_service::mailer::{Mailer, MailgunMailer, MailgunSettings, SendError};
use service_kit::config::Secret;
use service_kit::messaging::PublishResult;
use shared_events::Event;
use shared_events::events::AccountCreated;

use crate::mailgun_stub::MailgunStub;
use crate::smtp::mail;
use crate::support::{App, Options, event};

#[actix_rt::test]
async fn a_mail_arrives_as_it_was_written_with_our_message_id() {
    let stub = MailgunStub::start();
    let mailer = Arc::new(MailgunMailer::new(stub.settings()));
    let app = App::start_with(Options { mailer: Some(mailer.clone()), ..Options::default() }).await;
    assert_eq!(app.publish(&event(&AccountCreated::example())).await, PublishResult::Accepted);
    let record = &app.records().await[0];
    assert_eq!(
        (&record["state"], &record["answer"]),
        (&"sent".into(), &"Mailgun answered 200 Queued. Thank you.".into())
    );
    let (to, mime) = stub.shared.mails.lock().unwrap()[0].clone();
    assert_eq!(to, AccountCreated::example().email);
    assert!(mime.contains(&format!("Message-ID: {}\r\n", record["message_id"].as_str().unwrap())), "{mime}");
    mailer.send(&mail(7)).await.unwrap();
    let sent = stub.shared.mails.lock().unwrap()[1].1.clone();
    assert_eq!(sent.into_bytes(), mail(7).to_message().unwrap().formatted());
    app.stop().await;
}

#[actix_rt::test]
async fn answers_are_distinguished_and_show_no_address() {
    let stub = MailgunStub::start();
    let mailer = MailgunMailer::new(stub.settings());
    stub.answer([401, 429, 500, 503, 400, 0]);
    let mut answers = Vec::new();
    for number in 0..6 {
        answers.push(mailer.send(&mail(number)).await.unwrap_err());
    }
    assert!(
        matches!(
            &answers[..],
            [
                SendError::Unavailable(_),
                SendError::Transient(_),
                SendError::Transient(_),
                SendError::Unavailable(_),
                SendError::Permanent(_),
                SendError::Transient(_)
            ]
        ),
        "{answers:?}"
    );
    assert!(answers.iter().all(|one| !one.to_string().contains("john")), "{answers:?}");
    mailer.send(&mail(0)).await.unwrap();
}

#[actix_rt::test]
async fn a_wrong_key_or_domain_is_no_mails_fault_and_is_probed() {
    let stub = MailgunStub::start();
    MailgunMailer::new(stub.settings()).probe().await.unwrap();
    for settings in [
        MailgunSettings { api_key: Secret::new("wrong"), ..stub.settings() },
        MailgunSettings { domain: "other.example".to_owned(), ..stub.settings() },
    ] {
        let mailer = MailgunMailer::new(settings);
        assert!(matches!(mailer.send(&mail(0)).await, Err(SendError::Unavailable(_))));
        assert!(mailer.probe().await.unwrap_err().contains("MAILGUN_API_KEY and MAILGUN_DOMAIN"));
    }
    assert!(stub.shared.mails.lock().unwrap().is_empty(), "a probe sends nothing");
}

#[actix_rt::test]
async fn a_server_that_is_not_there_is_an_outage() {
    let stub = MailgunStub::start();
    let mailer = MailgunMailer::new(stub.settings());
    stub.stop().await;
    assert!(matches!(mailer.send(&mail(0)).await, Err(SendError::Unavailable(_))));
    let error = mailer.probe().await.unwrap_err();
    assert!(error.contains("Connection refused (os error ") && !error.contains("http:"), "the cause is told: {error}");
}
