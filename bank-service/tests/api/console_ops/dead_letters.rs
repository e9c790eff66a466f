//! `/console/dead-letters`: groups, one dead letter, and the two steps of an action.

use serde_json::Value;
use shared_events::EventId;
use shared_events::events::{CityUpdated, Event as _};

use super::{MARKUP, assert_harmless, start};
use crate::console::browser::{Browser, Page};
use crate::harness::TestApp;
use crate::trace::dead_letter_stub::message;

const LIST: &str = "/console/dead-letters?queue=log-service";
const DRY_RUN: &str = "/console/dead-letters/dry-run";
const APPLY: &str = "/console/dead-letters/apply";

async fn add(app: &TestApp, count: usize) -> Vec<String> {
    let mut ids: Vec<EventId> = Vec::new();
    for number in 0..count {
        ids.push(app.dead_letters.add("log-service", message("card.created", &format!("{{\"n\":{number}}}"))).await);
    }
    ids.sort();
    ids.iter().map(ToString::to_string).collect()
}

/// Sends the form of the second step as the dry run has written it.
async fn confirm(browser: &Browser<'_>, shown: &Page, reason: &str) -> Page {
    let [queue, action, scope, digest, token] =
        ["queue", "action", "scope", "digest", "_token"].map(|name| shown.field(name));
    let ids: Vec<&str> = shown.text.split("name=\"id[]\" value=\"").skip(1).map(|rest| &rest[..36]).collect();
    let mut fields = vec![
        ("queue", queue.as_str()),
        ("action", action.as_str()),
        ("scope", scope.as_str()),
        ("digest", digest.as_str()),
        ("_token", token.as_str()),
        ("reason", reason),
    ];
    fields.extend(ids.into_iter().map(|id| ("id[]", id)));
    browser.post(APPLY, &fields).await
}

#[actix_web::test]
async fn dead_letters_are_counted_by_queue_and_reason_and_listed() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    assert!(browser.get("/console/dead-letters").await.expect(200).text.contains("There are no dead letters"));
    let ids = add(&app, 3).await;
    let groups = browser.get("/console/dead-letters").await.expect(200).text;
    assert!(groups.contains("poison") && groups.contains("<td>3</td>") && groups.contains("card.created"), "{groups}");
    let list = browser.get(LIST).await.expect(200).text;
    assert!(ids.iter().all(|id| list.contains(id.as_str())), "{list}");
    assert!(!list.contains("First page"), "it is the first page: {list}");
    let rest = browser.get(&format!("{LIST}&reason=poison&after={}", ids[0])).await.expect(200).text;
    assert!(!rest.contains(&ids[0]) && rest.contains(&ids[1]), "{rest}");
    assert!(rest.contains("queue=log-service&amp;reason=poison\">First page"), "{rest}");
    let other = browser.get(&format!("{LIST}&reason=other")).await.expect(200).text;
    assert!(other.contains("No dead letter matches"), "{other}");
    browser.get("/console/dead-letters?queue=a%2Fb").await.expect(422);
}

#[actix_web::test]
async fn a_dry_run_does_nothing_and_the_confirmed_replay_keeps_its_reason() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let id = app.commit(&CityUpdated::example()).await;
    let events = app.events().await;
    let committed = events.iter().find(|event| event.id == id).unwrap();
    app.dead_letters.add("log-service", shared_events::WireMessage::encode(committed).unwrap()).await;
    let fields = [("queue", "log-service"), ("action", "replay"), ("scope", "all")];
    let shown = browser.submit(LIST, DRY_RUN, &fields).await.expect(200);
    assert!(shown.text.contains("nothing was done") && shown.text.contains("would be replayed"), "{}", shown.text);
    assert_eq!((app.dead_letters.kept.all().len(), app.dead_letters.transport.taken().len()), (1, 0));

    let done = confirm(&browser, &shown, "the log is back").await;
    assert_eq!(done.leads_to(), "/console/dead-letters");
    assert_eq!((app.dead_letters.kept.all().len(), app.dead_letters.transport.taken()), (0, vec![id]));
    assert!(browser.get("/console/dead-letters").await.text.contains("put back into their queue"));
    let page = browser.get(&format!("/console/flow/{id}")).await.expect(200).text;
    assert!(page.contains("the log is back") && page.contains("replayed"), "{page}");

    let again = confirm(&browser, &shown, "the log is back").await.expect(409);
    assert!(again.text.contains("nothing was done"), "{}", again.text);
    assert_eq!(app.dead_letters.transport.taken(), [id], "a form that is sent twice replays once");
}

#[actix_web::test]
async fn what_was_not_shown_is_not_touched() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let ids = add(&app, 2).await;
    let fields = [("queue", "log-service"), ("action", "discard"), ("scope", "all")];
    let shown = browser.submit(LIST, DRY_RUN, &fields).await.expect(200);
    app.dead_letters.add("log-service", message("card.created", "{\"n\":9}")).await;
    confirm(&browser, &shown, "old").await.expect(409);
    assert_eq!(app.dead_letters.kept.all().len(), 3);

    let fields = [("queue", "log-service"), ("action", "discard"), ("scope", "selected"), ("id[]", ids[0].as_str())];
    let shown = browser.submit(LIST, DRY_RUN, &fields).await.expect(200);
    assert_eq!(confirm(&browser, &shown, "old").await.leads_to(), "/console/dead-letters");
    let left = app.dead_letters.kept.all();
    assert!(left.len() == 2 && left.iter().all(|kept| kept.id().to_string() != ids[0]), "{left:?}");
}

#[actix_web::test]
async fn what_could_not_be_replayed_is_shown_with_the_reason() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    add(&app, 1).await;
    let fields = [("queue", "log-service"), ("action", "replay"), ("scope", "all")];
    let shown = browser.submit(LIST, DRY_RUN, &fields).await.expect(200);
    app.dead_letters.transport.is_down.store(true, std::sync::atomic::Ordering::SeqCst);
    let kept = confirm(&browser, &shown, "try").await.expect(200).text;
    assert!(kept.contains("the broker is away") && kept.contains("kept"), "{kept}");
    assert_eq!(app.dead_letters.kept.all().len(), 1);
}

#[actix_web::test]
async fn a_dry_run_names_what_a_replay_would_keep_and_asks_for_no_reason() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let body = r#"{"user_id":1,"date":"2025-01-16T17:10:26","message":"m","data":{"to":"a@x.y"}}"#;
    app.dead_letters.add("email-service", message("email.requested", body)).await;
    let fields = [("queue", "email-service"), ("action", "replay"), ("scope", "all")];
    let shown = browser.submit("/console/dead-letters?queue=email-service", DRY_RUN, &fields).await.expect(200).text;
    assert!(shown.contains("would be kept") && shown.contains("was taken out of it"), "{shown}");
    assert!(shown.contains("0 would be put back") && !shown.contains("name=\"reason\""), "{shown}");
}

#[actix_web::test]
async fn an_action_without_a_reason_or_with_other_values_is_refused() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let ids = add(&app, 1).await;
    let fields = [("queue", "log-service"), ("action", "replay"), ("scope", "all")];
    let shown = browser.submit(LIST, DRY_RUN, &fields).await.expect(200);
    let long = "x".repeat(301);
    for reason in ["", "   ", "a\nb", long.as_str()] {
        confirm(&browser, &shown, reason).await.expect(422);
    }
    for bad in [
        [("queue", "a/b"), ("action", "replay"), ("scope", "all")],
        [("queue", "log-servise"), ("action", "replay"), ("scope", "all")],
        [("queue", "log-service"), ("action", "delete"), ("scope", "all")],
        [("queue", "log-service"), ("action", "replay"), ("scope", "some")],
        [("queue", "log-service"), ("action", "replay"), ("scope", "selected")],
    ] {
        browser.submit(LIST, DRY_RUN, &bad).await.expect(422);
    }
    let fields = [("queue", "log-service"), ("action", "replay"), ("scope", "selected"), ("id[]", ids[0].as_str())];
    browser.post(DRY_RUN, &fields).await.expect(403);
    assert_eq!((app.dead_letters.kept.all().len(), app.dead_letters.transport.taken().len()), (1, 0));
}

#[actix_web::test]
async fn one_is_shown_without_its_secrets_and_with_markup_escaped() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let body = r#"{"user_id":1,"date":"2025-01-16T17:10:26","message":"m","data":{"template":"t","to":"a@x.y","params":{"link":"s3cret"}}}"#;
    let id = app.dead_letters.add("email-service", message("email.requested", body)).await;
    let page = browser.get(&format!("/console/dead-letters/email-service/{id}")).await.expect(200).text;
    assert!(page.contains("[hidden]") && !page.contains("s3cret"), "{page}");

    let body = serde_json::to_string(&Value::from(MARKUP)).unwrap();
    let id = app.dead_letters.add("log-service", message("card.created", &body)).await;
    assert_harmless(&browser.get(&format!("/console/dead-letters/log-service/{id}")).await.expect(200).text);
    for missing in ["log-service/01947018-43d0-7000-8000-000000000009", "none/7"] {
        browser.get(&format!("/console/dead-letters/{missing}")).await.expect(404);
    }
}
