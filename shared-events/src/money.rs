//! Money: an exact amount in the minor unit of a currency (ISO 4217), never a float.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why an amount or a currency is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("must be an ISO 4217 code of three capital letters that is in use, such as EUR")]
    UnknownCurrency,
    #[error("must be a whole number from 0 to 9223372036854775807, in the currency's minor unit")]
    Negative,
    #[error("the amounts are of different currencies")]
    CurrencyMismatch,
    #[error("the result is out of range")]
    OutOfRange,
}

/// An ISO 4217 currency in use: its code, as three ASCII capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Codes of ISO 4217 (list one, circulating currencies); not the funds codes, metals and test codes.
const CODES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF \
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT \
    MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR \
    SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV \
    WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

impl Currency {
    pub const EUR: Self = Self(*b"EUR");

    pub fn code(&self) -> &str {
        // Only ASCII capitals get past `from_str`.
        std::str::from_utf8(&self.0).unwrap_or("EUR")
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| MoneyError::UnknownCurrency)?;
        if code.iter().all(u8::is_ascii_uppercase) && CODES.split_ascii_whitespace().any(|known| known == text) {
            Ok(Self(code))
        } else {
            Err(MoneyError::UnknownCurrency)
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount that is never negative, in the minor unit of its currency (cents for EUR, yen for JPY).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// Takes an amount from 0 to `i64::MAX`, in minor units.
    pub fn try_new(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        if minor >= 0 { Ok(Self { minor, currency }) } else { Err(MoneyError::Negative) }
    }

    pub fn minor(&self) -> i64 {
        self.minor
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }

    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// Refuses a result below zero.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    fn combine(self, other: Self, apply: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch);
        }
        let minor = apply(self.minor, other.minor).ok_or(MoneyError::OutOfRange)?;
        Self::try_new(minor, self.currency).map_err(|_| MoneyError::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_currency_is_a_code_in_use() {
        assert_eq!("EUR".parse::<Currency>(), Ok(Currency::EUR));
        for bad in ["eur", "EURO", "XXX", "", "E R", "€UR"] {
            assert_eq!(bad.parse::<Currency>(), Err(MoneyError::UnknownCurrency), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn addition_and_subtraction_are_exact_or_refused(a in 0..=i64::MAX, b in 0..=i64::MAX) {
            let x = Money::try_new(a, Currency::EUR).unwrap();
            let y = Money::try_new(b, Currency::EUR).unwrap();
            match x.checked_add(y) {
                Ok(sum) => prop_assert_eq!(sum.checked_sub(y), Ok(x)),
                Err(error) => {
                    prop_assert_eq!(error, MoneyError::OutOfRange);
                    prop_assert!(i128::from(a) + i128::from(b) > i128::from(i64::MAX));
                }
            }
        }
    }

    #[test]
    fn currencies_do_not_mix_and_nothing_goes_below_zero() {
        let euro = Money::try_new(1, Currency::EUR).unwrap();
        let dollar = Money::try_new(1, "USD".parse().unwrap()).unwrap();
        assert_eq!(euro.checked_add(dollar), Err(MoneyError::CurrencyMismatch));
        assert_eq!(euro.checked_sub(Money::try_new(2, Currency::EUR).unwrap()), Err(MoneyError::OutOfRange));
        assert_eq!(Money::try_new(-1, Currency::EUR), Err(MoneyError::Negative));
    }
}
