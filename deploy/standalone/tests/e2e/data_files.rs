//! The files of the data are closed to others, whatever the permissions of their folder, and each database is one file after a
//! clean stop.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use stand_ins::ports::free_port;
use test_support::eventually;
use tokio::process::Command;
use tokio::time::timeout;

use crate::api::client;
use crate::binaries;
use crate::process::{Place, START_LIMIT};

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

/// The names that begin like this, in order.
fn names(folder: &Path, start: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|name| name.starts_with(start)).collect();
    names.sort();
    names
}

#[tokio::test]
async fn after_a_clean_stop_each_database_is_one_file_and_whole() {
    let place = Place::new();
    let system = place.start().await;
    let admin = system.admin().await;
    let bank = admin.create("/api/banks", json!({"name": "Whole"})).await;
    eventually("the log has it", async || admin.log_of("bank.created", &bank["id"]).await.is_some()).await;
    for name in ["bank", "logs", "email"] {
        assert_eq!(names(&place.data(), &format!("{name}.sqlite")).len(), 3, "{name}: a database in use has its log");
    }
    system.terminate().await;
    for name in ["bank", "logs", "email"] {
        let file = format!("{name}.sqlite");
        assert_eq!(names(&place.data(), &file), [file.as_str()]);
        assert!(fs::metadata(place.data().join(&file)).unwrap().len() > 4096);
    }
}

/// A service alone.
pub(crate) fn service(name: &str, folder: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binaries::path(name));
    command.env_clear().envs(variables.iter().copied()).current_dir(folder);
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

#[tokio::test]
async fn after_a_clean_stop_of_one_service_and_after_its_doctor_its_database_is_one_file() {
    const KEY: &str = "a key of the test suite, long enough to be taken";
    for (name, bind, database, sound) in [
        ("bank-service", "BANK_BIND", "DATABASE_URL", "ok    DATABASE_URL: "),
        ("log-service", "LOG_BIND", "LOG_DATABASE_URL", "ok    LOG_DATABASE_URL: opened"),
        ("email-service", "EMAIL_BIND", "EMAIL_DATABASE_URL", "ok    EMAIL_DATABASE_URL: opened"),
    ] {
        let place = Place::new();
        let address = format!("127.0.0.1:{}", free_port());
        let variables = [(bind, address.as_str()), (database, "sqlite:one.sqlite"), ("SECRET_KEY", KEY)];
        let mut process = service(name, place.path(), &variables).stdout(Stdio::null()).spawn().unwrap();
        let (client, ready) = (client(), format!("http://{address}/readyz"));
        let is_ready = async || client.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success());
        eventually(name, is_ready).await;
        assert_eq!(names(place.path(), "one.").len(), 3, "{name}: a database in use has its log");
        let pid = process.id().unwrap().to_string();
        assert!(Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status().await.unwrap().success());
        let status = timeout(START_LIMIT, process.wait()).await.expect("the process did not end").unwrap();
        assert!(status.success(), "{name}: {status}");
        assert_eq!(names(place.path(), "one."), ["one.sqlite"], "{name}");

        let report = service(name, place.path(), &variables).arg("doctor").output().await.unwrap();
        let report = String::from_utf8(report.stdout).unwrap();
        assert!(report.contains(sound), "{report}");
        assert_eq!(names(place.path(), "one."), ["one.sqlite"], "{name} doctor");
    }
}
