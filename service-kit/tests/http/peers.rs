//! Calls between the services by the other scheme: in development, to this machine, and never otherwise.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::config::{AppEnv, Faults};
use service_kit::http::server::Tls;
use service_kit::http::{PeerClient, PeerOptions, PeerTrust};

use crate::support::{Started, settings, start_with};

const LIMIT: Duration = Duration::from_secs(10);
const TOKEN: &str = "hush-hush";
/// On Linux both addresses reach this machine as well, so a test can use them as another host.
const OTHER_HOSTS: [&str; 2] = ["0.0.0.0", "[::ffff:127.0.0.1]"];
const OTHER_ENVIRONMENTS: [AppEnv; 3] = [AppEnv::Testing, AppEnv::Staging, AppEnv::Production];

fn trust(app_env: AppEnv) -> PeerTrust {
    let mut faults = Faults::new();
    let trust = PeerOptions::default().check(app_env, &mut faults);
    faults.finish().unwrap();
    trust
}

fn client(app_env: AppEnv) -> PeerClient {
    PeerClient::new("LOG_SERVICE_URL", &trust(app_env), LIMIT)
}

/// Keeps the posted bodies, each with its token.
struct Peer {
    started: Started,
    posted: Arc<Mutex<Vec<String>>>,
}

fn peer(tls: Tls) -> Peer {
    let posted = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&posted);
    let settings = service_kit::http::server::ServerSettings { tls, ..settings() };
    let started = start_with(settings, move |config| {
        let kept = Arc::clone(&kept);
        let keep = move |request: HttpRequest, body: String| {
            let token = request.headers().get("authorization").map(|token| token.to_str().unwrap().to_owned());
            kept.lock().unwrap().push(format!("{} {body}", token.unwrap_or_default()));
            async { HttpResponse::Created().finish() }
        };
        config.route("/keep", web::post().to(keep));
    });
    Peer { started, posted }
}

impl Peer {
    fn url(&self, scheme: &str, host: &str) -> String {
        format!("{scheme}://{host}:{}/keep", self.started.server.addr.port())
    }

    fn posted(&self) -> Vec<String> {
        self.posted.lock().unwrap().clone()
    }
}

async fn post(client: &PeerClient, url: &str) -> Result<u16, String> {
    let answer = client.send(client.post(url).bearer_auth(TOKEN).body("entry")).await;
    answer.map(|answer| answer.status().as_u16()).map_err(|error| format!("{error:?}"))
}

#[actix_web::test]
async fn development_meets_a_service_on_this_machine_by_whichever_scheme_it_speaks() {
    for tls in [Tls::Off, Tls::Adhoc] {
        for scheme in ["http", "https"] {
            let peer = peer(tls.clone());
            let client = client(AppEnv::Development);
            for host in ["localhost", "127.0.0.1", "127.0.0.1"] {
                assert_eq!(post(&client, &peer.url(scheme, host)).await, Ok(201), "{tls:?} by {scheme}, {host}");
            }
            assert_eq!(peer.posted(), vec![format!("Bearer {TOKEN} entry"); 3], "each once, {tls:?} by {scheme}");
        }
    }
}

#[actix_web::test]
async fn no_other_environment_takes_an_adhoc_certificate_or_the_other_scheme() {
    for app_env in OTHER_ENVIRONMENTS {
        for (tls, scheme) in [(Tls::Adhoc, "https"), (Tls::Adhoc, "http"), (Tls::Off, "https")] {
            let peer = peer(tls.clone());
            let result = post(&client(app_env), &peer.url(scheme, "localhost")).await;
            assert!(result.is_err(), "{app_env:?}: {tls:?} by {scheme}");
            assert!(peer.posted().is_empty(), "{app_env:?}: {tls:?} by {scheme}");
        }
    }
}

#[actix_web::test]
async fn development_takes_neither_of_another_host() {
    for host in OTHER_HOSTS {
        let plain = peer(Tls::Off);
        assert_eq!(post(&client(AppEnv::Development), &plain.url("http", host)).await, Ok(201), "{host} is reached");
        for (tls, scheme) in [(Tls::Adhoc, "https"), (Tls::Adhoc, "http"), (Tls::Off, "https")] {
            let peer = peer(tls.clone());
            assert!(post(&client(AppEnv::Development), &peer.url(scheme, host)).await.is_err(), "{tls:?}, {scheme}");
            assert!(peer.posted().is_empty(), "{host}: {tls:?} by {scheme}");
        }
    }
}

/// A port that sends the same bytes to every connection, and keeps what each sent until it was quiet or closed.
struct Port {
    address: SocketAddr,
    brought: Arc<Mutex<Vec<Vec<u8>>>>,
}

fn port(greeting: &'static [u8]) -> Port {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let brought = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&brought);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut piece) = (stream.unwrap(), [0; 4096]);
            let length = stream.read(&mut piece).unwrap_or_default();
            kept.lock().unwrap().push(piece[..length].to_vec());
            stream.write_all(greeting).ok();
        }
    });
    Port { address, brought }
}

impl Port {
    fn url(&self, scheme: &str, host: &str) -> String {
        format!("{scheme}://{host}:{}/keep", self.address.port())
    }

    fn has_seen_the_token(&self) -> bool {
        let brought = self.brought.lock().unwrap();
        brought.iter().any(|bytes| String::from_utf8_lossy(bytes).contains(TOKEN))
    }
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// The TLS alert "handshake failure".
const ALERT: &[u8] = &[21, 3, 3, 0, 2, 2, 40];

#[actix_web::test]
async fn a_token_leaves_unencrypted_only_in_development_to_a_port_of_this_machine_that_speaks_http() {
    let port_of_http = port(OK);
    assert_eq!(post(&client(AppEnv::Development), &port_of_http.url("https", "localhost")).await, Ok(200));
    assert!(port_of_http.has_seen_the_token());
    for app_env in OTHER_ENVIRONMENTS {
        let port = port(OK);
        assert!(post(&client(app_env), &port.url("https", "localhost")).await.is_err());
        assert!(!port.has_seen_the_token(), "{app_env:?}");
    }
    for host in OTHER_HOSTS {
        let port = port(OK);
        assert!(post(&client(AppEnv::Development), &port.url("https", host)).await.is_err());
        assert!(!port.has_seen_the_token() && port.brought.lock().unwrap().len() == 1, "{host}");
    }
    for greeting in [ALERT, b""] {
        let port = port(greeting);
        assert!(post(&client(AppEnv::Development), &port.url("https", "localhost")).await.is_err());
        assert!(!port.has_seen_the_token(), "a failed handshake is no http: {greeting:?}");
    }
}

#[actix_web::test]
async fn the_other_scheme_is_tried_once_for_a_call() {
    let neither = port(b"what?");
    let error = post(&client(AppEnv::Development), &neither.url("https", "localhost")).await.unwrap_err();
    assert!(error.contains("InvalidContentType"), "the first failure is told: {error}");
    assert_eq!(neither.brought.lock().unwrap().len(), 2);
    let closing = port(b"");
    assert!(post(&client(AppEnv::Development), &closing.url("http", "127.0.0.1")).await.is_err());
    assert_eq!(closing.brought.lock().unwrap().len(), 2);
}

#[actix_web::test]
async fn a_service_that_has_changed_its_scheme_is_met_again() {
    let client = client(AppEnv::Development);
    let (plain, protected) = (peer(Tls::Off), peer(Tls::Adhoc));
    for peer in [&plain, &protected, &plain, &protected] {
        assert_eq!(post(&client, &peer.url("https", "localhost")).await, Ok(201));
    }
    assert_eq!((plain.posted().len(), protected.posted().len()), (2, 2));
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[actix_web::test]
async fn one_warning_names_the_variable_and_what_to_write_and_no_value() {
    let lines = Lines::default();
    let kept = lines.clone();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || kept.clone()).finish();
    let peer = peer(Tls::Off);
    {
        let _log = tracing::subscriber::set_default(log);
        let trust = trust(AppEnv::Development);
        for _ in 0..2 {
            let client = PeerClient::new("LOG_SERVICE_URL", &trust, LIMIT);
            for _ in 0..2 {
                assert_eq!(post(&client, &peer.url("https", "localhost")).await, Ok(201));
            }
        }
    }
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let warnings: Vec<&str> = text.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{text}");
    assert!(warnings[0].contains("LOG_SERVICE_URL: ") && warnings[0].contains("write http:// in LOG_SERVICE_URL"));
    assert!(!warnings[0].contains("localhost") && !text.contains(TOKEN), "{text}");
}

#[actix_web::test]
async fn doctor_is_given_the_warning_with_the_answer() {
    let peer = peer(Tls::Adhoc);
    let url = |scheme: &str| peer.url(scheme, "localhost").replace("/keep", "/livez").parse().unwrap();
    let (answer, warning) = client(AppEnv::Development).probe(&url("http")).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.url().scheme()), (200, "https"));
    assert!(warning.unwrap().contains("write https:// in LOG_SERVICE_URL"));
    assert_eq!(client(AppEnv::Development).probe(&url("https")).await.unwrap().1, None);
}
