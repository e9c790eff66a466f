//! Searches for every secret of the flows where none may be: logs of the processes, tables and documents, dead letters, events
//! and their journeys, records of mails, metrics. The search also has to find secrets where they belong.

use serde_json::Value;

use crate::dump;
use crate::fixture::{Fixture, Person};

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// An address below this domain that is not masked, with the text before it.
fn in_full(bytes: &[u8], domain: &str) -> Option<String> {
    let stands = |at: &usize| bytes[*at..].starts_with(domain.as_bytes()) && bytes[at - 1] != b'*';
    let at = (1..bytes.len()).find(stands)?;
    Some(String::from_utf8_lossy(&bytes[at.saturating_sub(80)..at + domain.len()]).into_owned())
}

pub(crate) async fn search(fixture: &Fixture) {
    assert!(fixture.secrets.len() > 50, "hardly anything to look for");
    let mut places = dump::of(&fixture.store).await;
    let dead = |place: &str| place.contains("dead");
    for (there, among_the_dead) in [
        (fixture.address("ada").as_str(), false),
        ("security.login_succeeded", false),
        ("sms.requested", true),
        ("push.requested", true),
    ] {
        let found = places.iter().any(|(place, bytes)| dead(place) == among_the_dead && holds(bytes, there));
        assert!(found, "{}: the search does not find {there}", fixture.name);
    }
    let admin = fixture.admin().await;
    places.extend(answers(fixture, &admin).await);
    for process in &fixture.processes {
        let log = std::fs::read(&process.log).unwrap();
        assert!(log.len() > 100, "{} is empty", process.log.display());
        assert_eq!(in_full(&log, &fixture.address("")), None, "an address in full in {}", process.log.display());
        places.push((process.log.display().to_string(), log));
    }
    assert!(places.iter().any(|(_, bytes)| holds(bytes, "/auth/login")), "no request is logged");
    let leaks = places.iter().flat_map(|(place, bytes)| {
        let is_database = place == "database" || place.contains(".sqlite");
        let found = fixture.secrets.found_in(bytes, is_database).into_iter();
        found.map(move |what| format!("{what} in {place}"))
    });
    let leaks: Vec<String> = leaks.collect();
    assert_eq!(leaks, Vec::<String>::new(), "{}", fixture.name);
}

/// The answers that an administrator can get.
async fn answers(fixture: &Fixture, admin: &Person) -> Vec<(String, Vec<u8>)> {
    let mut urls: Vec<String> =
        [&fixture.bank, &fixture.log, &fixture.email].map(|service| format!("{service}/metrics")).into();
    urls.push(format!("{}/api/emails?page_size=100", fixture.email));
    let dead_letters = json(fixture, admin, &format!("{}/api/dead-letters", fixture.bank)).await;
    for dead_letter in dead_letters["results"].as_array().unwrap() {
        let (queue, id) = (dead_letter["queue"].as_str().unwrap(), dead_letter["id"].as_str().unwrap());
        urls.push(format!("{}/api/dead-letters/{queue}/{id}", fixture.bank));
    }
    for kind in ["user.created", "security.password_reset", "security.mfa_enabled", "security.social_linked"] {
        let entries = json(fixture, admin, &format!("{}/api/logs?event_type={kind}", fixture.log)).await;
        let entries = entries["results"].as_array().unwrap();
        assert!(!entries.is_empty(), "{}: no {kind} is logged", fixture.name);
        let ids = entries.iter().map(|entry| entry["event_id"].as_str().unwrap());
        urls.extend(ids.map(|id| format!("{}/api/events/{id}/journey", fixture.bank)));
    }
    let mut found = Vec::new();
    for url in urls {
        let bytes = text(fixture, admin, &url).await.into_bytes();
        found.push((url, bytes));
    }
    found
}

async fn text(fixture: &Fixture, admin: &Person, url: &str) -> String {
    let answer = fixture.http.get(url).bearer_auth(&admin.token).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{url}");
    answer.text().await.unwrap()
}

async fn json(fixture: &Fixture, admin: &Person, url: &str) -> Value {
    serde_json::from_str(&text(fixture, admin, url).await).unwrap()
}
