//! Second factors under fifty parallel requests.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::json;

use super::authenticator::{Secured, give, recover, secured};
use crate::harness::{Answer, PASSWORD, TestApp};

const AT_ONCE: usize = 50;

async fn challenges(app: &TestApp, user: &Secured) -> Vec<String> {
    let mut challenges = Vec::new();
    for _ in 0..5 {
        challenges.push(user.challenge(app).await);
    }
    challenges
}

/// How often each outcome occurred.
fn outcomes(answers: &[Answer]) -> BTreeMap<(u16, String), usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        let (status, code) = answer.outcome();
        *counts.entry((status, code.to_owned())).or_default() += 1;
    }
    counts
}

fn of(counts: &BTreeMap<(u16, String), usize>, status: u16) -> usize {
    counts.iter().filter(|((given, _), _)| *given == status).map(|(_, count)| count).sum()
}

#[actix_web::test]
async fn of_fifty_uses_of_one_step_one_counts() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let (challenges, code) = (challenges(&app, &user).await, user.phone.code(&app));
    let given = challenges.iter().cycle().take(AT_ONCE).map(|challenge| give(&app, challenge, &code));
    let counts = outcomes(&join_all(given).await);
    assert_eq!(of(&counts, 200), 1, "{counts:?}");
    assert_eq!(of(&counts, 500), 0, "{counts:?}");
    let sessions = app.get(&user.person.token, "/auth/sessions").await.expect(200);
    assert_eq!(sessions["total"], 2, "the one that set it up, and the one winner");
}

#[actix_web::test]
async fn of_fifty_uses_of_one_recovery_code_one_counts() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let (challenges, code) = (challenges(&app, &user).await, &user.recovery_codes[0]);
    let given = challenges.iter().cycle().take(AT_ONCE).map(|challenge| recover(&app, challenge, code));
    let counts = outcomes(&join_all(given).await);
    assert_eq!((of(&counts, 200), of(&counts, 500)), (1, 0), "{counts:?}");
    let left = app.get(&user.person.token, "/auth/mfa/recovery-codes").await.expect(200);
    assert_eq!(left["left"], 9);
}

#[actix_web::test]
async fn of_fifty_wrong_codes_at_most_five_are_checked() {
    let app = TestApp::start().await;
    let user = secured(&app, "a@example.com").await;
    let (challenges, wrong) = (challenges(&app, &user).await, user.phone.wrong_code(&app));
    let given = challenges.iter().cycle().take(AT_ONCE).map(|challenge| give(&app, challenge, &wrong));
    let counts = outcomes(&join_all(given).await);
    assert_eq!((of(&counts, 200), of(&counts, 500)), (0, 0), "{counts:?}");
    assert!(of(&counts, 401) <= 5, "{counts:?}");
    let failures = app.sql_number("SELECT failed_tries FROM totp_factors").await;
    assert!(failures <= 5, "{failures} failures counted");
}

#[actix_web::test]
async fn of_fifty_activations_one_counts() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let phone = super::authenticator::begin(&app, &person).await;
    let body = json!({"otp": phone.code(&app)});
    let given = (0..AT_ONCE).map(|_| app.post(&person.token, "/auth/mfa/totp/verify", body.clone()));
    let answers = join_all(given).await;
    let counts = outcomes(&answers);
    assert_eq!((of(&counts, 200), of(&counts, 500)), (1, 0), "{counts:?}");
    let winner = answers.iter().find(|answer| answer.status.as_u16() == 200).unwrap();
    let answer = app.login("a@example.com", PASSWORD).await;
    let challenge = answer.body["mfa_token"].as_str().unwrap();
    let codes = super::authenticator::codes(&winner.body);
    recover(&app, challenge, &codes[9]).await.expect(200);
}
