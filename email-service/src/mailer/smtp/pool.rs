//! Connections that wait for their next mail.
//!
//! A sender owns its connection; it comes back only if its dialogue ended in step. A sender that is interrupted, by a time
//! limit or by cancellation, drops its connection with the unfinished dialogue.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::connection::Connection;
use super::settings::Limits;

pub(super) struct Pool {
    idle: Mutex<Vec<Connection>>,
    limits: Limits,
}

impl Pool {
    pub(super) fn new(limits: Limits) -> Self {
        Self { idle: Mutex::new(Vec::new()), limits }
    }

    /// The last used connection, if one is fit; unfit ones are closed.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut idle = self.idle();
        idle.retain(|connection| connection.is_fit(&self.limits));
        idle.pop()
    }

    pub(super) fn put(&self, connection: Connection) {
        let mut idle = self.idle();
        if connection.is_fit(&self.limits) && idle.len() < self.limits.connections {
            idle.push(connection);
        }
    }

    /// The server has closed one, so the others are most likely closed too.
    pub(super) fn clear(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
