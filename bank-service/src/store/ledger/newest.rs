//! The newest transfers of some ledger accounts. Each side of each is a look-up in an index, so a page costs the same however many
//! transfers there are; a condition with `OR` would read and sort all of them.

use std::cmp::Reverse;

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::super::{Db, StoreError};
use crate::domain::ledger::{LedgerId, TransferId};

/// How many ledger accounts one statement names. Each is two parts of it, and SQLite takes 500.
const AT_ONCE: usize = 100;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    id: String,
}

/// The newest transfers that have one of these ledger accounts on either side, the newest first, at most `limit`; if `before` is
/// given, of those that are older.
pub(super) fn newest(
    db: &mut Db,
    sides: &[LedgerId],
    before: Option<TransferId>,
    limit: i64,
) -> Result<Vec<TransferId>, StoreError> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut newest: Vec<TransferId> = Vec::new();
    for some in sides.chunks(AT_ONCE) {
        // Once the page is full, the other ledger accounts are asked for what is newer than its last transfer.
        let beyond = if newest.len() < most { None } else { newest.last().copied() };
        let rows: Vec<Row> = diesel::sql_query(statement(some, before, beyond, limit)).load(db)?;
        for row in rows {
            newest.push(row.id.parse().map_err(|_| StoreError::Corrupt { what: "transfers.id" })?);
        }
        newest.sort_unstable_by_key(|id| Reverse(*id));
        newest.dedup();
        newest.truncate(most);
    }
    Ok(newest)
}

/// Numbers and ids of the form that [`TransferId`] has are the only values in it.
fn statement(sides: &[LedgerId], before: Option<TransferId>, beyond: Option<TransferId>, limit: i64) -> String {
    let before = before.map(|id| format!(" AND id < '{id}'")).unwrap_or_default();
    let beyond = beyond.map(|id| format!(" AND id > '{id}'")).unwrap_or_default();
    let part = |column: &str, side: LedgerId| {
        let side = side.get();
        format!(
            "SELECT id FROM (SELECT id FROM transfers WHERE {column} = {side}{before}{beyond} \
             ORDER BY id DESC LIMIT {limit}) AS side"
        )
    };
    let parts = sides.iter().flat_map(|side| [part("from_id", *side), part("to_id", *side)]);
    parts.collect::<Vec<String>>().join(" UNION ALL ")
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection as _;

    use super::*;
    use crate::store::{DatabaseUrl, engine, migrations};

    fn side(number: i64) -> LedgerId {
        LedgerId::stored(number * 2)
    }

    /// A ledger in which each of 250 sides pays the next one, in this order.
    fn ledger(folder: &tempfile::TempDir) -> Db {
        let url = DatabaseUrl::Sqlite(folder.path().join("bank.sqlite"));
        migrations::upgrade(&url).unwrap();
        let mut db = engine::open(&url).unwrap();
        for number in 1..=250 {
            let id = TransferId::from_number(number.into());
            let (from, to) = (side(number).get(), side(number + 1).get());
            let row = format!(
                "INSERT INTO transfers (id, from_id, to_id, amount, currency, kind, status, reversed_amount, \
                 from_name, to_name, from_seq, created_at) VALUES ('{id}', {from}, {to}, 1, 'EUR', 'transfer', 'posted', 0, 'a', \
                 'b', 1, '2026-01-01 00:00:00')"
            );
            db.batch_execute(&row).unwrap();
        }
        db
    }

    #[test]
    fn the_newest_of_many_sides_are_those_of_all_of_them_whatever_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut db = ledger(&folder);
        let mut sides: Vec<LedgerId> = (1..=250).map(side).collect();
        for _ in 0..2 {
            for (before, first) in [(None, 250), (Some(100), 99), (Some(3), 2)] {
                let found = newest(&mut db, &sides, before.map(TransferId::from_number), 6).unwrap();
                let expected: Vec<TransferId> = (1..=first).rev().take(6).map(TransferId::from_number).collect();
                assert_eq!(found, expected, "before {before:?}");
            }
            sides.reverse();
        }
        let of_one = newest(&mut db, &[side(10)], None, 6).unwrap();
        assert_eq!(of_one, [10, 9].map(TransferId::from_number));
        assert!(newest(&mut db, &[], None, 6).unwrap().is_empty());
    }

    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    #[test]
    fn each_side_is_a_search_of_an_index_that_has_all_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut db = ledger(&folder);
        let sql = statement(&[side(1), side(2)], Some(TransferId::from_number(100)), None, 6);
        let plan: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(&mut db).unwrap();
        let of_transfers: Vec<&str> =
            plan.iter().map(|step| step.detail.as_str()).filter(|step| step.contains("transfers")).collect();
        assert_eq!(of_transfers.len(), 4, "{of_transfers:?}");
        for step in of_transfers {
            assert!(step.starts_with("SEARCH transfers USING COVERING INDEX transfers_"), "{step}");
        }
    }
}
