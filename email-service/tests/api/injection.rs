//! Strangers' text in a mail: no header, no tag, no expression in it takes effect.

use email_service::domain::{Content, Mail, MessageId};
use email_service::templates::{Facts, Template, Templates};
use proptest::prelude::*;
use serde_json::json;
use shared_events::EventId;

use crate::mime::{Parsed, parse};

const HEADERS: &[&str] =
    &["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];

fn mail(content: Content) -> Mail {
    Mail {
        message_id: MessageId::for_event(EventId::from_content("a.b", b""), 0, "bank.localhost").unwrap(),
        from: "Bank <no-reply@bank.localhost>".parse().unwrap(),
        to: "a@b.example".parse().unwrap(),
        date: shared_events::date::parse("2025-01-16T17:10:26").unwrap(),
        content,
    }
}

fn written(content: Content) -> Parsed {
    let parsed = parse(&mail(content).to_message().unwrap().formatted());
    let mut names = parsed.header_names();
    names.sort_unstable();
    let mut expected = HEADERS.to_vec();
    expected.sort_unstable();
    assert_eq!(names, expected);
    parsed
}

fn rendered(template: Template, data: &serde_json::Value) -> Parsed {
    let facts = Facts::read(template, data).unwrap();
    written(Templates::new("").unwrap().render(template, &facts.values).unwrap())
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("\r\n\r\n<p>".to_owned()),
        Just("Bcc: x@y.z".to_owned()),
        Just("=?utf-8?q?=0D=0ABcc:?=".to_owned()),
        Just("=?utf-8?b?DQpCY2M6?=".to_owned()),
        Just("<script>".to_owned()),
        Just("\"'&".to_owned()),
        Just("{{7*7}}{% include 'layout.html' %}".to_owned()),
        Just("--=_".to_owned()),
        Just("\u{0}\u{7f}\u{85}\u{2028}\u{202e}".to_owned()),
        "\\PC{0,40}",
        "[ -~]{0,120}",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat().chars().take(500).collect())
}

proptest! {
    #[test]
    fn no_value_adds_a_header_or_a_part(name in hostile(), text in hostile()) {
        let parsed = rendered(Template::Notice, &json!({"name": name, "subject": name, "text": format!("x{text}")}));
        prop_assert!(!parsed.header("Subject").contains(['\r', '\n']));
        prop_assert_eq!(parsed.header("To"), "a@b.example");
        prop_assert!(!parsed.html.contains("<script>"));
        rendered(Template::BankCreated, &json!({"id": 1, "name": name}));
    }

    #[test]
    fn no_content_at_all_adds_a_header(subject in hostile(), text in hostile(), html in hostile()) {
        written(Content { subject, text, html });
    }

    #[test]
    fn an_expression_in_data_stays_literal(a in 2..100_u32, b in 2..100_u32) {
        let name = format!("{{{{{a}*{b}}}}}");
        let parsed = rendered(Template::AccountCreated, &json!({"name": name}));
        prop_assert!(parsed.text.contains(&name) && parsed.html.contains(&name));
    }

    #[test]
    fn a_subject_of_any_script_is_read_as_it_was_written(subject in "\\p{L}[\\p{L}\\p{N} ,.!]{0,60}\\p{L}") {
        let expected = email_service::domain::single_line(&subject);
        let parsed = written(Content { subject, text: "x".into(), html: "<p>x</p>".into() });
        prop_assert_eq!(parsed.header("Subject"), expected);
    }
}

#[test]
fn a_script_in_a_name_is_shown_and_not_run() {
    let parsed = rendered(Template::AccountCreated, &json!({"id": 1, "name": "<script>alert(1)</script>"}));
    assert!(parsed.text.contains("Hello <script>alert(1)</script>,"));
    assert!(parsed.html.contains("&lt;script&gt;alert(1)&lt;") && !parsed.html.contains("<script"));
}
