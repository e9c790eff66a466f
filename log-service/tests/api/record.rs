//! `POST /api/logs`.

use futures_util::StreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{App, Who, event, send};

#[actix_web::test]
async fn an_event_is_recorded_as_it_was_sent() {
    let app = App::start().await;
    let sent = event(Some(7), "Account created with ID: 1");
    let answer = app.post(Who::Service, "/api/logs", &sent).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.json()["msg"], "item created");
    let item = answer.json()["item"].clone();
    for field in ["event_id", "event_type", "source", "user_id", "date", "message", "data"] {
        assert_eq!(item[field], sent[field], "{field}");
    }
    assert!(item["id"].is_string());
    assert!(item["received_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(item.as_object().unwrap().len(), 9);
    let path = format!("/api/logs/{}", item["id"].as_str().unwrap());
    assert_eq!(app.get(Who::User(7), &path).await.json(), item);
    assert!(app.metric("bank_log_recorded_total{event_type=\"account.created\"} 1"));
    app.running.stop().await;
}

#[actix_web::test]
async fn the_same_event_again_is_the_same_entry_and_another_one_is_a_conflict() {
    let app = App::start().await;
    let sent = event(None, "first");
    let item = app.record(sent.clone()).await;
    let mut reordered: Value = serde_json::from_str(r#"{"data":{"name":"John Doe"}}"#).unwrap();
    for (name, value) in sent.as_object().unwrap() {
        reordered[name] = value.clone();
    }
    let again = app.post(Who::Service, "/api/logs", &reordered).await;
    assert_eq!((again.status, &again.json()["item"]), (StatusCode::OK, &item));
    for (field, value) in [("message", json!("second")), ("data", json!({})), ("user_id", json!(1))] {
        let mut other = sent.clone();
        other[field] = value;
        let refused = app.post(Who::Service, "/api/logs", &other).await;
        assert_eq!((refused.status, refused.error().as_str()), (StatusCode::CONFLICT, "conflict"), "{field}");
    }
    assert!(app.metric("bank_log_conflicts_total 3"));
    assert_eq!(app.get(Who::Admin, "/api/logs").await.messages(), ["first"]);
    app.running.stop().await;
}

#[actix_web::test]
async fn an_edit_does_not_turn_a_repetition_into_a_conflict() {
    let app = App::start().await;
    let sent = event(None, "as sent");
    let item = app.record(sent.clone()).await;
    let path = format!("/api/logs/{}", item["id"].as_str().unwrap());
    app.put(Who::Admin, &path, &json!({"message": "edited"})).await;
    let again = app.post(Who::Service, "/api/logs", &sent).await;
    assert_eq!((again.status, &again.json()["item"]["message"]), (StatusCode::OK, &json!("edited")));
    app.running.stop().await;
}

#[actix_web::test]
async fn a_thousand_parallel_repetitions_make_one_entry() {
    let app = App::start().await;
    let sent = event(None, "once");
    let token = app.token(Who::Service);
    let requests = (0..1_000).map(|_| {
        let request = app.request(Who::Nobody, Method::POST, "/api/logs").bearer_auth(&token).json(&sent);
        async move { send(request).await.status }
    });
    let mut created = 0;
    let mut statuses = futures_util::stream::iter(requests).buffer_unordered(32);
    while let Some(status) = statuses.next().await {
        assert!(status.is_success(), "{status}");
        created += usize::from(status == StatusCode::CREATED);
    }
    assert_eq!(created, 1);
    assert_eq!(app.get(Who::Admin, "/api/logs").await.json()["total"], 1);
    assert!(app.metric("bank_log_duplicates_total 999"));
    drop(statuses);
    app.running.stop().await;
}

#[actix_web::test]
async fn every_fault_of_a_body_is_named_and_nothing_is_recorded() {
    let app = App::start().await;
    let bad = json!({
        "event_id": "not-a-uuid", "event_type": "Account Created", "source": "", "user_id": 0,
        "date": "yesterday", "message": "m".repeat(1_001), "data": [1], "id": "1", "color": "red",
    });
    let named = app.post(Who::Service, "/api/logs", &bad).await.faulty_fields();
    let expected = ["color", "data", "date", "event_id", "event_type", "id", "message", "source", "user_id"];
    assert_eq!(named, expected);
    let named = app.post(Who::Service, "/api/logs", &json!({})).await.faulty_fields();
    assert_eq!(named, ["data", "date", "event_id", "event_type", "message", "source"]);
    for (field, value) in [
        ("user_id", json!(1.5)),
        ("user_id", json!("1")),
        ("user_id", json!(-1)),
        ("message", json!("")),
        ("message", json!(null)),
        ("data", json!("text")),
        ("event_type", json!("account")),
        ("date", json!(1_700_000_000)),
    ] {
        let mut body = event(None, "x");
        body[field] = value.clone();
        assert_eq!(app.post(Who::Service, "/api/logs", &body).await.faulty_fields(), [field], "{value}");
    }
    assert_eq!(app.get(Who::Admin, "/api/logs").await.json()["total"], 0);
    app.running.stop().await;
}

#[actix_web::test]
async fn what_is_no_json_object_of_bounded_size_is_refused() {
    let app = App::start().await;
    let post = |body: Vec<u8>, media_type: &'static str| {
        let request = app.request(Who::Service, Method::POST, "/api/logs").header("content-type", media_type);
        send(request.body(body))
    };
    let json = "application/json";
    for (body, media_type, status) in [
        (b"{".to_vec(), json, 400),
        (b"\xff\xfe".to_vec(), json, 400),
        (b"[]".to_vec(), json, 422),
        (event(None, "x").to_string().into_bytes(), "text/plain", 415),
        (event(None, &"x".repeat(70_000)).to_string().into_bytes(), json, 413),
    ] {
        let answer = post(body, media_type).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        answer.error();
    }
    assert_eq!(app.get(Who::Admin, "/api/logs").await.json()["total"], 0);
    app.running.stop().await;
}

fn manual_entry(message: &str) -> Value {
    let mut entry = event(None, message);
    entry["event_type"] = json!("manual.noted");
    entry["source"] = json!("manual");
    entry
}

#[actix_web::test]
async fn an_admin_adds_a_manual_entry_once_and_as_itself() {
    let app = App::start().await;
    let sent = manual_entry("Call with the customer");
    let answer = app.post(Who::Admin, "/api/logs", &sent).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let item = answer.json()["item"].clone();
    assert_eq!(
        (&item["user_id"], &item["source"], &item["message"]),
        (&json!(1000), &json!("manual"), &sent["message"])
    );
    assert_ne!(item["event_id"], sent["event_id"], "it never meets a published event's");
    let again = app.post(Who::Admin, "/api/logs", &sent).await;
    assert_eq!((again.status, &again.json()["item"]), (StatusCode::OK, &item));
    let mut published = event(None, "published under the same id");
    published["event_id"] = sent["event_id"].clone();
    app.record(published).await;
    app.running.stop().await;
}

#[actix_web::test]
async fn a_manual_entry_imitates_no_event_and_no_other_user() {
    let app = App::start().await;
    assert_eq!(app.post(Who::Admin, "/api/logs", &event(None, "forged")).await.error(), "access_denied");
    assert_eq!(app.post(Who::Manager, "/api/logs", &manual_entry("x")).await.error(), "access_denied");
    assert_eq!(app.post(Who::Service, "/api/logs", &manual_entry("x")).await.faulty_fields(), ["event_type"]);
    for (field, value) in [("source", "urn:bank-service".into()), ("user_id", json!(7))] {
        let mut entry = manual_entry("x");
        entry[field] = value;
        assert_eq!(app.post(Who::Admin, "/api/logs", &entry).await.faulty_fields(), [field]);
    }
    let mut entry = manual_entry("x");
    (entry["source"], entry["user_id"]) = ("urn:bank-service".into(), json!(7));
    assert_eq!(app.post(Who::Admin, "/api/logs", &entry).await.faulty_fields(), ["source", "user_id"]);
    assert_eq!(app.get(Who::Admin, "/api/logs").await.json()["total"], 0);
    app.running.stop().await;
}

#[actix_web::test]
async fn whole_numbers_of_64_bits_and_doubles_are_kept_to_the_last_digit() {
    let app = App::start().await;
    for data in [
        r#"{"n":[-9223372036854775808,9223372036854775807,0.49649365599282835,-26.800994395551214]}"#,
        r#"{"n":[18446744073709551615,1.7976931348623157,0.1,520.0]}"#,
    ] {
        let body = event(None, "numbers").to_string().replace(r#"{"name":"John Doe"}"#, data);
        let request = app.request(Who::Service, Method::POST, "/api/logs").header("content-type", "application/json");
        let recorded = send(request.body(body)).await;
        assert_eq!(recorded.status, StatusCode::CREATED, "{}", recorded.text);
        let path = format!("/api/logs/{}", recorded.json()["item"]["id"].as_str().unwrap());
        let read = app.get(Who::Admin, &path).await;
        for answer in [recorded, read] {
            assert!(answer.text.contains(data), "{data} in {}", answer.text);
        }
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn json_beyond_a_limit_is_refused_by_the_name_of_that_limit() {
    let app = App::start().await;
    let deep = format!("{{\"d\":{}{}}}", "[".repeat(200), "]".repeat(200));
    for (data, limit) in [
        (r#"{"n":1e400}"#.to_owned(), "The body holds a number beyond"),
        (format!("{{\"n\":{}}}", "9".repeat(401)), "The body holds a number beyond"),
        (deep, "The body is nested deeper than 127 levels"),
    ] {
        let body = event(None, "beyond").to_string().replace(r#"{"name":"John Doe"}"#, &data);
        let request = app.request(Who::Service, Method::POST, "/api/logs").header("content-type", "application/json");
        let answer = send(request.body(body)).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (400, "malformed_request"));
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with(limit) && detail.contains("(line 1, column "), "{detail}");
    }
    assert_eq!(app.get(Who::Admin, "/api/logs").await.json()["total"], 0);
    app.running.stop().await;
}

#[actix_web::test]
async fn an_entry_is_found_by_what_stands_in_its_data() {
    let app = App::start().await;
    let mut sent = event(Some(1), "Account created with ID: 1");
    sent["data"] = json!({"name": "Zoë Müller", "of": {"numbers": [4711]}});
    app.record(sent).await;
    for (text, total) in [("ZOË", 1), ("m%C3%BCller", 1), ("4711", 1), ("numbers", 0), ("nobody", 0)] {
        assert_eq!(app.get(Who::Admin, &format!("/api/logs?q={text}")).await.json()["total"], total, "{text}");
    }
    app.running.stop().await;
}
