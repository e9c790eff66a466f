//! The log writer: a bounded queue and one thread.
//!
//! The queue holds 8,192 lines; beyond that lines are dropped and counted, and the count is written once there is room. `main`
//! calls [`flush`] last, which writes out the queued lines.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::TelemetryError;
use crate::config::is_database;

const QUEUE_LINES: usize = 8_192;
pub(super) const FLUSH_LIMIT: Duration = Duration::from_secs(1);

static QUEUE: OnceLock<SyncSender<Item>> = OnceLock::new();

enum Item {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// Passes lines to the writer thread.
#[derive(Clone)]
pub(super) struct Output {
    queue: SyncSender<Item>,
    dropped: Arc<AtomicU64>,
}

impl Output {
    pub(super) fn start(file: Option<&Path>) -> Result<Self, TelemetryError> {
        let target: Box<dyn Write + Send> = match file {
            None => Box::new(io::stderr()),
            Some(path) => {
                if let Some(fault) = fault_of(path) {
                    return Err(TelemetryError::File(fault));
                }
                Box::new(Both { path: path.to_owned(), file: None })
            }
        };
        let (queue, lines) = sync_channel(QUEUE_LINES);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || write_all(&lines, &counter, target))
            .map_err(TelemetryError::Writer)?;
        // A second call keeps the first queue: the subscriber of the first call stays the one in use.
        QUEUE.get_or_init(|| queue.clone());
        Ok(Self { queue, dropped })
    }
}

/// Why lines cannot be appended to this file, found out without making it.
pub(super) fn fault_of(file: &Path) -> Option<String> {
    match OpenOptions::new().append(true).open(file) {
        Ok(_) => is_database(file).then(|| "it is a SQLite database".to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Some(error.to_string()),
        Err(error) => {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if !folder.is_dir() || file.file_name().is_none() {
                return Some(error.to_string());
            }
            tempfile::tempfile_in(folder).err().map(|error| error.kind().to_string())
        }
    }
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = &'a Output;
    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Output {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Item::Line(line.to_vec())) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file and standard error. Neither blocks the other: with a full disk the console still gets the lines, and the other way
/// round. The file is made with its first line: a start that is refused before leaves none.
struct Both {
    path: PathBuf,
    file: Option<File>,
}

impl Both {
    fn file(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new().create(true).append(true).open(&self.path)?,
        };
        Ok(self.file.insert(file))
    }
}

impl Write for Both {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let console = io::stderr().write_all(bytes);
        self.file().and_then(|file| file.write_all(bytes)).or(console)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits, for a second at most, until everything logged so far is written.
pub(super) fn flush() {
    let Some(queue) = QUEUE.get() else { return };
    let (done, answer) = sync_channel(1);
    // A full queue or a dead writer must not keep a process from ending.
    if queue.try_send(Item::Flush(done)).is_ok() {
        answer.recv_timeout(FLUSH_LIMIT).ok();
    }
}

fn write_all(lines: &Receiver<Item>, dropped: &AtomicU64, target: Box<dyn Write + Send>) {
    let mut target = BufWriter::with_capacity(64 * 1024, target);
    while let Ok(item) = lines.recv() {
        let mut next = Some(item);
        while let Some(item) = next.take() {
            // No place is left to report a failed write of the log.
            match item {
                Item::Line(line) => drop(target.write_all(&line)),
                Item::Flush(done) => {
                    drop(target.flush());
                    done.try_send(()).ok();
                }
            }
            next = lines.try_recv().ok();
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            drop(writeln!(target, "{{\"level\":\"WARN\",\"message\":\"log lines were dropped\",\"count\":{lost}}}"));
        }
        drop(target.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_reach_the_file_in_order_and_the_first_one_makes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let output = Output::start(Some(&path)).unwrap();
        assert!(!path.exists(), "a start that is refused would leave it");
        for line in ["one\n", "two\n"] {
            (&output).write_all(line.as_bytes()).unwrap();
        }
        let (done, answer) = sync_channel(1);
        output.queue.send(Item::Flush(done)).unwrap();
        answer.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_found_out_and_none_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("new.log");
        assert_eq!(fault_of(&new), None);
        assert!(!new.exists());
        assert!(fault_of(folder.path()).is_some());
        assert!(fault_of(&folder.path().join("none/new.log")).is_some());
        assert!(fault_of(Path::new("/proc/new.log")).is_some());
        std::fs::write(&new, "").unwrap();
        assert_eq!(fault_of(&new), None);
        assert!(fault_of(&new.join("below.log")).is_some());
        std::fs::write(&new, "SQLite format 3\0 and pages").unwrap();
        assert_eq!(fault_of(&new).as_deref(), Some("it is a SQLite database"));
        std::fs::write(&new, "SQLite format 3 is what the first line is about\n").unwrap();
        assert_eq!(fault_of(&new), None);
        assert_eq!(fault_of(Path::new("new.log")), None);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_an_error() {
        assert!(matches!(Output::start(Some(Path::new("/"))), Err(TelemetryError::File(_))));
    }
}
