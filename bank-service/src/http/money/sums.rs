//! Sums of amounts, which may be larger than JSON readers hold.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ledger::LedgerAccount;

/// A sum in the minor unit: a number, or a text beyond 2^53 − 1.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum AmountSum {
    Number(i64),
    Text(String),
}

impl From<i128> for AmountSum {
    fn from(sum: i128) -> Self {
        match i64::try_from(sum) {
            Ok(small) if (-LedgerAccount::LARGEST..=LedgerAccount::LARGEST).contains(&small) => Self::Number(small),
            _ => Self::Text(sum.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_beyond_what_json_readers_hold_is_a_text() {
        let written = |sum: i128| serde_json::to_string(&AmountSum::from(sum)).unwrap();
        assert_eq!(written(9_007_199_254_740_991), "9007199254740991");
        assert_eq!(written(9_007_199_254_740_992), "\"9007199254740992\"");
        assert_eq!(written(-9_007_199_254_740_991), "-9007199254740991");
        assert_eq!(written(-9_007_199_254_740_992), "\"-9007199254740992\"");
        assert_eq!(written(i128::from(u64::MAX)), "\"18446744073709551615\"");
    }
}
