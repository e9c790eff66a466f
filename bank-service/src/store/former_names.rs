//! The `former_names` table: the names that banks and clients had until they were renamed or deleted. A row is written with the change
//! that ends the name, and is never changed and never deleted.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use shared_events::{BankId, ClientId};

use super::schema::former_names::{self, dsl};
use super::schema::{banks, clients};
use super::{Ctx, Db, StoreError, ledger};
use crate::domain::name::Name;

/// A bank or a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    Bank(BankId),
    Client(ClientId),
}

impl Party {
    fn key(self) -> (&'static str, i64) {
        match self {
            Self::Bank(id) => ("bank", id.get()),
            Self::Client(id) => ("client", id.get()),
        }
    }
}

/// The name that a party had just before a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameThen {
    /// The last one if it was gone by then; none if it was gone before former names were kept.
    pub name: Option<String>,
    /// When that name ended; none if it is the party's name still.
    pub valid_until: Option<DateTime<Utc>>,
    /// Whether an earlier name is known.
    pub has_earlier: bool,
}

/// Keeps the name that a party loses now. To be called once its row is changed or deleted, and so locked: then no two names of a
/// party end at the same time, and they end in the order of its changes whatever the clock does.
pub fn keep(db: &mut Db, ctx: &Ctx, party: Party, name: &Name) -> Result<(), StoreError> {
    let (kind, id) = party.key();
    let of_party = dsl::former_names.filter(dsl::kind.eq(kind)).filter(dsl::party_id.eq(id));
    let last: Option<NaiveDateTime> = of_party.select(max(dsl::valid_until)).first(db)?;
    let now = ledger::now(db, ctx)?.naive_utc();
    let row = (
        dsl::kind.eq(kind),
        dsl::party_id.eq(id),
        dsl::valid_until.eq(last.map_or(now, |last| now.max(last + TimeDelta::microseconds(1)))),
        dsl::name.eq(name.as_str()),
    );
    diesel::insert_into(former_names::table).values(row).execute(db)?;
    Ok(())
}

/// The name that a party had just before this time. The name of today is read first: if it ends meanwhile, the former ones have it.
pub fn name_before(db: &mut Db, party: Party, time: DateTime<Utc>) -> Result<NameThen, StoreError> {
    type Row = (String, NaiveDateTime);
    let today: Option<String> = match party {
        Party::Bank(id) => banks::table.find(id.get()).select(banks::name).first(db).optional()?,
        Party::Client(id) => clients::table.find(id.get()).select(clients::name).first(db).optional()?,
    };
    let ((kind, id), time) = (party.key(), time.naive_utc());
    let of_party = || {
        let rows = dsl::former_names.filter(dsl::kind.eq(kind)).filter(dsl::party_id.eq(id));
        rows.select((dsl::name, dsl::valid_until))
    };
    let ended: Option<Row> =
        of_party().filter(dsl::valid_until.lt(time)).order(dsl::valid_until.desc()).first(db).optional()?;
    let valid: Option<Row> =
        of_party().filter(dsl::valid_until.ge(time)).order(dsl::valid_until.asc()).first(db).optional()?;
    let has_earlier = ended.is_some();
    Ok(match valid {
        Some((name, until)) => NameThen { name: Some(name), valid_until: Some(until.and_utc()), has_earlier },
        None => NameThen { name: today.or(ended.map(|(name, _)| name)), valid_until: None, has_earlier },
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use diesel::connection::SimpleConnection as _;

    use super::*;
    use crate::store::mail_alarm::SharedAlarm;
    use crate::store::{DatabaseUrl, SharedSeal, engine, migrations};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn bank() -> Party {
        Party::Bank(BankId::try_new(1).unwrap())
    }

    /// Ends this name at this time of the clock.
    fn end(db: &mut Db, party: Party, name: &str, second: i64) {
        let queue = Arc::from("callbacks");
        let ctx = Ctx::new(Arc::default(), SharedSeal::default(), SharedAlarm::default(), queue, at(second));
        keep(db, &ctx, party, &Name::parse(name).unwrap()).unwrap();
    }

    fn opened(folder: &tempfile::TempDir) -> Db {
        let url = DatabaseUrl::Sqlite(folder.path().join("bank.sqlite"));
        migrations::upgrade(&url).unwrap();
        let mut db = engine::open(&url).unwrap();
        db.batch_execute("INSERT INTO banks (id, name) VALUES (1, 'Today')").unwrap();
        db
    }

    fn name_at(db: &mut Db, party: Party, time: DateTime<Utc>) -> Option<String> {
        name_before(db, party, time).unwrap().name
    }

    #[test]
    fn a_name_ends_where_the_next_one_begins_and_the_last_one_is_that_of_today() {
        let folder = tempfile::tempdir().unwrap();
        let mut db = opened(&folder);
        let today = NameThen { name: Some("Today".to_owned()), valid_until: None, has_earlier: false };
        assert_eq!(name_before(&mut db, bank(), at(0)).unwrap(), today);
        for (name, second) in [("First", 10), ("Second", 20), ("First", 30)] {
            end(&mut db, bank(), name, second);
        }
        let first = NameThen { name: Some("First".to_owned()), valid_until: Some(at(10)), has_earlier: false };
        assert_eq!(name_before(&mut db, bank(), at(0)).unwrap(), first);
        assert_eq!(name_before(&mut db, bank(), at(10)).unwrap(), first, "it was valid up to then");
        let moment = TimeDelta::microseconds(1);
        let second = NameThen { name: Some("Second".to_owned()), valid_until: Some(at(20)), has_earlier: true };
        assert_eq!(name_before(&mut db, bank(), at(10) + moment).unwrap(), second);
        assert_eq!(name_before(&mut db, bank(), at(20)).unwrap(), second);
        assert_eq!(name_at(&mut db, bank(), at(30)).as_deref(), Some("First"));
        assert_eq!(name_before(&mut db, bank(), at(31)).unwrap(), NameThen { has_earlier: true, ..today });
    }

    #[test]
    fn names_that_end_at_one_time_of_the_clock_or_against_it_end_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut db = opened(&folder);
        for (name, second) in [("First", 20), ("Second", 20), ("Third", 10)] {
            end(&mut db, bank(), name, second);
        }
        let moment = TimeDelta::microseconds(1);
        for (time, name) in [
            (at(5), "First"),
            (at(20), "First"),
            (at(20) + moment, "Second"),
            (at(20) + moment * 2, "Third"),
            (at(20) + moment * 3, "Today"),
        ] {
            assert_eq!(name_at(&mut db, bank(), time).as_deref(), Some(name), "{time}");
        }
    }

    #[test]
    fn a_party_that_is_gone_keeps_its_last_name_and_none_has_that_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let mut db = opened(&folder);
        let client = Party::Client(ClientId::try_new(1).unwrap());
        let gone = NameThen { name: None, valid_until: None, has_earlier: false };
        assert_eq!(name_before(&mut db, client, at(0)).unwrap(), gone);
        for (name, second) in [("Ada", 10), ("Augusta", 20)] {
            end(&mut db, client, name, second);
        }
        for (second, name) in [(5, "Ada"), (15, "Augusta"), (25, "Augusta")] {
            assert_eq!(name_at(&mut db, client, at(second)).as_deref(), Some(name), "{second}");
        }
        assert_eq!(name_at(&mut db, bank(), at(5)).as_deref(), Some("Today"));
    }
}
