//! The content of mails, compared with golden files. `UPDATE_GOLDEN=1` writes them anew.

use std::collections::BTreeMap;
use std::path::Path;

use shared_events::events::{
    AccountCreated, Bank, BankCreated, EmailRequest, EmailRequested, Transfer, TransferCaptured, TransferExpired,
    TransferHeld, TransferPosted, TransferReversed, TransferSide, TransferVoided, UserCreated,
};
use shared_events::{Envelope, Event, EventId, WireMessage};

use crate::support::{App, Options, event};

async fn check_golden(name: &str, envelope: Envelope) {
    check_golden_of(App::start().await, name, envelope).await;
}

async fn check_golden_of(app: App, name: &str, envelope: Envelope) {
    let id = "01947028-0a10-7000-8000-000000000001".parse().unwrap();
    let envelope = Envelope { id, ..envelope };
    assert_eq!(app.publish_until_accepted(&envelope).await, 1);
    let actual = app.mail().golden();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/golden").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{name}");
    app.stop().await;
}

fn request(template: &str, params: &[(&str, &str)]) -> Envelope {
    let params: BTreeMap<_, _> = params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    event(&EmailRequested(EmailRequest {
        template: template.to_owned(),
        to: "john.doe@example.com".to_owned(),
        params,
    }))
}

#[actix_rt::test]
async fn the_mail_of_an_opened_account() {
    check_golden("account.created", event(&AccountCreated::example())).await;
}

#[actix_rt::test]
async fn the_mail_of_a_created_bank() {
    let bank = Bank { name: "Bank für Gemüse".to_owned(), ..BankCreated::example().0 };
    check_golden("bank.created", event(&BankCreated(bank))).await;
}

#[actix_rt::test]
async fn the_mail_of_a_new_user() {
    check_golden("user.created", event(&UserCreated::example())).await;
}

#[actix_rt::test]
async fn the_mail_to_verify_an_address() {
    let params = [("link", "https://bank.example/auth/email/verify/abc?x=1&y=2"), ("valid_for", "24 hours")];
    check_golden("verify-email", request("verify-email", &params)).await;
}

#[actix_rt::test]
async fn the_mail_to_reset_a_password() {
    let params = [("code", "123456"), ("link", "https://bank.example/reset/abc"), ("valid_for", "30 minutes")];
    check_golden("reset-password", request("reset-password", &params)).await;
}

#[actix_rt::test]
async fn the_mail_with_a_notice() {
    let params =
        [("subject", "Your password was changed"), ("text", "It was changed today.\nWas it not you? Tell us.")];
    check_golden("notice", request("notice", &params)).await;
}

#[actix_rt::test]
async fn the_mail_with_an_invitation() {
    let params = [("name", "Jane Roe"), ("link", "https://bank.example/reset/abc"), ("valid_for", "7 days")];
    check_golden("invitation", request("invitation", &params)).await;
}

/// A service that takes the events of transfers, with these receivers.
async fn app_of_transfers(receivers: &str) -> App {
    let args = vec!["--routing-key=transfer.*".to_owned(), format!("--receivers={receivers}")];
    App::start_with(Options { args, ..Options::default() }).await
}

#[actix_rt::test]
async fn the_mail_of_a_transfer() {
    check_golden_of(app_of_transfers("a@bank.example").await, "transfer", event(&TransferPosted::example())).await;
}

#[actix_rt::test]
async fn the_subject_of_a_transfer_names_what_became_of_it() {
    let app = app_of_transfers("a@bank.example").await;
    let yen = Transfer { currency: "JPY".parse().unwrap(), ..TransferHeld::example().0 };
    for (envelope, subject) in [
        (event(&TransferPosted::example()), "Transfer posted: 1.00 EUR"),
        (event(&TransferHeld(yen)), "Transfer held: 100 JPY"),
        (event(&TransferCaptured::example()), "Transfer captured: 1.00 EUR"),
        (event(&TransferVoided::example()), "Transfer voided: 1.00 EUR"),
        (event(&TransferExpired::example()), "Transfer expired: 1.00 EUR"),
        (event(&TransferReversed::example()), "Transfer reversed: 1.00 EUR"),
    ] {
        app.publish_until_accepted(&envelope).await;
        assert!(app.mails().iter().any(|(_, mail)| mail.header("Subject") == subject), "{subject}");
    }
    assert_eq!(app.mails().len(), 6);
    app.stop().await;
}

#[actix_rt::test]
async fn the_mail_of_a_transfer_has_no_text_of_a_customer_and_no_balance() {
    let app = app_of_transfers("a@bank.example").await;
    let TransferPosted(transfer) = TransferPosted::example();
    let with_money = |side: &TransferSide| TransferSide { balance_after: 987_654, held_after: 123_456, ..side.clone() };
    let (from, to) = (with_money(&transfer.from), with_money(&transfer.to));
    let description = Some("from a stranger".to_owned());
    let transfer = Transfer { from, to, description, ..transfer };
    app.publish_until_accepted(&event(&TransferPosted(transfer))).await;
    let mail = app.mail();
    for secret in ["stranger", "INVOICE-7", "987", "123456", "1234.56"] {
        assert!(!mail.text.contains(secret) && !mail.html.contains(secret), "{secret}: {}", mail.text);
    }
    app.stop().await;
}

#[actix_rt::test]
async fn without_receivers_the_event_of_a_transfer_is_skipped_and_counted() {
    let app = app_of_transfers("").await;
    let envelope = event(&TransferPosted::example());
    assert_eq!(app.publish_until_accepted(&envelope).await, 1);
    assert!(app.mails().is_empty() && app.records().await.is_empty());
    assert_eq!(app.metric("bank_emails_skipped_total", &[("event_type", "other")]), 1);
    app.stop().await;
}

#[actix_rt::test]
async fn amounts_follow_their_currency() {
    let app = App::start().await;
    for (code, shown) in [("EUR", "5.20 EUR"), ("JPY", "520 JPY"), ("KWD", "0.520 KWD")] {
        let account = AccountCreated { currency: code.parse().unwrap(), ..AccountCreated::example() };
        app.publish_until_accepted(&event(&account)).await;
        assert!(app.mails().iter().any(|(_, mail)| mail.text.contains(shown) && mail.html.contains(shown)), "{shown}");
    }
    app.stop().await;
}

#[actix_rt::test]
async fn a_message_with_the_four_keys_only_is_mailed_to_the_operator() {
    let app = App::start().await;
    let body = br#"{"user_id":1,"date":"2025-01-16T17:10:26","message":"Account created with ID: 1","data":{"name":"John Doe"}}"#;
    let message = WireMessage {
        routing_key: "account.created".to_owned(),
        properties: shared_events::wire::Properties::default(),
        headers: BTreeMap::new(),
        body: body.to_vec(),
    };
    let id = EventId::from_content("account.created", body);
    app.publish_message(message, service_kit::messaging::Progress::default()).await;
    let mail = app.mail();
    assert_eq!(mail.header("To"), "operator@bank.localhost");
    assert_eq!(mail.header("Message-ID"), format!("<{id}@bank.localhost>"));
    assert!(mail.text.starts_with("Hello John Doe,"));
    app.stop().await;
}

#[actix_rt::test]
async fn every_receiver_gets_a_mail_of_its_own() {
    let args = vec!["--receivers=z@bank.example, a@bank.example,JOHN.DOE@example.com".to_owned()];
    let app = App::start_with(Options { args, ..Options::default() }).await;
    let envelope = event(&AccountCreated::example());
    app.publish_until_accepted(&envelope).await;
    let mut mails: Vec<_> =
        app.mails().iter().map(|(_, m)| (m.header("To").to_owned(), m.header("Message-ID").to_owned())).collect();
    mails.sort();
    let id = envelope.id;
    let expected = [
        ("a@bank.example".to_owned(), format!("<{id}.1@bank.localhost>")),
        ("john.doe@example.com".to_owned(), format!("<{id}@bank.localhost>")),
        ("z@bank.example".to_owned(), format!("<{id}.2@bank.localhost>")),
    ];
    assert_eq!(mails, expected);
    app.stop().await;
}

#[actix_rt::test]
async fn a_subject_prefix_and_a_sender_are_configurable() {
    let args = vec!["--subject=[staging]".to_owned(), "--from=Straße <a@b.example>".to_owned()];
    let app = App::start_with(Options { args, ..Options::default() }).await;
    app.publish_until_accepted(&event(&UserCreated::example())).await;
    let mail = app.mail();
    assert_eq!(mail.header("Subject"), "[staging] Welcome to your bank");
    assert_eq!(mail.header("From"), "Straße <a@b.example>");
    app.stop().await;
}
