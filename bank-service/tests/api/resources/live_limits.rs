//! Live changes under load: a reader that stops reading, one that was disconnected for long, and more than one replica.

use std::time::Duration;

use bank_service::changes::MAX_PER_USER;
use bank_service::store::{Outcome, PendingEvent, StoreError};
use serde_json::{Value, json};
use shared_events::events::{City, CityCreated};
use shared_events::{CityId, UserId};
use test_support::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::stream::Stream;
use crate::harness::{Person, TestApp, start_of_tests};
use crate::identity::replicas::two_replicas;

/// How many changes at a time an active reader can keep up with.
const BATCH: i64 = 250;
/// In total far more than the connection's own buffers hold.
const BATCHES: i64 = 8;
const CHANGES: i64 = BATCH * BATCHES;
/// Longer than a reader may stop reading.
const WAIT_LIMIT: Duration = Duration::from_mins(1);

/// Commits changes that are about five kilobytes each.
async fn commit(app: &TestApp, first: i64, count: i64) {
    let store = &app.running.state.store;
    let events = move || {
        (first..first + count).map(|id| {
            let city = City { id: CityId::try_new(id).unwrap(), name: "Łódź ".repeat(600) };
            PendingEvent::new(&CityCreated(city))
        })
    };
    let write = move |_: &mut _, _: &_| Ok::<_, StoreError>(Outcome::new(()).events(events()));
    store.write(&store.ctx(start_of_tests()), write).await.unwrap();
}

/// A client that requests the changes, and then stops reading.
async fn idle(app: &TestApp, person: &Person) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(app.running.addr()).await.unwrap();
    let head = format!(
        "GET /api/events/stream?channels=city HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n",
        person.token
    );
    stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut first = [0; 512];
    let read = stream.read(&mut first).await.unwrap();
    assert!(first[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first[..read]));
    stream
}

/// Waits until a reader's only stream has freed its slot.
async fn all_streams_ended(app: &TestApp, person: &Person) {
    let user = UserId::try_new(person.id).unwrap();
    let slot = || app.running.state.changes.stream_slot(user);
    let others: Vec<_> = (1..MAX_PER_USER).map(|_| slot().unwrap_or_else(|_| panic!("a place is missing"))).collect();
    eventually("the slot of a reader that takes nothing is freed", async || slot().is_ok()).await;
    drop(others);
}

/// The ids of the cities in the rest of a stream that has ended, and the last position.
async fn rest(mut stream: TcpStream) -> (Vec<i64>, i64) {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(WAIT_LIMIT, stream.read_to_end(&mut bytes)).await;
    // The server may also just close the connection.
    read.expect("a stream that nobody reads is not ended").ok();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let blocks: Vec<&str> = text.split("\n\n").filter(|block| block.contains("event: create")).collect();
    let number = |block: &str, before: &str| -> Option<i64> {
        block.split_once(before)?.1.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let whole: Vec<&str> = blocks.into_iter().filter(|block| block.ends_with('}')).collect();
    let ids = whole.iter().filter_map(|block| number(block, r#""item":{"id":"#)).collect();
    let position = whole.last().and_then(|block| number(block, "\nid: ")).unwrap_or_default();
    (ids, position)
}

#[actix_web::test]
async fn a_reader_that_takes_nothing_is_ended_resumes_and_costs_others_nothing() {
    let app = TestApp::start().await;
    let (slow, quick) = (app.user("slow@example.com").await, app.user("quick@example.com").await);
    let idle = idle(&app, &slow).await;
    let mut stream = Stream::open(&app, &quick.token, "city", None).await;
    for batch in 0..BATCHES {
        let first = 1 + batch * BATCH;
        commit(&app, first, BATCH).await;
        let expected: Vec<String> = (first..first + BATCH).map(|id| format!("create city {id}")).collect();
        assert_eq!(stream.names(expected.len()).await, expected);
    }
    // The idle reader gets only the changes already sent: the others were not kept for it.
    all_streams_ended(&app, &slow).await;
    let (seen, position) = rest(idle).await;
    let got = i64::try_from(seen.len()).unwrap();
    assert!(got < CHANGES / 2, "{got} of {CHANGES} were kept for a reader that takes nothing");
    assert_eq!(seen, (1..=got).collect::<Vec<i64>>());
    let mut again = Stream::open(&app, &slow.token, "city", Some(&position.to_string())).await;
    for id in got + 1..=CHANGES {
        assert_eq!(again.next().await.expect("the stream ended").0, format!("create city {id}"));
    }
    commit(&app, CHANGES + 1, 1).await;
    for reader in [&mut stream, &mut again] {
        assert_eq!(reader.names(1).await, [format!("create city {}", CHANGES + 1)], "something came twice");
    }
}

async fn create_city(app: &TestApp, admin: &Person, name: &str) -> String {
    let item = app.post(&admin.token, "/api/cities", json!({"name": name})).await.item(201);
    format!("create city {}", item["id"])
}

#[actix_web::test]
async fn what_one_replica_changes_is_seen_at_the_other_and_streams_move_between_them() {
    let (one, two) = two_replicas().await;
    let admin = one.admin().await;
    let mut here = Stream::open(&one, &admin.token, "city", None).await;
    let mut there = Stream::open(&two, &admin.token, "city", None).await;
    let first = create_city(&one, &admin, "Lisbon").await;
    assert_eq!(there.names(1).await, std::slice::from_ref(&first));
    let second = create_city(&two, &admin, "Porto").await;
    assert_eq!(here.names(2).await, [first, second.clone()]);
    // The stream resumes on the other replica at the position of this one.
    let last = there.last_id.clone();
    drop(there);
    let third = create_city(&two, &admin, "Faro").await;
    let mut moved = Stream::open(&one, &admin.token, "city", Some(&last)).await;
    let fourth = create_city(&two, &admin, "Braga").await;
    assert_eq!(moved.names(3).await, [second, third, fourth]);
}

#[actix_web::test]
async fn a_stream_ends_with_its_session_also_where_another_replica_ended_it() {
    let (one, two) = two_replicas().await;
    let person = one.user("a@example.com").await;
    let mut stream = Stream::open(&two, &person.token, "city", None).await;
    one.post(&person.token, "/auth/logout", Value::Null).await.expect(200);
    assert_eq!(stream.next().await, None);
}
