//! Dead letters are kept, found again and discarded.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use service_kit::messaging::{DeadLetter, DeadLetterFolder, DeadLetters, HandlerResult, PublishResult};
use shared_events::EventId;
use test_support::dead_letters::MemoryDeadLetters;

use crate::support::{Scripted, TestBroker, id, message, pending, queue, start};

fn dead_letter(queue: &str, number: u128) -> DeadLetter {
    let reason = format!("reason {number}");
    DeadLetter { queue: queue.to_owned(), reason, attempts: 5, died_at: start(), message: message(number) }
}

async fn keeps_pages_and_discards(dead_letters: &dyn DeadLetters) {
    for number in [5, 3, 1, 4, 2] {
        dead_letters.add(dead_letter("q", number)).await.unwrap();
    }
    dead_letters.add(dead_letter("other/queue", 9)).await.unwrap();
    dead_letters.add(DeadLetter { reason: "again".to_owned(), ..dead_letter("q", 3) }).await.unwrap();
    assert_eq!(dead_letters.queues().await.unwrap(), ["other/queue", "q"]);

    let ids = |page: Vec<DeadLetter>| page.iter().map(DeadLetter::id).collect::<Vec<_>>();
    assert_eq!(ids(dead_letters.list("q", None, 2).await.unwrap()), [id(1), id(2)]);
    assert_eq!(ids(dead_letters.list("q", Some(id(2)), 2).await.unwrap()), [id(3), id(4)]);
    assert_eq!(ids(dead_letters.list("q", Some(id(4)), 100).await.unwrap()), [id(5)]);
    assert_eq!(ids(dead_letters.list("q", None, 0).await.unwrap()), [] as [EventId; 0]);
    assert_eq!(ids(dead_letters.list("nowhere", None, 10).await.unwrap()), [] as [EventId; 0]);

    assert_eq!(dead_letters.get("q", id(3)).await.unwrap().unwrap().reason, "again");
    assert_eq!(dead_letters.get("q", id(9)).await.unwrap(), None);
    assert!(dead_letters.remove("q", id(3)).await.unwrap());
    assert!(!dead_letters.remove("q", id(3)).await.unwrap());
    assert_eq!(dead_letters.get("q", id(3)).await.unwrap(), None);
    assert!(dead_letters.remove("other/queue", id(9)).await.unwrap());
    assert_eq!(dead_letters.queues().await.unwrap(), ["q"]);
}

#[tokio::test]
async fn a_folder_keeps_pages_and_discards() {
    let dir = tempfile::tempdir().unwrap();
    keeps_pages_and_discards(&DeadLetterFolder::open(dir.path().join("dead-letters")).unwrap()).await;
}

#[tokio::test]
async fn memory_keeps_pages_and_discards() {
    keeps_pages_and_discards(&MemoryDeadLetters::new()).await;
}

#[tokio::test]
async fn a_dead_letter_survives_reopening_the_folder_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut poison = dead_letter("log-service", 1);
    poison.message.body = b"\xff not JSON \x00".to_vec();
    DeadLetterFolder::open(dir.path()).unwrap().add(poison.clone()).await.unwrap();
    let reopened = DeadLetterFolder::open(dir.path()).unwrap();
    assert_eq!(reopened.get("log-service", id(1)).await.unwrap(), Some(poison));
    let file = dir.path().join("log-service").join(format!("{}.json", id(1)));
    let names = std::fs::read_dir(dir.path().join("log-service")).unwrap().count();
    assert!(file.is_file() && names == 1, "no temporary file is left");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_a_dead_letter() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    DeadLetterFolder::open(dir.path()).unwrap().add(dead_letter("q", 1)).await.unwrap();
    let mode = |path: std::path::PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(dir.path().join("q")), 0o700);
    assert_eq!(mode(dir.path().join("q").join(format!("{}.json", id(1)))), 0o600);
}

#[tokio::test]
async fn a_corrupt_file_hides_no_other_dead_letter() {
    let dir = tempfile::tempdir().unwrap();
    let dead_letters = DeadLetterFolder::open(dir.path()).unwrap();
    dead_letters.add(dead_letter("q", 2)).await.unwrap();
    let queue_dir = dir.path().join("q");
    std::fs::write(queue_dir.join(format!("{}.json", id(1))), "{").unwrap();
    std::fs::write(queue_dir.join("notes.txt"), "mine").unwrap();
    std::fs::write(queue_dir.join("notes.json"), "mine").unwrap();
    std::fs::write(dir.path().join("README"), "mine").unwrap();
    assert_eq!(dead_letters.list("q", None, 10).await.unwrap(), [dead_letter("q", 2)]);
    assert_eq!(dead_letters.queues().await.unwrap(), ["q"]);
    assert!(dead_letters.get("q", id(1)).await.is_err());
    assert!(dead_letters.remove("q", id(1)).await.unwrap());
}

#[tokio::test]
async fn a_page_is_bounded_whatever_is_requested() {
    let dead_letters = MemoryDeadLetters::new();
    for number in 1..=150 {
        dead_letters.add(dead_letter("q", number)).await.unwrap();
    }
    assert_eq!(dead_letters.list("q", None, usize::MAX).await.unwrap().len(), 100);
}

/// A store whose disk is full.
struct FullDisk;

#[async_trait]
impl DeadLetters for FullDisk {
    async fn add(&self, _: DeadLetter) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
    async fn queues(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
    async fn list(&self, _: &str, _: Option<EventId>, _: usize) -> io::Result<Vec<DeadLetter>> {
        Ok(Vec::new())
    }
    async fn get(&self, _: &str, _: EventId) -> io::Result<Option<DeadLetter>> {
        Ok(None)
    }
    async fn remove(&self, _: &str, _: EventId) -> io::Result<bool> {
        Ok(false)
    }
}

#[tokio::test]
async fn a_message_whose_dead_letter_cannot_be_kept_is_not_given_up() {
    let fixture = TestBroker::with_dead_letters(Arc::new(FullDisk), Arc::new(MemoryDeadLetters::new()));
    fixture.subscribe(queue("q"), &Scripted::always(HandlerResult::reject("bad")));
    let result = fixture.publish_new(&message(1)).await;
    assert_eq!(pending(&result, "q"), (0, 0));
    assert!(matches!(result, PublishResult::Later { reason, .. } if reason.contains("could not be kept")));
    assert_eq!(fixture.metric("bank_dead_letters_total", &["q"]), 0);
}
