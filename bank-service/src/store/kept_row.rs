//! Declares how MySQL inserts a table's new row on a hot path (see `mysql::prepared`); without MySQL `kept_row` expands to nothing.

/// `kept_row!(NewRow, cards: id => BigInt, balance => BigInt)`: the table, and its columns, named like the fields. A forgotten
/// field does not compile.
///
/// `kept_row!(NewRow, cards, "ON DUPLICATE KEY UPDATE …": …)` has an end of its statement.
macro_rules! kept_row {
    ($row:ident, $table:ident: $($columns:tt)*) => {
        $crate::store::kept_row::kept_row!($row, $table, "": $($columns)*);
    };
    ($row:ident, $table:ident, $end:literal: $first:ident => $first_type:ty $(, $column:ident => $type:ty)* $(,)?) => {
        #[cfg(feature = "mysql")]
        impl $crate::store::mysql::KeptRow for $row {
            const INSERT: &'static str = concat!(
                "INSERT INTO ", stringify!($table), " (", stringify!($first) $(, ", ", stringify!($column))*, ") VALUES "
            );

            const END: &'static str = $end;

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

/// `insert_rows!(db, cards::table, &rows)`: inserts rows that `kept_row` has declared. SQLite has no round trip to save, and
/// diesel's batch would open a transaction of its own.
macro_rules! insert_rows {
    ($db:expr, $table:expr, $rows:expr) => {{
        let rows: &[_] = $rows;
        match $db {
            #[cfg(feature = "mysql")]
            $crate::store::Db::Mysql(conn) => $crate::store::mysql::insert(conn, rows).map(drop),
            $crate::store::Db::Sqlite(conn) => {
                rows.iter().try_for_each(|row| diesel::insert_into($table).values(row).execute(conn).map(drop))
            }
        }
    }};
}
pub(super) use insert_rows;
