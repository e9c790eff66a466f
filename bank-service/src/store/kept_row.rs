//! Says of a table's new row how MySQL inserts it on a hot path (see `mysql::prepared`); a program without MySQL makes nothing of it.

/// `kept_row!(NewRow, cards: id => BigInt, balance => BigInt)`: the table, and its columns, which the fields are named after.
/// A field that is forgotten does not compile.
macro_rules! kept_row {
    ($row:ident, $table:ident: $first:ident => $first_type:ty $(, $column:ident => $type:ty)* $(,)?) => {
        #[cfg(feature = "mysql")]
        impl $crate::store::mysql::KeptRow for $row {
            const INSERT: &'static str = concat!(
                "INSERT INTO ", stringify!($table), " (", stringify!($first) $(, ", ", stringify!($column))*, ") VALUES "
            );

            fn bind<'b>(
                &'b self,
                out: &mut diesel::query_builder::AstPass<'_, 'b, diesel::mysql::Mysql>,
            ) -> diesel::QueryResult<()> {
                #[allow(unused_imports, reason = "not every table has columns of every type")]
                use diesel::sql_types::{BigInt, Binary, Nullable, Text, Timestamp};
                let Self { $first $(, $column)* } = self;
                out.push_bind_param::<$first_type, _>($first)?;
                $(out.push_sql(", "); out.push_bind_param::<$type, _>($column)?;)*
                Ok(())
            }
        }
    };
}
pub(super) use kept_row;
