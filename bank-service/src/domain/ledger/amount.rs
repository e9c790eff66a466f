//! Amounts of transfers: whole numbers of a currency's minor unit, from 1 up.

use serde::Serialize;

use crate::domain::balance::Balance;

/// From 1 to 2^53 − 1, in the minor unit of the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Amount(i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to {}, in the currency's minor unit", Amount::MAX)]
pub struct AmountError;

impl Amount {
    pub const MAX: i64 = Balance::MAX;

    pub fn try_new(minor: i64) -> Result<Self, AmountError> {
        if (1..=Self::MAX).contains(&minor) { Ok(Self(minor)) } else { Err(AmountError) }
    }

    pub fn minor(self) -> i64 {
        self.0
    }
}
