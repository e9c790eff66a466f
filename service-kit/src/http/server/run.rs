//! Starting and stopping a server.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer, web};
use tokio::sync::watch;

use super::address::bound;
use super::builtin::Builtin;
use super::gate::Gate;
use super::guard::{Guard, Shared};
use super::newcomers::Newcomers;
use super::workers::Workers;
use super::{MAX_WORKERS, ServerParts, ServerSettings};
use crate::http::fields::{BodyLimit, BodyTime};
use crate::lifecycle::{Deadline, Readiness, Shutdown};
use crate::task;
use crate::tls;

const KEEP_ALIVE: Duration = Duration::from_secs(75);
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const BACKLOG: i32 = 1_024;
/// How long the end of accepting waits for threads that lag behind.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(5);

/// A server that accepts connections. Dropping this does not stop it.
#[derive(Debug)]
pub struct RunningServer {
    /// The listening address: with port 0 in the settings, the port that the system chose.
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
        tokio::select! {
            () = self.handle.stop(graceful) => {}
            () = self.wait() => {}
        }
        self.wait().await;
    }

    /// Returns once the server has stopped, or the deadline of a shutdown has passed.
    pub async fn wait(&self) {
        wait(self.stopped.clone()).await;
    }
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error means that the server's task is gone, which counts as stopped.
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// Binds at once and serves until the shutdown begins or [`RunningServer::stop`] is called. Needs an actix system.
pub fn serve<F>(settings: ServerSettings, parts: ServerParts, configure: F) -> io::Result<RunningServer>
where
    F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    tls::install_crypto_provider();
    let tls = tls::server_config(&settings.tls)?;
    let https = tls.is_some();
    let builtin = Builtin::new(&parts, settings.versioned, settings.home)?;
    let shared = Arc::new(Shared::new(&settings, &parts, https || settings.https_in_front));
    let (body_limit, body_timeout) = (settings.body_limit, settings.body_timeout);
    let connections = Connections::default();
    let (workers, newcomers) = (connections.workers.clone(), connections.newcomers.clone());
    let app = move || {
        workers.register_current();
        App::new()
            .app_data(BodyLimit(body_limit))
            .app_data(BodyTime(body_timeout))
            .app_data(web::PayloadConfig::new(body_limit))
            .app_data(web::JsonConfig::default().limit(body_limit))
            .wrap(Guard(Arc::clone(&shared)))
            .configure(|config| builtin.routes(config))
            .configure(configure.clone())
    };
    let count = settings.workers.clamp(1, MAX_WORKERS);
    let per_worker = settings.max_connections.checked_div(count).unwrap_or(1).max(1);
    let server = HttpServer::new(app)
        .workers(count)
        .max_connections(per_worker)
        .keep_alive(KEEP_ALIVE)
        .tcp_nodelay(true)
        .client_request_timeout(settings.head_timeout)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .shutdown_timeout(settings.shutdown_timeout.as_secs().max(1))
        // A client that has closed its side counts as gone, also while a stream has nothing to write to it.
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
    let (running, ended) = start(server.run(), addr, https, gate);
    tracing::info!(service = settings.service, url = running.url(), "listening");
    let (handle, gate) = (running.handle.clone(), Arc::clone(&running.gate));
    let stop = Stop { handle, gate, connections, readiness: parts.readiness, ended, settings };
    stop.on_shutdown(parts.shutdown, running.stopped.clone());
    Ok(running)
}

/// A listening socket. Accepted connections inherit the limit for clients that read nothing of a waiting answer: the kernel
/// then closes the connection, whatever the answer is and whichever handler writes it.
fn listener(bind: SocketAddr, write_timeout: Duration) -> io::Result<TcpListener> {
    let socket = bound(bind)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(write_timeout))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn start(server: Server, addr: SocketAddr, https: bool, gate: Gate) -> (RunningServer, watch::Sender<bool>) {
    let handle = server.handle();
    let (ended, stopped) = watch::channel(false);
    let by_itself = ended.clone();
    drop(task::spawn("http-server", async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the server failed");
        }
        by_itself.send_replace(true);
    }));
    (RunningServer { addr, https, handle, stopped, gate: Arc::new(gate) }, ended)
}

/// State of the accepted connections.
#[derive(Debug, Default)]
struct Connections {
    workers: Workers,
    newcomers: Newcomers,
}

/// The steps of a stop, with the parts that they act on.
struct Stop {
    handle: ServerHandle,
    gate: Arc<Gate>,
    connections: Connections,
    readiness: Readiness,
    ended: watch::Sender<bool>,
    settings: ServerSettings,
}

impl Stop {
    fn on_shutdown(self, shutdown: Shutdown, stopped: watch::Receiver<bool>) {
        drop(task::spawn("http-drain", async move {
            tokio::select! {
                () = shutdown.wait() => self.run(shutdown.deadline(self.settings.stop_limit)).await,
                () = wait(stopped) => {}
            }
        }));
    }

    /// Reports not ready, waits a moment for load balancers to see it, then takes no more connections and serves those that
    /// are open. Each step has its own limit, and also gets at most the time left until the deadline.
    async fn run(&self, deadline: Deadline) {
        let settings = &self.settings;
        self.readiness.set_draining();
        tokio::time::sleep(deadline.left(settings.drain_delay)).await;
        if self.gate.shut() {
            tokio::time::sleep(deadline.left(settings.accept_delay)).await;
            self.connections.workers.catch_up(deadline.left(CATCH_UP_LIMIT)).await;
            self.connections.newcomers.first_requests(deadline.left(settings.silence_limit)).await;
        }
        if deadline.wait(settings.stop_limit, self.handle.stop(true)).await.is_none() {
            tracing::warn!("the server did not stop in time; what it still works on is given up");
            self.ended.send_replace(true);
        }
    }
}
