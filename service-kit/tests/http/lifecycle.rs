//! Starting several servers in one process, and stopping without losing a request.

use std::time::{Duration, Instant};

use crate::support::{answer, eventually, start};

#[actix_web::test]
async fn a_shutdown_says_not_ready_first_and_finishes_what_is_in_flight() {
    let started = start();
    let request = started.client.get(started.url("/held"));
    let held = service_kit::task::spawn("held", async move { answer(request).await });
    let in_work = async || started.metrics.render().contains("http_requests_in_flight{service=\"test-service\"} 1");
    eventually("the request is in work", in_work).await;

    started.shutdown.begin();
    eventually("readiness falls while connections are still taken", async || {
        started.client.get(started.url("/readyz")).send().await.is_ok_and(|answer| answer.status() == 503)
    })
    .await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    eventually("no new connection is taken", async || client.get(started.url("/ping")).send().await.is_err()).await;
    started.gate.add_permits(1);
    assert_eq!(held.await.unwrap().status, 200);
    tokio::time::timeout(Duration::from_secs(5), started.server.wait()).await.unwrap();
}

#[actix_web::test]
async fn idle_connections_do_not_hold_up_a_shutdown() {
    let started = start();
    assert_eq!(started.get("/ping").await.status, 200);
    let begun = Instant::now();
    started.shutdown.begin();
    started.server.wait().await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[actix_web::test]
async fn several_servers_live_in_one_process() {
    let (one, two) = (start(), start());
    assert_ne!(one.server.addr, two.server.addr);
    one.server.stop(true).await;
    assert!(one.client.get(one.url("/ping")).send().await.is_err());
    assert_eq!(two.get("/ping").await.status, 200);
}
