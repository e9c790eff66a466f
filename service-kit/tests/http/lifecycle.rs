//! Starting several servers in one process, and stopping without losing a request.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use test_support::eventually;

use crate::support::{answer, settings, start, start_with};

#[actix_web::test]
async fn a_shutdown_reports_not_ready_first_and_finishes_what_is_in_flight() {
    let started = start();
    let request = started.client.get(started.url("/held"));
    let held = service_kit::task::spawn("held", async move { answer(request).await });
    let in_work = async || started.metrics.render().lines().any(|line| line == "http_requests_in_flight 1");
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
    tokio::time::timeout(Duration::from_mins(1), started.server.wait()).await.unwrap();
}

/// Its steps have limits of five seconds, one, and six.
#[actix_web::test]
async fn a_thread_that_stands_still_holds_up_a_stop_no_longer_than_its_limit() {
    let mut settings = settings();
    settings.workers = 1;
    settings.stop_limit = Duration::from_secs(2);
    let (release, gate) = channel::<()>();
    let gate = web::Data::new(Mutex::new(gate));
    let started = start_with(settings, move |config| {
        config.app_data(gate.clone()).route("/standstill", web::get().to(standstill));
    });
    let held = open_request(started.server.addr, "/standstill");
    eventually("the request is in work", async || {
        started.metrics.render().lines().any(|line| line == "http_requests_in_flight 1")
    })
    .await;
    let begun = Instant::now();
    started.shutdown.begin();
    started.server.wait().await;
    let took = begun.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(5)).contains(&took), "{took:?}");
    // No caller waits for ever for a server that is given up.
    started.server.stop(true).await;
    release.send(()).unwrap();
    drop(held);
}

/// The only worker is blocked, so these connections are not begun when accepting ends, as happens on a busy machine. The stop
/// waits for them, however long the usual delay is.
#[actix_web::test]
async fn a_connection_that_was_made_before_the_end_of_accepting_gets_its_answer() {
    let mut settings = settings();
    settings.workers = 1;
    settings.stop_limit = Duration::from_mins(2);
    let accept_delay = settings.accept_delay;
    let (release, gate) = channel::<()>();
    let gate = web::Data::new(Mutex::new(gate));
    let started = start_with(settings, move |config| {
        config.app_data(gate.clone()).route("/standstill", web::get().to(standstill));
    });
    let addr = started.server.addr;
    let mut clients = vec![open_request(addr, "/standstill")];
    clients.extend((0..20).map(|_| open_request(addr, "/ping")));
    started.shutdown.begin();
    let refused = async || TcpStream::connect_timeout(&addr, Duration::from_millis(100)).is_err();
    eventually("no new connection is taken", refused).await;
    tokio::time::sleep(4 * accept_delay).await;
    release.send(()).unwrap();
    for (number, mut client) in clients.into_iter().enumerate() {
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "connection {number}: {text:?}");
    }
    started.server.wait().await;
}

#[actix_web::test]
async fn a_connection_that_sends_its_first_request_late_gets_its_answer() {
    let mut settings = settings();
    settings.silence_limit = Duration::from_mins(1);
    settings.stop_limit = Duration::from_mins(2);
    let accept_delay = settings.accept_delay;
    let started = start_with(settings, |_| {});
    let addr = started.server.addr;
    let (mut late, silent) = (TcpStream::connect(addr).unwrap(), TcpStream::connect(addr).unwrap());
    started.shutdown.begin();
    let refused = async || TcpStream::connect_timeout(&addr, Duration::from_millis(100)).is_err();
    eventually("no new connection is taken", refused).await;
    tokio::time::sleep(4 * accept_delay).await;
    write!(late, "GET /ping HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    late.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text:?}");
    drop(silent);
    started.server.wait().await;
}

fn open_request(addr: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

async fn standstill(gate: web::Data<Mutex<Receiver<()>>>) -> HttpResponse {
    gate.lock().unwrap().recv().unwrap();
    HttpResponse::Ok().finish()
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
