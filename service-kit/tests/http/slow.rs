//! Clients that read nothing, and clients that have gone: neither keeps a slot.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use test_support::eventually;

use crate::support::{Started, settings, start_with};

/// Counts the bodies that are being sent.
struct Sending(Arc<AtomicUsize>);

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// `/endless` has always more to send, `/silent` never.
fn server(sending: &Arc<AtomicUsize>) -> Started {
    let mut settings = settings();
    settings.write_timeout = Duration::from_millis(500);
    let sending = Arc::clone(sending);
    start_with(settings, move |config| {
        for (path, silent) in [("/endless", false), ("/silent", true)] {
            let sending = Arc::clone(&sending);
            let body = move || {
                sending.fetch_add(1, Ordering::SeqCst);
                let guard = Sending(Arc::clone(&sending));
                let parts = futures_util::stream::unfold((guard, 0), move |(guard, sent)| async move {
                    if silent && sent > 0 {
                        std::future::pending::<()>().await;
                    }
                    Some((Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 16 * 1024])), (guard, sent + 1)))
                });
                async move { HttpResponse::Ok().streaming(Box::pin(parts)) }
            };
            config.route(path, web::get().to(body));
        }
    })
}

/// A connection on which an answer has begun.
async fn open_request(started: &Started, path: &'static str) -> TcpStream {
    let addr = started.server.addr;
    let talk = move || {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        stream.read_exact(&mut [0; 1]).unwrap();
        stream
    };
    tokio::task::spawn_blocking(talk).await.unwrap()
}

#[actix_web::test]
async fn a_client_that_takes_nothing_is_dropped() {
    let sending = Arc::default();
    let started = server(&sending);
    let held = open_request(&started, "/endless").await;
    assert_eq!(sending.load(Ordering::SeqCst), 1);
    eventually("its answer is given up", async || sending.load(Ordering::SeqCst) == 0).await;
    drop(held);
}

#[actix_web::test]
async fn a_closed_connection_ends_its_answer_though_there_is_nothing_to_write() {
    let sending = Arc::default();
    let started = server(&sending);
    let (whole, half) = (open_request(&started, "/silent").await, open_request(&started, "/silent").await);
    assert_eq!(sending.load(Ordering::SeqCst), 2);
    drop(whole);
    half.shutdown(Shutdown::Write).unwrap();
    eventually("both answers are given up", async || sending.load(Ordering::SeqCst) == 0).await;
}
