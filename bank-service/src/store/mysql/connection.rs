//! The MySQL variant of [`Db`](crate::store::Db): diesel-async's pure-Rust connection behind diesel's synchronous traits, so
//! that neither building nor running needs a C client library.
//!
//! It depends on items that diesel hides from its documentation; `diesel` and `diesel-async` are therefore pinned to the patch
//! release (docs/decisions/0002). All such code is in this file.

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
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::TypeMetadata;
use diesel::{ConnectionResult, QueryResult, RunQueryDsl};
use diesel_async::AsyncMysqlConnection;
use diesel_async::async_connection_wrapper::{AsyncConnectionWrapper, BlockOn};
use mysql_async::{Opts, OptsBuilder};
use service_kit::http::causes;

use crate::store::error::{LOSSES, REFUSED};

/// The statements that begin every session.
const SETUP: &[&str] = &[
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION time_zone = '+00:00', SESSION innodb_lock_wait_timeout = 5",
];

/// The remedy where no server answers.
const IS_IT_THERE: &str = "is the server running, and is its address right?";
/// The remedy where the server's certificate is refused.
const IS_IT_KNOWN: &str = "is ssl-ca missing in the URL, or is its host not the one of the certificate?";

type Wrapped = AsyncConnectionWrapper<AsyncMysqlConnection, OwnRuntime>;
type Manager = <Wrapped as Connection>::TransactionManager;

/// A current-thread runtime per connection: the thread that waits for the answer drives its sockets.
///
/// It is dropped without waiting: a connection may be dropped on an async thread, where waiting is not allowed.
pub struct OwnRuntime {
    runtime: Option<tokio::runtime::Runtime>,
    /// How long one answer may take; none: no limit.
    answer_limit: Option<Duration>,
}

/// The panic payload for a database that does not answer in time: the wrapper's traits have no other way to report it, and a
/// connection with an outstanding answer must not be used again.
pub(super) struct NoAnswer(pub(super) Duration);

thread_local! {
    /// The runtime of the connection being opened. The wrapper asks for a runtime without naming the connection.
    static OPENED_ON: Cell<Option<OwnRuntime>> = const { Cell::new(None) };
}

fn new_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl BlockOn for OwnRuntime {
    #[expect(clippy::expect_used, reason = "the runtime is taken away by drop only")]
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let runtime = self.runtime.as_ref().expect("a runtime until the connection is dropped");
        let Some(limit) = self.answer_limit else { return runtime.block_on(future) };
        let answer = runtime.block_on(async { tokio::time::timeout(limit, future).await });
        answer.unwrap_or_else(|_| std::panic::resume_unwind(Box::new(NoAnswer(limit))))
    }

    #[expect(clippy::expect_used, reason = "the trait cannot fail; without a runtime there is no connection at all")]
    fn get_runtime() -> Self {
        let anew = || new_runtime().map(|runtime| Self { runtime: Some(runtime), answer_limit: None });
        let opened_on = OPENED_ON.take().map_or_else(anew, Ok);
        opened_on.expect("a runtime for a database connection: are there file descriptors left?")
    }
}

/// A connection to MySQL or MariaDB. For blocking threads only.
pub struct MysqlConn {
    inner: Wrapped,
    /// An answer reported a lost server. The wrapper notices that in transactions only, and a pool would keep handing out a
    /// connection that can never answer again.
    lost: bool,
}

impl MysqlConn {
    fn record_loss<T>(&mut self, answer: QueryResult<T>) -> QueryResult<T> {
        self.lost |= answer.as_ref().is_err_and(is_loss);
        answer
    }
}

fn is_loss(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _) | DieselError::BrokenTransactionManager => {
            true
        }
        DieselError::DatabaseError(_, info) => LOSSES.iter().any(|text| info.message().contains(text)),
        _ => false,
    }
}

impl MysqlConn {
    /// Opens a connection with options that a URL cannot express. Blocks, for `limit` at most. A later answer that takes longer
    /// than `answer_limit` unwinds with [`NoAnswer`].
    pub(super) fn open(opts: &Opts, limit: Duration, answer_limit: Option<Duration>) -> Result<Self, String> {
        let runtime = new_runtime().map_err(|error| error.to_string())?;
        // Diesel caches the statements; an UPDATE returns the number of rows found, as on other engines.
        let opts = OptsBuilder::from_opts(opts.clone()).stmt_cache_size(0).client_found_rows(true).init(SETUP.to_vec());
        let opening = async {
            let conn = mysql_async::Conn::new(opts).await.map_err(|error| connect_fault(&error))?;
            AsyncMysqlConnection::try_from(conn).await.map_err(|error| error.to_string())
        };
        let opened = runtime.block_on(async { tokio::time::timeout(limit, opening).await });
        let conn = opened.unwrap_or_else(|_| Err(format!("no answer within {} s; {IS_IT_THERE}", limit.as_secs())))?;
        OPENED_ON.set(Some(OwnRuntime { runtime: Some(runtime), answer_limit }));
        Ok(Self { inner: Wrapped::from(conn), lost: false })
    }
}

/// One line, without the URL. For an unknown user, MySQL requests an authentication method picked at random, so a method that
/// the driver does not support most often means a wrong user name.
fn connect_fault(error: &mysql_async::Error) -> String {
    let text = match error {
        mysql_async::Error::Server(error) => format!("{REFUSED}{} ({})", error.message, error.code),
        // rustls: "invalid peer certificate: UnknownIssuer".
        mysql_async::Error::Io(error) if error.to_string().contains("peer certificate") => {
            format!("{}; {IS_IT_KNOWN}", causes(error))
        }
        mysql_async::Error::Io(mysql_async::IoError::Io(error)) => format!("{error}; {IS_IT_THERE}"),
        mysql_async::Error::Driver(mysql_async::DriverError::UnknownAuthPlugin { name }) => format!(
            "{REFUSED}Access denied: the server asks for a login by {name}. It does so for a user that it does not know; one that it \
             knows must be IDENTIFIED WITH caching_sha2_password"
        ),
        other => other.to_string(),
    };
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

impl SimpleConnection for MysqlConn {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        let answer = self.inner.batch_execute(query);
        self.record_loss(answer)
    }
}

impl ConnectionSealed for MysqlConn {}

impl Connection for MysqlConn {
    type Backend = Mysql;
    type TransactionManager = Self;

    fn establish(database_url: &str) -> ConnectionResult<Self> {
        Wrapped::establish(database_url).map(|inner| Self { inner, lost: false })
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Mysql> + QueryId,
    {
        let answer = self.inner.execute_returning_count(source);
        self.record_loss(answer)
    }

    fn transaction_state(&mut self) -> &mut <Self as TransactionManager<Self>>::TransactionStateData {
        self.inner.transaction_state()
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.inner.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.inner.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.inner.set_prepared_statement_cache_size(size);
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
        let Self { inner, lost } = self;
        inner.load(source).inspect_err(|error| *lost |= is_loss(error))
    }
}

impl TransactionManager<Self> for MysqlConn {
    type TransactionStateData = <Manager as TransactionManager<Wrapped>>::TransactionStateData;

    fn begin_transaction(conn: &mut Self) -> QueryResult<()> {
        let answer = Manager::begin_transaction(&mut conn.inner);
        conn.record_loss(answer)
    }

    fn rollback_transaction(conn: &mut Self) -> QueryResult<()> {
        let answer = Manager::rollback_transaction(&mut conn.inner);
        conn.record_loss(answer)
    }

    fn commit_transaction(conn: &mut Self) -> QueryResult<()> {
        let answer = Manager::commit_transaction(&mut conn.inner);
        conn.record_loss(answer)
    }

    fn transaction_manager_status_mut(conn: &mut Self) -> &mut TransactionManagerStatus {
        Manager::transaction_manager_status_mut(&mut conn.inner)
    }

    fn is_broken_transaction_manager(conn: &mut Self) -> bool {
        Manager::is_broken_transaction_manager(&mut conn.inner)
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
        self.inner.setup()
    }
}

impl R2D2Connection for MysqlConn {
    fn ping(&mut self) -> QueryResult<()> {
        diesel::sql_query("SELECT 1").execute(self).map(|_| ())
    }

    fn is_broken(&mut self) -> bool {
        self.lost || std::thread::panicking() || Self::is_broken_transaction_manager(self)
    }
}

#[cfg(test)]
mod tests {
    use mysql_async::{Error, IoError, ServerError};

    use super::*;
    use crate::store::StoreError;

    #[test]
    fn a_server_that_refuses_the_login_or_is_not_trusted_was_reached_and_the_remedy_is_named() {
        let message = "Access denied for user 'bank'@'h' (using password: YES)".to_owned();
        let denied = Error::Server(ServerError { code: 1045, message, state: "28000".to_owned() });
        let io = |text: &str| Error::Io(IoError::Io(std::io::Error::other(text.to_owned())));
        for (error, expected) in [
            (
                denied,
                "the server refuses the connection: Access denied for user 'bank'@'h' (using password: YES) (1045)",
            ),
            (io("invalid peer certificate: UnknownIssuer"), "certificate: UnknownIssuer; is ssl-ca missing in the URL"),
            (io("Connection refused"), "the database cannot be reached: Connection refused; is the server running"),
        ] {
            let text = StoreError::Unavailable { reason: connect_fault(&error) }.to_string();
            assert!(text.contains(expected), "{text}");
            assert_eq!(text.contains("cannot be reached"), !text.contains("refuses the connection"), "{text}");
        }
    }
}
