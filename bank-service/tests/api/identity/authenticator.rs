//! An authenticator app, and a user with one.

use std::time::Duration;

use serde_json::{Value, json};
use service_kit::clock::Clock as _;
use totp_rs::Totp;

use crate::harness::{Answer, PASSWORD, Person, TestApp};

/// Generates codes like an app, by the clock of the test.
pub(crate) struct Authenticator(pub(crate) Totp);

impl Authenticator {
    pub(crate) fn scan(otpauth_url: &str) -> Self {
        Self(Totp::from_url(otpauth_url).unwrap())
    }

    /// The current code.
    pub(crate) fn code(&self, app: &TestApp) -> String {
        self.code_in(app, 0)
    }

    /// The code that many steps later.
    pub(crate) fn code_in(&self, app: &TestApp, steps: i64) -> String {
        let seconds = app.clock.now().timestamp() + 30 * steps;
        self.0.generate(u64::try_from(seconds).unwrap()).to_string()
    }

    /// A code that is not accepted now.
    pub(crate) fn wrong_code(&self, app: &TestApp) -> String {
        let taken: Vec<String> = (-1..=1).map(|steps| self.code_in(app, steps)).collect();
        let mut others = (0..10).map(|n| format!("{n:06}"));
        others.find(|code| !taken.contains(code)).unwrap()
    }
}

/// A user with a second factor. No code of the current step was used.
pub(crate) struct Secured {
    pub(crate) email: String,
    pub(crate) person: Person,
    pub(crate) phone: Authenticator,
    pub(crate) recovery_codes: Vec<String>,
}

/// Registers a user and sets up its second factor.
pub(crate) async fn secured(app: &TestApp, email: &str) -> Secured {
    let person = app.user(email).await;
    let phone = begin(app, &person).await;
    let body = json!({"otp": phone.code(app)});
    let enabled = app.post(&person.token, "/auth/mfa/totp/verify", body).await.expect(200);
    app.clock.advance(Duration::from_secs(30));
    Secured { email: email.to_owned(), person, phone, recovery_codes: codes(&enabled) }
}

/// Creates a seed that waits for its first code.
pub(crate) async fn begin(app: &TestApp, person: &Person) -> Authenticator {
    let seed = app.post(&person.token, "/auth/mfa/totp", Value::Null).await.expect(200);
    Authenticator::scan(seed["otpauth_url"].as_str().unwrap())
}

pub(crate) fn codes(body: &Value) -> Vec<String> {
    body["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

impl Secured {
    /// Logs in with the password; returns the challenge.
    pub(crate) async fn challenge(&self, app: &TestApp) -> String {
        let answer = app.login(&self.email, PASSWORD).await;
        assert_eq!(answer.outcome(), (401, "mfa_required"));
        answer.body["mfa_token"].as_str().unwrap().to_owned()
    }

    /// Logs in with the current code.
    pub(crate) async fn log_in(&self, app: &TestApp) -> Value {
        let challenge = self.challenge(app).await;
        give(app, &challenge, &self.phone.code(app)).await.expect(200)
    }
}

/// Answers a challenge with a code.
pub(crate) async fn give(app: &TestApp, mfa_token: &str, otp: &str) -> Answer {
    app.post_anonymous("/auth/login/mfa", json!({"mfa_token": mfa_token, "otp": otp})).await
}

/// Answers a challenge with a recovery code.
pub(crate) async fn recover(app: &TestApp, mfa_token: &str, code: &str) -> Answer {
    app.post_anonymous("/auth/login/mfa", json!({"mfa_token": mfa_token, "recovery_code": code})).await
}
