//! A second factor, from the QR code to the loss of the phone.

use std::time::Duration;

use serde_json::{Value, json};
use service_kit::clock::{Clock as _, SystemClock};
use totp_rs::Totp;

use crate::fixture::{Fixture, PASSWORD, Person};

const STEP: u64 = 30;

/// Codes in order, each of a later step than the last: none counts twice, and the server accepts one step before and after.
struct App {
    totp: Totp,
    step: u64,
}

fn now() -> u64 {
    SystemClock.now().timestamp().unsigned_abs()
}

impl App {
    async fn scan(fixture: &Fixture, otpauth_url: &str) -> Self {
        // The three steps are used up before the next one begins.
        while now() % STEP > STEP / 2 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let totp = Totp::from_url(otpauth_url).unwrap();
        fixture.secrets.keep("the seed", otpauth_url.split_once("secret=").unwrap().1.split('&').next().unwrap());
        Self { totp, step: now() / STEP - 1 }
    }

    fn code(&mut self, fixture: &Fixture) -> String {
        let code = self.totp.generate(self.step * STEP).to_string();
        self.step += 1;
        fixture.secrets.keep("a code of the app", code)
    }
}

async fn challenge(fixture: &Fixture, person: &Person) -> String {
    let credentials = json!({"email": person.email, "password": PASSWORD});
    let problem = fixture.post(None, "/auth/login", credentials, 401).await;
    assert_eq!(problem["error"], "mfa_required");
    fixture.secrets.keep("a challenge", problem["mfa_token"].as_str().unwrap())
}

pub(crate) async fn set_up_and_log_in(fixture: &Fixture) {
    let ida = fixture.register("ida").await;
    let begun = fixture.post(Some(&ida), "/auth/mfa/totp", Value::Null, 200).await;
    let image = fixture.http.get(format!("{}/auth/mfa/totp/qrcode", fixture.bank)).bearer_auth(&ida.token);
    let image = image.send().await.unwrap();
    assert_eq!(image.headers()["cache-control"], "no-store");
    assert!(image.bytes().await.unwrap().starts_with(b"\x89PNG"));
    let mut app = App::scan(fixture, begun["otpauth_url"].as_str().unwrap()).await;
    let enabled = fixture.post(Some(&ida), "/auth/mfa/totp/verify", json!({"otp": app.code(fixture)}), 200).await;
    let codes = enabled["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap());
    let codes: Vec<String> = codes.map(|code| fixture.secrets.keep("a recovery code", code)).collect();
    assert_eq!(codes.len(), 10);
    fixture.inbox.mail(&ida.email, "Two-factor login is on").await;

    let by_app = json!({"mfa_token": challenge(fixture, &ida).await, "otp": app.code(fixture)});
    let tokens = fixture.post(None, "/auth/login/mfa", by_app.clone(), 200).await;
    fixture.post(None, "/auth/login/mfa", by_app, 401).await;
    let by_phone = fixture.person(&ida.email, &tokens);
    let by_code = json!({"mfa_token": challenge(fixture, &ida).await, "recovery_code": codes[0]});
    fixture.post(None, "/auth/login/mfa", by_code, 200).await;
    fixture.inbox.mail(&ida.email, "A recovery code was used").await;
    let used = json!({"mfa_token": challenge(fixture, &ida).await, "recovery_code": codes[0]});
    fixture.post(None, "/auth/login/mfa", used, 401).await;
    assert_eq!(fixture.get(&by_phone, "/auth/mfa/recovery-codes").await["left"], 9);

    let proof = json!({"password": PASSWORD, "otp": app.code(fixture)});
    fixture.delete(&by_phone, "/auth/mfa/totp", proof).await;
    fixture.inbox.mail(&ida.email, "Two-factor login is off").await;
    fixture.log_in(&ida.email, PASSWORD).await;
}
