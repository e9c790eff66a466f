//! Starting and stopping a server.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer, web};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;

use super::builtin::Builtin;
use super::gate::Gate;
use super::guard::{Guard, Shared};
use super::newcomers::Newcomers;
use super::workers::Workers;
use super::{ServerParts, ServerSettings};
use crate::http::fields::{BodyLimit, BodyTime};
use crate::http::tls;
use crate::lifecycle::{Readiness, Shutdown};
use crate::task;

const KEEP_ALIVE: Duration = Duration::from_secs(75);
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const BACKLOG: i32 = 1_024;
/// How long the end of accepting waits for threads that are behind.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(5);

/// A server that accepts connections. Dropping this does not stop it.
#[derive(Debug)]
pub struct RunningServer {
    /// Where it listens: with port 0 in the settings, the port that was given.
    pub addr: SocketAddr,
    https: bool,
    handle: ServerHandle,
    stopped: watch::Receiver<bool>,
    gate: Arc<Gate>,
}

impl RunningServer {
    pub fn url(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.addr)
    }

    /// Stops accepting; if gracefully, requests in flight finish within `shutdown_timeout`.
    pub async fn stop(&self, graceful: bool) {
        self.gate.release();
        self.handle.stop(graceful).await;
        self.wait().await;
    }

    /// Returns once the server has stopped.
    pub async fn wait(&self) {
        wait(self.stopped.clone()).await;
    }
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error means that the task of the server is gone: stopped as well.
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// Binds at once and serves until the shutdown begins or [`RunningServer::stop`] is called. Needs an actix system.
#[expect(clippy::needless_pass_by_value, reason = "a server takes over what it is made of")]
pub fn serve<F>(settings: ServerSettings, parts: ServerParts, configure: F) -> io::Result<RunningServer>
where
    F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    tls::install_crypto_provider();
    let tls = tls::server_config(&settings.tls)?;
    let https = tls.is_some();
    let builtin = Builtin::new(&parts, settings.versioned)?;
    let shared = Arc::new(Shared::new(&settings, &parts, https || settings.https_in_front));
    let (body_limit, body_timeout) = (settings.body_limit, settings.body_timeout);
    let connections = Connections::default();
    let (workers, newcomers) = (connections.workers.clone(), connections.newcomers.clone());
    let app = move || {
        workers.note_this();
        App::new()
            .app_data(BodyLimit(body_limit))
            .app_data(BodyTime(body_timeout))
            .app_data(web::PayloadConfig::new(body_limit))
            .app_data(web::JsonConfig::default().limit(body_limit))
            .wrap(Guard(Arc::clone(&shared)))
            .configure(|config| builtin.routes(config))
            .configure(configure.clone())
    };
    let count = settings.workers.max(1);
    let per_worker = settings.max_connections.checked_div(count).unwrap_or(1).max(1);
    let server = HttpServer::new(app)
        .workers(count)
        .max_connections(per_worker)
        .keep_alive(KEEP_ALIVE)
        .tcp_nodelay(true)
        .client_request_timeout(settings.head_timeout)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .shutdown_timeout(settings.shutdown_timeout.as_secs().max(1))
        // A client that has closed is gone, also while a stream has nothing to write to it.
        .h1_allow_half_closed(false)
        .on_connect(move |_, connection| newcomers.meet(connection))
        .disable_signals();
    let bound = listener(settings.bind, settings.write_timeout).and_then(|listener| {
        let gate = Gate::of(&listener)?;
        let server = match tls {
            Some(config) => server.listen_rustls_0_23(listener, config),
            None => server.listen(listener),
        }?;
        Ok((server, gate))
    });
    let (server, gate) = bound.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", settings.bind)))?;
    let addr = server.addrs().first().copied().unwrap_or(settings.bind);
    let running = start(server.run(), addr, https, gate);
    tracing::info!(service = settings.service, url = running.url(), "listening");
    drain_on_shutdown(&running, connections, parts.shutdown, parts.readiness, &settings);
    Ok(running)
}

/// A listening socket. What it accepts inherits the limit for clients that take nothing of what waits for them: the kernel
/// then closes the connection, whatever the answer is and whoever writes it.
fn listener(bind: SocketAddr, write_timeout: Duration) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(bind), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(write_timeout))?;
    socket.bind(&bind.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn start(server: Server, addr: SocketAddr, https: bool, gate: Gate) -> RunningServer {
    let handle = server.handle();
    let (ended, stopped) = watch::channel(false);
    drop(task::spawn("http-server", async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the server failed");
        }
        ended.send_replace(true);
    }));
    RunningServer { addr, https, handle, stopped, gate: Arc::new(gate) }
}

/// What is known of the connections that were taken.
#[derive(Debug, Default)]
struct Connections {
    workers: Workers,
    newcomers: Newcomers,
}

/// Not ready first, then a moment for load balancers to see it, then no more connections; those that are there are served.
fn drain_on_shutdown(
    running: &RunningServer,
    connections: Connections,
    shutdown: Shutdown,
    readiness: Readiness,
    settings: &ServerSettings,
) {
    let (handle, stopped, gate) = (running.handle.clone(), running.stopped.clone(), Arc::clone(&running.gate));
    let (drain_delay, accept_delay, silence_limit) =
        (settings.drain_delay, settings.accept_delay, settings.silence_limit);
    drop(task::spawn("http-drain", async move {
        tokio::select! {
            () = shutdown.wait() => {}
            () = wait(stopped) => return,
        }
        readiness.set_draining();
        tokio::time::sleep(drain_delay).await;
        if gate.shut() {
            tokio::time::sleep(accept_delay).await;
            connections.workers.catch_up(CATCH_UP_LIMIT).await;
            connections.newcomers.asked(silence_limit).await;
        }
        handle.stop(true).await;
    }));
}
