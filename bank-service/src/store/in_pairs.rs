//! `a = 1 AND b = 2 OR a = 3 AND b = 4` as a statement that diesel caches: `in_list` for two columns.

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{Bool, HasSqlType};

use super::in_list::padded;

/// The most pairs of a statement: SQLite's parser has a limit of depth.
pub(super) const MOST_PAIRS: usize = 256;

/// The two columns are one of `pairs`; with no pairs it is false, provided that no row has the default values.
pub(super) fn in_pairs<A, B, V, W>(first: A, second: B, pairs: Vec<(V, W)>) -> InPairs<A, B, V, W>
where
    A: Expression,
    B: Expression,
    (V, W): Clone + Default,
{
    InPairs { first, second, pairs: padded(pairs) }
}

#[derive(Debug, Clone)]
pub(super) struct InPairs<A, B, V, W> {
    first: A,
    second: B,
    pairs: Vec<(V, W)>,
}

impl<A, B, V, W> Expression for InPairs<A, B, V, W> {
    type SqlType = Bool;
}

impl<A: AppearsOnTable<QS>, B: AppearsOnTable<QS>, V, W, QS> AppearsOnTable<QS> for InPairs<A, B, V, W> {}

impl<A: SelectableExpression<QS>, B: SelectableExpression<QS>, V, W, QS> SelectableExpression<QS>
    for InPairs<A, B, V, W>
{
}

impl<A, B, V, W, GB> ValidGrouping<GB> for InPairs<A, B, V, W> {
    type IsAggregate = is_aggregate::No;
}

impl<A, B, V, W> QueryId for InPairs<A, B, V, W> {
    type QueryId = ();
    /// The number of pairs changes the text, so the type alone does not identify the statement.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<A, B, V, W, DB> QueryFragment<DB> for InPairs<A, B, V, W>
where
    DB: Backend + HasSqlType<A::SqlType> + HasSqlType<B::SqlType>,
    A: Expression + QueryFragment<DB>,
    B: Expression + QueryFragment<DB>,
    V: ToSql<A::SqlType, DB>,
    W: ToSql<B::SqlType, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for (index, (one, other)) in self.pairs.iter().enumerate() {
            out.push_sql(if index == 0 { "(" } else { " OR " });
            self.first.walk_ast(out.reborrow())?;
            out.push_sql(" = ");
            out.push_bind_param::<A::SqlType, _>(one)?;
            out.push_sql(" AND ");
            self.second.walk_ast(out.reborrow())?;
            out.push_sql(" = ");
            out.push_bind_param::<B::SqlType, _>(other)?;
        }
        out.push_sql(")");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::super::schema::ledger_entries::{self, dsl};
    use super::*;

    fn sql(pairs: &[(i64, i64)]) -> String {
        let is_one = in_pairs(dsl::ledger_id, dsl::seq, pairs.to_vec());
        let query = ledger_entries::table.select(dsl::amount).filter(is_one);
        diesel::debug_query::<diesel::sqlite::Sqlite, _>(&query).to_string().replace("`ledger_entries`.", "")
    }

    #[test]
    fn pairs_are_filled_up_to_a_power_of_two() {
        let one = "`ledger_id` = ? AND `seq` = ?";
        let three = format!("({one} OR {one} OR {one} OR {one}) -- binds: [7, 1, 8, 2, 9, 3, 9, 3]");
        for (pairs, end) in [
            (&[][..], format!("({one}) -- binds: [0, 0]")),
            (&[(7, 1)], format!("({one}) -- binds: [7, 1]")),
            (&[(7, 1), (8, 2), (9, 3)], three),
        ] {
            assert!(sql(pairs).ends_with(&end), "{}", sql(pairs));
        }
    }
}
