//! The time at which money is posted.

use chrono::{DateTime, NaiveDateTime, Utc};
#[cfg(feature = "mysql")]
use diesel::prelude::*;

use super::super::{Ctx, Db, StoreError};

/// The database's time where replicas share one, else the context's. To be asked once the rows are locked.
pub fn now(db: &mut Db, ctx: &Ctx) -> Result<DateTime<Utc>, StoreError> {
    let time: NaiveDateTime = match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) if ctx.times_by_database => {
            let time = super::super::fixed_sql::fixed_sql::<diesel::sql_types::Timestamp>("UTC_TIMESTAMP(6)");
            diesel::select(time).get_result(conn)?
        }
        _ => ctx.now_naive(),
    };
    Ok(time.and_utc())
}
