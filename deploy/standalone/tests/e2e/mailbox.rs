//! The mailbox folder, as a mail reader sees it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) struct Mailbox(PathBuf);

/// One `.eml` file.
#[derive(Debug)]
pub(crate) struct Mail {
    /// The local part of the Message-ID, which is the event's id.
    pub(crate) event_id: String,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

impl Mailbox {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        let files = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|end| end == "eml")).map(|path| Mail::read(&path)).collect()
    }

    /// The mails to an address whose text contains `words`.
    pub(crate) fn find(&self, to: &str, words: &str) -> Vec<Mail> {
        let mut mails = self.mails();
        mails.retain(|mail| mail.to == to && mail.text.contains(words));
        mails
    }

    /// The only mail of an event, if it is there; fails if there are several.
    pub(crate) fn of_event(&self, event_id: &str) -> Option<Mail> {
        let mut mails = self.mails();
        mails.retain(|mail| mail.event_id == event_id);
        assert!(mails.len() <= 1, "{event_id} was mailed more than once: {mails:?}");
        mails.pop()
    }

    /// Moves the folder aside and puts a file in its place: no process can write mails, not even root's.
    pub(crate) fn block(&self) -> io::Result<()> {
        fs::rename(&self.0, self.aside())?;
        fs::write(&self.0, "not a folder")
    }

    /// Removes the file, and restores the folder.
    pub(crate) fn unblock(&self) -> io::Result<()> {
        fs::remove_file(&self.0)?;
        fs::rename(self.aside(), &self.0)
    }

    fn aside(&self) -> PathBuf {
        self.0.with_extension("aside")
    }
}

impl Mail {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let header = |name: &str| {
            let line = text.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{}: no {name}", path.display())).trim().to_owned()
        };
        let message_id = header("Message-ID: ");
        let event_id = message_id.trim_start_matches('<').split('@').next().unwrap().to_owned();
        Self { event_id, to: header("To: "), subject: header("Subject: "), text }
    }
}
