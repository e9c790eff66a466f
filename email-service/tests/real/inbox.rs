//! A real mail server: its inbox shows the mails as intended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use email_service::config::Config;
use email_service::domain::{Content, Mail, MessageId};
use email_service::mailer::Mailer;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use service_kit::config::Secret;
use service_kit::messaging::PublishResult;
use shared_events::Event;
use shared_events::events::AccountCreated;
use test_support::eventually;

use crate::engine::variable;
use crate::support::{App, Options, event};

async fn mailer() -> Arc<dyn Mailer> {
    let url = format!("smtp://{}:{}", variable(&["SMTP_HOST"]), variable(&["SMTP_PORT"]));
    let config = Config { mail_url: Secret::new(url), ..Config::default() };
    config.check().unwrap().mail.open().await.unwrap()
}

/// The mails whose Message-ID contains a text.
async fn inbox(part: &str) -> Vec<Value> {
    let url = format!("{}/email", variable(&["SMTP_API_URL", "SMTP_API"]).trim_end_matches('/'));
    let mails: Vec<Value> = reqwest::get(url).await.unwrap().json().await.unwrap();
    mails.into_iter().filter(|mail| mail["headers"]["message-id"].to_string().contains(part)).collect()
}

#[actix_rt::test]
async fn an_event_becomes_one_mail_in_the_inbox() {
    let mailer = mailer().await;
    mailer.probe().await.unwrap();
    let app = App::start_with(Options { mailer: Some(mailer), ..Options::default() }).await;
    let mut envelope = event(&AccountCreated::example());
    envelope.id = service_kit::ids::new_event_id();
    for _ in 0..5 {
        assert_eq!(app.publish(&envelope).await, PublishResult::Accepted);
    }
    let id = envelope.id.to_string();
    eventually("it is in the inbox", async || !inbox(&id).await.is_empty()).await;
    let [mail] = inbox(&id).await.try_into().unwrap();
    assert_eq!(mail["to"][0]["address"], AccountCreated::example().email);
    let record = &app.records().await[0];
    assert_eq!(mail["headers"]["message-id"], record["message_id"]);
    assert!(mail["text"].as_str().unwrap().contains("Balance: 5.20 EUR"), "{mail}");
    assert!(mail["html"].as_str().is_some_and(|html| html.contains("<p")), "{mail}");
    app.stop().await;
}

#[actix_rt::test]
async fn many_mails_at_once_all_arrive_once() {
    const MAILS: u32 = 200;
    let mailer = mailer().await;
    let run = service_kit::ids::new_event_id();
    let started = Instant::now();
    let sending = stream::iter(0..MAILS).map(|number| {
        let mail = Mail {
            message_id: MessageId::for_event(run, number as usize, "bank.localhost").unwrap(),
            from: "bank@bank.localhost".parse().unwrap(),
            to: "john.doe@example.com".parse().unwrap(),
            date: crate::contract::now(),
            content: Content { subject: format!("Grüße {number}"), text: ".\r\nt".into(), html: "<p>h</p>".into() },
        };
        let mailer = Arc::clone(&mailer);
        async move { mailer.send(&mail).await.unwrap() }
    });
    sending.buffer_unordered(8).for_each(async |_| {}).await;
    println!("{} mails/s into a real server", u128::from(MAILS) * 1_000 / started.elapsed().as_millis().max(1));
    let run = run.to_string();
    eventually("all are in the inbox", async || inbox(&run).await.len() >= MAILS as usize).await;
    let ids: BTreeSet<String> =
        inbox(&run).await.iter().map(|mail| mail["headers"]["message-id"].to_string()).collect();
    assert_eq!(ids.len(), MAILS as usize);
    assert_eq!(inbox(&run).await.len(), MAILS as usize);
}
