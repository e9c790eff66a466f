//! A scripted mail server, for each step of the dialogue.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use email_service::mailer::{Limits, Security, SmtpSettings};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// After 354, before any content is read: `Cut` only.
    Content,
    /// After the whole content; the mail is kept whatever the answer.
    Accept,
    Rset,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Answer(&'static str),
    /// No answer, but the connection stays.
    Silence,
    Cut,
    Late(Duration, &'static str),
}

#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) connection: usize,
    pub(crate) encrypted: bool,
    pub(crate) to: String,
    pub(crate) content: String,
}

impl Received {
    pub(crate) fn message_id(&self) -> &str {
        self.content.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap()
    }
}

#[derive(Default)]
struct State {
    script: Mutex<HashMap<Step, VecDeque<Act>>>,
    mails: Mutex<Vec<Received>>,
    lines: Mutex<Vec<String>>,
    connections: AtomicUsize,
}

pub(crate) struct SmtpStub {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    /// PEM of the certificate, if it speaks TLS.
    pub(crate) certificate: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Plain,
    StartTls,
    Tls,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
type Reader = BufReader<Box<dyn Stream>>;

impl SmtpStub {
    pub(crate) async fn start(speaks: Speaks) -> Self {
        Self::start_with(speaks, &["127.0.0.1", "localhost"], rcgen::IsCa::NoCa).await
    }

    /// With TLS from the first byte and a certificate for its address, such as `openssl req -x509` makes.
    pub(crate) async fn start_as_authority() -> Self {
        let authority = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self::start_with(Speaks::Tls, &["127.0.0.1"], authority).await
    }

    async fn start_with(speaks: Speaks, names: &[&str], is_ca: rcgen::IsCa) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let (acceptor, certificate) = identity(names, is_ca);
        let shared = Arc::clone(&state);
        drop(service_kit::task::spawn("smtp-stub", async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tcp.set_nodelay(true).unwrap();
                let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
                let (state, acceptor) = (Arc::clone(&shared), acceptor.clone());
                drop(service_kit::task::spawn("smtp-session", async move {
                    let stream: Option<Box<dyn Stream>> = match speaks {
                        Speaks::Tls => acceptor.accept(tcp).await.ok().map(|tls| Box::new(tls) as _),
                        Speaks::Plain | Speaks::StartTls => Some(Box::new(tcp)),
                    };
                    let session = Session { state, acceptor, number, speaks, encrypted: speaks == Speaks::Tls };
                    if let Some(stream) = stream {
                        session.run(BufReader::new(stream)).await;
                    }
                }));
            }
        }));
        Self { address, state, certificate }
    }

    /// The next acts at a step; success afterwards.
    pub(crate) fn at(&self, step: Step, acts: impl IntoIterator<Item = Act>) -> &Self {
        self.state.script.lock().unwrap().entry(step).or_default().extend(acts);
        self
    }

    pub(crate) fn mails(&self) -> Vec<Received> {
        self.state.mails.lock().unwrap().clone()
    }

    /// Every command line that it received.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.state.lines.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn settings(&self, security: Security) -> SmtpSettings {
        SmtpSettings {
            host: "127.0.0.1".to_owned(),
            port: self.address.port(),
            security,
            login: None,
            ca: None,
            hello: "bank.localhost".to_owned(),
            limits: Limits {
                command: Duration::from_millis(1_500),
                mail: Duration::from_secs(4),
                probe_cache: Duration::ZERO,
                ..Limits::default()
            },
        }
    }

    pub(crate) fn write_certificate(&self, path: &Path) {
        std::fs::write(path, &self.certificate).unwrap();
    }
}

fn identity(names: &[&str], is_ca: rcgen::IsCa) -> (TlsAcceptor, String) {
    service_kit::tls::install_crypto_provider();
    let mut params = rcgen::CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.is_ca = is_ca;
    let signing = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&signing).unwrap();
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(signing.serialize_der()).into();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), certificate.pem())
}

struct Session {
    state: Arc<State>,
    acceptor: TlsAcceptor,
    number: usize,
    speaks: Speaks,
    encrypted: bool,
}

impl Session {
    async fn run(mut self, mut stream: Reader) {
        // A broken connection ends the session, as it does for any server.
        if self.act(Step::Greeting, "220 stub", &mut stream).await.is_none() {
            return;
        }
        let mut to = String::new();
        loop {
            let Some(line) = read_line(&mut stream).await else { return };
            self.state.lines.lock().unwrap().push(line.clone());
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let went_on = match verb.as_str() {
                "EHLO" => {
                    let starttls =
                        if self.speaks == Speaks::StartTls && !self.encrypted { "250-STARTTLS\r\n" } else { "" };
                    let extensions = format!("250-stub\r\n{starttls}250-AUTH PLAIN LOGIN\r\n250 8BITMIME");
                    self.act(Step::Ehlo, &extensions, &mut stream).await
                }
                "STARTTLS" => {
                    let went_on = self.act(Step::StartTls, "220 go", &mut stream).await;
                    let Ok(tls) = self.acceptor.accept(stream.into_inner()).await else { return };
                    stream = BufReader::new(Box::new(tls));
                    self.encrypted = true;
                    went_on
                }
                "AUTH" if line.ends_with("LOGIN") => self.log_in(&mut stream).await,
                "AUTH" => self.act(Step::Auth, "235 welcome", &mut stream).await,
                "MAIL" => self.act(Step::Mail, "250 ok", &mut stream).await,
                "RCPT" => {
                    to = line;
                    self.act(Step::Rcpt, "250 ok", &mut stream).await
                }
                "DATA" => self.take(&to, &mut stream).await,
                "RSET" => self.act(Step::Rset, "250 ok", &mut stream).await,
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await.ok();
                    None
                }
                _ => self.send("502 what?", &mut stream).await,
            };
            if went_on.is_none() {
                return;
            }
        }
    }

    /// AUTH LOGIN asks for user and password, each in base64.
    async fn log_in(&self, stream: &mut Reader) -> Option<()> {
        for question in ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] {
            self.send(question, stream).await?;
            let answer = read_line(stream).await?;
            self.state.lines.lock().unwrap().push(answer);
        }
        self.act(Step::Auth, "235 welcome", stream).await
    }

    async fn take(&self, to: &str, stream: &mut Reader) -> Option<()> {
        let before = self.next(Step::Data);
        if let Some(act) = before {
            return self.perform(act, stream).await;
        }
        self.send("354 go on", stream).await?;
        if let Some(Act::Cut) = self.next(Step::Content) {
            return None;
        }
        let mut content = String::new();
        loop {
            let line = read_line(stream).await?;
            if line == "." {
                break;
            }
            content.push_str(&line);
            content.push_str("\r\n");
        }
        let (connection, encrypted) = (self.number, self.encrypted);
        self.state.mails.lock().unwrap().push(Received { connection, encrypted, to: to.to_owned(), content });
        self.act(Step::Accept, "250 2.0.0 queued", stream).await
    }

    fn next(&self, step: Step) -> Option<Act> {
        self.state.script.lock().unwrap().get_mut(&step).and_then(VecDeque::pop_front)
    }

    async fn act(&self, step: Step, usual: &str, stream: &mut Reader) -> Option<()> {
        match self.next(step) {
            Some(act) => self.perform(act, stream).await,
            None => self.send(usual, stream).await,
        }
    }

    async fn perform(&self, act: Act, stream: &mut Reader) -> Option<()> {
        match act {
            Act::Answer(answer) => self.send(answer, stream).await,
            Act::Silence => Some(()),
            Act::Cut => None,
            Act::Late(delay, answer) => {
                tokio::time::sleep(delay).await;
                self.send(answer, stream).await
            }
        }
    }

    async fn send(&self, answer: &str, stream: &mut Reader) -> Option<()> {
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        stream.flush().await.ok()
    }
}

async fn read_line(stream: &mut Reader) -> Option<String> {
    let mut line = String::new();
    match stream.read_line(&mut line).await {
        Ok(read) if read > 0 => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        Ok(_) | Err(_) => None,
    }
}
