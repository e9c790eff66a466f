//! A mail server of our own: it keeps every mail that it has accepted, and refuses or delays by rules.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use service_kit::clock::{Clock as _, SystemClock};
use service_kit::task;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// More than any mail of the services.
const MAX_LINES: usize = 10_000;

/// A mail that was answered with 250, or would have been if the connection had lasted.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) at: Instant,
    /// Microseconds since 1970, to compare with the services' own times.
    pub(crate) at_micros: i64,
    /// Its whole Message-ID.
    pub(crate) message_id: String,
}

/// The result of mails that hold a text.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) text: String,
    pub(crate) answer: &'static str,
    /// The number of mails.
    pub(crate) times: u32,
}

#[derive(Default)]
struct Inner {
    mails: BTreeMap<String, Vec<Accepted>>,
    refused: BTreeMap<String, u32>,
    rules: Vec<Rule>,
    delay: Duration,
    /// The number of mails that are accepted, with their connections dropped instead of an answer.
    drops: u32,
    dropped: u32,
}

/// Clones share one server.
#[derive(Clone)]
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

impl Sink {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for the mail server")?;
        let inner = Inner { delay: Duration::from_millis(8), ..Inner::default() };
        let sink = Self { address: listener.local_addr()?, inner: Arc::new(Mutex::new(inner)) };
        let serving = sink.clone();
        drop(task::spawn("sink", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = serving.clone();
                drop(task::spawn("sink-connection", async move { sink.converse(stream).await.ok() }));
            }
        }));
        Ok(sink)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All accepted mails by the local part of their Message-ID, which is the event's id.
    pub(crate) fn mails(&self) -> BTreeMap<String, Vec<Accepted>> {
        self.inner().mails.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.inner().mails.values().map(Vec::len).sum()
    }

    /// The number of refusals of an event's mails.
    pub(crate) fn refused(&self, event_id: &str) -> u32 {
        self.inner().refused.get(event_id).copied().unwrap_or_default()
    }

    pub(crate) fn add_rule(&self, rule: Rule) {
        self.inner().rules.push(rule);
    }

    /// Ends all refusals.
    pub(crate) fn clear_rules(&self) {
        self.inner().rules.clear();
    }

    /// Accepts so many mails without an answer, and closes their connections.
    pub(crate) fn drop_after_content(&self, mails: u32) {
        self.inner().drops = mails;
    }

    /// The number of answers dropped that way.
    pub(crate) fn dropped(&self) -> u32 {
        self.inner().dropped
    }

    async fn converse(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 sink\r\n").await?;
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let verb: String = line.chars().take(4).collect::<String>().to_uppercase();
            let answer = match verb.as_str() {
                "EHLO" => "250-sink\r\n250 8BITMIME",
                "DATA" => match self.take(&mut stream).await? {
                    Some(answer) => answer,
                    None => return Ok(()),
                },
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
            if verb == "QUIT" {
                return Ok(());
            }
        }
    }

    /// Reads a mail's content and decides; none if the connection is to be dropped.
    async fn take(&self, stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<&'static str>> {
        stream.write_all(b"354 go on\r\n").await?;
        let mut content = String::new();
        for _ in 0..MAX_LINES {
            let mut bytes = Vec::new();
            if stream.read_until(b'\n', &mut bytes).await? == 0 {
                return Ok(None);
            }
            if bytes == b".\r\n" {
                return Ok(self.decide(&content).await);
            }
            content.push_str(&String::from_utf8_lossy(&bytes));
        }
        Ok(Some("552 too long"))
    }

    async fn decide(&self, content: &str) -> Option<&'static str> {
        let message_id = message_id(content).unwrap_or_else(|| "none".to_owned());
        let id = message_id.split('@').next().unwrap_or_default().to_owned();
        let plain = content.replace("=\r\n", "");
        let (drop, delay) = {
            let mut inner = self.inner();
            if let Some(rule) = inner.rules.iter_mut().find(|rule| rule.times > 0 && plain.contains(&rule.text)) {
                rule.times -= 1;
                let answer = rule.answer;
                *inner.refused.entry(id).or_default() += 1;
                return Some(answer);
            }
            let at_micros = SystemClock.now().timestamp_micros();
            let accepted = Accepted { at: Instant::now(), at_micros, message_id };
            inner.mails.entry(id).or_default().push(accepted);
            let drop = inner.drops > 0;
            if drop {
                inner.drops -= 1;
                inner.dropped += 1;
            }
            (drop, inner.delay)
        };
        tokio::time::sleep(delay).await;
        if drop { None } else { Some("250 taken") }
    }
}

fn message_id(content: &str) -> Option<String> {
    let id = content.lines().find_map(|line| line.strip_prefix("Message-ID: <"))?;
    id.split('>').next().map(str::to_owned)
}
