//! The phone folder: every text message becomes one file, for running without a provider.
//!
//! A file appears whole or not at all, and only its owner can read it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use service_kit::ids::new_uuid;

use super::{SmsError, SmsSender};
use crate::domain::text_message::TextMessage;

/// A folder of `.txt` files, named so that they sort by time.
pub struct PhoneFolder {
    folder: PathBuf,
}

impl PhoneFolder {
    /// Makes the folder if it is not there.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { folder })
    }
}

#[async_trait]
impl SmsSender for PhoneFolder {
    async fn send(&self, message: &TextMessage) -> Result<(), SmsError> {
        let text = format!("To: {}\n\n{}\n", message.to.as_str(), message.text);
        let folder = self.folder.clone();
        let written = tokio::task::spawn_blocking(move || write_whole(&folder, text.as_bytes())).await;
        let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
        written.map_err(|error| SmsError::TryAgain(describe(&error)))
    }

    async fn probe(&self) -> Result<(), String> {
        fs::metadata(&self.folder).map(|_| ()).map_err(|error| describe(&error))
    }
}

fn write_whole(folder: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = new_uuid().to_string();
    let unfinished = folder.join(format!(".{name}.part"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(unfinished, folder.join(format!("{name}.txt")))
}

/// Without the path: reasons are shown to people who need not know the machine.
fn describe(error: &io::Error) -> String {
    format!("the phone folder cannot be written: {}", error.kind())
}
