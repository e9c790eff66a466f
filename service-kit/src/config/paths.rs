//! Checks, without making any, whether the files and folders that a service makes at start can be made.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::Faults;

/// The fault of a path that [`is_address`].
pub(crate) const ANOTHER_ADDRESS: &str = "has another address in the place of a path";
/// How every SQLite database begins that is not empty.
const SQLITE_BEGINNING: [u8; 16] = *b"SQLite format 3\0";

/// Whether a path is another address, such as `mysql://…`: it may contain a password, so it is neither made nor shown. A name that
/// begins with `file:` is one for SQLite, too.
pub(crate) fn is_address(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains("://") || text.starts_with("file:")
}

/// Records a folder in which nothing can be written, or which cannot be made because something else takes its place or that of
/// a folder above it; false in that case.
pub fn check_folder(variable: &str, path: &Path, faults: &mut Faults) -> bool {
    let fault = fault_of_folder(path);
    if let Some(fault) = &fault {
        faults.add(format!("{variable}: {fault}; choose a folder that may be written to"));
    }
    fault.is_none()
}

fn fault_of_folder(path: &Path) -> Option<String> {
    if is_address(path) {
        return Some(ANOTHER_ADDRESS.to_owned());
    }
    let nearest = path.ancestors().find(|path| !path.as_os_str().is_empty() && path.symlink_metadata().is_ok());
    let nearest = nearest.unwrap_or(Path::new("."));
    if nearest.is_dir() {
        // A file without a name leaves nothing behind.
        tempfile::tempfile_in(nearest).err().map(|error| format!("cannot be written to ({})", error.kind()))
    } else {
        Some("not a folder, or below something that is none".to_owned())
    }
}

/// The same for the file of a SQLite database, whose folder is made with it. To be called before this process opens that
/// database: the file is read and closed, and closing it ends the process's locks on it.
pub fn check_file(variable: &str, path: &Path, faults: &mut Faults) -> bool {
    let fault = if path.is_dir() {
        "names a folder; expected the name of a file".to_owned()
    } else {
        match may_be_database(path) {
            Ok(true) => return path.parent().is_none_or(|folder| check_folder(variable, folder, faults)),
            Ok(false) => "the file is no SQLite database; expected one, or the name of a new file".to_owned(),
            Err(error) => format!("the file cannot be read ({}); expected one that may be", error.kind()),
        }
    };
    faults.add(format!("{variable}: {fault}"));
    false
}

/// Whether the file is a database or can become one, as a missing or an empty one does.
fn may_be_database(path: &Path) -> io::Result<bool> {
    let Ok(metadata) = path.metadata() else { return Ok(true) };
    // Opening a pipe waits for its writer.
    if !metadata.is_file() {
        return Ok(false);
    }
    let beginning = beginning_of(path)?;
    Ok(beginning.is_empty() || beginning == SQLITE_BEGINNING)
}

/// Whether the file is a database that is not empty.
pub(crate) fn is_database(path: &Path) -> bool {
    path.is_file() && beginning_of(path).is_ok_and(|beginning| beginning == SQLITE_BEGINNING)
}

fn beginning_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut beginning)?;
    Ok(beginning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines<T>(check: impl FnOnce(&mut Faults) -> T) -> Vec<String> {
        let mut faults = Faults::new();
        check(&mut faults);
        faults.finish().err().map(|error| error.lines().to_vec()).unwrap_or_default()
    }

    #[test]
    fn a_folder_or_a_file_is_refused_where_none_can_be_made_and_nothing_is_made() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        std::fs::write(&file, "").unwrap();
        for path in [&file, &file.join("below")] {
            assert!(lines(|faults| check_folder("DIR", path, faults))[0].starts_with("DIR: not a folder"));
        }
        assert!(lines(|faults| check_file("FILE", place.path(), faults))[0].starts_with("FILE: names a folder"));
        assert!(lines(|faults| check_file("FILE", &file.join("below"), faults))[0].starts_with("FILE: not a folder"));
        // Nobody, not even root, makes a file in `/proc`.
        for path in ["/proc/new", "/proc/new/deep"].map(Path::new) {
            assert!(lines(|faults| check_folder("DIR", path, faults))[0].starts_with("DIR: cannot be written to ("));
            assert!(lines(|faults| check_file("FILE", path, faults))[0].starts_with("FILE: cannot be written to ("));
        }
        let new = place.path().join("new/deep");
        for path in [new.as_path(), place.path(), Path::new("new"), Path::new("")] {
            assert_eq!(lines(|faults| check_folder("DIR", path, faults)), [""; 0], "{}", path.display());
        }
        for path in [file.as_path(), &new, Path::new("new.sqlite")] {
            assert_eq!(lines(|faults| check_file("FILE", path, faults)), [""; 0], "{}", path.display());
        }
        assert!(!place.path().join("new").exists());
    }

    #[test]
    fn another_address_in_the_place_of_a_path_is_refused_and_not_shown() {
        for address in ["mysql://u:hunter2@h/db", "./smtp://u:hunter2@h", "file:///hunter2", "file:hunter2/db"] {
            let path = Path::new(address);
            let fault = lines(|faults| check_folder("DIR", path, faults)).join("\n");
            assert!(fault.starts_with("DIR: has another address in ") && !fault.contains("hunter2"), "{fault}");
            assert!(is_address(path), "{address}");
        }
        for path in ["./a:b/db", "//server/share", "files:x", "/file:x"].map(Path::new) {
            assert!(!is_address(path), "{}", path.display());
        }
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_and_stays_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        for (content, is_database) in [
            (&b""[..], true),
            (b"SQLite format 3\0 and what follows", true),
            (b"SQLite format 3", false),
            (b"the notes of hunter2", false),
        ] {
            std::fs::write(&file, content).unwrap();
            let faults = lines(|faults| assert_eq!(check_file("FILE", &file, faults), is_database));
            assert_eq!(faults.is_empty(), is_database, "{faults:?}");
            assert!(faults.iter().all(|fault| fault.starts_with("FILE: the file is no SQLite database; expected ")));
            assert_eq!(std::fs::read(&file).unwrap(), content);
        }
        let device = lines(|faults| check_file("FILE", Path::new("/dev/zero"), faults));
        assert!(device[0].starts_with("FILE: the file is no SQLite database; "), "{device:?}");
    }
}
