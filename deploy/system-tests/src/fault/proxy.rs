//! A TCP proxy before an engine, by which it looks away, or loses the connections that it has.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use service_kit::task;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    up: bool,
    /// Counts cuts: who sees another number than at its beginning is thrown out.
    cuts: u64,
}

/// Clones share one proxy.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<watch::Sender<State>>,
}

impl Proxy {
    pub(crate) async fn start(target: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for a proxy")?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(watch::Sender::new(State { up: true, cuts: 0 }));
        drop(task::spawn("proxy", accept(listener, target, Arc::clone(&state))));
        Ok(Self { port, state })
    }

    /// Nobody is let in, and those who are in are thrown out.
    pub(crate) fn down(&self) {
        self.state.send_modify(|state| *state = State { up: false, cuts: state.cuts + 1 });
    }

    pub(crate) fn up(&self) {
        self.state.send_modify(|state| state.up = true);
    }

    /// Throws out those who are in; they may come back at once.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, state: Arc<watch::Sender<State>>) {
    while let Ok((client, _)) = listener.accept().await {
        if state.borrow().up {
            drop(task::spawn("proxied", carry(client, target, state.subscribe())));
        }
    }
}

async fn carry(mut client: TcpStream, target: SocketAddr, mut state: watch::Receiver<State>) {
    let begun = state.borrow_and_update().cuts;
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
        return;
    }
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = state.wait_for(|state| state.cuts != begun) => {}
    }
}
