//! The MySQL variant of [`super::Db`]: diesel-async's pure-Rust connection behind diesel's synchronous traits, so that neither
//! building nor running needs a C client library.
//!
//! It leans on items that diesel hides from its documentation; `diesel` and `diesel-async` are therefore pinned to the patch
//! release (docs/decisions/0002). Everything that does so is in this file.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use diesel::connection::{
    CacheSize, Connection, ConnectionSealed, Instrumentation, LoadConnection, SimpleConnection, TransactionManager,
    TransactionManagerStatus,
};
use diesel::internal::derives::multiconnection::MultiConnectionHelper;
use diesel::migration::MigrationConnection;
use diesel::mysql::Mysql;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::r2d2::R2D2Connection;
use diesel::sql_types::TypeMetadata;
use diesel::{ConnectionResult, QueryResult, RunQueryDsl};
use diesel_async::AsyncMysqlConnection;
use diesel_async::async_connection_wrapper::{AsyncConnectionWrapper, BlockOn};
use mysql_async::{Opts, OptsBuilder};

/// What every session begins with.
const SETUP: &[&str] = &[
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION time_zone = '+00:00', SESSION innodb_lock_wait_timeout = 5",
];

type Wrapped = AsyncConnectionWrapper<AsyncMysqlConnection, OwnRuntime>;
type Manager = <Wrapped as Connection>::TransactionManager;

/// A current-thread runtime per connection: its sockets are driven by the thread that waits for the answer.
///
/// Dropped without waiting: a connection may be dropped on an async thread, where waiting is not allowed.
pub struct OwnRuntime(Option<tokio::runtime::Runtime>);

thread_local! {
    /// The runtime that a connection was opened on, on its way into the wrapper, which asks for one without saying for whom.
    static OPENED_ON: Cell<Option<tokio::runtime::Runtime>> = const { Cell::new(None) };
}

fn new_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl BlockOn for OwnRuntime {
    #[expect(clippy::expect_used, reason = "the runtime is taken away by drop only")]
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.as_ref().expect("a runtime until the connection is dropped").block_on(future)
    }

    #[expect(clippy::expect_used, reason = "the trait cannot fail; without a runtime there is no connection at all")]
    fn get_runtime() -> Self {
        let runtime = OPENED_ON.take().map_or_else(new_runtime, Ok);
        Self(Some(runtime.expect("a runtime for a database connection: are there file descriptors left?")))
    }
}

/// A connection to MySQL or MariaDB. Use it on blocking threads only.
pub struct MysqlConn(Wrapped);

impl MysqlConn {
    /// Opens a connection with options that a URL cannot say. Blocks, for `limit` at most.
    pub(super) fn open(opts: &Opts, limit: Duration) -> Result<Self, String> {
        let runtime = new_runtime().map_err(|error| error.to_string())?;
        // Statements are kept by diesel; an update tells how many rows it found, as on other engines.
        let opts = OptsBuilder::from_opts(opts.clone()).stmt_cache_size(0).client_found_rows(true).init(SETUP.to_vec());
        let opening = async {
            let conn = mysql_async::Conn::new(opts).await.map_err(|error| connect_fault(&error))?;
            AsyncMysqlConnection::try_from(conn).await.map_err(|error| error.to_string())
        };
        let opened = runtime.block_on(async { tokio::time::timeout(limit, opening).await });
        let conn = opened.unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs())))?;
        OPENED_ON.set(Some(runtime));
        Ok(Self(Wrapped::from(conn)))
    }
}

/// One line, without the URL.
fn connect_fault(error: &mysql_async::Error) -> String {
    let text = match error {
        mysql_async::Error::Server(error) => format!("{} ({})", error.message, error.code),
        other => other.to_string(),
    };
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

impl SimpleConnection for MysqlConn {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.0.batch_execute(query)
    }
}

impl ConnectionSealed for MysqlConn {}

impl Connection for MysqlConn {
    type Backend = Mysql;
    type TransactionManager = Self;

    fn establish(database_url: &str) -> ConnectionResult<Self> {
        Wrapped::establish(database_url).map(Self)
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Mysql> + QueryId,
    {
        self.0.execute_returning_count(source)
    }

    fn transaction_state(&mut self) -> &mut <Self as TransactionManager<Self>>::TransactionStateData {
        self.0.transaction_state()
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.0.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.0.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.0.set_prepared_statement_cache_size(size);
    }
}

impl LoadConnection for MysqlConn {
    type Cursor<'conn, 'query> = <Wrapped as LoadConnection>::Cursor<'conn, 'query>;
    type Row<'conn, 'query> = <Wrapped as LoadConnection>::Row<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Mysql> + QueryId + 'query,
        Mysql: diesel::expression::QueryMetadata<T::SqlType>,
    {
        self.0.load(source)
    }
}

impl TransactionManager<Self> for MysqlConn {
    type TransactionStateData = <Manager as TransactionManager<Wrapped>>::TransactionStateData;

    fn begin_transaction(conn: &mut Self) -> QueryResult<()> {
        Manager::begin_transaction(&mut conn.0)
    }

    fn rollback_transaction(conn: &mut Self) -> QueryResult<()> {
        Manager::rollback_transaction(&mut conn.0)
    }

    fn commit_transaction(conn: &mut Self) -> QueryResult<()> {
        Manager::commit_transaction(&mut conn.0)
    }

    fn transaction_manager_status_mut(conn: &mut Self) -> &mut TransactionManagerStatus {
        Manager::transaction_manager_status_mut(&mut conn.0)
    }

    fn is_broken_transaction_manager(conn: &mut Self) -> bool {
        Manager::is_broken_transaction_manager(&mut conn.0)
    }
}

impl MultiConnectionHelper for MysqlConn {
    fn to_any<'a>(lookup: &mut <Mysql as TypeMetadata>::MetadataLookup) -> &mut (dyn Any + 'a) {
        lookup
    }

    fn from_any(lookup: &mut dyn Any) -> Option<&mut <Mysql as TypeMetadata>::MetadataLookup> {
        lookup.downcast_mut()
    }
}

impl MigrationConnection for MysqlConn {
    fn setup(&mut self) -> QueryResult<usize> {
        self.0.setup()
    }
}

impl R2D2Connection for MysqlConn {
    fn ping(&mut self) -> QueryResult<()> {
        diesel::sql_query("SELECT 1").execute(self).map(|_| ())
    }

    fn is_broken(&mut self) -> bool {
        Self::is_broken_transaction_manager(self)
    }
}
