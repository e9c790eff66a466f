//! The banner: three lines that work when they are pasted into a shell.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use tokio::process::Command;

use crate::process::Place;

async fn bash(script: &str) -> String {
    let output = Command::new("bash").args(["-euc", script]).kill_on_drop(true).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_lines_of_the_banner_work_when_pasted() {
    if Command::new("curl").arg("--version").output().await.is_err() {
        assert!(std::env::var_os("CI").is_none(), "curl is not installed");
        println!("skipped: curl is not installed");
        return;
    }
    let place = Place::new();
    let system = place.start().await;
    let lines: Vec<&str> = system.banner.lines().filter(|line| line.contains("curl ")).collect();
    let [login, create, read] = lines.try_into().expect("three lines to paste");

    let created: Value = serde_json::from_str(&bash(&format!("{login}\n{create}")).await).unwrap();
    assert_eq!((&created["msg"], &created["item"]["name"]), (&"item created".into(), &"My Bank".into()));
    let logs: Value = serde_json::from_str(&bash(&format!("{login}\n{read}")).await).unwrap();
    assert_eq!(logs["total"], 1, "{logs}");
    let entry = &logs["results"][0];
    assert_eq!((&entry["event_type"], &entry["data"]["name"]), (&"bank.created".into(), &"My Bank".into()));
}

#[tokio::test]
async fn the_banner_shows_where_everything_is_and_standard_error_stays_silent() {
    let place = Place::new();
    let system = place.start().await;
    for url in system.urls.all() {
        assert!(system.banner.contains(&format!("{url}/docs")), "{}", system.banner);
    }
    assert!(system.banner.contains(place.mailbox().path().to_str().unwrap()));
    system.admin().await;
    system.terminate().await;
    assert_eq!(place.errors(), "");
}

#[tokio::test]
async fn the_data_folder_is_open_to_its_owner_alone() {
    let place = Place::new();
    let system = place.start().await;
    let mode = std::fs::metadata(place.data()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    system.terminate().await;
}
