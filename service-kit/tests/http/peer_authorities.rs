//! `INTERNAL_CA`, and certificates that it does not cover.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use service_kit::clock::{Clock, SystemClock};
use service_kit::config::{AppEnv, Faults};
use service_kit::http::server::{ServerSettings, Tls};
use service_kit::http::{PeerClient, PeerOptions};
use tempfile::TempDir;

use crate::support::{Started, settings, start_with};

const ALL: [AppEnv; 4] = [AppEnv::Development, AppEnv::Testing, AppEnv::Staging, AppEnv::Production];

fn named(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

/// Expired since yesterday.
fn over(mut params: CertificateParams) -> CertificateParams {
    let date = |at: DateTime<Utc>| {
        let (month, day) = (u8::try_from(at.month()).unwrap(), u8::try_from(at.day()).unwrap());
        rcgen::date_time_ymd(at.year(), month, day)
    };
    let now = SystemClock.now();
    params.not_before = date(now - TimeDelta::days(9));
    params.not_after = date(now - TimeDelta::days(1));
    params
}

/// With the mark that `openssl req -x509` sets.
fn marked_as_authority(mut params: CertificateParams) -> CertificateParams {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn write(folder: &Path, name: &str, pem: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, pem).unwrap();
    path
}

fn serve(folder: &Path, cert: &str, key: &KeyPair) -> Started {
    let cert = write(folder, "cert.pem", cert);
    let key = write(folder, "key.pem", &key.serialize_pem());
    start_with(ServerSettings { tls: Tls::Files { cert, key }, ..settings() }, |_| {})
}

/// A server whose certificate an authority has issued, and the authority's file.
fn issued(folder: &Path, params: &CertificateParams) -> (Started, PathBuf) {
    let (key, mut authority) = (KeyPair::generate().unwrap(), CertificateParams::new(Vec::new()).unwrap());
    authority.distinguished_name.push(DnType::CommonName, "Internal");
    let authority = marked_as_authority(authority);
    let ca = write(folder, "ca.pem", &authority.self_signed(&key).unwrap().pem());
    let server = KeyPair::generate().unwrap();
    let cert = params.signed_by(&server, &Issuer::new(authority, key)).unwrap();
    (serve(folder, &cert.pem(), &server), ca)
}

/// A server with a certificate of its own making, and its file.
fn self_signed(folder: &Path, params: &CertificateParams) -> (Started, PathBuf) {
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (serve(folder, &pem, &key), write(folder, "own.pem", &pem))
}

async fn is_trusted(started: &Started, host: &str, ca: Option<&Path>, app_env: AppEnv) -> bool {
    let mut faults = Faults::new();
    let trust = PeerOptions { internal_ca: ca.map(Path::to_owned) }.check(app_env, &mut faults);
    faults.finish().unwrap();
    let client = PeerClient::new("JWKS_URL", &trust, Duration::from_secs(10));
    let url = format!("https://{host}:{}/livez", started.server.addr.port());
    client.send(client.get(url)).await.is_ok_and(|answer| answer.status().is_success())
}

#[actix_web::test]
async fn a_certificate_of_the_internal_authority_is_trusted_everywhere_and_of_no_other_nowhere() {
    let folder = TempDir::new().unwrap();
    let (started, ca) = issued(folder.path(), &named("localhost"));
    for app_env in ALL {
        assert!(is_trusted(&started, "localhost", Some(&ca), app_env).await, "{app_env:?}");
        assert!(
            !is_trusted(&started, "localhost", None, app_env).await,
            "{app_env:?}: an unknown authority's is no ad hoc one"
        );
        assert!(!is_trusted(&started, "127.0.0.1", Some(&ca), app_env).await, "{app_env:?}: it is for another name");
    }
}

#[actix_web::test]
async fn a_certificate_of_the_internal_authority_is_not_trusted_after_its_time() {
    let folder = TempDir::new().unwrap();
    let (started, ca) = issued(folder.path(), &over(named("localhost")));
    for app_env in ALL {
        assert!(!is_trusted(&started, "localhost", Some(&ca), app_env).await, "{app_env:?}");
    }
}

#[actix_web::test]
async fn a_self_signed_certificate_that_is_named_is_trusted_for_its_server_and_its_time() {
    for params in [named("localhost"), marked_as_authority(named("localhost"))] {
        let folder = TempDir::new().unwrap();
        let (started, own) = self_signed(folder.path(), &params);
        assert!(is_trusted(&started, "localhost", Some(&own), AppEnv::Production).await);
        assert!(!is_trusted(&started, "127.0.0.1", Some(&own), AppEnv::Production).await, "it is for another name");
        assert!(!is_trusted(&started, "localhost", None, AppEnv::Production).await);
        let folder = TempDir::new().unwrap();
        let (started, own) = self_signed(folder.path(), &over(params));
        assert!(!is_trusted(&started, "localhost", Some(&own), AppEnv::Production).await, "its time is over");
    }
}

#[actix_web::test]
async fn requests_to_providers_do_not_know_the_internal_authority() {
    let folder = TempDir::new().unwrap();
    let (started, _) = issued(folder.path(), &named("localhost"));
    let url = format!("https://localhost:{}/livez", started.server.addr.port());
    assert!(service_kit::http::client(Duration::from_secs(10)).get(url).send().await.is_err());
}
