//! A TCP proxy before an engine, which refuses connections, falls silent, or cuts connections.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use service_kit::task;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::frames::Deliveries;

const CHUNK: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    /// Refuses every connection.
    Down,
    /// Accepts every connection, and swallows its data.
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    mode: Mode,
    /// Counts cuts: a connection that sees another number than at its start is closed.
    cuts: u64,
    /// Counts silences: a connection from before one has lost data, and never gets an answer again.
    silences: u64,
}

/// Clones share one proxy.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<watch::Sender<State>>,
    /// The deliveries of the broker, if there is one behind it.
    pub(crate) deliveries: Deliveries,
}

impl Proxy {
    pub(crate) async fn start(target: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for a proxy")?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(watch::Sender::new(State { mode: Mode::Open, cuts: 0, silences: 0 }));
        let proxy = Self { port, state, deliveries: Deliveries::default() };
        drop(task::spawn("proxy", accept(listener, target, proxy.clone())));
        Ok(proxy)
    }

    /// Refuses new connections and closes the existing ones.
    pub(crate) fn down(&self) {
        self.state.send_modify(|state| *state = State { mode: Mode::Down, cuts: state.cuts + 1, ..*state });
    }

    /// As a firewall that drops packets: connections stay and are accepted, and none of them ever passes data again.
    pub(crate) fn silence(&self) {
        self.state.send_modify(|state| *state = State { mode: Mode::Silent, silences: state.silences + 1, ..*state });
    }

    /// New connections get through again.
    pub(crate) fn up(&self) {
        self.state.send_modify(|state| state.mode = Mode::Open);
    }

    /// Closes the existing connections; clients may reconnect at once.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, proxy: Proxy) {
    while let Ok((client, _)) = listener.accept().await {
        let state = proxy.state.subscribe();
        let begun = *proxy.state.borrow();
        if begun.mode != Mode::Down {
            drop(task::spawn("proxied", carry(client, target, begun, state, proxy.deliveries.clone())));
        }
    }
}

async fn carry(
    client: TcpStream,
    target: SocketAddr,
    begun: State,
    mut state: watch::Receiver<State>,
    deliveries: Deliveries,
) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
        return;
    }
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let gate = Gate { state: state.clone(), begun };
    tokio::select! {
        () = pump(from_client, to_server, &gate, None) => {}
        () = pump(from_server, to_client, &gate, Some(&deliveries)) => {}
        _ = state.wait_for(|state| state.cuts != begun.cuts) => {}
    }
}

struct Gate {
    state: watch::Receiver<State>,
    begun: State,
}

impl Gate {
    /// Whether the data of this connection gets through.
    fn is_open(&self) -> bool {
        self.begun.mode == Mode::Open && self.state.borrow().silences == self.begun.silences
    }
}

/// Until either end is closed.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, gate: &Gate, deliveries: Option<&Deliveries>) {
    let mut chunk = vec![0; CHUNK];
    let mut frames = deliveries.map(Deliveries::listen);
    loop {
        let read = from.read(&mut chunk).await.unwrap_or_default();
        match (gate.is_open(), read) {
            // The end of a server's connection is swallowed too.
            (false, 0) if frames.is_some() => return std::future::pending().await,
            (_, 0) => return,
            (false, _) => continue,
            (true, _) => {}
        }
        let bytes = chunk.get(..read).unwrap_or_default();
        if let Some(frames) = &mut frames {
            frames.feed(bytes);
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
