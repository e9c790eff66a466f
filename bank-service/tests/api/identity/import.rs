//! `import-users`, run like an operator does, while a service runs.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use bank_service::domain::email::Email;
use bank_service::store::StoreError;
use bank_service::store::schema::{imported_users, outbox, users};
use bank_service::store::users::credentials;
use diesel::prelude::*;
use serde_json::{Value, json};
use service_kit::clock::{Clock as _, SystemClock};

use crate::database;
use crate::harness::{PASSWORD, SECRET_KEY, TestApp, start_of_tests};

const HEADER: &str = "customer_id,email,password_hash,country,language,is_active,roles\n";

async fn command(app: &TestApp, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank-service"));
    command.env_clear().current_dir(app.folder.path()).args(["import-users"]).args(arguments);
    command.env("DATABASE_URL", database::of(app.folder.path()).await.expose()).env("SECRET_KEY", SECRET_KEY);
    command
}

async fn import(app: &TestApp, arguments: &[&str]) -> Output {
    let mut command = command(app, arguments).await;
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[track_caller]
fn output_text(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn write(app: &TestApp, name: &str, text: &str) {
    std::fs::write(app.folder.path().join(name), text).unwrap();
}

/// Everything that an import writes: users with their blocks, imports, events.
async fn written(app: &TestApp) -> (Vec<(String, bool, Option<String>)>, Vec<String>, i64) {
    let read = |db: &mut bank_service::store::Db| {
        let users =
            users::table.select((users::email, users::is_blocked, users::country)).order(users::email).load(db)?;
        let imports = imported_users::table.select(imported_users::customer_id).order(imported_users::customer_id);
        let events = outbox::table.filter(outbox::event_type.eq("user.imported")).count();
        Ok::<_, StoreError>((users, imports.load(db)?, events.get_result(db)?))
    };
    app.running.state.store.read(read).await.unwrap()
}

async fn stored_hash(app: &TestApp, email: &str) -> String {
    let email = Email::parse(email).unwrap();
    let read = move |db: &mut bank_service::store::Db| credentials(db, &email);
    app.running.state.store.read(read).await.unwrap().unwrap().password_hash.unwrap()
}

#[actix_web::test]
async fn nothing_is_written_until_apply_and_a_second_run_changes_nothing() {
    let app = TestApp::start().await;
    app.user("there@example.com").await;
    let rows = "7,a@example.com,,pt,pt-BR,true,user;manager\n8,b@example.com,,,,no,\n9,There@example.com,,,,,\n";
    write(&app, "users.csv", &format!("{HEADER}{rows}"));
    let before = written(&app).await;
    assert!(
        output_text(&import(&app, &["users.csv"]).await, 0)
            .contains("3 rows: 2 to create (1 with an invitation), 1 unchanged")
    );
    assert_eq!(written(&app).await, before);

    assert!(
        output_text(&import(&app, &["users.csv", "--apply"]).await, 0)
            .contains("2 created (1 with an invitation), 1 unchanged")
    );
    let after = written(&app).await;
    let user = |email: &str, blocked, country: Option<&str>| (email.to_owned(), blocked, country.map(str::to_owned));
    let expected = vec![
        user("a@example.com", false, Some("PT")),
        user("b@example.com", true, None),
        user("there@example.com", false, None),
    ];
    assert_eq!(after, (expected, vec!["7".to_owned(), "8".to_owned()], 2));
    assert!(
        output_text(&import(&app, &["users.csv", "--apply"]).await, 0)
            .contains("0 created (0 with an invitation), 3 unchanged")
    );
    assert_eq!(written(&app).await, after);
    let admin = app.admin().await;
    let listed = app.get(&admin.token, "/api/users?email=a@example.com").await.expect(200);
    assert_eq!(listed["results"][0]["roles"], json!(["manager", "user"]));
    assert_eq!(listed["results"][0]["customer_id"], json!("7"), "the id of the other system");
}

const FAULTY: &str = r#"{"customer_id":1,"email":"good@example.com","password_hash":null,"roles":["user"]}
{"customer_id":"=cmd()","email":"nobody","country":"Portugal","language":"english","is_active":"maybe","roles":[]}
not json
{"customer_id":2,"email":"b@example.com","password_hash":"$1$salt$qJH7.N4xYta3aEG/dfqo/0"}
{"customer_id":3,"email":"c@example.com","roles":["pilot"]}
{"customer_id":4,"email":"good@example.com"}
{"customer_id":1,"email":"d@example.com"}
{"email":"e@example.com","is_admin":true}
"#;

#[actix_web::test]
async fn each_faulty_row_is_reported_with_its_line_field_and_cause_and_costs_the_others_nothing() {
    let app = TestApp::start().await;
    write(&app, "users.jsonl", FAULTY);
    let output = output_text(&import(&app, &["users.jsonl", "--apply", "--report", "faults.jsonl"]).await, 2);
    assert!(output.contains("8 rows: 1 created (1 with an invitation), 0 unchanged, 7 refused"), "{output}");
    let report = std::fs::read_to_string(app.folder.path().join("faults.jsonl")).unwrap();
    let reported: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reported: Vec<(u64, &str)> =
        reported.iter().map(|line| (line["line"].as_u64().unwrap(), line["field"].as_str().unwrap())).collect();
    let mut expected: Vec<(u64, &str)> =
        ["country", "customer_id", "email", "is_active", "language"].map(|field| (2, field)).to_vec();
    expected.extend([(3, "line"), (4, "password_hash"), (5, "roles"), (6, "email")]);
    expected.extend([(7, "customer_id"), (8, "customer_id"), (8, "is_admin")]);
    assert_eq!(reported, expected);
    assert!(!report.contains("qJH7"), "a hash is repeated");
    assert_eq!(written(&app).await.1, ["1"]);
}

#[actix_web::test]
async fn every_fault_of_a_row_is_reported_those_that_the_database_shows_too() {
    let app = TestApp::start().await;
    let rows = json!([
        {"customer_id": 1, "email": "a@example.com"},
        {"customer_id": 2, "email": "b@example.com"},
        {"customer_id": 3, "email": "c@example.com", "roles": ["user", "pilot"], "country": "XX"},
        {"customer_id": 2, "email": "a@example.com", "roles": ["pilot"]},
        {"customer_id": 4, "email": "d@example.com", "roles": ["user"], "country": "XX"},
        {"customer_id": 5, "email": "e@example.com", "roles": ["No Role"], "country": "XX"},
    ]);
    write(&app, "users.json", &rows.to_string());
    let arguments = ["users.json", "--report", "faults.jsonl", "--apply"];
    for arguments in [&arguments[..3], &arguments] {
        output_text(&import(&app, arguments).await, 2);
        let report = std::fs::read_to_string(app.folder.path().join("faults.jsonl")).unwrap();
        let lines = report.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut reported: Vec<(u64, String)> =
            lines.map(|line| (line["row"].as_u64().unwrap(), line["field"].as_str().unwrap().to_owned())).collect();
        reported.sort();
        let expected: [(u64, &[&str]); 4] = [
            (3, &["country", "roles"]),
            (4, &["customer_id", "email", "roles"]),
            (5, &["country"]),
            (6, &["country", "roles"]),
        ];
        let expected = expected.iter().flat_map(|(row, fields)| fields.iter().map(|field| (*row, (*field).to_owned())));
        assert_eq!(reported, expected.collect::<Vec<_>>(), "{report}");
    }
}

#[actix_web::test]
async fn hostile_cells_are_refused_and_are_no_formula_in_the_report() {
    let app = TestApp::start().await;
    let rows = "=cmd|' /C calc'!A0,=1+1@example.com,,,,,\n2,@SUM(A1),,,,,\n\
        3,c@example.com,\"$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA\",,,,\n\
        4,d@example.com,$2b$31$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,,,,\n\
        5,e@example.com,pbkdf2:sha256:99999999$salt1234$00,,,,\n6,\"f@example.com\"x,,,,\n7,f@example.com,,,,,,,,more\n";
    write(&app, "users.csv", &format!("{HEADER}{rows}"));
    output_text(&import(&app, &["users.csv", "--apply"]).await, 2);
    let report = std::fs::read_to_string(app.folder.path().join("users.csv.report.csv")).unwrap();
    for (start, field, cause) in [
        ("2,'=cmd|", "customer_id", "must be"),
        ("3,2,'@SUM(A1)", "email", "must be an e-mail"),
        ("4,", "password_hash", "costs too much"),
        ("5,", "password_hash", "costs too much"),
        ("6,", "password_hash", "costs too much"),
        ("7,", "line", "text behind a closing quote"),
        ("8,", "line", "cells"),
    ] {
        let found = report.lines().any(|line| line.starts_with(start) && line.contains(field) && line.contains(cause));
        assert!(found, "{start} {field} {cause} is missing in\n{report}");
    }
    assert!(!report.lines().any(|line| line.split(',').any(|cell| cell.starts_with(['=', '@', '+', '-']))), "{report}");
    assert_eq!(written(&app).await.1.len(), 0);
}

/// A hash in the form of another system.
fn argon2id(password: &str, params: Params) -> String {
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = hasher.hash_password_with_salt(password.as_bytes(), b"saltsaltsalt").unwrap();
    hash.to_string()
}

#[actix_web::test]
async fn every_kind_of_hash_lets_its_user_in_and_is_replaced_by_ours() {
    let app = TestApp::start().await;
    let argon2 = argon2id("password", Params::new(8_192, 1, 2, None).unwrap());
    let hashes = [
        "pbkdf2:sha256:10000$salt1234$cb14e1e1f7ac2fe57f2fcaa462d4ad903867450d9778d2ccf939d8ad3cb99982",
        "pbkdf2_sha256$12000$c2FsdA12$iTZjbfBUNIpPFXoDrhrYkrOlmubhvlo/N9So9vbwqxA=",
        "$pbkdf2-sha256$29000$8PHy8/T19vf4.fr7/P3./w$YEsryuQeLpX.S7h/44VEsbkSPUZOYT9iuY71Ms.KDi0",
        "$2b$10$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK",
        "bcrypt_sha256$$2b$10$abcdefghijklmnopqrstuuKGtB3q5KWIAYoHKk7ixG3rOFapDVR7a",
        &argon2,
    ];
    let rows = hashes.iter().enumerate().map(|(i, hash)| format!("{i},u{i}@example.com,\"{hash}\",,,,\n"));
    write(&app, "users.csv", &format!("{HEADER}{}", rows.collect::<String>()));
    output_text(&import(&app, &["users.csv", "--apply"]).await, 0);
    for (i, hash) in hashes.iter().enumerate() {
        let email = format!("u{i}@example.com");
        assert_eq!(app.login(&email, PASSWORD).await.status.as_u16(), 401, "{hash}");
        assert_eq!(stored_hash(&app, &email).await, *hash);
        app.login(&email, "password").await.expect(200);
        let renewed = stored_hash(&app, &email).await;
        assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        app.login(&email, "password").await.expect(200);
        assert_eq!(stored_hash(&app, &email).await, renewed, "hashed anew twice");
    }
}

/// Stolen copies of such hashes are guessed quickly.
#[actix_web::test]
async fn who_comes_with_a_hash_of_too_little_cost_is_invited_too() {
    let app = TestApp::start().await;
    let argon2 = argon2id("password", Params::new(64, 1, 2, None).unwrap());
    let bcrypt = "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm";
    let pbkdf2 = "pbkdf2:sha256:1000$salt1234$181307ef2345dc21f6cba6947ff8c2a95d4da7a8d6af39816169fb804425b8f5";
    // The value that Django stores for a user without a password.
    let unusable = "!Kf3PCPkDCyXcHrYVLlqGmXBCZ4GDr8JvTmvJYhBe";
    let hashes = [argon2.as_str(), bcrypt, pbkdf2, unusable];
    let rows = hashes.iter().enumerate().map(|(i, hash)| format!("{i},u{i}@example.com,\"{hash}\",,,,\n"));
    write(&app, "users.csv", &format!("{HEADER}{}", rows.collect::<String>()));
    let output = output_text(&import(&app, &["users.csv", "--apply"]).await, 0);
    assert!(output.contains("4 created (4 with an invitation)"), "{output}");
    app.clock.advance((SystemClock.now() - start_of_tests()).to_std().unwrap() + Duration::from_secs(1));
    for i in 0..hashes.len() {
        let email = format!("u{i}@example.com");
        assert_eq!(app.login(&email, "password").await.outcome(), (401, "invalid_credentials"), "{email}");
        app.newest_mail(&email, "invitation").await;
    }
}

#[actix_web::test]
async fn who_comes_without_a_hash_chooses_a_password_by_the_invitation() {
    let app = TestApp::start().await;
    write(&app, "users.csv", &format!("{HEADER}1,ada@example.com,,,,,\n"));
    output_text(&import(&app, &["users.csv", "--apply"]).await, 0);
    // The command line uses the machine's clock.
    app.clock.advance((SystemClock.now() - start_of_tests()).to_std().unwrap() + Duration::from_secs(1));
    let mail = app.newest_mail("ada@example.com", "invitation").await;
    assert!(mail.0.params["link"].starts_with("http://127.0.0.1:5000/auth/password/reset/"));
    let body = json!({"token": mail.token(), "password": PASSWORD});
    app.post_anonymous("/auth/password/reset", body.clone()).await.expect(200);
    app.login("ada@example.com", PASSWORD).await.expect(200);
    assert_eq!(app.post_anonymous("/auth/password/reset", body).await.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn an_import_that_was_killed_goes_on_and_comes_to_the_same() {
    const ROWS: usize = 6_000;
    let app = TestApp::start().await;
    let hash = "$2b$10$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK";
    let hash_of = |i: usize| if i.is_multiple_of(20) { "" } else { hash };
    let rows = (0..ROWS).map(|i| format!("{i},user{i}@example.com,{},,,,\n", hash_of(i))).collect::<Vec<_>>().concat();
    write(&app, "users.csv", &format!("{HEADER}{rows}"));
    let mut command = command(&app, &["users.csv", "--apply"]).await;
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while written(&app).await.1.len() < 600 {
        assert!(Instant::now() < deadline, "the import does not get on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let done = written(&app).await.1.len();
    assert!((600..ROWS).contains(&done) && done % 200 == 0, "{done} rows: a batch was torn, or the kill came too late");

    let output = output_text(&import(&app, &["users.csv", "--apply"]).await, 0);
    assert!(output.contains(&format!("{ROWS} rows: {} created", ROWS - done)), "{output}");
    let (users, imports, events) = written(&app).await;
    assert_eq!((users.len(), imports.len(), usize::try_from(events).unwrap()), (ROWS, ROWS, ROWS));
}

#[actix_web::test]
async fn an_invitation_is_sent_by_no_address_that_people_cannot_reach() {
    let app = TestApp::start().await;
    write(&app, "invited.csv", &format!("{HEADER}1,a@example.com,,,,no,\n2,b@example.com,,,,,\n"));
    write(&app, "blocked.csv", &format!("{HEADER}1,a@example.com,,,,no,\n"));
    let staged = async |arguments: &[&str], public_url: Option<&str>| {
        let mut command = command(&app, arguments).await;
        command.env("APP_ENV", "staging").envs(public_url.map(|url| ("PUBLIC_URL", url)));
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };
    let before = written(&app).await;
    let refused = staged(&["invited.csv", "--apply"][..], None).await;
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!((refused.status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
    assert!(stderr.contains("PUBLIC_URL: not set, and the invitation of the user in line 3 "), "{stderr}");
    assert_eq!(written(&app).await, before);
    assert!(!app.folder.path().join("invited.csv.report.csv").exists());
    assert!(
        output_text(&staged(&["invited.csv"][..], None).await, 0).contains("2 to create"),
        "a dry run sends nothing"
    );
    assert!(output_text(&staged(&["blocked.csv", "--apply"][..], None).await, 0).contains("1 created"));
    let output = output_text(&staged(&["invited.csv", "--apply"][..], Some("https://bank.example")).await, 0);
    assert!(output.contains("1 created (1 with an invitation), 1 unchanged"), "{output}");
}

#[actix_web::test]
async fn a_pipe_is_imported_once_it_has_come_to_its_end() {
    let app = TestApp::start().await;
    let mut command = command(&app, &["/dev/stdin", "--format", "csv", "--apply", "--report", "report.csv"]).await;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let rows = (0..2_000).map(|i| format!("{i},user{i}@example.com,,,,no,\n")).collect::<Vec<_>>().concat();
    let mut input = child.stdin.take().unwrap();
    let feeding = std::thread::spawn(move || input.write_all(format!("{HEADER}{rows}").as_bytes()));
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    feeding.join().unwrap().unwrap();
    assert!(output_text(&output, 0).contains("2000 rows: 2000 created"));
    assert_eq!(written(&app).await.1.len(), 2_000);
}

#[actix_web::test]
async fn files_of_other_programs_are_taken_whole() {
    let app = TestApp::start().await;
    let array = r#"[{"customer_id": "1", "email": "a@example.com", "language": "", "is_active": "yes", "roles": "user"},
        {"customer_id": 2, "email": "b@example.com", "language": null, "is_active": 1}]"#;
    let other = r#"[{" Customer ID ": "1", "E-Mail": " a@example.com", "ROLES": []},
        {"CUSTOMER-ID": 2, "EMAIL": "b@example.com", "roles": ["user", ""]}, {"customer_id": "", "email": null}]"#;
    for (name, text) in [
        ("semicolons.csv", "customer_id;email\n1;a@example.com\n2;b@example.com\n"),
        ("announced.csv", "sep=;\r\nCustomer ID;E-Mail\r\n1;a@example.com\r\n2;b@example.com\r\n"),
        ("tabs.csv", "email\tcustomer_id\t\t\na@example.com\t1\nb@example.com\t2\t\t\n"),
        ("macintosh.csv", "customer_id,email\r1,a@example.com\r2,b@example.com\r"),
        ("mixed.csv", "customer_id,email\r\n1,a@example.com\r2,b@example.com\r\n"),
        ("empties.csv", "customer_id;email;roles\n1;a@example.com;\n2;b@example.com;;\n;;\n;;;;\n \t;\n"),
        ("array.json", array),
        ("names.json", other),
    ] {
        write(&app, name, text);
        assert!(output_text(&import(&app, &[name]).await, 0).contains("2 rows: 2 to create"), "{name}");
    }
    write(&app, "twice.json", "[{\"customer_id\": 1, \"email\": \"a@example.com\",\n\"E-Mail\": \"b@example.com\"}]");
    assert!(output_text(&import(&app, &["twice.json"]).await, 2).contains("1 refused"));
    let report = std::fs::read_to_string(app.folder.path().join("twice.json.report.csv")).unwrap();
    assert!(report.contains("\n1,,,line,has email twice"), "{report}");
}

#[actix_web::test]
async fn a_file_that_cannot_be_an_import_is_refused_at_once() {
    let app = TestApp::start().await;
    write(&app, "users.csv", "email,phone\n");
    write(&app, "users.txt", HEADER);
    for (name, text) in [("wide.csv", HEADER), ("wide.json", "[]")] {
        let text = format!("\u{feff}{text}");
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        std::fs::write(app.folder.path().join(name), units).unwrap();
        let wider: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        std::fs::write(app.folder.path().join(format!("wider-{name}")), wider).unwrap();
    }
    for (name, text) in
        [("empty.csv", ""), ("empty.json", ""), ("blank.json", "\u{feff} \r\n\n"), ("blank.csv", "\n\n")]
    {
        write(&app, name, text);
    }
    write(&app, "quote.csv", "customer_id,\"email\n");
    std::fs::create_dir(app.folder.path().join("folder")).unwrap();
    let user = r#"{"customer_id":1,"email":"a@example.com"}"#;
    write(&app, "wrapped.json", &format!("{{\"users\":[{user}]}}"));
    write(&app, "pretty.json", &format!("{{\n  \"users\": [\n    {user}\n  ]\n}}\n"));
    write(&app, "one.json", "{\n  \"customer_id\": 1,\n  \"email\": \"a@example.com\"\n}\n");
    write(&app, "data.csv", "$2b$12$Hash,u@x.example\n");
    for (arguments, expected) in [
        (&["missing.csv"][..], "missing.csv"),
        (&["folder"], "folder: is a folder; expected the name of a file in it"),
        (&["/dev/null", "--format", "csv"], "is a device; expected a file or a pipe"),
        (&["wrapped.json"], "is one JSON object, and none of a user; expected a JSON array of users"),
        (&["pretty.json"], "line 1: is an object that goes on in the next line; expected a JSON array of users"),
        (&["one.json"], "line 1: is an object that goes on in the next line; expected a JSON array of users"),
        (&["users.csv"], "column 2 (phone) is unknown"),
        (&["users.txt"], "--format"),
        (&["wide.csv"], "is UTF-16; save it as UTF-8"),
        (&["wide.json"], "is UTF-16; save it as UTF-8"),
        (&["wider-wide.csv"], "is UTF-32; save it as UTF-8"),
        (&["wider-wide.json"], "is UTF-32; save it as UTF-8"),
        (&["empty.csv"], "is empty; expected a header"),
        (&["blank.csv"], "is empty; expected a header"),
        (&["empty.json"], "is empty; expected JSON lines or a JSON array"),
        (&["blank.json"], "is empty; expected JSON lines or a JSON array"),
        (&["quote.csv"], "the header has a quote that is not closed"),
        (&["data.csv"], "the header has no known column"),
        (&["users.csv", "--report", "./users.csv"], "--report"),
    ] {
        let output = import(&app, arguments).await;
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains(expected), "{stderr}");
        assert!(!stderr.to_lowercase().contains("$2b$12$hash"), "{stderr}");
    }
    let reports = std::fs::read_dir(app.folder.path()).unwrap().flatten();
    assert_eq!(reports.filter(|file| file.file_name().to_string_lossy().contains(".report.")).count(), 0);
    for (name, text) in [("header.csv", HEADER), ("array.json", " []\n")] {
        write(&app, name, text);
        assert!(
            output_text(&import(&app, &[name]).await, 0).contains("0 rows"),
            "{name}: it is whole, and has no rows"
        );
    }
}

#[actix_web::test]
async fn a_file_that_is_not_whole_changes_nothing_and_leaves_no_report() {
    let app = TestApp::start().await;
    let user = |i: usize| format!("{{\"customer_id\":{i},\"email\":\"u{i}@example.com\"}}");
    // More rows before the fault than a batch has.
    let (objects, lines): (Vec<String>, Vec<String>) =
        (1..=300).map(|i| (user(i), format!("{i},u{i}@example.com,,,,,\n"))).unzip();
    let (array, csv) = (objects.join(",\n"), lines.concat());
    let before = written(&app).await;
    for (name, text, fault) in [
        ("open.json", format!("[{array}\n"), "line 301: the array is not closed at the end of the file"),
        ("comma.json", format!("[{array},\n"), "line 301: the array is not closed at the end of the file"),
        ("cut.json", format!("[{array},\n{{\"customer_id\":301,\"em"), "row 301 (line 301): the file ends within it"),
        ("trailing.json", format!("[{array},\n]"), "line 301: the array has a comma behind its last element"),
        ("missing.json", format!("[{array}\n{}]", user(301)), "row 301 (line 301): has no comma before it"),
        ("behind.json", format!("[{array}]\n{}", user(301)), "line 301: there is text behind the end of the array"),
        ("inner.json", format!("[{array},\n{{\"email\":}}]"), "row 301 (line 301): is not JSON"),
        ("cut.jsonl", format!("{}\n{{\"customer_id\":301,", objects.join("\n")), "line 301: the file ends within it"),
        ("cut.csv", format!("{HEADER}{csv}301,\"u@exa"), "line 302: opens a quote that is not closed before the end"),
        ("open.csv", format!("{HEADER}{csv}301,\"u@example.com,\n302,u302@example.com\n"), "line 302: opens a quote"),
        ("swallow.csv", format!("{HEADER}{csv}301,\"u@example.com,\n302,\"v@example.com\"\n"), "before line 303"),
    ] {
        write(&app, name, &text);
        for arguments in [&[name][..], &[name, "--apply"]] {
            let output = import(&app, arguments).await;
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{name}: {stderr}");
            assert!(stderr.contains(name) && stderr.contains(fault), "{name}: {stderr}");
        }
    }
    assert_eq!(written(&app).await, before);
    let files = std::fs::read_dir(app.folder.path()).unwrap().flatten();
    assert_eq!(files.filter(|file| file.file_name().to_string_lossy().contains(".report.")).count(), 0);
}

#[actix_web::test]
async fn a_field_with_a_line_break_is_one_row_and_the_rows_after_it_keep_their_lines() {
    let app = TestApp::start().await;
    let rows = "1,\"a@example.com\r\n\",,,,,\n2,\"b@\n\nexample.com\",,,,,\n3,\"c@example.com\"x,,,,,\n\n4,d,,,,,\n\
        5,\"e@example.com\" ,,,,,";
    write(&app, "users.csv", &format!("{HEADER}{rows}"));
    let output = output_text(&import(&app, &["users.csv", "--apply"]).await, 2);
    assert!(output.contains("5 rows: 2 created") && output.contains("3 refused"), "{output}");
    assert_eq!(written(&app).await.1, ["1", "5"]);
    let report = std::fs::read_to_string(app.folder.path().join("users.csv.report.csv")).unwrap();
    let places: Vec<(&str, &str)> =
        report.lines().skip(1).map(|line| (line.split(',').next().unwrap(), line.split(',').nth(3).unwrap())).collect();
    assert_eq!(places, [("4", "email"), ("7", "line"), ("9", "email")], "{report}");
}

#[actix_web::test]
async fn a_fault_in_an_array_names_the_number_of_its_row() {
    let app = TestApp::start().await;
    let array = r#"[{"customer_id":1,"email":"a@example.com"}, 7, {"customer_id":2,"email":"nobody"}, {"customer_id":1,"email":"c@example.com"}, {"a":1e400}]"#;
    write(&app, "users.json", array);
    output_text(&import(&app, &["users.json", "--report", "faults.jsonl"]).await, 2);
    let report = std::fs::read_to_string(app.folder.path().join("faults.jsonl")).unwrap();
    let faults: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let places: Vec<(&Value, &Value, &str)> =
        faults.iter().map(|fault| (&fault["line"], &fault["row"], fault["field"].as_str().unwrap())).collect();
    let one = json!(1);
    let (second, third, fourth, fifth) = (json!(2), json!(3), json!(4), json!(5));
    let expected =
        [(&one, &second, "line"), (&one, &third, "email"), (&one, &fourth, "customer_id"), (&one, &fifth, "line")];
    assert_eq!(places, expected, "{report}");
    assert!(faults[3]["cause"].as_str().unwrap().starts_with("holds a number beyond"), "{report}");
    output_text(&import(&app, &["users.json"]).await, 2);
    let report = std::fs::read_to_string(app.folder.path().join("users.json.report.csv")).unwrap();
    assert!(report.contains("1,,,line,is not a JSON object,2\n"), "{report}");
}

#[actix_web::test]
async fn a_dry_run_may_be_asked_for_by_its_name() {
    let app = TestApp::start().await;
    write(&app, "users.csv", &format!("{HEADER}A-1,ada@people.example,,,,,\n"));
    let before = written(&app).await;
    let output = output_text(&import(&app, &["users.csv", "--dry-run"]).await, 0);
    assert!(output.contains("1 to create") && output.contains("nothing was written"), "{output}");
    assert_eq!(written(&app).await, before);
    let refused = import(&app, &["users.csv", "--dry-run", "--apply"]).await;
    output_text(&refused, 2);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot be used with"), "{refused:?}");
}

#[actix_web::test]
async fn the_report_has_the_order_of_the_file() {
    let app = TestApp::start().await;
    let rows = "1,a@example.com,,,,,nosuch\n2,nobody,,,,,\n3,c@example.com,,,,,nosuch\n4,nobody,,,,,\n";
    write(&app, "users.csv", &format!("{HEADER}{rows}"));
    for arguments in [&["users.csv"][..], &["users.csv", "--apply"]] {
        output_text(&import(&app, arguments).await, 2);
        let report = std::fs::read_to_string(app.folder.path().join("users.csv.report.csv")).unwrap();
        let lines: Vec<&str> = report.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
        assert_eq!(lines, ["2", "3", "4", "5"], "{report}");
    }
}
