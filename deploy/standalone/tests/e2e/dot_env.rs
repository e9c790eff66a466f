//! The file `.env` of the working directory, and variables by other names.

use crate::api::Api;
use crate::process::Place;

fn write(place: &Place, text: &str) {
    std::fs::write(place.path().join(".env"), text).unwrap();
}

#[tokio::test]
async fn a_password_is_taken_as_it_stands_in_the_file() {
    let place = Place::new();
    write(&place, "ADMIN_EMAIL=owner@bank.localhost\nADMIN_PASS=Sup3r$ecret-don't-panic \\1 # not a part of it\n");
    let system = place.start().await;
    Api::login(&system.urls, "owner@bank.localhost", "Sup3r$ecret-don't-panic \\1").await;
    assert_eq!(place.errors(), "");
    system.terminate().await;
}

#[tokio::test]
async fn a_sender_as_the_help_shows_it_needs_no_quotes() {
    let place = Place::new();
    write(&place, "EMAIL_FROM=Bank <no-reply@bank.example>\n");
    let system = place.start().await;
    assert_eq!(place.errors(), "");
    system.terminate().await;
}

#[tokio::test]
async fn what_is_not_read_is_named_and_no_value_is_shown() {
    let place = Place::new();
    let file = "hunter2\nDATABASE_URL=mysql://u:hunter2@h/b\nMAIL_SERVER=hunter2\nJWT_SECRET_KEY=hunter2\nADMIN_PAS=hunter2\nADMIN_PASS=\nWORKERS=hunter2\n";
    write(&place, file);
    let system = place.start().await;
    let errors = place.errors();
    for part in [
        "bank-standalone: warning: .env, line 1 ",
        "DATABASE_URL (.env, line 2) is not read",
        "JWT_SECRET_KEY (.env, line 4) is not read",
        "ADMIN_PAS (.env, line 5) is not read; did you mean ADMIN_PASS?",
        "WORKERS (.env, line 7) is not read: it is a setting of the single services",
    ] {
        assert!(errors.contains(part), "{part} in {errors}");
    }
    assert!(!errors.contains("hunter2"), "{errors}");
    system.admin().await;
    system.terminate().await;
}

#[tokio::test]
async fn a_file_that_is_no_text_is_refused_by_its_line_beside_other_faults() {
    let place = Place::new();
    std::fs::write(place.path().join(".env"), b"A=1\nADMIN_PASS=\xff\xfehunter2\n").unwrap();
    let output = place.run(&[]).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && errors.contains(".env cannot be read: line 2 "), "{errors}");
    assert!(!errors.contains("hunter2") && errors.lines().count() == 1, "{errors}");
    let output = place.command().env("PUBLIC_URL", "hunter2").output().await.unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("\n  .env cannot be read: line 2 ") && errors.contains("\n  PUBLIC_URL: "), "{errors}");
    assert!(output.status.code() == Some(2) && !errors.contains("hunter2"), "{errors}");
}
