//! The file that a `sqlite:` URL names.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::config::{ANOTHER_ADDRESS, is_address};

/// The file behind `sqlite:` or `sqlite://`. The error shows no part of the URL.
pub fn file_of(rest: &str) -> Result<PathBuf, &'static str> {
    let path = Path::new(rest.strip_prefix("//").unwrap_or(rest));
    if is_address(path) {
        return Err(ANOTHER_ADDRESS);
    }
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
        for address in ["mysql://u:hunter2@h/db", "//mysql://u:hunter2@h/db", "file:a.sqlite", "sqlite:///a.sqlite"] {
            assert_eq!(file_of(address), Err(ANOTHER_ADDRESS), "{address}");
        }
    }
}
