//! `GET /api/logs/export`.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};
use test_support::eventually;

use crate::ended::fill_with_much;
use crate::harness::{App, Who, event};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[actix_web::test]
async fn ndjson_holds_every_entry_once_in_order() {
    let app = App::start().await;
    app.fill(1_501).await;
    let answer = app.get(Who::Admin, "/api/logs/export").await;
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    assert!(answer.headers["content-disposition"].to_str().unwrap().contains("logs.ndjson"));
    let logs = lines(&answer.text);
    assert_eq!(logs.len(), 1_501);
    assert_eq!(logs.iter().map(|log| log["id"].to_string()).collect::<HashSet<_>>().len(), 1_501);
    assert_eq!((&logs[0]["message"], &logs[1_500]["message"]), (&json!("entry 0"), &json!("entry 1500")));
    let same = app.get(Who::Admin, &format!("/api/logs/{}", logs[7]["id"].as_str().unwrap())).await;
    assert_eq!(same.json(), logs[7]);
    app.running.stop().await;
}

#[actix_web::test]
async fn an_export_has_the_lists_filters_order_and_visibility() {
    let app = App::start().await;
    app.fill(1_200).await;
    for (who, query, count, first) in [
        (Who::Admin, "?user_id=2", 400, "entry 1"),
        (Who::Admin, "?q=ENTRY%2011&order=desc", 111, "entry 1199"),
        (Who::User(3), "", 400, "entry 2"),
        (Who::User(3), "?user_id=2", 0, ""),
        (Who::Admin, "?event_type=card.created", 0, ""),
        (Who::Admin, "?format=ndjson&from=2025-01-16T17:10:26&to=2025-01-16T17:10:26", 1_200, "entry 0"),
    ] {
        let logs = lines(&app.get(who, &format!("/api/logs/export{query}")).await.text);
        assert_eq!(logs.len(), count, "{query}");
        assert_eq!(logs.first().map_or("", |log| log["message"].as_str().unwrap()), first, "{query}");
    }
    for (query, field) in [("format=xlsx", "format"), ("page_size=5", "page_size"), ("user_id=x", "user_id")] {
        assert_eq!(app.get(Who::Admin, &format!("/api/logs/export?{query}")).await.faulty_fields(), [field]);
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn csv_cells_are_quoted_and_never_formulas() {
    let app = App::start().await;
    for message in ["=HYPERLINK(\"http://x\")", "+1", "-1", "@cmd", "\tx", "\rx", "plain", "a, \"b\"\nc"] {
        app.record(event(None, message)).await;
    }
    let answer = app.get(Who::Admin, "/api/logs/export?format=csv").await;
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    let mut rows = answer.text.split_terminator("\r\n");
    assert_eq!(rows.next(), Some("\u{feff}id,event_id,event_type,source,user_id,date,message,data,received_at"));
    let expected = [
        "\"'=HYPERLINK(\"\"http://x\"\")\"",
        "\"'+1\"",
        "\"'-1\"",
        "\"'@cmd\"",
        "\"'\tx\"",
        "\"'\rx\"",
        ",plain,",
        "\"a, \"\"b\"\"\nc\"",
    ];
    let rows: Vec<&str> = rows.collect();
    assert_eq!(rows.len(), expected.len());
    for (row, cell) in rows.iter().zip(expected) {
        assert!(row.contains(cell), "{cell} in {row}");
        assert!(row.contains("\"{\"\"name\"\":\"\"John Doe\"\"}\""), "{row}");
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn an_empty_csv_has_its_header() {
    let app = App::start().await;
    assert_eq!(app.get(Who::Admin, "/api/logs/export?format=csv").await.text.lines().count(), 1);
    assert_eq!(app.get(Who::Admin, "/api/logs/export").await.text, "");
    app.running.stop().await;
}

#[actix_web::test]
async fn one_user_has_one_export_and_leaves_the_others_theirs() {
    let app = App::start().await;
    fill_with_much(&app).await;
    // Nothing of it is read, so it runs on.
    let open = app.request(Who::Manager, Method::GET, "/api/logs/export").send().await.unwrap();
    assert_eq!(open.status(), 200);
    let second = app.get(Who::Manager, "/api/logs/export").await;
    assert_eq!((second.status.as_u16(), second.error().as_str()), (429, "too_many_requests"));
    assert!(second.headers.contains_key("retry-after"));
    assert_eq!(app.get(Who::Admin, "/api/logs/export?q=nothing").await.status, 200);
    drop(open);
    eventually("the slot of the export is free", async || {
        app.get(Who::Manager, "/api/logs/export?q=nothing").await.status == 200
    })
    .await;
    app.running.stop().await;
}
