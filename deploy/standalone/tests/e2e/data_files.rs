//! The data folder is closed to others, whatever its permissions were before.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::process::Place;

#[tokio::test]
async fn files_are_closed_to_others_even_in_a_folder_that_is_open_to_all() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    fs::set_permissions(place.data(), fs::Permissions::from_mode(0o777)).unwrap();
    let system = place.start().await;
    system.admin().await.create("/api/banks", json!({"name": "Closed"})).await;
    let mut seen = 0;
    for entry in fs::read_dir(place.data()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert!(mode.trailing_zeros() >= 6, "{:?} has {mode:o}", entry.file_name());
        seen += 1;
    }
    assert!(seen >= 4, "{seen} files");
    system.terminate().await;
}

#[tokio::test]
async fn after_a_clean_stop_each_database_file_alone_is_whole() {
    let place = Place::new();
    let system = place.start().await;
    system.admin().await.create("/api/banks", json!({"name": "Whole"})).await;
    system.terminate().await;
    for name in ["bank", "logs", "email"] {
        let log = place.data().join(format!("{name}.sqlite-wal"));
        assert_eq!(fs::metadata(&log).map_or(0, |log| log.len()), 0, "{}", log.display());
        assert!(fs::metadata(place.data().join(format!("{name}.sqlite"))).unwrap().len() > 4096);
    }
}
