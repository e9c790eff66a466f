//! `GET /api/events/{id}/journey`: an event's steps over the three processes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fault_env::FaultEnv;

/// A journey combines the data of several processes, which record it one after the other.
const WAIT_LIMIT: Duration = Duration::from_secs(20);

/// The bank's mail was refused for good: that is the end, and the journey shows its reason.
pub(super) async fn after_refusal(env: &FaultEnv<'_>, event: &str) -> anyhow::Result<Vec<String>> {
    let expected = [
        ("/state", json!("rejected")),
        ("/published/state", json!("published")),
        ("/deliveries/0/queue", json!("email-service")),
        ("/deliveries/0/state", json!("done")),
        ("/mail/state", json!("rejected")),
        ("/mail/recipients/0/state", json!("rejected")),
        ("/mail/recipients/0/attempts", json!(1)),
        ("/log/state", json!("none")),
        ("/dead_letters", json!([])),
    ];
    check_journey(env, event, &expected, &["/mail/reason", "/mail/confirmed_at"]).await
}

/// The bank's mail was refused twice for now, and then accepted: every step is there.
pub(super) async fn after_success(env: &FaultEnv<'_>, event: &str) -> anyhow::Result<Vec<String>> {
    let expected = [
        ("/state", json!("logged")),
        ("/published/state", json!("published")),
        ("/deliveries/0/state", json!("done")),
        ("/mail/state", json!("sent")),
        ("/mail/recipients/0/state", json!("sent")),
        ("/mail/recipients/0/attempts", json!(3)),
        ("/log/state", json!("logged")),
        ("/dead_letters", json!([])),
    ];
    let present = [
        "/committed_at",
        "/published/published_at",
        "/mail/confirmed_at",
        "/mail/message_id",
        "/log/id",
        "/log/logged_at",
    ];
    check_journey(env, event, &expected, &present).await
}

/// The mail cannot be sent now.
pub(super) async fn on_the_way(env: &FaultEnv<'_>, event: &str) -> anyhow::Result<Vec<String>> {
    let expected = [("/state", json!("in_flight")), ("/log/state", json!("waiting"))];
    check_journey(env, event, &expected, &[]).await
}

/// The values that the journey lacks in time, of those that it has to have.
async fn check_journey(
    env: &FaultEnv<'_>,
    event: &str,
    expected: &[(&str, Value)],
    present: &[&str],
) -> anyhow::Result<Vec<String>> {
    let begun = Instant::now();
    loop {
        let journey = env.journey(event).await?;
        let at = |path: &str| journey.pointer(path).cloned().unwrap_or_default();
        let other = expected.iter().filter(|(path, value)| at(path) != *value);
        let mut missed: Vec<String> =
            other.map(|(path, value)| format!("{path} of a journey is {}, not {value}", at(path))).collect();
        let absent = present.iter().filter(|path| at(path).as_str().is_none_or(str::is_empty));
        missed.extend(absent.map(|path| format!("a journey has no {path}")));
        if missed.is_empty() || begun.elapsed() > WAIT_LIMIT {
            return Ok(missed);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
