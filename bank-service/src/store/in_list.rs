//! `column IN (1, 2, 3)` as a statement that diesel caches, unlike `eq_any`: its text depends on the number of ids only, and few
//! such numbers occur, since the list is padded to a power of two.

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType};

/// `column` is one of `ids`; with no ids it is false.
pub(super) fn in_list<C: Expression<SqlType = BigInt>>(column: C, ids: &[i64]) -> InList<C> {
    let mut filled = ids.to_vec();
    // 0 is never an assigned id.
    let last = filled.last().copied().unwrap_or_default();
    filled.resize(ids.len().next_power_of_two(), last);
    InList { column, ids: filled }
}

#[derive(Debug, Clone)]
pub(super) struct InList<C> {
    column: C,
    ids: Vec<i64>,
}

impl<C> Expression for InList<C> {
    type SqlType = Bool;
}

impl<C: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for InList<C> {}

impl<C: SelectableExpression<QS>, QS> SelectableExpression<QS> for InList<C> {}

impl<C, GB> ValidGrouping<GB> for InList<C> {
    type IsAggregate = is_aggregate::No;
}

impl<C> QueryId for InList<C> {
    type QueryId = ();
    /// The number of ids changes the text, so the type alone does not identify the statement.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C, DB> QueryFragment<DB> for InList<C>
where
    DB: Backend + HasSqlType<BigInt>,
    C: QueryFragment<DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        for (index, id) in self.ids.iter().enumerate() {
            out.push_sql(if index == 0 { " IN (" } else { ", " });
            out.push_bind_param::<BigInt, _>(id)?;
        }
        out.push_sql(")");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::super::schema::cards;
    use super::*;

    fn sql(ids: &[i64]) -> String {
        let query = cards::table.select(cards::id).filter(in_list(cards::id, ids));
        diesel::debug_query::<diesel::sqlite::Sqlite, _>(&query).to_string()
    }

    #[test]
    fn a_list_is_filled_up_to_a_power_of_two() {
        for (ids, end) in [
            (&[][..], "(?) -- binds: [0]"),
            (&[7], "(?) -- binds: [7]"),
            (&[7, 8, 9], "(?, ?, ?, ?) -- binds: [7, 8, 9, 9]"),
        ] {
            assert!(sql(ids).ends_with(&format!(" IN {end}")), "{}", sql(ids));
        }
    }
}
