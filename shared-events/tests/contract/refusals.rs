//! A message that is no event is refused, with a reason that repeats nothing private.

use shared_events::wire::MAX_BODY_BYTES;
use shared_events::{DecodeError, EventId};

use crate::{BODY, bare};

fn refusal(body: &[u8]) -> DecodeError {
    bare("account.created", body).decode().unwrap_err()
}

fn with(from: &str, to: &str) -> Vec<u8> {
    assert!(BODY.contains(from));
    BODY.replace(from, to).into_bytes()
}

#[test]
fn a_body_is_exactly_its_four_keys() {
    let cases = [
        (with(r#","data":{"name":"John Doe"}"#, ""), "missing field `data`"),
        (with(r#""user_id":1,"#, ""), "missing field `user_id`"),
        (with(r#""user_id":1"#, r#""user_id":1,"extra":true"#), "unknown field `extra`"),
        (with(r#""user_id":1"#, r#""user_id":1,"user_id":2"#), "duplicate field `user_id`"),
        (with(r#""message":"Account created with ID: 1""#, r#""message":null"#), "invalid type"),
        (with("2025-01-16T17:10:26", "yesterday"), "expected a UTC date"),
        (with(r#""user_id":1"#, r#""user_id":0"#), "not an identifier"),
        (with(r#""user_id":1"#, r#""user_id":1.5"#), "invalid type"),
        (b"[]".to_vec(), "expected an object"),
        (br#" [1,"2025-01-16T17:10:26","Account created with ID: 1",{}]"#.to_vec(), "expected an object"),
        (b"".to_vec(), "EOF"),
        (b"null".to_vec(), "invalid type, expected an object"),
        (b"{".to_vec(), "EOF"),
    ];
    for (body, expected) in cases {
        let error = refusal(&body);
        assert!(matches!(error, DecodeError::Body { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error} should tell of {expected}");
    }
}

#[test]
fn a_user_id_may_be_null_and_the_data_may_be_anything() {
    for data in ["null", "[]", "{}", "7", r#""text""#] {
        let body = with(r#"{"name":"John Doe"}"#, data);
        assert!(bare("a.b", &body).decode().is_ok(), "{data}");
    }
    let body = with(r#""user_id":1"#, r#""user_id":null"#);
    assert_eq!(bare("a.b", &body).decode().unwrap().body.user_id, None);
}

#[test]
fn bytes_that_are_not_utf_8_are_refused() {
    let mut body = BODY.as_bytes().to_vec();
    let place = BODY.find("John").unwrap();
    body[place] = 0xff;
    assert!(matches!(refusal(&body), DecodeError::Body { .. }));
}

#[test]
fn a_body_may_begin_with_one_byte_order_mark() {
    let marked = bare("account.created", format!("\u{feff}{BODY}").as_bytes()).decode().unwrap();
    assert_eq!(marked.body, bare("account.created", BODY.as_bytes()).decode().unwrap().body);
    for bad in [format!("\u{feff}\u{feff}{BODY}"), format!(" \u{feff}{BODY}"), format!("{BODY}\u{feff}")] {
        assert!(matches!(refusal(bad.as_bytes()), DecodeError::Body { .. }), "{bad:?}");
    }
    let utf_16: Vec<u8> = format!("\u{feff}{BODY}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(matches!(refusal(&utf_16), DecodeError::Body { .. }));
}

#[test]
fn a_body_too_large_is_refused_before_it_is_parsed() {
    let body = vec![b' '; 16 * 1024 * 1024];
    assert_eq!(refusal(&body), DecodeError::TooLarge { size: body.len() });
    let mut padded = BODY.as_bytes().to_vec();
    padded.resize(MAX_BODY_BYTES, b' ');
    assert!(bare("a.b", &padded).decode().is_ok());
}

#[test]
fn deep_nesting_is_refused_and_not_a_crash() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(refusal(&with(r#"{"name":"John Doe"}"#, &deep)), DecodeError::Body { .. }));
}

#[test]
fn a_reason_does_not_repeat_values_of_the_body() {
    for body in [
        with(r#""message":"Account created with ID: 1""#, r#""message":"x","user_id":"hunter2""#),
        with(r#""user_id":1"#, r#""user_id":"hunter2, expected hunter2""#),
        with("2025-01-16T17:10:26", "hunter2"),
        br#""hunter2""#.to_vec(),
    ] {
        let error = refusal(&body);
        assert!(!error.to_string().contains("hunter2\""), "{error}");
    }
}

#[test]
fn an_unreadable_id_or_type_is_refused_and_clipped() {
    let mut message = bare("account.created", BODY.as_bytes());
    message.properties.message_id = Some(format!("no\n{}", "x".repeat(1000)));
    let error = message.decode().unwrap_err();
    assert!(
        matches!(&error, DecodeError::MessageId { value } if value.len() == 64 && !value.contains('\n')),
        "{error}"
    );
    for key in ["", "account", "Account.Created", "account.created ", "a.*"] {
        assert!(matches!(bare(key, BODY.as_bytes()).decode(), Err(DecodeError::EventType { .. })), "{key:?}");
    }
}

#[test]
fn a_message_without_an_id_has_one_derived_from_its_content() {
    let event = bare("account.created", BODY.as_bytes()).decode().unwrap();
    assert_eq!(event.id, EventId::from_content("account.created", BODY.as_bytes()));
    assert_eq!(event.event_type.as_str(), "account.created");
    assert_eq!(event.source, "urn:unknown");
    assert_ne!(event.id, bare("account.updated", BODY.as_bytes()).event_id().unwrap());
    // A change of this number would make every derived id a new event.
    assert_eq!(event.id.to_string(), "520a8433-7523-578d-b2f5-e81a983f54fb");
}

#[test]
fn headers_serve_where_properties_are_missing() {
    let mut message = bare("bank-service.acks", BODY.as_bytes());
    message.headers.insert("cloudEvents_id".to_owned(), "01947018-43d0-7000-8000-000000000009".to_owned());
    message.headers.insert("cloudEvents_type".to_owned(), "email.sent".to_owned());
    let event = message.decode().unwrap();
    assert_eq!(
        (event.id.to_string().as_str(), event.event_type.as_str()),
        ("01947018-43d0-7000-8000-000000000009", "email.sent")
    );
}
