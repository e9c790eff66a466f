//! `/console/flow`: events as rows, one event with its steps.

use service_kit::clock::Clock as _;
use service_kit::messaging::{DeadLetter, DeadLetters as _};
use shared_events::WireMessage;
use shared_events::events::{BankCreated, CityUpdated, EmailRequest, EmailRequested, Event as _};

use super::{MARKUP, assert_harmless, publish, start};
use crate::console::browser::Browser;
use crate::harness::TestApp;

#[actix_web::test]
async fn the_newest_events_are_rows_with_their_state_and_filters_narrow_them() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let city = app.commit(&CityUpdated::example()).await;
    app.commit(&BankCreated::example()).await;
    let page = browser.get("/console/flow").await.expect(200).text;
    assert!(
        page.contains("<strong>city.updated 1</strong>") && page.contains("<strong>bank.created 1</strong>"),
        "{page}"
    );
    assert!(page.contains("<noscript>") && page.len() < 60_000, "{}", page.len());

    publish(&app).await;
    services.state.logged.lock().unwrap().insert(city);
    let page = browser.get("/console/flow?entity=city&item=1").await.expect(200).text;
    assert!(page.contains("<strong>city.updated 1</strong>") && page.contains("→ logged"), "{page}");
    assert!(!page.contains("<strong>bank.created"), "{page}");
    for (filter, is_found) in [("type=city.updated", true), ("type=city.created", false), ("entity=city&item=2", false)]
    {
        let page = browser.get(&format!("/console/flow?{filter}")).await.expect(200).text;
        assert_eq!(page.contains("<strong>city.updated"), is_found, "{filter}");
        assert_eq!(page.contains("No event of the newest"), !is_found, "{filter}");
    }
    browser.get("/console/flow?item=x&before=0").await.expect(422);
    browser.get("/console/flow?color=red").await.expect(400);
}

/// The stream puts its rows into the list, and nothing else on the page changes: the stylesheet hides the text behind a list with rows.
#[actix_web::test]
async fn the_text_of_an_empty_list_goes_with_the_first_row_that_the_stream_places() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let page = browser.get("/console/flow?type=city.updated").await.expect(200).text;
    let (_, list) = page.split_once("<ol class=\"flow\" id=\"flow-rows\">").unwrap();
    let (rows, behind) = list.split_once("</ol>").unwrap();
    assert_eq!(rows.trim(), "");
    assert!(behind.trim_start().starts_with("<p class=\"empty\">No event of the newest"), "{behind}");
    assert!(page.contains("hx-target=\"#flow-rows\" hx-swap=\"afterbegin\""), "{page}");
    let (_, style) = page.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let style = browser.get(&style.split('"').next().unwrap().replace("&#x2f;", "/")).await.expect(200).text;
    assert!(style.contains("ol.flow:has(> li) + .empty { display: none; }"), "{style}");
}

#[actix_web::test]
async fn the_events_of_one_request_are_found_by_its_id() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let admin = app.admin().await;
    let request =
        app.request(reqwest::Method::POST, "/api/banks", Some(&admin.token)).header("X-Request-Id", "flow_1.a-B");
    app.send(request.json(&serde_json::json!({"name": "First Bank"}))).await.expect(201);
    app.commit(&CityUpdated::example()).await;
    let page = browser.get("/console/flow?request_id=flow_1.a-B").await.expect(200).text;
    assert!(page.contains("<strong>bank.created") && !page.contains("<strong>city.updated"), "{page}");
    // An underscore stands for itself.
    let page = browser.get("/console/flow?request_id=flow__.a-B").await.expect(200).text;
    assert!(page.contains("No event of the newest"), "{page}");
}

#[actix_web::test]
async fn older_events_are_on_pages_of_their_own_that_stand_still() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    for _ in 0..55 {
        app.commit(&CityUpdated::example()).await;
    }
    let newest = browser.get("/console/flow?entity=city").await.expect(200).text;
    assert_eq!(newest.matches("<strong>city.updated").count(), 40);
    assert!(newest.contains("sse-connect"), "{newest}");
    let (_, before) = newest.split_once("before=").unwrap();
    let before: String = before.chars().take_while(char::is_ascii_digit).collect();
    let older = browser.get(&format!("/console/flow?entity=city&before={before}")).await.expect(200).text;
    assert_eq!(older.matches("<strong>city.updated").count(), 15);
    assert!(!older.contains("sse-connect"), "{older}");
}

#[actix_web::test]
async fn the_page_of_an_event_names_its_trace() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let mut ctx = app.running.state.store.ctx(app.clock.now());
    ctx.traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned());
    let id = app.commit_in(ctx, &CityUpdated::example()).await;
    let page = browser.get(&format!("/console/flow/{id}")).await.expect(200).text;
    assert!(page.contains("<dt>Trace</dt><dd><code>4bf92f3577b34da6a3ce929d0e0e4736</code></dd>"), "{page}");
}

#[actix_web::test]
async fn an_event_expands_to_its_steps_and_a_broken_one_shows_where() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let id = app.commit(&CityUpdated::example()).await;
    let steps = browser.get(&format!("/console/flow/{id}/hops")).await.expect(200).text;
    for part in ["Row in the outbox", "committed", "Published", "Queue log-service", "Logged", "waiting"] {
        assert!(steps.contains(part), "{part} in {steps}");
    }
    assert!(!steps.contains("<html"), "a part of a page: {steps}");
    assert!(steps.contains(" UTC</time>") && !steps.contains("Z</time>"), "{steps}");

    let events = app.events().await;
    let message = WireMessage::encode(events.iter().find(|event| event.id == id).unwrap()).unwrap();
    publish(&app).await;
    app.dead_letters.add("log-service", message).await;
    app.clock.advance(std::time::Duration::from_secs(10));
    let page = browser.get(&format!("/console/flow/{id}")).await.expect(200).text;
    assert!(
        page.contains("parked") && page.contains("Dead letter of log-service") && page.contains("poison"),
        "{page}"
    );
    let list = browser.get("/console/flow?type=city.updated").await.expect(200).text;
    assert!(list.contains("<span class=\"badge bad\">parked</span>"), "{list}");
}

#[actix_web::test]
async fn an_unknown_event_is_a_page_with_the_cause() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    for path in ["01947018-43d0-7000-8000-000000000009", "7", "x/hops"] {
        let page = browser.get(&format!("/console/flow/{path}")).await.expect(404).text;
        assert!(page.contains("There is no such event"), "{page}");
    }
}

#[actix_web::test]
async fn markup_in_an_event_and_in_its_dead_letter_is_escaped_and_secrets_are_hidden() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let mut event = CityUpdated::example();
    MARKUP.clone_into(&mut event.0.name);
    let id = app.commit(&event).await;
    assert_harmless(&browser.get(&format!("/console/flow/{id}")).await.expect(200).text);
    let events = app.events().await;
    let message = WireMessage::encode(events.iter().find(|event| event.id == id).unwrap()).unwrap();
    publish(&app).await;
    keep_dead_letter(&app, MARKUP, message).await;
    assert_harmless(&browser.get(&format!("/console/flow/{id}/hops")).await.expect(200).text);

    let params = [("link".to_owned(), "https://b.example/?token=s3cret".to_owned())].into();
    let request = EmailRequest { template: "reset-password".to_owned(), to: "jane@example.com".to_owned(), params };
    let id = app.commit(&EmailRequested(request)).await;
    let page = browser.get(&format!("/console/flow/{id}")).await.expect(200).text;
    assert!(page.contains("j***@example.com") && !page.contains("s3cret") && !page.contains("jane@"), "{page}");
}

#[actix_web::test]
async fn without_log_service_the_events_are_shown_and_the_cause_is_named() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let id = app.commit(&CityUpdated::example()).await;
    publish(&app).await;
    services.set_down(true);
    let page = browser.get("/console/flow").await.expect(200).text;
    assert!(page.contains("<strong>city.updated 1</strong>") && page.contains("The log cannot be asked"), "{page}");
    assert!(page.contains("LOG_SERVICE_URL"), "{page}");
    let page = browser.get(&format!("/console/flow/{id}")).await.expect(200).text;
    assert!(page.contains("Row in the outbox"), "{page}");
}

#[actix_web::test]
async fn a_manager_sees_the_flow_and_the_dead_letters_are_for_administrators() {
    let (app, _services) = start().await;
    let admin = app.admin().await;
    app.manager(&admin).await;
    let browser = Browser::of(&app, "manager@example.com").await;
    let page = browser.get("/console/flow").await.expect(200).text;
    assert!(!page.contains("dead-letters"), "no link to what it may not open: {page}");
    browser.get("/console/dead-letters").await.expect(403);
}

async fn keep_dead_letter(app: &TestApp, reason: &str, message: WireMessage) {
    let died_at = chrono::DateTime::from_timestamp(1_768_583_426, 0).unwrap();
    let (queue, reason) = ("log-service".to_owned(), reason.to_owned());
    app.dead_letters.kept.add(DeadLetter { queue, reason, attempts: 5, died_at, message }).await.unwrap();
}
