//! A folder in which every notification becomes a JSON file, for running without a push service.
//!
//! A file is named after its event, so a notification sent again replaces its first copy. It appears whole or not at all. It shows
//! only the last four characters of the push token.

use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde_json::json;

use super::{Notification, PushError, PushSender};

const SHOWN_OF_TOKEN: usize = 4;

pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The first notification makes the folder.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

#[async_trait]
impl PushSender for Folder {
    async fn send(&self, token: &str, notification: &Notification) -> Result<(), PushError> {
        let tail: String = token.chars().skip(token.chars().count().saturating_sub(SHOWN_OF_TOKEN)).collect();
        let message = json!({
            "message": {
                "token": format!("…{tail}"),
                "notification": {"title": notification.title, "body": notification.body},
                "data": notification.data,
            }
        });
        let (folder, name) = (self.path.clone(), notification.event_id.clone());
        let written = tokio::task::spawn_blocking(move || write_whole(&folder, &name, &format!("{message:#}\n"))).await;
        let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
        written.map_err(|error| PushError::Unavailable(error.kind().to_string()))
    }

    async fn probe(&self) -> Result<(), String> {
        let folder = self.path.clone();
        let made = tokio::task::spawn_blocking(move || make(&folder)).await;
        made.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| error.kind().to_string())
    }
}

/// Readable by its owner alone.
fn make(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn write_whole(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    make(folder)?;
    let unfinished = folder.join(format!(".{name}.part"));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, folder.join(format!("{name}.json")))
}
