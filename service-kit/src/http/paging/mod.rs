//! Lists: by page number, or by cursor for deep and live walks.
//!
//! A list's query knows `page_number`, `page_size`, `after` and the filters of an allowlist; anything else is a fault, so a
//! list is no oracle for fields it does not show. Dates named `from` and `to` are a period; a day alone in `to` is within it. All
//! faults come at once. `next` and `prev` are relative URLs and never null: at an edge they repeat the edge page. `cursor` is the
//! place to continue from, and null after the last item, so that a walk ends; `tail` is the place of the last item even then, for
//! clients that come back for new items.

mod cursor;
mod parameters;
mod query;
mod respond;
mod text;

use chrono::{DateTime, Utc};

pub use cursor::{IdKind, decode_cursor, encode_cursor};
pub use parameters::{ParameterFaults, number_between, parameters, refuse_unknown, whole_number};
pub use respond::{ListBody, beyond_the_end, link_pages, respond};

/// The largest page.
pub const MAX_PAGE_SIZE: i64 = 100;
/// Far beyond any list, and within 2^53 with any page size.
pub const MAX_PAGE_NUMBER: i64 = 1_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterKind {
    Integer,
    /// 1 to 255 characters.
    Text,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Boolean,
    /// Such as `2025-01-16T17:10:26Z`.
    Date,
}

/// A field that a list can be filtered by.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    pub name: &'static str,
    pub kind: FilterKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterValue {
    Integer(i64),
    Text(String),
    Boolean(bool),
    Date(DateTime<Utc>),
}

/// The requested part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageRequest {
    /// Pages count from 1; `number * size` does not overflow.
    Number { number: i64, size: i64 },
    /// The items after the one with this id; without an id, from the start.
    After { cursor: Option<i128>, size: i64 },
}

impl PageRequest {
    pub fn size(&self) -> i64 {
        match *self {
            Self::Number { size, .. } | Self::After { size, .. } => size,
        }
    }

    /// How many rows to skip; none in cursor mode.
    pub fn offset(&self) -> i64 {
        match *self {
            Self::Number { number, size } => number.saturating_sub(1).saturating_mul(size),
            Self::After { .. } => 0,
        }
    }

    /// The id to go on from in a list whose ids have 64 bits; none at the start, which may be below 0. Beyond that range there is
    /// nothing; [`ListQuery::parse`] refuses such a cursor.
    pub fn after_id(&self) -> Option<i64> {
        match *self {
            Self::After { cursor, .. } => cursor.map(|cursor| i64::try_from(cursor).unwrap_or(i64::MAX)),
            Self::Number { .. } => None,
        }
    }

    /// How many rows to load: without a total, one more than the page has, which shows whether the page is the last.
    pub fn limit(&self) -> i64 {
        match *self {
            Self::Number { size, .. } => size,
            Self::After { size, .. } => size.saturating_add(1),
        }
    }
}

/// A list's query, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    pub page: PageRequest,
    /// In the order given, each name at most once.
    pub filters: Vec<(&'static str, FilterValue)>,
}

impl ListQuery {
    pub fn get(&self, name: &str) -> Option<&FilterValue> {
        self.filters.iter().find(|(given, _)| *given == name).map(|(_, value)| value)
    }
}

/// The rows of one page.
#[derive(Debug, Clone)]
pub struct Listing<T> {
    pub rows: Vec<T>,
    /// How many rows there are on all pages; `None` in cursor mode.
    pub total: Option<i64>,
    /// The last row's id, from which a walk continues.
    pub last: Option<i128>,
    /// Whether rows follow the last one.
    pub more: bool,
}

impl<T> Listing<T> {
    /// A page of the rows that [`PageRequest::limit`] asked for.
    pub fn of<I: Into<i128>>(
        page: PageRequest,
        mut rows: Vec<T>,
        total: Option<i64>,
        id: impl FnOnce(&T) -> I,
    ) -> Self {
        let size = usize::try_from(page.size()).unwrap_or(usize::MAX);
        let loaded = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let more = total.map_or(rows.len() > size, |total| page.offset().saturating_add(loaded) < total);
        rows.truncate(size);
        Self { last: rows.last().map(id).map(Into::into), rows, total, more }
    }

    pub fn try_map<U, E>(self, read: impl FnMut(T) -> Result<U, E>) -> Result<Listing<U>, E> {
        let rows = self.rows.into_iter().map(read).collect::<Result<_, E>>()?;
        Ok(Listing { rows, total: self.total, last: self.last, more: self.more })
    }
}
