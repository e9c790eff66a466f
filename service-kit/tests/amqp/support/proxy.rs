//! A proxy in front of the broker, which can fall silent or close its connections.

use std::sync::Arc;

use service_kit::task;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::broker_uri;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    /// The broker's answers are not passed on.
    Silent,
    /// New connections are refused, and open ones are closed.
    Down,
}

pub(crate) struct Proxy {
    pub(crate) uri: String,
    mode: Arc<watch::Sender<Mode>>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let target = broker_uri();
        let authority = target.split('@').nth(1).unwrap().split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = target.replace(&authority, &listener.local_addr().unwrap().to_string());
        let mode = Arc::new(watch::Sender::new(Mode::Open));
        drop(task::spawn("proxy", accept(listener, authority, Arc::clone(&mode))));
        Self { uri, mode }
    }

    pub(crate) fn fall_silent(&self) {
        self.mode.send_replace(Mode::Silent);
    }

    pub(crate) fn go_down(&self) {
        self.mode.send_replace(Mode::Down);
    }

    pub(crate) fn recover(&self) {
        self.mode.send_replace(Mode::Open);
    }
}

async fn accept(listener: TcpListener, target: String, mode: Arc<watch::Sender<Mode>>) {
    while let Ok((client, _)) = listener.accept().await {
        if *mode.borrow() != Mode::Down {
            drop(task::spawn("proxied", carry(client, target.clone(), mode.subscribe())));
        }
    }
}

async fn carry(client: TcpStream, target: String, mut mode: watch::Receiver<Mode>) {
    let broker = TcpStream::connect(target).await.unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_broker, to_broker) = broker.into_split();
    let answers = mode.clone();
    tokio::select! {
        () = pump(from_client, to_broker, None) => {}
        () = pump(from_broker, to_client, Some(answers)) => {}
        _ = mode.wait_for(|mode| *mode == Mode::Down) => {}
    }
}

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, gate: Option<watch::Receiver<Mode>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        // Once silent, a connection stays so: half an answer would be a protocol error.
        if gate.as_ref().is_some_and(|gate| *gate.borrow() == Mode::Silent) {
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
