//! Balances: whole numbers of a currency's minor unit, never negative, never a float.

use serde::Serialize;

/// From 0 to `i64::MAX`, in the minor unit of the account's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Balance(i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to 9223372036854775807, in the currency's minor unit")]
pub struct BalanceError;

impl Balance {
    pub fn try_new(minor: i64) -> Result<Self, BalanceError> {
        if minor >= 0 { Ok(Self(minor)) } else { Err(BalanceError) }
    }

    pub fn minor(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_below_zero() {
        assert_eq!(Balance::try_new(0).map(Balance::minor), Ok(0));
        assert_eq!(Balance::try_new(i64::MAX).map(Balance::minor), Ok(i64::MAX));
        assert_eq!(Balance::try_new(-1), Err(BalanceError));
        assert_eq!(Balance::try_new(i64::MIN), Err(BalanceError));
    }
}
