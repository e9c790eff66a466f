//! SQL that never changes as an expression. Unlike one of `diesel::dsl::sql` it leaves its statement to be cached.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::expression::{
    AppearsOnTable, Expression, SelectableExpression, TypedExpressionType, ValidGrouping, is_aggregate,
};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;

/// `sql`, whose type is `ST`.
pub(super) fn fixed_sql<ST>(sql: &'static str) -> FixedSql<ST> {
    FixedSql { sql, sql_type: PhantomData }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct FixedSql<ST> {
    sql: &'static str,
    sql_type: PhantomData<ST>,
}

impl<ST: TypedExpressionType> Expression for FixedSql<ST> {
    type SqlType = ST;
}

impl<QS, ST> AppearsOnTable<QS> for FixedSql<ST> where Self: Expression {}

impl<QS, ST> SelectableExpression<QS> for FixedSql<ST> where Self: Expression {}

impl<ST, GB> ValidGrouping<GB> for FixedSql<ST> {
    type IsAggregate = is_aggregate::Never;
}

impl<ST> QueryId for FixedSql<ST> {
    type QueryId = ();
    /// The type does not say which SQL it is.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST, DB: Backend> QueryFragment<DB> for FixedSql<ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.sql);
        Ok(())
    }
}
