//! `column IN (1, 2, 3)` as a statement that diesel caches, unlike `eq_any`: its text depends on the number of values only, and
//! few such numbers occur, since the list is padded to a power of two.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType, Text};

/// `column` is one of `ids`; with no ids it is false.
pub(super) fn in_list<C: Expression<SqlType = BigInt>>(column: C, ids: &[i64]) -> InList<C, BigInt, i64> {
    // 0 is never an assigned id.
    InList { column, values: padded(ids.to_vec()), sql_type: PhantomData }
}

/// `column` is one of `texts`, none of which is empty; with no texts it is false.
pub(super) fn in_texts<C: Expression>(column: C, texts: Vec<String>) -> InList<C, Text, String> {
    InList { column, values: padded(texts), sql_type: PhantomData }
}

/// Repeats the last value up to a power of two; one that no row has, if there are none.
pub(super) fn padded<V: Clone + Default>(mut values: Vec<V>) -> Vec<V> {
    let last = values.last().cloned().unwrap_or_default();
    values.resize(values.len().next_power_of_two(), last);
    values
}

#[derive(Debug, Clone)]
pub(super) struct InList<C, ST, V> {
    column: C,
    values: Vec<V>,
    sql_type: PhantomData<ST>,
}

impl<C, ST, V> Expression for InList<C, ST, V> {
    type SqlType = Bool;
}

impl<C: AppearsOnTable<QS>, ST, V, QS> AppearsOnTable<QS> for InList<C, ST, V> {}

impl<C: SelectableExpression<QS>, ST, V, QS> SelectableExpression<QS> for InList<C, ST, V> {}

impl<C, ST, V, GB> ValidGrouping<GB> for InList<C, ST, V> {
    type IsAggregate = is_aggregate::No;
}

impl<C, ST, V> QueryId for InList<C, ST, V> {
    type QueryId = ();
    /// The number of values changes the text, so the type alone does not identify the statement.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C, ST, V, DB> QueryFragment<DB> for InList<C, ST, V>
where
    DB: Backend + HasSqlType<ST>,
    C: QueryFragment<DB>,
    V: ToSql<ST, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        for (index, value) in self.values.iter().enumerate() {
            out.push_sql(if index == 0 { " IN (" } else { ", " });
            out.push_bind_param::<ST, _>(value)?;
        }
        out.push_sql(")");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::super::schema::{cards, transfers};
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

    #[test]
    fn texts_are_filled_up_as_well() {
        let texts = ["a", "b", "c"].map(str::to_owned).to_vec();
        let query = transfers::table.select(transfers::id).filter(in_texts(transfers::request_key, texts));
        let sql = diesel::debug_query::<diesel::sqlite::Sqlite, _>(&query).to_string();
        assert!(sql.ends_with(r#" IN (?, ?, ?, ?) -- binds: ["a", "b", "c", "c"]"#), "{sql}");
    }
}
