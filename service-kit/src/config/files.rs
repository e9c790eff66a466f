//! Reads the files that settings name, each up to a limit.
//!
//! Reading one always ends. A folder, a device and a pipe with a name are refused: the last one may never get a writer. A pipe that the
//! process was started with (`/dev/stdin`, or the `/dev/fd/63` of a shell's `<(…)`) has one, and is how a secret comes without a file:
//! it is read, for a limited time.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// The largest file of certificates, in bytes: that of a whole system has a quarter of it.
pub const PEM_LIMIT: u64 = 1024 * 1024;
/// How long the writer of a pipe may take to close it.
const PIPE_TIME: Duration = Duration::from_secs(10);
/// Where a process finds what it was started with.
const INHERITED: [&str; 3] = ["/dev/stdin", "/dev/fd", "/proc/self/fd"];

/// A file of at most `limit` bytes. No error shows the path, which may be a secret that was given by mistake.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_within(path, limit, PIPE_TIME)
}

/// The same for a text.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read_file(path, limit)?).map_err(|_| io::Error::other("it is not UTF-8"))
}

fn read_within(path: &Path, limit: u64, time: Duration) -> io::Result<Vec<u8>> {
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_file() {
        return read(path, limit);
    }
    if !(kind.is_fifo() && INHERITED.iter().any(|place| path.starts_with(place))) {
        return Err(io::Error::other("it is no regular file"));
    }
    let (sender, receiver) = mpsc::channel();
    let path = path.to_owned();
    // If the time is over, it ends with the process, which does not start then.
    std::thread::spawn(move || drop(sender.send(read(&path, limit))));
    receiver.recv_timeout(time).unwrap_or_else(|_| Err(io::Error::other("the pipe was not closed in time")))
}

fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(io::Error::other(format!("it is larger than {} KiB", limit / 1024)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsRawFd;
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;

    const LIMIT: u64 = 2048;

    fn fault(path: &Path) -> String {
        read_within(path, LIMIT, Duration::from_millis(50)).unwrap_err().to_string()
    }

    fn place_of(pipe: &impl AsRawFd) -> PathBuf {
        format!("/dev/fd/{}", pipe.as_raw_fd()).into()
    }

    #[test]
    fn a_regular_file_is_read_up_to_the_limit_also_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(read_file(&link, LIMIT).is_err(), "it leads nowhere");
        std::fs::write(&file, vec![b'x'; 2048]).unwrap();
        assert_eq!(read_text(&link, LIMIT).unwrap(), "x".repeat(2048));
        std::fs::write(&file, vec![b'x'; 2049]).unwrap();
        assert_eq!(fault(&file), "it is larger than 2 KiB");
        std::fs::write(&file, b"\xff").unwrap();
        assert_eq!(read_text(&file, LIMIT).unwrap_err().to_string(), "it is not UTF-8");
    }

    #[test]
    fn what_is_no_file_is_refused_without_being_read() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [folder.path(), &pipe, Path::new("/dev/zero"), Path::new("/dev/null"), Path::new("/dev/fd")] {
            assert_eq!(fault(path), "it is no regular file", "{}", path.display());
        }
    }

    #[test]
    fn an_inherited_pipe_is_read_and_not_waited_for_without_end() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"secret\n").unwrap();
        assert_eq!(fault(&place_of(&reader)), "the pipe was not closed in time");
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"secret\n").unwrap();
        drop(writer);
        assert_eq!(read_text(&place_of(&reader), LIMIT).unwrap(), "secret\n");
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(&[b'x'; 4096]).unwrap();
        assert_eq!(fault(&place_of(&reader)), "it is larger than 2 KiB", "also of a writer that never ends");
    }
}
