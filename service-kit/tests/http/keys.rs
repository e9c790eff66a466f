//! Public keys from a server: cached, renewed, and trusted for a quarter of an hour while the server is unavailable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use chrono::DateTime;
use service_kit::clock::ManualClock;
use service_kit::http::PeerTrust;
use service_kit::http::auth::{HttpKeys, Jwks, KeySource, KeysUnavailable, SigningKey};
use std::sync::Mutex;
use test_support::eventually;

use crate::support::{Started, settings, start_with};

struct KeyServer {
    _started: Started,
    /// Answers 503 then. A stopped server may still answer on a connection that is open.
    is_unavailable: Arc<AtomicBool>,
    requests: Arc<AtomicU32>,
    keys: Arc<Mutex<Jwks>>,
    clock: Arc<ManualClock>,
    source: HttpKeys,
}

fn key_server() -> KeyServer {
    let requests = Arc::new(AtomicU32::new(0));
    let keys = Arc::new(Mutex::new(Jwks::default()));
    let is_unavailable = Arc::new(AtomicBool::new(false));
    let (counter, served, unavailable) = (Arc::clone(&requests), Arc::clone(&keys), Arc::clone(&is_unavailable));
    let started = start_with(settings(), move |config| {
        let (counter, served, unavailable) = (Arc::clone(&counter), Arc::clone(&served), Arc::clone(&unavailable));
        let answer = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            let keys = served.lock().unwrap().clone();
            let mut answer = HttpResponse::Ok();
            if unavailable.load(Ordering::SeqCst) {
                answer = HttpResponse::ServiceUnavailable();
            }
            async move { answer.json(keys) }
        };
        config.route("/jwks.json", web::get().to(answer));
    });
    let clock = Arc::new(ManualClock::new(DateTime::from_timestamp(1_700_000_000, 0).unwrap()));
    let source = HttpKeys::new(started.url("/jwks.json"), &PeerTrust::default(), clock.clone());
    KeyServer { _started: started, is_unavailable, requests, keys, clock, source }
}

#[actix_web::test]
async fn keys_are_fetched_once_and_an_unknown_id_fetches_again_but_seldom() {
    let server = key_server();
    let (first, second) = (SigningKey::generate(), SigningKey::generate());
    server.keys.lock().unwrap().keys = vec![first.jwk()];
    for _ in 0..3 {
        assert_eq!(server.source.key(first.kid()).await.unwrap().unwrap().as_ref(), &first.jwk());
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
    server.keys.lock().unwrap().keys.push(second.jwk());
    for _ in 0..20 {
        assert!(server.source.key("forged").await.unwrap().is_none());
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
    server.clock.advance(Duration::from_secs(5));
    assert!(server.source.key(second.kid()).await.unwrap().is_some());
    assert_eq!(server.requests.load(Ordering::SeqCst), 2);
}

#[actix_web::test]
async fn old_keys_serve_on_for_a_quarter_of_an_hour_and_no_longer() {
    let server = key_server();
    let (key, next) = (SigningKey::generate(), SigningKey::generate());
    server.keys.lock().unwrap().keys = vec![key.jwk()];
    assert!(server.source.key(key.kid()).await.unwrap().is_some());
    server.keys.lock().unwrap().keys.push(next.jwk());
    server.clock.advance(Duration::from_mins(11));
    assert!(server.source.key(key.kid()).await.unwrap().is_some());
    eventually("renewed in the background", async || server.requests.load(Ordering::SeqCst) == 2).await;
    assert!(server.source.key(next.kid()).await.unwrap().is_some(), "waits for the answer that is under way");
    server.is_unavailable.store(true, Ordering::SeqCst);
    server.clock.advance(Duration::from_mins(14));
    assert!(server.source.key(key.kid()).await.unwrap().is_some());
    assert!(server.source.key("unknown").await.unwrap().is_none());
    server.clock.advance(Duration::from_mins(1));
    assert_eq!(server.source.key(key.kid()).await, Err(KeysUnavailable));
    assert_eq!(server.source.key("unknown").await, Err(KeysUnavailable));
}

#[actix_web::test]
async fn a_withdrawn_key_is_not_believed_after_a_quiet_spell() {
    let server = key_server();
    let (withdrawn, next) = (SigningKey::generate(), SigningKey::generate());
    server.keys.lock().unwrap().keys = vec![withdrawn.jwk()];
    assert!(server.source.key(withdrawn.kid()).await.unwrap().is_some());
    server.keys.lock().unwrap().keys = vec![next.jwk()];
    server.clock.advance(Duration::from_mins(15));
    assert_eq!(server.source.key(withdrawn.kid()).await, Ok(None));
    assert!(server.source.key(next.kid()).await.unwrap().is_some());
}

#[actix_web::test]
async fn keys_that_were_never_fetched_are_unavailable_and_not_unknown() {
    let server = key_server();
    server.is_unavailable.store(true, Ordering::SeqCst);
    assert_eq!(server.source.key("any").await, Err(KeysUnavailable));
}
