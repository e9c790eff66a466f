//! The file that a `sqlite:` URL names.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The file behind `sqlite:` or `sqlite://`. The error shows no part of the URL.
pub fn file_of(rest: &str) -> Result<PathBuf, &'static str> {
    let path = Path::new(rest.strip_prefix("//").unwrap_or(rest));
    match path.file_name().and_then(OsStr::to_str) {
        None => Err("names no file"),
        Some(":memory:") => Err("names no file: what is in memory is lost"),
        Some(name) if name.contains('?') => Err("has parameters after a `?`, and none are known"),
        Some(_) => Ok(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_alone_and_without_parameters() {
        for (rest, path) in [("./data/a.sqlite", "./data/a.sqlite"), ("///var/a.sqlite", "/var/a.sqlite")] {
            assert_eq!(file_of(rest), Ok(path.into()), "{rest}");
        }
        assert!(file_of("./what?/a.sqlite").is_ok(), "the folder's name is its owner's choice");
        for bad in ["", "//", "/", "data/..", ":memory:", "a.sqlite?mode=ro", "///var/a.sqlite?hunter2"] {
            assert!(file_of(bad).is_err_and(|fault| !fault.contains("hunter2")), "{bad}");
        }
    }
}
