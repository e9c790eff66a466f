//! Connecting: the URI, the server's requirements, and the schema.
//!
//! An unusable server is refused at the start, in one line and within seconds.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{
    Acknowledgment, ClientOptions, ConnectionString, IndexOptions, ReadConcern, ReadPreference, SelectionCriteria,
    WriteConcern,
};
use mongodb::{Client, Collection, Database, IndexModel};
use service_kit::config::Secret;

use super::errors::{MongoError, limited, within};
use super::tickets::TicketRow;

/// Used unless the URI has its own.
const SELECTION_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const POOL: u32 = 32;
/// MongoDB 6.0.
const MIN_WIRE_VERSION: i32 = 17;
/// A missing index is built over the existing entries.
const BUILD_LIMIT: Duration = Duration::from_mins(15);
const INDEX_NOT_FOUND: i32 = 27;
const TTL_INDEX: &str = "received_at_ttl";
const MAX_NAME_BYTES: usize = 63;
const MAX_COLLECTION_BYTES: usize = 120;

/// The location of the log, checked for its form.
#[derive(Clone)]
pub struct MongoUrl {
    uri: Secret,
    database: String,
    collection: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MongoUrlError {
    #[error("the scheme is neither mongodb: nor mongodb+srv:")]
    Scheme,
    /// The driver's text may quote a part of the password.
    #[error("the URI cannot be read")]
    Uri,
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("needs a replica set; start mongod with --replSet rs0 and run rs.initiate() once")]
    NoReplicaSet,
    #[error("MongoDB 6.0 or later is needed")]
    TooOld,
    #[error(
        "the collection {0} holds documents that this service did not write; nothing was changed: choose another \
         MONGODB_COLLECTION or MONGODB_NAME"
    )]
    Foreign(String),
    #[error("{0}")]
    Unavailable(String),
}

impl From<MongoError> for ConnectError {
    fn from(error: MongoError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl MongoUrl {
    /// Takes a URI as given; the names have to be valid, see [`is_database_name`].
    pub fn parse(uri: &Secret, database: &str, collection: &str) -> Result<Self, MongoUrlError> {
        let text = uri.expose();
        if !text.starts_with("mongodb://") && !text.starts_with("mongodb+srv://") {
            return Err(MongoUrlError::Scheme);
        }
        ConnectionString::parse(text).map_err(|_| MongoUrlError::Uri)?;
        Ok(Self { uri: uri.clone(), database: database.to_owned(), collection: collection.to_owned() })
    }
}

impl fmt::Debug for MongoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MongoUrl({}.{})", self.database, self.collection)
    }
}

/// Whether MongoDB accepts the name of a database on every system.
pub fn is_database_name(name: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !r#"/\."$*<>:|?"#.contains(c);
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.chars().all(plain)
}

/// Whether the name can be a collection's.
pub fn is_collection_name(name: &str) -> bool {
    let plain = |c: char| !c.is_control() && c != '$';
    (1..=MAX_COLLECTION_BYTES).contains(&name.len()) && !name.starts_with("system.") && name.chars().all(plain)
}

/// The collections, on a server that can keep the store's promises.
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) logs: Collection<Document>,
    pub(super) sequence: Collection<Document>,
    pub(super) tickets: Collection<TicketRow>,
}

pub(super) async fn connect(url: &MongoUrl) -> Result<Connected, ConnectError> {
    let options = limited(ClientOptions::parse(url.uri.expose())).await?;
    let client = Client::with_options(settled(options)).map_err(MongoError::from)?;
    check(&client.database("admin")).await?;
    let database = client.database(&url.database);
    let logs = database.collection(&url.collection);
    let sequence = database.collection(&format!("{}_sequence", url.collection));
    refuse_foreign(&logs, &sequence).await?;
    let tickets = database.collection(&format!("{}_tickets", url.collection));
    refuse_foreign_tickets(&tickets).await?;
    Ok(Connected { client, logs, sequence, tickets })
}

/// Another system's log may be in use: nothing is written beside it. Its documents have ids of another type; without our sequence,
/// each document has to have the mark of ours. Only reads.
async fn refuse_foreign(logs: &Collection<Document>, sequence: &Collection<Document>) -> Result<(), ConnectError> {
    let foreign_id = doc! { "_id": { "$type": ["objectId", "string", "binData", "object"] } };
    let unmarked = doc! { "fingerprint": { "$exists": false }, "void": { "$exists": false } };
    let is_ours = limited(sequence.find_one(doc! { "_id": "ids" })).await?.is_some();
    let filters = if is_ours { vec![foreign_id] } else { vec![foreign_id, unmarked] };
    for filter in filters {
        if within(BUILD_LIMIT, logs.find_one(filter).projection(doc! { "_id": 1 })).await?.is_some() {
            return Err(ConnectError::Foreign(logs.namespace().to_string()));
        }
    }
    Ok(())
}

/// The same for the tickets beside it.
async fn refuse_foreign_tickets(tickets: &Collection<TicketRow>) -> Result<(), ConnectError> {
    let unlike_ours = doc! { "slot": { "$exists": false } };
    let documents = tickets.clone_with_type::<Document>();
    match within(BUILD_LIMIT, documents.find_one(unlike_ours).projection(doc! { "_id": 1 })).await? {
        Some(_) => Err(ConnectError::Foreign(tickets.namespace().to_string())),
        None => Ok(()),
    }
}

/// The URI cannot change the options that the store's promises depend on; times and sizes it can.
fn settled(mut options: ClientOptions) -> ClientOptions {
    options.app_name.get_or_insert_with(|| "log-service".to_owned());
    options.server_selection_timeout.get_or_insert(SELECTION_TIMEOUT);
    options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
    options.max_pool_size.get_or_insert(POOL);
    options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options
}

/// Writes that a majority confirms need a replica set, or a sharded cluster of them.
async fn check(admin: &Database) -> Result<(), ConnectError> {
    let hello = limited(admin.run_command(doc! { "hello": 1 })).await?;
    if hello.get_str("msg").ok() != Some("isdbgrid") && !hello.contains_key("setName") {
        return Err(ConnectError::NoReplicaSet);
    }
    if hello.get_i32("maxWireVersion").is_ok_and(|version| version < MIN_WIRE_VERSION) {
        return Err(ConnectError::TooOld);
    }
    Ok(())
}

/// Makes the missing indexes. Safe when several processes start at the same time.
///
/// Lists are ordered by id, so each filter that many entries pass has an index that ends in it; a date alone selects few. Only
/// entries with viewers cost their index anything.
pub(super) async fn prepare(logs: &Collection<Document>, retention: Option<TimeDelta>) -> Result<(), MongoError> {
    let unique = IndexOptions::builder().unique(true).build();
    let viewed = IndexOptions::builder().partial_filter_expression(doc! { "viewers": { "$exists": true } }).build();
    let indexes = [
        IndexModel::builder().keys(doc! { "event_id": 1 }).options(unique).build(),
        IndexModel::builder().keys(doc! { "user_id": 1, "_id": 1 }).build(),
        IndexModel::builder().keys(doc! { "viewers": 1, "_id": 1 }).options(viewed).build(),
        IndexModel::builder().keys(doc! { "event_type": 1, "_id": 1 }).build(),
        IndexModel::builder().keys(doc! { "date": 1, "_id": 1 }).build(),
    ];
    within(BUILD_LIMIT, logs.create_indexes(indexes)).await?;
    match retention {
        Some(keep) => expire_after(logs, keep).await,
        None => drop_ttl(logs).await,
    }
}

/// The server removes older entries; a changed time replaces the former one.
async fn expire_after(logs: &Collection<Document>, keep: TimeDelta) -> Result<(), MongoError> {
    let seconds = u64::try_from(keep.num_seconds()).unwrap_or_default();
    let options = IndexOptions::builder().name(TTL_INDEX.to_owned()).expire_after(Duration::from_secs(seconds)).build();
    let index = IndexModel::builder().keys(doc! { "received_at": 1 }).options(options).build();
    if within(BUILD_LIMIT, logs.create_index(index.clone())).await.is_err() {
        drop_ttl(logs).await?;
        within(BUILD_LIMIT, logs.create_index(index)).await?;
    }
    Ok(())
}

async fn drop_ttl(logs: &Collection<Document>) -> Result<(), MongoError> {
    match limited::<_, mongodb::error::Error>(async { Ok(logs.drop_index(TTL_INDEX).await) }).await? {
        Err(error) if !is_missing_index(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

fn is_missing_index(error: &mongodb::error::Error) -> bool {
    matches!(&*error.kind, mongodb::error::ErrorKind::Command(command) if command.code == INDEX_NOT_FOUND)
}

/// The greatest existing id; 0 in an empty log.
pub(super) async fn newest(logs: &Collection<Document>) -> Result<i64, MongoError> {
    let newest = logs.find_one(doc! {}).sort(doc! { "_id": -1 }).projection(doc! { "_id": 1 });
    match limited(newest).await?.as_ref().and_then(|document| document.get("_id")) {
        None => Ok(0),
        Some(Bson::Int64(id)) => Ok(*id),
        Some(_) => {
            Err(MongoError::Corrupt("its ids are of another make; choose another MONGODB_COLLECTION".to_owned()))
        }
    }
}
