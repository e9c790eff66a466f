//! The id counters, written in every group commit of SQLite's one writer.
//!
//! They are written in the same commit as the rows that used them. If another process has written in the meantime (the command
//! line while the service runs), the counters are read again first.

use std::sync::Arc;

use diesel::QueryResult;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use service_kit::sqlite::Hooks;

use super::{Db, Ids};

pub(super) struct IdHooks {
    ids: Arc<Ids>,
    /// SQLite's counter of commits by other connections; initially a value that it never has.
    data_version: i64,
}

impl IdHooks {
    pub(super) fn new(ids: Arc<Ids>) -> Self {
        Self { ids, data_version: -1 }
    }
}

impl Hooks<Db> for IdHooks {
    fn begun(&mut self, db: &mut Db) -> QueryResult<()> {
        let version: i64 =
            diesel::select(diesel::dsl::sql::<BigInt>("data_version FROM pragma_data_version")).first(db)?;
        if version != self.data_version {
            self.ids.load(db)?;
            self.data_version = version;
        }
        Ok(())
    }

    fn committing(&mut self, db: &mut Db) -> QueryResult<()> {
        self.ids.store(db)
    }

    fn failed(&mut self) {
        self.ids.forget();
    }
}
