//! `GET /api/logs`: pages, cursors, filters.

use serde_json::json;

use crate::harness::{App, Who, event};

const STAFF: Who = Who::Manager;

#[actix_web::test]
async fn an_empty_log_is_one_empty_page() {
    let app = App::start().await;
    let first = "/api/logs?page_number=1&page_size=10";
    let expected = json!({"total": 0, "pages": 0, "next": first, "prev": first, "results": [], "cursor": null});
    assert_eq!(app.get(STAFF, "/api/logs").await.json(), expected);
    assert_eq!(app.get(STAFF, "/api/logs?page_number=2").await.error(), "not_found");
    let walk = app.get(STAFF, "/api/logs?after=").await.json();
    assert_eq!((&walk["results"], &walk["cursor"], &walk["tail"]), (&json!([]), &json!(null), &json!("")));
    app.running.stop().await;
}

#[actix_web::test]
async fn pages_link_to_their_neighbours_and_repeat_themselves_at_the_edges() {
    let app = App::start().await;
    app.fill(25).await;
    let page = |number: usize| format!("/api/logs?page_number={number}&page_size=10");
    for (number, next, prev, rows) in [(1, 2, 1, 10), (2, 3, 1, 10), (3, 3, 2, 5)] {
        let answer = app.get(STAFF, &page(number)).await.json();
        assert_eq!((&answer["total"], &answer["pages"]), (&json!(25), &json!(3)));
        assert_eq!((&answer["next"], &answer["prev"]), (&json!(page(next)), &json!(page(prev))));
        let results = answer["results"].as_array().unwrap();
        assert_eq!((results.len(), &results[0]["message"]), (rows, &json!(format!("entry {}", (number - 1) * 10))));
        assert!(answer.get("total_is_capped").is_none());
    }
    assert_eq!(app.get(STAFF, &page(4)).await.error(), "not_found");
    assert_eq!(app.get(STAFF, "/api/logs").await.messages().len(), 10);
    let on_alias = app.get(STAFF, "/logs?page_size=10").await.json();
    assert_eq!(on_alias["next"], "/logs?page_number=2&page_size=10");
    app.running.stop().await;
}

#[actix_web::test]
async fn links_repeat_filters_and_order_in_a_form_that_reads_back() {
    let app = App::start().await;
    for n in 0..3 {
        app.record(event(Some(1), &format!("50% of A&B {n}"))).await;
    }
    let answer = app.get(STAFF, "/api/logs?page_size=2&q=of%20a%26b&order=desc&user_id=1").await.json();
    assert_eq!(answer["next"], "/api/logs?page_number=2&page_size=2&order=desc&user_id=1&q=of+a%26b");
    let second = app.get(STAFF, answer["next"].as_str().unwrap()).await;
    assert_eq!(second.messages(), ["50% of A&B 0"]);
    app.running.stop().await;
}

#[actix_web::test]
async fn a_cursor_walk_visits_what_the_pages_show_in_both_orders() {
    let app = App::start().await;
    app.fill(57).await;
    for (who, filter) in [(STAFF, ""), (STAFF, "&user_id=2"), (Who::User(3), ""), (STAFF, "&order=desc")] {
        let mut paged = Vec::new();
        let pages = app.get(who, &format!("/api/logs?page_size=7{filter}")).await.json()["pages"].as_u64().unwrap();
        for page in 1..=pages {
            let path = format!("/api/logs?page_size=7&page_number={page}{filter}");
            paged.extend(app.get(who, &path).await.messages());
        }
        let mut walked = Vec::new();
        let mut cursor = Some(String::new());
        while let Some(after) = cursor {
            let step = app.get(who, &format!("/api/logs?page_number=1&after={after}&page_size=7{filter}")).await;
            assert!(!step.messages().is_empty(), "no step is in vain");
            walked.extend(step.messages());
            cursor = step.json()["cursor"].as_str().map(str::to_owned);
        }
        assert_eq!(walked, paged, "{who:?} {filter}");
        assert!(walked.len() >= 19);
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn a_cursor_at_the_end_shows_what_comes_later() {
    let app = App::start().await;
    app.fill(3).await;
    let end = app.get(STAFF, "/api/logs?after=&page_size=100").await.json()["next"].as_str().unwrap().to_owned();
    assert!(app.get(STAFF, &end).await.messages().is_empty());
    app.record(event(None, "later")).await;
    assert_eq!(app.get(STAFF, &end).await.messages(), ["later"]);
    app.running.stop().await;
}

#[actix_web::test]
async fn filters_are_combined_with_and() {
    let app = App::start().await;
    for (user, kind, source, date, message) in [
        (1, "account.created", "urn:bank-service", "2025-01-16T17:10:26", "Account created with ID: 1"),
        (1, "card.created", "urn:bank-service", "2025-01-17T00:00:00", "Card created with ID: 1"),
        (2, "account.created", "urn:other", "2025-01-18T00:00:00", "Konto eröffnet"),
    ] {
        let mut body = event(Some(user), message);
        (body["event_type"], body["source"], body["date"]) = (json!(kind), json!(source), json!(date));
        app.record(body).await;
    }
    for (filter, expected) in [
        ("user_id=1", 2),
        ("event_type=account.created", 2),
        ("event_type=account.created&user_id=1", 1),
        ("source=urn:other", 1),
        ("from=2025-01-17T00:00:00", 2),
        ("to=2025-01-17T00:00:00", 2),
        ("from=2025-01-17T00:00:00&to=2025-01-17T00:00:00Z", 1),
        ("to=2025-01-16", 1),
        ("q=CREATED%20with", 2),
        ("q=ER%C3%96FFNET", 1),
        ("q=%25", 0),
        ("q=account_created", 0),
        ("user_id=3", 0),
        ("event_type=nothing", 0),
    ] {
        let answer = app.get(STAFF, &format!("/api/logs?{filter}")).await.json();
        assert_eq!(answer["total"], expected, "{filter}");
        assert_eq!(answer["results"].as_array().unwrap().len(), expected, "{filter}");
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn bad_parameters_are_named_all_at_once() {
    let app = App::start().await;
    for (query, expected) in [
        ("page_size=0", vec!["page_size"]),
        ("page_size=101", vec!["page_size"]),
        ("page_size=abc", vec!["page_size"]),
        ("page_number=0", vec!["page_number"]),
        ("page_number=-1&page_size=1.5", vec!["page_number", "page_size"]),
        ("page_number=01&page_size=010&user_id=01", vec!["page_number", "page_size", "user_id"]),
        ("page_number=%2B1&page_size=+5&user_id=%2B1", vec!["page_number", "page_size", "user_id"]),
        ("page_number=9223372036854775807", vec!["page_number"]),
        ("page_number=18446744073709551616", vec!["page_number"]),
        ("after=&page_number=2", vec!["page_number"]),
        ("after=!!", vec!["after"]),
        ("after=YWJj", vec!["after"]),
        ("after=YWJj&page_size=0&color=red", vec!["after", "color", "page_size"]),
        ("user_id=0&event_type=&from=now&order=up", vec!["event_type", "from", "order", "user_id"]),
        ("from=2025-01-02T00:00:00&to=2025-01-01T00:00:00", vec!["to"]),
        ("data=x&fingerprint=y&message=z", vec!["data", "fingerprint", "message"]),
        ("user_id=1&user_id=2", vec!["user_id"]),
        ("user_id=9007199254740992", vec!["user_id"]),
        ("q=%00", vec!["q"]),
    ] {
        assert_eq!(app.get(STAFF, &format!("/api/logs?{query}")).await.faulty_fields(), expected, "{query}");
    }
    let long = format!("/api/logs?q={}", "x".repeat(101));
    assert_eq!(app.get(STAFF, &long).await.faulty_fields(), ["q"]);
    assert_eq!(app.get(STAFF, "/api/logs?q=%ff").await.error(), "malformed_request");
    let unknown = (0..40).map(|n| format!("{n}{}=1", "x".repeat(100))).collect::<Vec<_>>().join("&");
    let named = app.get(STAFF, &format!("/api/logs?{unknown}")).await.faulty_fields();
    assert!(named.len() == 20 && named.iter().all(|name| name.len() == 64), "{named:?}");
    let many = vec!["a=1"; 51].join("&");
    assert_eq!(app.get(STAFF, &format!("/api/logs?{many}")).await.error(), "malformed_request");
    app.running.stop().await;
}

#[actix_web::test]
async fn counts_stop_at_ten_thousand_and_deep_pages_point_to_the_cursor() {
    let app = App::start().await;
    app.fill(10_000).await;
    let exact = app.get(STAFF, "/api/logs?page_size=100").await.json();
    assert_eq!((&exact["total"], &exact["pages"]), (&json!(10_000), &json!(100)));
    assert!(exact.get("total_is_capped").is_none());

    app.fill(50).await;
    let capped = app.get(STAFF, "/api/logs?page_size=100&page_number=101").await.json();
    assert_eq!((&capped["total"], &capped["total_is_capped"]), (&json!(10_001), &json!(true)));
    assert_eq!((&capped["pages"], capped["results"].as_array().unwrap().len()), (&json!(101), 50));
    let deeper = app.get(STAFF, "/api/logs?page_size=100&page_number=102").await;
    assert_eq!(deeper.faulty_fields(), ["page_number"]);
    assert!(deeper.json()["detail"].as_str().unwrap().contains("after="));

    let newest = app.get(STAFF, "/api/logs?order=desc&page_size=1").await;
    assert_eq!(newest.messages(), ["entry 49"]);
    let filtered = app.get(STAFF, "/api/logs?user_id=1").await.json();
    assert_eq!((&filtered["total"], filtered.get("total_is_capped")), (&json!(3_351), None));
    app.running.stop().await;
}
