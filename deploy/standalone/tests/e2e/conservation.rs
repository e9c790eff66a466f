//! The conservation watch over the whole path: every published event reaches an end that it recognises, by itself.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use test_support::{eventually, stays};

use crate::api::{Api, client};
use crate::process::{Place, Standalone};

/// The watch checks every two seconds.
const SOME_CHECKS: Duration = Duration::from_secs(5);

/// The sum of a metric of bank-service, over its lines with these words.
fn sum(page: &str, name: &str, words: &str) -> f64 {
    let lines = page.lines().filter(|line| line.starts_with(name) && line.contains(words));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

async fn metrics(system: &Standalone) -> String {
    client().get(format!("{}/metrics", system.urls.bank)).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn whatever_is_published_comes_to_its_end_and_none_is_called_missing() {
    let place = Place::new();
    let system = place.start().await;
    for name in ["ann", "ben", "cem"] {
        Api::register(&system.urls, &format!("{name}@example.com"), "correct horse battery staple").await;
    }
    let admin = system.admin().await;
    let bank = admin.create("/api/banks", json!({"name": "Watched Bank"})).await;
    admin.update(&format!("/api/banks/{}", bank["id"]), json!({"name": "Renamed Bank"})).await;
    let phone = json!({"phone": "+4915112345678"});
    let url = format!("{}/auth/phone", system.urls.bank);
    assert_eq!(admin.send(Method::POST, &url, Some(&phone)).await.0, 202);

    let ended = |page: &str, end: &str, kind: &str| {
        let words = format!("end=\"{end}\",event_type=\"{kind}\"");
        sum(page, "bank_events_ended_total{", &words)
    };
    eventually("each event has an end", async || {
        let page = metrics(&system).await;
        let committed = sum(&page, "bank_events_committed_total{", "");
        let all = sum(&page, "bank_events_ended_total{", "").total_cmp(&committed).is_eq();
        let wanted =
            [("logged", "user.created", 3.0), ("mailed", "email.requested", 3.0), ("logged", "bank.updated", 1.0)];
        all && wanted.iter().all(|(end, kind, count)| ended(&page, end, kind) >= *count)
    })
    .await;
    stays("no event is called missing", SOME_CHECKS, async || {
        let (page, name) = (metrics(&system).await, "bank_events_unaccounted{");
        page.contains(name) && sum(&page, name, "") <= 0.0
    })
    .await;
}
