//! Balances: whole numbers of a currency's minor unit, never negative, never a float.

use serde::Serialize;

/// An amount from 0 up, in the minor unit of the account's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Balance(i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to {}, in the currency's minor unit", Balance::MAX)]
pub struct BalanceError;

impl Balance {
    /// The largest requested value: JavaScript and other languages represent whole numbers exactly up to here (2^53 − 1).
    pub const MAX: i64 = 9_007_199_254_740_991;

    /// A balance from a request.
    pub fn requested(minor: i64) -> Result<Self, BalanceError> {
        Self::try_new(minor).and_then(|balance| if minor <= Self::MAX { Ok(balance) } else { Err(BalanceError) })
    }

    /// A stored balance; older ones may exceed today's maximum for requests.
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
        assert_eq!(Balance::requested(Balance::MAX).map(Balance::minor), Ok(9_007_199_254_740_991));
        assert_eq!(Balance::requested(Balance::MAX + 1), Err(BalanceError));
        assert_eq!(Balance::requested(-1), Err(BalanceError));
        assert_eq!(Balance::try_new(i64::MIN), Err(BalanceError));
    }
}
