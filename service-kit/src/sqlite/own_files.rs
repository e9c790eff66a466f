//! Settings that would let a program write into its own database.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use super::files_of;
use crate::config::Faults;

/// Refuses each of the files and folders that the program writes if it is a database or a file that SQLite keeps beside one,
/// whatever path or link leads there. `database` is the setting that names the database, and its file. To be called before other
/// checks of these settings, whose faults this one replaces.
pub fn refuse_database_file(database: (&str, &Path), written: &[(&str, Option<&Path>)], faults: &mut Faults) {
    let (owner, file) = database;
    if faults.is_refused(owner) {
        // A default stands in for it.
        return;
    }
    let files = files_of(&resolved(file));
    for (variable, path) in written {
        if path.is_some_and(|path| files.iter().any(|file| is_within(path, file))) {
            faults.refuse(
                variable,
                format!("{variable}, {owner}: the first is a file that the second keeps data in; change {variable}"),
            );
        }
    }
}

fn is_within(path: &Path, file: &Path) -> bool {
    // A second name of the same file.
    let identity = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    resolved(path).starts_with(file) || identity(path).is_some_and(|one| identity(file) == Some(one))
}

/// The path without links and `..`, also if its last parts do not exist.
fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut ancestors = absolute.ancestors();
    let Some((existing, mut resolved)) = ancestors.find_map(|path| Some((path, path.canonicalize().ok()?))) else {
        return absolute;
    };
    for part in absolute.strip_prefix(existing).unwrap_or(Path::new("")).components() {
        match part {
            Component::ParentDir => {
                resolved.pop();
            }
            part => resolved.push(part),
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn fault_of(path: &Path, database: &Path) -> Option<String> {
        let mut faults = Faults::new();
        refuse_database_file(("DATABASE_URL", database), &[("OTHER", None), ("LOG_FILE", Some(path))], &mut faults);
        faults.add("LOG_FILE: of another check");
        let lines = faults.finish().unwrap_err().lines().to_vec();
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.into_iter().find(|line| line != "LOG_FILE: of another check")
    }

    #[test]
    fn a_database_and_the_files_beside_it_are_refused_whatever_path_leads_there_and_whether_they_exist_or_not() {
        let place = tempfile::tempdir().unwrap();
        let place = place.path();
        symlink(place, place.join("link")).unwrap();
        let database = place.join("data/a.sqlite");
        for is_made in [false, true] {
            if is_made {
                fs::create_dir(place.join("data")).unwrap();
                fs::write(&database, "").unwrap();
                fs::hard_link(&database, place.join("second-name")).unwrap();
                symlink(&database, place.join("linked.log")).unwrap();
            }
            let always = ["data/a.sqlite", "data/../data/./a.sqlite", "link/data/a.sqlite", "data/a.sqlite/below"];
            let beside = ["data/a.sqlite-wal", "data/a.sqlite-shm", "link/data/a.sqlite-journal"];
            let once_made = ["second-name", "linked.log"];
            let names = always.iter().chain(&beside).chain(once_made.iter().filter(|_| is_made));
            for name in names {
                let fault = fault_of(&place.join(name), &database);
                let fault = fault.unwrap_or_else(|| panic!("{name} is taken, made: {is_made}"));
                assert!(fault.starts_with("LOG_FILE, DATABASE_URL: ") && fault.ends_with("change LOG_FILE"), "{fault}");
                assert_eq!(fault_of(&place.join(name), &place.join("link/data/../data/a.sqlite")), Some(fault));
            }
            for name in ["data", "data/a.sqlite.log", "a.sqlite", "data/a.log", ""] {
                assert_eq!(fault_of(&place.join(name), &database), None, "{name}, made: {is_made}");
            }
        }
        assert_eq!(fault_of(Path::new(""), &database), None);
        assert!(fault_of(Path::new("x/../a.sqlite"), Path::new("./a.sqlite")).is_some());
    }
}
