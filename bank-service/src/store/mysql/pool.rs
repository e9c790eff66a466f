//! MySQL and MariaDB as an engine of the store: its reads, its transactions and its ids.

use std::sync::Arc;

use mysql_async::Opts;

use super::blocks::give_back;
use super::connections::{ConnectionPool, parsed};
use super::lease::MysqlLease;
use super::transaction::attempts;
use crate::store::work::{self, Failure, Read, Value, Write};
use crate::store::{Db, Ids, LeaseRow, Sequence, StoreError, outbox};

/// Clones share the connections and the ids.
#[derive(Clone)]
pub(in crate::store) struct MysqlPool {
    connections: ConnectionPool,
    opts: Opts,
    ids: Arc<Ids>,
}

impl MysqlPool {
    pub(in crate::store) fn connect(url: &str, ids: Arc<Ids>) -> Result<Self, StoreError> {
        let opts = parsed(url)?;
        let connections = ConnectionPool::connect(opts.clone())?;
        Ok(Self { connections, opts, ids })
    }

    /// See `ConnectionPool::probe`.
    pub(in crate::store) fn probe(&self) -> Result<(), StoreError> {
        self.connections.probe()
    }

    /// A lease under a new holder id.
    pub(in crate::store) fn lease(&self, name: &'static str) -> Box<dyn LeaseRow> {
        Box::new(MysqlLease::new(self.opts.clone(), name, service_kit::ids::new_uuid().to_string()))
    }

    pub(in crate::store) async fn read(&self, read: Read) -> Result<Value, StoreError> {
        self.connections.run(move |db| Ok(read(db))).await
    }

    /// One transaction: the work and its events.
    pub(in crate::store) async fn write(&self, work: Write) -> Result<Value, Failure> {
        let (ids, f) = (Arc::clone(&self.ids), outbox::with_events(work));
        self.connections.run(move |db| attempts(db, &ids, f)).await
    }

    /// Gives back reserved ids that were not used.
    pub(in crate::store) async fn give_back_ids(&self) {
        let left: Vec<_> =
            Sequence::ALL.into_iter().filter_map(|one| self.ids.surrender(one).map(|left| (one, left))).collect();
        if left.is_empty() {
            return;
        }
        let work = move |db: &mut Db| {
            for (sequence, block) in &left {
                give_back(db, *sequence, *block)?;
            }
            Ok::<_, StoreError>(((), Vec::new()))
        };
        let done = self.write(work::write(work)).await;
        if let Err(error) = work::was_written::<(), StoreError>(done) {
            tracing::info!(%error, "unused ids could not be given back; they are skipped");
        }
    }
}
