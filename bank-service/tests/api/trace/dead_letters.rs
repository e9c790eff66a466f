//! `/api/dead-letters`.

use std::sync::atomic::Ordering;

use reqwest::Method;
use serde_json::{Value, json};
use shared_events::EventId;

use super::dead_letter_stub::message;
use crate::harness::{Person, TestApp};

async fn start(count: usize) -> (TestApp, Person, Vec<EventId>) {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(app.dead_letters.add("log-service", message("card.created", &format!("{{\"n\":{number}}}"))).await);
    }
    ids.sort();
    (app, admin, ids)
}

fn ids_of(page: &Value) -> Vec<String> {
    page["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|dead_letter| dead_letter["id"].as_str().unwrap().to_owned())
        .collect()
}

#[actix_web::test]
async fn dead_letters_are_listed_by_page_by_queue_and_by_cursor() {
    let (app, admin, ids) = start(7).await;
    let other = app.dead_letters.add("email-service", message("email.requested", "{}")).await;
    let list = app.get(&admin.token, "/api/dead-letters?page_size=5").await.expect(200);
    assert_eq!((&list["total"], &list["pages"]), (&json!(8), &json!(2)));
    assert_eq!(list["next"], "/api/dead-letters?page_number=2&page_size=5");
    let expected: Vec<String> = [other].iter().chain(&ids).map(ToString::to_string).collect();
    assert_eq!(ids_of(&list), expected[..5]);
    let one = app.get(&admin.token, "/api/dead-letters?queue=log-service&page_size=100").await.expect(200);
    assert_eq!(ids_of(&one), expected[1..]);
    let mut path = "/api/dead-letters?after=&page_size=3".to_owned();
    let mut walked = Vec::new();
    for _ in 0..4 {
        let page = app.get(&admin.token, &path).await.expect(200);
        walked.extend(ids_of(&page));
        path = page["next"].as_str().unwrap().to_owned();
    }
    assert_eq!(walked, expected);
    assert_eq!(app.get(&admin.token, "/api/dead-letters?page_number=3").await.outcome(), (404, "not_found"));
    for bad in ["queue=a/b", "after=x", "after=&page_number=2", "color=red", "page_size=0"] {
        assert_eq!(app.get(&admin.token, &format!("/api/dead-letters?{bad}")).await.outcome().0, 422, "{bad}");
    }
}

#[actix_web::test]
async fn a_dead_letter_is_shown_with_its_message_and_without_its_secrets() {
    let (app, admin, ids) = start(1).await;
    let shown = app.get(&admin.token, &format!("/api/dead-letters/log-service/{}", ids[0])).await.expect(200);
    assert_eq!((&shown["body"], &shown["reason"], &shown["attempts"]), (&json!({"n": 0}), &json!("poison"), &json!(5)));
    let body = r#"{"user_id":1,"date":"2025-01-16T17:10:26","message":"m","data":{"template":"t","to":"a@x.y","params":{"link":"s3cret"}}}"#;
    for body in [body, &body[..body.len() - 1]] {
        let id = app.dead_letters.add("email-service", message("email.requested", body)).await;
        let shown = app.get(&admin.token, &format!("/api/dead-letters/email-service/{id}")).await.expect(200);
        assert!(!shown.to_string().contains("s3cret"), "{shown}");
    }
    for missing in [
        format!("log-service/{}", EventId::from_content("x", b"")),
        "log-service/7".to_owned(),
        format!("none/{}", ids[0]),
    ] {
        assert_eq!(app.get(&admin.token, &format!("/api/dead-letters/{missing}")).await.outcome(), (404, "not_found"));
    }
}

#[actix_web::test]
async fn a_dry_run_does_nothing_and_a_replay_delivers_each_once() {
    let (app, admin, ids) = start(3).await;
    let path = "/api/dead-letters/replay";
    let all = json!({"queue": "log-service", "all": true, "dry_run": true});
    let report = app.post(&admin.token, path, all).await.expect(200);
    assert_eq!((&report["msg"], &report["done"], &report["more"]), (&json!("dry run"), &json!(3), &json!(false)));
    assert_eq!((app.dead_letters.kept.all().len(), app.dead_letters.transport.taken().len()), (3, 0));
    let two = json!({"queue": "log-service", "ids": [ids[0], ids[1]]});
    let report = app.post(&admin.token, path, two.clone()).await.expect(200);
    assert_eq!((&report["done"], &report["results"][1]["outcome"]), (&json!(2), &json!("done")));
    let again = app.post(&admin.token, path, two).await.expect(200);
    assert_eq!((&again["done"], &again["missing"]), (&json!(0), &json!(2)));
    app.dead_letters.transport.is_down.store(true, Ordering::SeqCst);
    let all = json!({"queue": "log-service", "all": true});
    let kept = app.post(&admin.token, path, all.clone()).await.expect(200);
    assert_eq!((&kept["kept"], &kept["results"][0]["reason"]), (&json!(1), &json!("the broker is away")));
    app.dead_letters.transport.is_down.store(false, Ordering::SeqCst);
    app.post(&admin.token, path, all).await.expect(200);
    assert_eq!(app.dead_letters.transport.taken(), ids, "each once, under its own id");
    assert!(app.dead_letters.kept.all().is_empty());
}

#[actix_web::test]
async fn a_discard_removes_what_is_selected() {
    let (app, admin, ids) = start(3).await;
    let one = json!({"queue": "log-service", "ids": [ids[1]]});
    let report = app.post(&admin.token, "/api/dead-letters/discard", one).await.expect(200);
    assert_eq!((&report["msg"], &report["done"]), (&json!("letters discarded"), &json!(1)));
    let after = json!({"queue": "log-service", "all": true, "after": ids[0]});
    app.post(&admin.token, "/api/dead-letters/discard", after).await.expect(200);
    assert_eq!(
        app.dead_letters.kept.all().iter().map(service_kit::messaging::DeadLetter::id).collect::<Vec<_>>(),
        [ids[0]]
    );
    assert!(app.dead_letters.transport.taken().is_empty());
}

#[actix_web::test]
async fn a_request_that_is_not_clear_is_refused_and_does_nothing() {
    let (app, admin, ids) = start(1).await;
    let id = ids[0];
    for bad in [
        json!({}),
        json!({"queue": "log-service"}),
        json!({"queue": "log-service", "all": false}),
        json!({"queue": "log-service", "ids": [], "all": true}),
        json!({"queue": "log-service", "ids": [id], "all": true}),
        json!({"queue": "log-service", "ids": []}),
        json!({"queue": "log-service", "ids": ["x"]}),
        json!({"queue": "log-service", "ids": [id], "after": id}),
        json!({"queue": "a/b", "all": true}),
        json!({"queue": "log-service", "all": true, "force": true}),
        json!({"queue": "log-service", "all": true, "reason": ""}),
        json!({"queue": "log-service", "all": true, "reason": "x".repeat(301)}),
    ] {
        for path in ["/api/dead-letters/replay", "/api/dead-letters/discard"] {
            assert_eq!(app.post(&admin.token, path, bad.clone()).await.outcome(), (422, "validation_failed"), "{bad}");
        }
    }
    assert_eq!((app.dead_letters.kept.all().len(), app.dead_letters.transport.taken().len()), (1, 0));
}

#[actix_web::test]
async fn a_queue_that_does_not_exist_is_named_and_one_without_dead_letters_is_not() {
    let (app, admin, ids) = start(1).await;
    let other = app.dead_letters.add("of-a-former-name", message("card.created", "{}")).await;
    for path in ["/api/dead-letters/replay", "/api/dead-letters/discard"] {
        for body in [
            json!({"queue": "log-servise", "all": true}),
            json!({"queue": "log-servise", "all": true, "dry_run": true}),
            json!({"queue": "log-servise", "ids": ids}),
        ] {
            let refused = app.post(&admin.token, path, body.clone()).await;
            assert_eq!(refused.outcome(), (422, "validation_failed"), "{path} {body}");
            assert_eq!(refused.body["errors"], json!({"queue": ["there is no such queue"]}));
        }
        let empty = app.post(&admin.token, path, json!({"queue": "email-service", "all": true})).await.expect(200);
        assert_eq!(empty["done"], 0);
    }
    let former = json!({"queue": "of-a-former-name", "ids": [other]});
    assert_eq!(app.post(&admin.token, "/api/dead-letters/discard", former).await.expect(200)["done"], 1);
    assert_eq!((app.dead_letters.kept.all().len(), app.dead_letters.transport.taken().len()), (1, 0));
}

#[actix_web::test]
async fn the_same_key_gives_the_same_answer_and_works_once() {
    let (app, admin, ids) = start(1).await;
    let ask = async || {
        let request = app.request(Method::POST, "/api/dead-letters/replay", Some(&admin.token));
        let body = json!({"queue": "log-service", "ids": [ids[0]]});
        app.send(request.header("Idempotency-Key", "one").json(&body)).await.expect(200)
    };
    let first = ask().await;
    assert_eq!(first["done"], 1);
    assert_eq!(ask().await, first);
    assert_eq!(app.dead_letters.transport.taken(), ids);
}
