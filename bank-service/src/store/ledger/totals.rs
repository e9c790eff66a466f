//! The trial balance: the sums of each bank's ledger accounts, by currency and kind.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::super::{Db, StoreError};

/// The sums of one bank, currency and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    pub bank_id: i64,
    pub currency: String,
    pub kind: String,
    /// How many ledger accounts there are.
    pub accounts: i64,
    /// Credits minus debits.
    pub balance: i128,
    pub held: i128,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    bank_id: i64,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    accounts: i64,
    #[diesel(sql_type = Text)]
    balance: String,
    #[diesel(sql_type = Text)]
    held: String,
}

/// MySQL's sum of whole numbers is an exact decimal.
#[cfg(feature = "mysql")]
const SUM_ON_MYSQL: &str = "CAST(SUM({}) AS CHAR)";
/// SQLite's sum fails beyond 64 bits, so the upper and the lower 32 are summed apart.
const SUM_ON_SQLITE: &str = "SUM({} / 4294967296) || ';' || SUM({} % 4294967296)";

/// The sums of all banks, in one statement and so at one moment. They are zero for each currency.
pub fn totals(db: &mut Db) -> Result<Vec<Total>, StoreError> {
    let sum = match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(_) => SUM_ON_MYSQL,
        Db::Sqlite(_) => SUM_ON_SQLITE,
    };
    let (balance, held) = (sum.replace("{}", "balance"), sum.replace("{}", "held"));
    let sql = format!(
        "SELECT bank_id, currency, kind, COUNT(*) AS accounts, {balance} AS balance, {held} AS held \
         FROM ledger_accounts GROUP BY currency, bank_id, kind ORDER BY currency, bank_id, kind"
    );
    let rows: Vec<Row> = diesel::sql_query(sql).load(db)?;
    let read = |row: Row| {
        Some(Total {
            balance: parsed(&row.balance)?,
            held: parsed(&row.held)?,
            bank_id: row.bank_id,
            currency: row.currency,
            kind: row.kind,
            accounts: row.accounts,
        })
    };
    rows.into_iter().map(|row| read(row).ok_or(StoreError::Corrupt { what: "a sum of balances" })).collect()
}

fn parsed(sum: &str) -> Option<i128> {
    match sum.split_once(';') {
        Some((high, low)) => high.parse::<i128>().ok()?.checked_mul(1 << 32)?.checked_add(low.parse().ok()?),
        None => sum.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_in_two_parts_is_one_number() {
        for number in [0_i128, 1, -1, 4_294_967_296, -4_294_967_297, i128::from(i64::MAX), i128::from(i64::MIN)] {
            let parts = format!("{};{}", number / 4_294_967_296, number % 4_294_967_296);
            assert_eq!((parsed(&parts), parsed(&number.to_string())), (Some(number), Some(number)));
        }
        assert_eq!(parsed("x"), None);
    }
}
