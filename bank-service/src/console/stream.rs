//! What all streams of the console have in common: they end with the session within a second or two, with the service, and when
//! the browser goes, reads nothing for ten seconds or lags behind. An open stream is no request: it does not keep an idle session
//! alive.

use std::time::Duration;

use service_kit::http::stream::Feed;
use service_kit::lifecycle::Shutdown;
use tokio::time::Instant;

use super::staff::Staff;
use crate::domain::policy::{Action, decide};
use crate::domain::role::is_staff;
use crate::domain::session::SessionId;
use crate::identity::IdentityService;

/// How often the session is checked.
const RECHECK: Duration = Duration::from_millis(500);
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a browser may take nothing.
pub(super) const SEND_LIMIT: Duration = Duration::from_secs(10);
/// What a browser is told to wait before it connects again.
const RECONNECT_MS: u32 = 2_000;

/// The open end of a stream, and what keeps it open.
pub(super) struct Stream {
    sending: Feed,
    identity: IdentityService,
    session_id: SessionId,
    /// What the user has to be allowed.
    action: Option<Action>,
    shutdown: Shutdown,
    quiet_since: Instant,
}

/// The stream has ended.
#[derive(Debug)]
pub(super) struct Over;

impl Stream {
    pub(super) fn new(
        sending: Feed,
        identity: IdentityService,
        staff: &Staff,
        action: Option<Action>,
        shutdown: Shutdown,
    ) -> Self {
        Self { sending, identity, session_id: staff.session_id, action, shutdown, quiet_since: Instant::now() }
    }

    pub(super) async fn begin(&mut self) -> Result<(), Over> {
        self.write(format!("retry: {RECONNECT_MS}\n\n")).await
    }

    /// Writes an event with HTML. `id` is what the browser names when it comes back.
    pub(super) async fn event(&mut self, name: &str, id: Option<i64>, html: &str) -> Result<(), Over> {
        let mut text = format!("event: {name}\n");
        if let Some(id) = id {
            text.extend(["id: ", id.to_string().as_str(), "\n"]);
        }
        // A line break of any kind ends a line of the stream.
        for line in html.split(['\r', '\n']).filter(|line| !line.trim().is_empty()) {
            text.extend(["data: ", line, "\n"]);
        }
        text.push('\n');
        if !self.is_allowed().await {
            return Err(Over);
        }
        self.write(text).await
    }

    /// Returns when the stream has to end. To be raced with the source of its events.
    pub(super) async fn until_over(&mut self) -> Over {
        loop {
            tokio::select! {
                () = self.sending.gone() => return Over,
                () = self.shutdown.wait() => return Over,
                () = tokio::time::sleep(RECHECK) => {}
            }
            if !self.is_allowed().await {
                return Over;
            }
            if self.quiet_since.elapsed() >= HEARTBEAT && self.write(": heartbeat\n\n".to_owned()).await.is_err() {
                return Over;
            }
        }
    }

    /// Ends the body as complete, unless the browser is gone.
    pub(super) async fn finish(self) {
        if self.sending.finish().await.is_err() {
            tracing::debug!("the browser of a stream is gone");
        }
    }

    async fn is_allowed(&self) -> bool {
        let Ok(authority) = self.identity.sessions().authority(self.session_id).await else { return false };
        let user_id = authority.session.user_id;
        let may = |action| decide(action, user_id, &authority.roles).is_some();
        is_staff(&authority.roles) && self.action.is_none_or(may)
    }

    async fn write(&mut self, text: String) -> Result<(), Over> {
        self.quiet_since = Instant::now();
        self.sending.send(text).await.map_err(|_| Over)
    }
}
