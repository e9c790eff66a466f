//! The mailbox folder: every mail becomes one `.eml` file, for running without a mail server.
//!
//! A file's name is made of the event's date and the Message-ID, so a mail sent again replaces its first copy and never has two
//! files. It appears whole or not at all: written beside, fsynced, renamed, and the folder fsynced. An error of the file system
//! is an outage of the mailbox, never of one mail. The folder is made at start only: if it vanishes later, that is an outage
//! which an operator has to repair.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;

use super::{Accepted, Mailer, SendError};
use crate::domain::Mail;

/// The bytes that a probe writes: enough to notice a full disk.
const PROBE_BYTES: usize = 4096;

/// Longer than a mail is being written.
const LEFT_BEHIND: Duration = Duration::from_mins(1);

/// The suffix of an unfinished file.
const UNFINISHED: &str = ".part";

/// A folder of `.eml` files.
#[derive(Debug, Clone)]
pub struct Mailbox {
    folder: PathBuf,
}

impl Mailbox {
    /// Makes the folder if it does not exist, and removes unfinished files from it.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        sweep(&folder)?;
        Ok(Self { folder })
    }
}

#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError> {
        let message = mail.to_message().map_err(|error| SendError::Permanent(error.to_string()))?;
        let name = file_name(mail);
        let (folder, bytes) = (self.folder.clone(), message.formatted());
        let written = blocking(move || write_whole(&folder, &name, &bytes)).await;
        written
            .map(|()| Accepted { answer: "stored in the mailbox folder".to_owned() })
            .map_err(|error| SendError::Unavailable(describe(&error)))
    }

    async fn probe(&self) -> Result<(), String> {
        let folder = self.folder.clone();
        blocking(move || probe(&folder)).await.map_err(|error| describe(&error))
    }
}

/// `20250116T171026-<local part of the Message-ID>.eml`
fn file_name(mail: &Mail) -> String {
    format!("{}-{}.eml", mail.date.format("%Y%m%dT%H%M%S"), mail.message_id.local())
}

fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    // A unique name: two calls may write the same mail, if the first one timed out and still runs.
    let mut unfinished = tempfile::Builder::new().prefix(".").suffix(UNFINISHED).tempfile_in(folder)?;
    unfinished.write_all(bytes)?;
    unfinished.as_file().sync_all()?;
    unfinished.persist(folder.join(name)).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// Removes files that a crash left unfinished; those mails are sent again. A younger file may be another process's, at work.
fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_old =
            |file: &fs::Metadata| Ok::<_, io::Error>(file.modified()?.elapsed().unwrap_or_default() > LEFT_BEHIND);
        if name.starts_with('.') && name.ends_with(UNFINISHED) && is_old(&entry.metadata()?)? {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// An unnamed file in the folder, removed when it is closed.
fn probe(folder: &Path) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&[0; PROBE_BYTES])?;
    file.flush()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Without the path, which `tempfile` adds: reasons are shown to people who need not know the machine.
fn describe(error: &io::Error) -> String {
    let message = error.to_string();
    let cause = message.split(" at path ").next().unwrap_or_default();
    format!("the mailbox folder cannot be written: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Content, MessageId};
    use shared_events::EventId;

    fn mail() -> Mail {
        Mail {
            message_id: MessageId::for_event(EventId::from_content("a.b", b""), 0, "bank.localhost").unwrap(),
            from: "Bank <no-reply@bank.localhost>".parse().unwrap(),
            to: "a@b.example".parse().unwrap(),
            date: shared_events::date::parse("2025-01-16T17:10:26").unwrap(),
            content: Content { subject: "s".into(), text: "t".into(), html: "<p>h</p>".into() },
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_mail_sent_twice_is_one_file_of_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let mailbox = Mailbox::open(folder.path().join("in")).unwrap();
        mailbox.send(&mail()).await.unwrap();
        let [name] = names(&mailbox.folder).try_into().unwrap();
        let first = fs::read(mailbox.folder.join(&name)).unwrap();
        mailbox.send(&mail()).await.unwrap();
        assert_eq!(names(&mailbox.folder), std::slice::from_ref(&name));
        assert_eq!(fs::read(mailbox.folder.join(name)).unwrap(), first);
    }

    #[test]
    fn an_unfinished_file_is_removed_once_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let (old, young) = (folder.path().join(".old.part"), folder.path().join(".young.part"));
        let times = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
        File::create(&old).unwrap().set_times(times).unwrap();
        fs::write(&young, "half").unwrap();
        Mailbox::open(folder.path().to_owned()).unwrap();
        assert_eq!(names(folder.path()), [".young.part"]);
    }

    #[tokio::test]
    async fn a_missing_or_blocked_folder_is_an_outage_and_heals() {
        let folder = tempfile::tempdir().unwrap();
        let mailbox = Mailbox::open(folder.path().join("in")).unwrap();
        fs::remove_dir(&mailbox.folder).unwrap();
        let missing = "the mailbox folder cannot be written: No such file or directory (os error 2)".to_owned();
        assert_eq!(mailbox.probe().await, Err(missing.clone()));
        assert_eq!(mailbox.send(&mail()).await, Err(SendError::Unavailable(missing)));
        fs::write(&mailbox.folder, "a file").unwrap();
        assert!(matches!(mailbox.send(&mail()).await, Err(SendError::Unavailable(_))));
        assert!(mailbox.probe().await.is_err());
        fs::remove_file(&mailbox.folder).unwrap();
        fs::create_dir(&mailbox.folder).unwrap();
        assert!(mailbox.probe().await.is_ok() && names(&mailbox.folder).is_empty());
        assert!(mailbox.send(&mail()).await.is_ok());
    }
}
