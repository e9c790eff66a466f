//! The file of an import. It is read twice, first to check that it is whole, so a pipe is copied.

use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::lines::Lines;
use super::unusable;

pub(super) struct Source(File);

impl Source {
    /// A copy has no name, and is in the folder for temporary files (`TMPDIR`).
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let kind = file.metadata()?.file_type();
        if kind.is_file() {
            return Ok(Self(file));
        }
        if kind.is_dir() {
            return Err(unusable("is a folder; expected the name of a file in it".to_owned()));
        }
        if !kind.is_fifo() {
            return Err(unusable("is a device; expected a file or a pipe".to_owned()));
        }
        let mut copy = tempfile::tempfile()?;
        io::copy(&mut file, &mut copy)?;
        Ok(Self(copy))
    }

    /// In bytes.
    pub(super) fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    /// The lines from the first one on. It ends those that were read before: both have one position in the file.
    pub(super) fn lines(&self) -> io::Result<Lines> {
        let mut file = self.0.try_clone()?;
        file.rewind()?;
        Ok(Lines::over(BufReader::new(file)))
    }
}
