//! Dead letters as files: `<folder>/<queue>/<event id>.json`, readable with any editor.
//!
//! A file exists whole or not at all: it is written beside its place, synced, renamed, and the directory synced. Files are
//! readable by their owner only. A damaged file is skipped in lists, with a warning, and is an error when requested. A crash
//! can leave a `.tmp` file behind, which the next dead letter of that id replaces.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use shared_events::EventId;

use super::{DeadLetter, DeadLetters, MAX_PAGE};

/// With every byte escaped, a name of this length still fits into a file name.
const MAX_QUEUE_NAME: usize = 80;
const EXTENSION: &str = "json";

/// A folder of dead letters. Clones share it.
#[derive(Debug, Clone)]
pub struct DeadLetterFolder {
    dir: Arc<PathBuf>,
    /// One writer at a time, so that two dead letters of the same id cannot meet in one temporary file.
    writing: Arc<Mutex<()>>,
}

impl DeadLetterFolder {
    /// Opens the folder, and makes it if it is missing.
    pub fn open(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir = dir.into();
        create_private_dir(&dir)?;
        Ok(Self { dir: Arc::new(dir), writing: Arc::new(Mutex::new(())) })
    }

    fn queue_dir(&self, queue: &str) -> io::Result<PathBuf> {
        Ok(self.dir.join(file_name(queue)?))
    }

    fn dead_letter_path(&self, queue: &str, id: EventId) -> io::Result<PathBuf> {
        Ok(self.queue_dir(queue)?.join(format!("{id}.{EXTENSION}")))
    }

    fn write(&self, dead_letter: &DeadLetter) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(dead_letter)?;
        let dir = self.queue_dir(&dead_letter.queue)?;
        let path = self.dead_letter_path(&dead_letter.queue, dead_letter.id())?;
        let temporary = dir.join(format!(".{}.tmp", dead_letter.id()));
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if !dir.is_dir() {
            create_private_dir(&dir)?;
            sync_dir(&self.dir)?;
        }
        let mut file = create_private_file(&temporary)?;
        file.write_all(&json)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        sync_dir(&dir)
    }

    fn queue_names(&self) -> io::Result<Vec<String>> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(&*self.dir)? {
            let entry = entry?;
            let name = entry.file_name().to_str().and_then(queue_name);
            if let Some(name) = name
                && !ids_after(&entry.path(), None, 1)?.is_empty()
            {
                names.insert(name);
            }
        }
        Ok(names.into_iter().collect())
    }

    fn page(&self, queue: &str, after: Option<EventId>, limit: usize) -> io::Result<Vec<DeadLetter>> {
        let mut dead_letters = Vec::new();
        for id in ids_after(&self.queue_dir(queue)?, after, limit)? {
            match read(&self.dead_letter_path(queue, id)?) {
                Ok(dead_letter) => dead_letters.extend(dead_letter),
                Err(error) => tracing::warn!(queue, event_id = %id, %error, "passed over a spoilt dead letter"),
            }
        }
        Ok(dead_letters)
    }

    fn delete(&self, queue: &str, id: EventId) -> io::Result<bool> {
        match fs::remove_file(self.dead_letter_path(queue, id)?) {
            Ok(()) => sync_dir(&self.queue_dir(queue)?).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let folder = self.clone();
        tokio::task::spawn_blocking(move || work(&folder)).await.map_err(io::Error::other)?
    }
}

#[async_trait]
impl DeadLetters for DeadLetterFolder {
    async fn add(&self, dead_letter: DeadLetter) -> io::Result<()> {
        self.blocking(move |folder| folder.write(&dead_letter)).await
    }

    async fn queues(&self) -> io::Result<Vec<String>> {
        self.blocking(Self::queue_names).await
    }

    async fn list(&self, queue: &str, after: Option<EventId>, limit: usize) -> io::Result<Vec<DeadLetter>> {
        let queue = queue.to_owned();
        self.blocking(move |folder| folder.page(&queue, after, limit.min(MAX_PAGE))).await
    }

    async fn get(&self, queue: &str, id: EventId) -> io::Result<Option<DeadLetter>> {
        let queue = queue.to_owned();
        self.blocking(move |folder| read(&folder.dead_letter_path(&queue, id)?)).await
    }

    async fn remove(&self, queue: &str, id: EventId) -> io::Result<bool> {
        let queue = queue.to_owned();
        self.blocking(move |folder| folder.delete(&queue, id)).await
    }
}

fn read(path: &Path) -> io::Result<Option<DeadLetter>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The first `limit` ids after `after`. Holds no more than those in memory, however many files there are.
fn ids_after(dir: &Path, after: Option<EventId>, limit: usize) -> io::Result<BTreeSet<EventId>> {
    let mut ids = BTreeSet::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(ids),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = PathBuf::from(entry?.file_name());
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        let id: Option<EventId> = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        ids.extend(id.filter(|id| after.is_none_or(|after| *id > after)));
        if ids.len() > limit {
            ids.pop_last();
        }
    }
    Ok(ids)
}

/// A queue's name as a file name: letters, digits, `-`, `_` and inner dots stay, every other byte becomes `%XX`.
fn file_name(queue: &str) -> io::Result<String> {
    if queue.is_empty() || queue.len() > MAX_QUEUE_NAME {
        let error = format!("a queue name has 1 to {MAX_QUEUE_NAME} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
    }
    let mut name = String::with_capacity(queue.len());
    for (index, byte) in queue.bytes().enumerate() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            b'.' if index > 0 => name.push('.'),
            _ => {
                name.push('%');
                name.push_str(&hex::encode_upper([byte]));
            }
        }
    }
    Ok(name)
}

/// The queue that a file name stands for; none if it is not one of ours.
fn queue_name(file: &str) -> Option<String> {
    let mut parts = file.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    let queue = String::from_utf8(bytes).ok()?;
    (file_name(&queue).ok()? == file).then_some(queue)
}

fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn create_private_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A rename is on the disk only when its directory is synced; where directories cannot be synced nothing else helps.
fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_name_is_a_safe_file_name_and_can_be_read_back() {
        for queue in ["log-service", "bank-service.acks", "..", "../../etc/passwd", ".hidden", "a/b\\c:d", "Ünï", "%41"]
        {
            let name = file_name(queue).unwrap();
            assert!(!name.contains(['/', '\\', ':']) && !name.starts_with('.'), "{name}");
            assert_eq!(queue_name(&name).as_deref(), Some(queue));
        }
        assert!(file_name("").is_err() && file_name(&"x".repeat(81)).is_err());
    }
}
