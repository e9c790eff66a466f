//! The banner, and the first sixty seconds of the README: calls that work when they are pasted into a shell.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::process::{Place, Standalone};

async fn bash(script: &str) -> String {
    let output = Command::new("bash").args(["-euc", script]).kill_on_drop(true).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether there is a curl; on CI there has to be one.
async fn has_curl() -> bool {
    let is_there = Command::new("curl").arg("--version").output().await.is_ok();
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "curl is not installed");
        println!("skipped: curl is not installed");
    }
    is_there
}

#[tokio::test]
async fn the_lines_of_the_banner_work_when_pasted() {
    if !has_curl().await {
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

/// The README's calls, with the addresses and the password of this system.
fn calls_of_the_readme(system: &Standalone) -> Vec<String> {
    let readme = include_str!("../../../../README.md");
    let (_, part) = readme.split_once("## The first sixty seconds").unwrap();
    let (part, _) = part.split_once("\n## ").unwrap();
    let blocks = part.split("```sh\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let (bank, log) = (system.urls.bank.as_str(), system.urls.log.as_str());
    let password = format!(r#""password":"{}""#, system.password().unwrap());
    let in_place = |block: &str| {
        let block = block.replace("http://127.0.0.1:5000", bank).replace("http://127.0.0.1:8000", log);
        block.replace(r#""password":"…""#, &password)
    };
    blocks.map(in_place).collect()
}

#[tokio::test]
async fn the_calls_of_the_readme_work_when_pasted_one_after_another() {
    if !has_curl().await {
        return;
    }
    let place = Place::new();
    let system = place.start().await;
    let calls = calls_of_the_readme(&system);
    let [login, create, read, pay] = calls.try_into().expect("four calls");
    let output = bash(&format!("{login}\n{create}\n{read}\n{pay}")).await;
    let answers: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&output).into_iter().collect();
    let answers = answers.unwrap_or_else(|error| panic!("{error}: {output}"));
    let [bank, logs, client, one, other, paid] = answers.try_into().unwrap_or_else(|other| panic!("{other:?}"));
    assert_eq!(bank, json!({"msg": "item created", "item": {"id": 1, "name": "My Bank"}}));
    assert!(logs["total"].is_u64(), "{logs}");
    for (made, id) in [(client, 1), (one, 1), (other, 2)] {
        assert_eq!((&made["msg"], &made["item"]["id"]), (&json!("item created"), &json!(id)), "{made}");
    }
    let own = ["account_id", "balance"].map(|field| paid["own"][field].as_i64());
    assert_eq!((own, &paid["item"]["reference"]), ([Some(1), Some(420)], &json!("INVOICE-7")), "{paid}");
}

#[tokio::test]
async fn the_banner_shows_where_everything_is_and_standard_error_stays_silent() {
    let place = Place::new();
    let system = place.start().await;
    for url in system.urls.all() {
        assert!(system.banner.contains(&format!("{url}/docs")), "{}", system.banner);
    }
    assert!(system.banner.contains(&format!("{}/console\n", system.urls.bank)), "{}", system.banner);
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
