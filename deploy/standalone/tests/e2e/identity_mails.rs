//! Links and codes on their whole path: in the users' mails, and nowhere else.

use std::fs;
use std::path::Path;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use test_support::found;

use crate::api::{Api, client};
use crate::mailbox::Mail;
use crate::process::{Place, Standalone};

const SOON: Duration = Duration::from_mins(1);
const ADDRESS: &str = "john.doe@example.com";
const PASSWORD: &str = "correct horse battery staple";
const OTHER: &str = "another horse, another staple";

/// The mail to the user whose text has these words.
async fn mail(place: &Place, words: &str) -> Mail {
    let find_mail = async || place.mailbox().find(ADDRESS, words).pop();
    found(words, SOON, find_mail).await.0
}

/// The text after `before` in a mail, as far as it can belong to a link or a code.
fn after(mail: &Mail, before: &str) -> String {
    let text = mail.text.replace("=\r\n", "").replace("=\n", "");
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1;
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}

async fn post(system: &Standalone, path: &str, body: Value) -> (StatusCode, Value) {
    let answer = client().post(format!("{}{path}", system.urls.bank)).json(&body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or(Value::Null))
}

/// The files below a folder that hold a text; the mailbox and the phone are for people to read.
fn holders(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().filter_map(Result::ok) {
        let path = entry.path();
        let name = entry.file_name().into_string().unwrap();
        if path.is_dir() {
            if name != "mailbox" && name != "phone" {
                found.extend(holders(&path, text));
            }
        } else if fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes())) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn registering_verifying_forgetting_and_resetting_by_the_mails_that_come() {
    let place = Place::new();
    let log = place.path().join("log");
    let system = place
        .start_with(|command| {
            command.env("RUST_LOG", "info,bank_service=trace,email_service=trace,log_service=trace,service_kit=trace");
            command.env("LOG_FILE", &log);
        })
        .await;
    let user = Api::register(&system.urls, ADDRESS, PASSWORD).await;
    let verification = after(&mail(&place, "auth/email/verify/").await, "/auth/email/verify/");
    let page = client().post(format!("{}/auth/email/verify/{verification}", system.urls.bank)).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK, "{}", page.text().await.unwrap());
    assert_eq!(user.get(&format!("{}/auth/me", system.urls.bank)).await["email_verified"], true);

    assert_eq!(post(&system, "/auth/password/forgot", json!({"email": ADDRESS})).await.0, StatusCode::ACCEPTED);
    let reset_mail = mail(&place, "auth/password/reset/").await;
    let (reset, code) = (after(&reset_mail, "/auth/password/reset/"), after(&reset_mail, "Your code: "));
    let body = json!({"token": reset, "password": OTHER});
    assert_eq!(post(&system, "/auth/password/reset", body).await.0, StatusCode::OK);
    let old = post(&system, "/auth/login", json!({"email": ADDRESS, "password": PASSWORD})).await;
    assert_eq!((old.0, &old.1["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_credentials")));
    Api::login(&system.urls, ADDRESS, OTHER).await;
    let admin = system.admin().await;
    found("the audit trail", SOON, async || admin.logs("security.password_reset").await.pop()).await;
    mail(&place, "Your password was reset").await;
    system.terminate().await;

    assert_eq!(code.len(), 8);
    assert!(!fs::read_to_string(&log).unwrap().is_empty(), "nothing was logged");
    for secret in [&verification, &reset, &format!("code: {code}"), &format!(r#""code":"{code}""#)] {
        assert_eq!(holders(place.path(), secret), Vec::<String>::new());
    }
    for password in [PASSWORD, OTHER] {
        assert_eq!(holders(place.path(), password), Vec::<String>::new());
    }
    assert!(!holders(place.path(), ADDRESS).is_empty(), "the search finds nothing at all");
}

#[tokio::test]
async fn a_telephone_is_verified_by_the_file_in_the_phone_folder() {
    let place = Place::new();
    let system = place.start().await;
    let user = Api::register(&system.urls, ADDRESS, PASSWORD).await;
    let url = |path: &str| format!("{}{path}", system.urls.bank);
    let verification = after(&mail(&place, "auth/email/verify/").await, "/auth/email/verify/");
    let verified = post(&system, "/auth/email/verify", json!({"token": verification})).await;
    assert_eq!(verified.0, StatusCode::OK);
    let body = json!({"phone": "+4915112345678"});
    assert_eq!(user.send(reqwest::Method::POST, &url("/auth/phone"), Some(&body)).await.0, StatusCode::ACCEPTED);
    let read = async || {
        let files = fs::read_dir(place.data().join("phone")).ok()?.filter_map(Result::ok);
        let mut texts = files.filter(|file| file.path().extension().is_some_and(|end| end == "txt"));
        texts.find_map(|file| fs::read_to_string(file.path()).ok())
    };
    let (text, _) = found("a text message", SOON, read).await;
    let code = text.strip_prefix("To: +4915112345678\n\n").unwrap().split(' ').next().unwrap();
    let body = json!({"code": code});
    assert_eq!(user.send(reqwest::Method::POST, &url("/auth/phone/verify"), Some(&body)).await.0, StatusCode::OK);
    assert_eq!(user.get(&url("/auth/me")).await["phone"], "+4915112345678");
}
