//! The currencies that an account can be opened in.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withdrawn_currency_is_refused_with_its_successor_which_is_in_use() {
        for (code, successor) in WITHDRAWN {
            assert_eq!(in_use(code), Err(format!("is withdrawn from ISO 4217; use {successor}")));
            assert_eq!(in_use(successor).map(|currency| currency.code().to_owned()), Ok(successor.to_owned()));
        }
    }
}
