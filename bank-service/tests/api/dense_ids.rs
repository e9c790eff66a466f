//! A process continues with the ids after those of the process before.

use serde_json::json;

use crate::harness::TestApp;

async fn city(app: &TestApp, name: &str) -> i64 {
    let admin = app.admin().await;
    let answer = app.post(&admin.token, "/api/cities", json!({"name": name})).await.expect(201);
    answer["item"]["id"].as_i64().unwrap()
}

#[actix_web::test]
async fn a_clean_stop_leaves_no_gap_in_the_ids() {
    let mut app = TestApp::start().await;
    for (index, name) in ["First", "Second", "Third"].into_iter().enumerate() {
        assert_eq!(city(&app, name).await, i64::try_from(index).unwrap() + 1);
        let clock = app.clock.clone();
        app = TestApp::start_in(app.stop().await, clock, |_| {}).await;
    }
}

#[actix_web::test]
async fn ids_that_were_given_back_are_issued_once_only() {
    let app = TestApp::start().await;
    let first = city(&app, "First").await;
    app.running.state.store.give_back_ids().await;
    app.running.state.store.give_back_ids().await;
    assert_eq!((first, city(&app, "Second").await), (1, 2));
}
