//! TLS and login: mails and passwords that are refused rather than sent in the clear.

use std::process::Command;

use email_service::mailer::{Login, Mailer, OpenError, Security, SendError, SmtpMailer, SmtpSettings};
use service_kit::config::Secret;

use crate::smtp::mail;
use crate::smtp_stub::{Act, SmtpStub, Speaks, Step};

fn with_ca(stub: &SmtpStub, security: Security, folder: &tempfile::TempDir) -> SmtpSettings {
    let path = folder.path().join("ca.pem");
    stub.write_certificate(&path);
    SmtpSettings { ca: Some(path), ..stub.settings(security) }
}

fn login() -> Login {
    Login { user: "bank".to_owned(), password: Secret::new("hunter2") }
}

fn unavailable(answer: Result<email_service::mailer::Accepted, SendError>) -> String {
    match answer {
        Err(SendError::Unavailable(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[actix_rt::test]
async fn mail_is_protected_by_starttls_and_by_implicit_tls() {
    let folder = tempfile::tempdir().unwrap();
    for (speaks, security) in [
        (Speaks::StartTls, Security::Required),
        (Speaks::StartTls, Security::Opportunistic),
        (Speaks::Tls, Security::Implicit),
    ] {
        let stub = SmtpStub::start(speaks).await;
        let settings = SmtpSettings { login: Some(login()), ..with_ca(&stub, security, &folder) };
        let mailer = SmtpMailer::new(settings).unwrap();
        mailer.trial().await.unwrap();
        mailer.send(&mail(0)).await.unwrap();
        mailer.send(&mail(1)).await.unwrap();
        assert!(stub.mails().iter().all(|one| one.encrypted));
        assert!(stub.lines().iter().any(|line| line.starts_with("AUTH PLAIN")), "{:?}", stub.lines());
    }
}

#[actix_rt::test]
async fn a_stripped_starttls_is_refused_where_it_is_required() {
    let stub = SmtpStub::start(Speaks::Plain).await;
    let settings = SmtpSettings { login: Some(login()), ..stub.settings(Security::Required) };
    let error = unavailable(SmtpMailer::new(settings).unwrap().send(&mail(0)).await);
    assert!(error.contains("offers no STARTTLS") && error.contains("EMAIL_SMTP_TLS"), "{error}");
    assert!(stub.mails().is_empty());
    assert_eq!(stub.lines(), ["EHLO bank.localhost"], "neither mail nor password was said");
}

#[actix_rt::test]
async fn without_a_login_opportunistic_means_plain_where_there_is_no_tls() {
    let stub = SmtpStub::start(Speaks::Plain).await;
    SmtpMailer::new(stub.settings(Security::Opportunistic)).unwrap().send(&mail(0)).await.unwrap();
    assert_eq!(stub.mails().len(), 1);
}

#[actix_rt::test]
async fn bytes_slipped_in_before_the_handshake_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let stub = SmtpStub::start(Speaks::StartTls).await;
    stub.at(Step::StartTls, [Act::Answer("220 go\r\n250-stub\r\n250 AUTH PLAIN")]);
    let mailer = SmtpMailer::new(with_ca(&stub, Security::Required, &folder)).unwrap();
    let error = unavailable(mailer.send(&mail(0)).await);
    assert!(error.contains("more than was requested"), "{error}");
}

#[actix_rt::test]
async fn without_a_login_opportunistic_goes_on_unverified_to_this_machine_or_where_that_is_configured() {
    let stub = SmtpStub::start(Speaks::StartTls).await;
    for security in [Security::Opportunistic, Security::Unverified] {
        let mailer = SmtpMailer::new(stub.settings(security)).unwrap();
        mailer.trial().await.unwrap();
        mailer.send(&mail(0)).await.unwrap();
    }
    assert!(stub.mails().len() == 2 && stub.mails().iter().all(|one| one.encrypted));
    let folder = tempfile::tempdir().unwrap();
    let other = SmtpStub::start(Speaks::StartTls).await;
    for settings in [
        SmtpSettings { login: Some(login()), ..stub.settings(Security::Unverified) },
        SmtpSettings { ca: with_ca(&other, Security::Unverified, &folder).ca, ..stub.settings(Security::Unverified) },
    ] {
        let Err(OpenError::Certificate(error)) = SmtpMailer::new(settings).unwrap().trial().await else {
            panic!("trusted")
        };
        assert!(error.starts_with("EMAIL_SMTP_CA: "), "{error}");
    }
}

#[actix_rt::test]
async fn a_certificate_that_is_marked_as_an_authority_is_trusted_for_its_own_server_alone() {
    let folder = tempfile::tempdir().unwrap();
    let stub = SmtpStub::start_as_authority().await;
    let settings = SmtpSettings { login: Some(login()), ..with_ca(&stub, Security::Implicit, &folder) };
    SmtpMailer::new(settings.clone()).unwrap().send(&mail(0)).await.unwrap();
    let misnamed = SmtpSettings { host: "localhost".to_owned(), ..settings.clone() };
    let Err(OpenError::Certificate(error)) = SmtpMailer::new(misnamed).unwrap().trial().await else {
        panic!("trusted")
    };
    assert!(error.starts_with("EMAIL_SMTP_CA: "), "{error}");
    let other = SmtpStub::start_as_authority().await;
    let settings = SmtpSettings { port: other.settings(Security::Implicit).port, ..settings };
    assert!(matches!(SmtpMailer::new(settings).unwrap().trial().await, Err(OpenError::Certificate(_))));
}

#[actix_rt::test]
async fn a_self_signed_certificate_is_refused_by_name_of_the_variable() {
    for (speaks, security) in [(Speaks::StartTls, Security::Required), (Speaks::Tls, Security::Implicit)] {
        let stub = SmtpStub::start(speaks).await;
        let mailer = SmtpMailer::new(stub.settings(security)).unwrap();
        let Err(OpenError::Certificate(error)) = mailer.trial().await else { panic!("trusted") };
        assert!(error.starts_with("EMAIL_SMTP_CA: ") && !error.contains('\n'), "{error}");
        unavailable(mailer.send(&mail(0)).await);
        assert!(stub.mails().is_empty());
    }
}

#[actix_rt::test]
async fn an_authority_that_is_no_certificate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let stub = SmtpStub::start(Speaks::Tls).await;
    for content in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let settings = with_ca(&stub, Security::Implicit, &folder);
        std::fs::write(settings.ca.as_ref().unwrap(), content).unwrap();
        let error = SmtpMailer::new(settings).err().unwrap().to_string();
        assert!(error.starts_with("EMAIL_SMTP_CA: ") && error.contains("expected a PEM file"), "{error}");
    }
}

#[actix_rt::test]
async fn a_refused_login_is_no_mails_fault_and_names_the_variables() {
    let stub = SmtpStub::start(Speaks::Plain).await;
    stub.at(Step::Auth, [Act::Answer("535 5.7.8 no"), Act::Answer("535 5.7.8 no")]);
    let mailer = SmtpMailer::new(SmtpSettings { login: Some(login()), ..stub.settings(Security::Off) }).unwrap();
    let error = unavailable(mailer.send(&mail(0)).await);
    assert!(
        error.contains("535")
            && error.contains("EMAIL_USER")
            && error.contains("MAIL_URL")
            && !error.contains("hunter2"),
        "{error}"
    );
    assert!(mailer.probe().await.is_err());
    assert!(stub.mails().is_empty());
}

#[actix_rt::test]
async fn a_server_that_knows_only_login_is_logged_in_to() {
    let stub = SmtpStub::start(Speaks::Plain).await;
    stub.at(Step::Ehlo, [Act::Answer("250-stub\r\n250 AUTH LOGIN")]);
    let mailer = SmtpMailer::new(SmtpSettings { login: Some(login()), ..stub.settings(Security::Off) }).unwrap();
    mailer.send(&mail(0)).await.unwrap();
    let secrets = ["YmFuaw==", "aHVudGVyMg=="];
    assert!(secrets.iter().all(|secret| stub.lines().iter().any(|line| line == secret)), "{:?}", stub.lines());
}

#[actix_rt::test]
async fn a_handshake_without_an_answer_ends_at_its_time_limit() {
    let folder = tempfile::tempdir().unwrap();
    let stub = SmtpStub::start(Speaks::Tls).await;
    // The system accepts the connection, and no process ever answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let mailer = SmtpMailer::new(SmtpSettings { port, ..with_ca(&stub, Security::Implicit, &folder) }).unwrap();
    let error = unavailable(mailer.send(&mail(0)).await);
    assert!(error.contains("the TLS handshake took too long"), "{error}");
}

fn run(args: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_email-service"));
    command.args(args).env_clear().current_dir(folder.path()).envs(environment.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[actix_rt::test]
async fn start_and_doctor_name_the_variable_of_an_untrusted_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let stub = SmtpStub::start(Speaks::StartTls).await;
    let ca = folder.path().join("ca.pem");
    stub.write_certificate(&ca);
    let port = stub.address.port().to_string();
    let answers = tokio::task::spawn_blocking(move || {
        let base = [("EMAIL_HOST", "127.0.0.1"), ("EMAIL_PORT", port.as_str()), ("EMAIL_SMTP_TLS", "required")];
        let trusted = [base.as_slice(), &[("EMAIL_SMTP_CA", ca.to_str().unwrap())]].concat();
        (run(&["serve"], &base), run(&["doctor"], &base), run(&["doctor"], &trusted))
    });
    let (serve, untrusted, trusted) = answers.await.unwrap();
    assert_eq!(serve.0, Some(1));
    assert!(serve.2.contains("EMAIL_SMTP_CA: the certificate of 127.0.0.1"), "{}", serve.2);
    assert_eq!(serve.2.lines().filter(|line| line.starts_with("email-service: ")).count(), 1, "{}", serve.2);
    assert!(untrusted.1.contains("FAIL  mailer: EMAIL_SMTP_CA: "), "{}", untrusted.1);
    assert!(trusted.1.contains("ok    mailer"), "{}", trusted.1);
}
