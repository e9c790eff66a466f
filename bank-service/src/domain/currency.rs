//! The currencies that an account can be opened in, and how many decimal places they have.
//!
//! An account keeps a currency that was withdrawn later: it is read and changed as before.

use shared_events::Currency;

/// Codes that ISO 4217 has withdrawn (list three), and their replacements.
const WITHDRAWN: [(&str, &str); 7] =
    [("ANG", "XCG"), ("BGN", "EUR"), ("CUC", "CUP"), ("HRK", "EUR"), ("SLL", "SLE"), ("VEF", "VES"), ("ZWL", "ZWG")];

/// A currency for a new account.
pub fn in_use(text: &str) -> Result<Currency, String> {
    match WITHDRAWN.iter().find(|(code, _)| *code == text) {
        Some((_, successor)) => Err(format!("is withdrawn from ISO 4217; use {successor}")),
        None => text.parse().map_err(|error: shared_events::MoneyError| error.to_string()),
    }
}

/// Currencies whose minor unit is not a hundredth (ISO 4217, list one).
const WITHOUT_PLACES: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const WITH_THREE_PLACES: &str = "BHD IQD JOD KWD LYD OMR TND";

/// The decimal places of a currency: an amount of 100 is 100 JPY, 1.00 EUR, 0.100 BHD.
pub fn places(currency: Currency) -> usize {
    let is_in = |list: &str| list.split_ascii_whitespace().any(|code| code == currency.code());
    if is_in(WITHOUT_PLACES) {
        0
    } else if is_in(WITH_THREE_PLACES) {
        3
    } else {
        2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_has_the_decimal_places_of_iso_4217_and_each_exception_is_a_currency() {
        for (code, count) in [("EUR", 2), ("JPY", 0), ("BHD", 3), ("HUF", 2), ("ISK", 0), ("TND", 3), ("MGA", 2)] {
            assert_eq!(places(code.parse().unwrap()), count, "{code}");
        }
        for code in WITHOUT_PLACES.split(' ').chain(WITH_THREE_PLACES.split(' ')) {
            assert!(code.parse::<Currency>().is_ok_and(|currency| places(currency) != 2), "{code}");
        }
    }

    #[test]
    fn a_withdrawn_currency_is_refused_with_its_successor_which_is_in_use() {
        for (code, successor) in WITHDRAWN {
            assert_eq!(in_use(code), Err(format!("is withdrawn from ISO 4217; use {successor}")));
            assert_eq!(in_use(successor).map(|currency| currency.code().to_owned()), Ok(successor.to_owned()));
        }
    }
}
