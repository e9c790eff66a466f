//! Checks, without making any, whether the files and folders that a service makes at start can be made.

use std::path::Path;

use super::Faults;

/// Records a folder in which nothing can be written, or which cannot be made because something else takes its place or that of
/// a folder above it; false in that case.
pub fn check_folder(variable: &str, path: &Path, faults: &mut Faults) -> bool {
    let nearest = path.ancestors().find(|path| !path.as_os_str().is_empty() && path.symlink_metadata().is_ok());
    let nearest = nearest.unwrap_or(Path::new("."));
    let fault = if nearest.is_dir() {
        // A file without a name leaves nothing behind.
        tempfile::tempfile_in(nearest).err().map(|error| format!("cannot be written to ({})", error.kind()))
    } else {
        Some("not a folder, or below something that is none".to_owned())
    };
    if let Some(fault) = &fault {
        faults.add(format!("{variable}: {fault}; choose a folder that may be written to"));
    }
    fault.is_none()
}

/// The same for a file, whose folder is made with it.
pub fn check_file(variable: &str, path: &Path, faults: &mut Faults) {
    if path.is_dir() {
        faults.add(format!("{variable}: names a folder; expected the name of a file"));
    } else if let Some(folder) = path.parent() {
        check_folder(variable, folder, faults);
    }
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
}
