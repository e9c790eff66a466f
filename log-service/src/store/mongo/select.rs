//! Reads: a selection as a filter, a window over it, and a limited count.
//!
//! Each takes the last settled id first and reads up to it, in one causally consistent session: settled entries are readable,
//! also while another member becomes the primary.

use futures_util::TryStreamExt as _;
use mongodb::bson::{Document, doc};
use mongodb::{ClientSession, Collection};
use shared_events::{EventId, UserId};

use super::errors::{MongoError, READ_LIMIT, limited};
use super::rows::{BriefRow, Row};
use crate::domain::{Order, Selection, Visibility};
use crate::store::position::{folded, number};
use crate::store::{Start, Window};

/// The documents of a selection whose ids lie in a range.
fn matching(selection: &Selection, ids: Document) -> Document {
    let filter = &selection.filter;
    let mut all = Vec::new();
    match (selection.visibility, filter.user_id) {
        (Visibility::Staff, _) => {}
        (Visibility::Own(user), None) => all.push(visible(user)),
        // The reader is not shown the user who caused another one's entry, and finds none by that user.
        (Visibility::Own(user), Some(_)) => all.push(doc! { "user_id": user.get() }),
    }
    if let Some(user) = filter.user_id {
        all.push(doc! { "user_id": user.get() });
    }
    if let Some(event_type) = &filter.event_type {
        all.push(doc! { "event_type": event_type });
    }
    if let Some(source) = &filter.source {
        all.push(doc! { "source": source });
    }
    let millis = |date: &chrono::DateTime<chrono::Utc>| mongodb::bson::DateTime::from_millis(date.timestamp_millis());
    if let Some(from) = &filter.from {
        all.push(doc! { "date": { "$gte": millis(from) } });
    }
    if let Some(to) = &filter.to {
        all.push(doc! { "date": { "$lte": millis(to) } });
    }
    if let Some(text) = &filter.text {
        let place = doc! { "$indexOfBytes": ["$search", { "$literal": folded(text) }] };
        all.push(doc! { "$expr": { "$gte": [place, 0] } });
    }
    if all.is_empty() {
        // A void document has none of the fields above; only a read without conditions would find one.
        all.push(doc! { "void": null });
    }
    doc! { "_id": ids, "$and": all }
}

/// The entries that a user sees. Each branch has an index in the order of ids, and the server merges the results.
fn visible(user: UserId) -> Document {
    doc! { "$or": [{ "user_id": user.get() }, { "viewers": user.get() }] }
}

/// The documents of a window. A position of another store's form selects nothing.
pub(super) async fn window(
    logs: &Collection<Row>,
    session: &mut ClientSession,
    settled: i64,
    selection: &Selection,
    window: &Window,
) -> Result<Vec<Row>, MongoError> {
    let mut ids = doc! { "$lte": settled };
    if let Some(until) = &window.until {
        let Some(until) = number(until) else { return Ok(Vec::new()) };
        ids.insert("$lte", settled.min(until));
    }
    let mut skip = 0;
    match &window.start {
        Start::Offset(offset) => skip = u64::try_from(*offset).unwrap_or_default(),
        Start::After(None) => {}
        Start::After(Some(after)) => {
            let Some(after) = number(after) else { return Ok(Vec::new()) };
            match window.order {
                Order::Ascending => ids.insert("$gt", after),
                Order::Descending => ids.insert("$lt", after),
            };
        }
    }
    let direction = match window.order {
        Order::Ascending => 1,
        Order::Descending => -1,
    };
    let read = async {
        let cursor = logs
            .find(matching(selection, ids))
            .projection(Row::projection())
            .sort(doc! { "_id": direction })
            .skip(skip)
            .limit(window.limit)
            .max_time(READ_LIMIT)
            .session(&mut *session)
            .await;
        cursor?.stream(session).try_collect().await
    };
    limited::<_, mongodb::error::Error>(read).await
}

/// The documents of these events, by their unique index.
pub(super) async fn recorded(
    logs: &Collection<BriefRow>,
    events: &[EventId],
) -> Result<Vec<BriefRow>, mongodb::error::Error> {
    let events: Vec<String> = events.iter().map(ToString::to_string).collect();
    let found = logs.find(doc! { "event_id": { "$in": events } }).projection(BriefRow::projection());
    found.max_time(READ_LIMIT).await?.try_collect().await
}

/// The number of selected documents, at most `at_most`.
pub(super) async fn count(
    logs: &Collection<Row>,
    session: &mut ClientSession,
    settled: i64,
    selection: &Selection,
    at_most: i64,
) -> Result<i64, MongoError> {
    let limit = u64::try_from(at_most).unwrap_or_default();
    let filter = matching(selection, doc! { "$lte": settled });
    let count = limited(logs.count_documents(filter).limit(limit).max_time(READ_LIMIT).session(session)).await?;
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}

/// One document by its id, if it is visible. It need not be settled: a caller that has the id got it from us.
pub(super) fn one(id: i64, visibility: Visibility) -> Document {
    match visibility {
        Visibility::Staff => doc! { "_id": id, "void": null },
        Visibility::Own(user) => doc! { "_id": id, "$and": [visible(user)] },
    }
}
