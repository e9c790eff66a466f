//! A written message can be read back, whatever it holds.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::Value;
use shared_events::events::{Bank, BankCreated, EmailRequest, EmailRequested, UserCreated};
use shared_events::{Body, Envelope, Event, UserId, WireMessage};

use crate::{BODY, bare, id};

/// Any JSON without fractions: money and ids have none, and a fraction may change in its last digit.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn envelope()(
        number in any::<u128>(),
        event_type in "[a-z0-9_]{1,20}(\\.[a-z0-9_]{1,20}){1,3}",
        texts in prop::collection::vec(any::<Option<String>>(), 3),
        user_id in prop::option::of(1..=i64::MAX),
        seconds in 0..253_402_300_799_i64,
        message in any::<String>(),
        data in json(),
    ) -> Envelope {
        Envelope {
            id: id(number),
            event_type: event_type.parse().unwrap(),
            source: "urn:bank-service".to_owned(),
            correlation_id: texts[0].clone(),
            traceparent: texts[1].clone(),
            reply_to: texts[2].clone(),
            body: Body {
                user_id: user_id.map(|user| UserId::try_new(user).unwrap()),
                date: DateTime::from_timestamp(seconds, 0).unwrap(),
                message,
                data,
            },
        }
    }
}

proptest! {
    #[test]
    fn every_event_survives_the_wire_and_the_file(envelope in envelope()) {
        let wire = WireMessage::encode(&envelope).unwrap();
        prop_assert_eq!(&wire.decode().unwrap(), &envelope);
        let stored = serde_json::to_string(&wire).unwrap();
        prop_assert_eq!(serde_json::from_str::<WireMessage>(&stored).unwrap(), wire);
    }

    #[test]
    fn any_bytes_survive_the_file_and_never_crash_the_reader(body in prop::collection::vec(any::<u8>(), 0..200), key in any::<String>()) {
        let message = bare(&key, &body);
        let stored = serde_json::to_string(&message).unwrap();
        prop_assert_eq!(&serde_json::from_str::<WireMessage>(&stored).unwrap(), &message);
        prop_assert!(message.decode().is_err());
    }

    #[test]
    fn a_corrupted_body_is_refused_or_read_as_what_it_then_contains(place in 0..BODY.len(), byte in any::<u8>()) {
        let mut body = BODY.as_bytes().to_vec();
        body[place] = byte;
        let meaning = serde_json::from_slice::<Value>(&body);
        match bare("account.created", &body).decode() {
            Ok(read) => {
                let meaning = meaning.expect("what is no JSON was read");
                prop_assert_eq!(&Value::from(read.body.message.as_str()), &meaning["message"]);
                prop_assert_eq!(&serde_json::to_value(&read.body.data).unwrap(), &meaning["data"]);
            }
            Err(error) => prop_assert!(meaning.is_err() || byte != BODY.as_bytes()[place], "{error}: as it was"),
        }
    }
}

#[test]
fn a_date_is_cut_to_the_second_when_the_event_is_made() {
    let date = DateTime::<Utc>::from_timestamp(1_737_047_426, 999_999_000).unwrap();
    let envelope = Envelope::new(id(1), "urn:bank-service", None, date, &UserCreated::example()).unwrap();
    assert_eq!(WireMessage::encode(&envelope).unwrap().decode().unwrap(), envelope);
}

#[test]
fn facts_come_back_as_their_own_type() {
    let user = UserCreated::example();
    let envelope = Envelope::new(id(1), "urn:bank-service", None, DateTime::<Utc>::UNIX_EPOCH, &user).unwrap();
    assert_eq!(envelope.data::<UserCreated>().unwrap(), user);
    assert!(envelope.data::<EmailRequested>().is_err());
}

#[test]
fn only_a_requested_mail_expires_after_a_day() {
    let date = DateTime::<Utc>::from_timestamp(1_737_047_426, 0).unwrap();
    let mail = Envelope::new(id(1), "urn:bank-service", None, date, &EmailRequested::example()).unwrap();
    assert_eq!(WireMessage::encode(&mail).unwrap().expires_at(), Some(date + TimeDelta::days(1)));
    let user = Envelope::new(id(1), "urn:bank-service", None, date, &UserCreated::example()).unwrap();
    assert_eq!(WireMessage::encode(&user).unwrap().expires_at(), None);
}

#[test]
fn a_body_that_begins_like_an_escaped_one_survives_the_file() {
    for body in ["base16:00", "base16:", "plain", ""] {
        let message = bare("a.b", body.as_bytes());
        let stored = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<WireMessage>(&stored).unwrap(), message, "{body}");
    }
}

#[test]
fn secrets_can_be_taken_out_of_a_message_that_can_still_be_read() {
    let request = EmailRequest {
        template: "reset-password".to_owned(),
        to: "john.doe@example.com".to_owned(),
        params: [("code".to_owned(), "123456".to_owned())].into(),
    };
    let id = id(7);
    let envelope = Envelope::new(id, "urn:test", None, DateTime::UNIX_EPOCH, &EmailRequested(request)).unwrap();
    let mut message = WireMessage::encode(&envelope).unwrap();
    assert!(message.remove_secrets());
    let EmailRequested(left) = message.decode().unwrap().data().unwrap();
    assert_eq!((left.to.as_str(), left.params.len()), ("john.doe@example.com", 0));
    assert!(!String::from_utf8(message.body.clone()).unwrap().contains("123456"));

    // By a header alone, and with a body that is no event.
    message.routing_key = "email-service.retry".to_owned();
    message.properties.kind = None;
    message.body = b"code 123456".to_vec();
    assert!(message.remove_secrets() && message.body.is_empty());
    let created = BankCreated(Bank { id: 1.try_into().unwrap(), name: "First Bank".to_owned() });
    let envelope = Envelope::new(id, "urn:test", None, DateTime::UNIX_EPOCH, &created).unwrap();
    let (mut message, whole) = (WireMessage::encode(&envelope).unwrap(), WireMessage::encode(&envelope).unwrap());
    assert!(!message.remove_secrets() && message == whole);
}
