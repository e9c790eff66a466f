//! Amounts as people write them: `12.50` of EUR is 1250 in the minor unit.

use service_kit::http::problem::{FieldErrors, Problem};
use shared_events::Currency;

use crate::console::filters;
use crate::domain::currency::places;
use crate::domain::ledger::Refusal;
use crate::operations::ledger::TransferError;

/// The amount in the minor unit; none if it is no amount of the currency. No float is in between.
pub(super) fn minor(text: &str, currency: Currency) -> Option<i64> {
    let (text, places) = (text.trim(), places(currency));
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let is_number = !whole.is_empty() && [whole, fraction].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let has_point = whole.len() < text.len();
    if !is_number || fraction.len() > places || (has_point && fraction.is_empty()) {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

/// An amount of the currency as people write it, for the hint of a field.
pub(super) fn example(currency: Currency) -> &'static str {
    match places(currency) {
        0 => "1250",
        3 => "1.250",
        _ => "12.50",
    }
}

/// An amount as text, such as `12.50 EUR`.
pub(super) fn shown(minor: i64, currency: Currency) -> String {
    filters::amount(minor.into(), currency)
}

/// The faults of a form's values, with that of its amount in decimals: a body of the API has the minor unit.
pub(super) fn unreadable(problem: Problem, currency: Currency) -> Problem {
    let mut errors = problem.errors().clone();
    if let Some(faults) = errors.get_mut("amount") {
        let fault = match places(currency) {
            0 => "must be above zero, without decimal places".to_owned(),
            places => format!("must be above zero, with at most {places} decimal places"),
        };
        *faults = vec![fault];
    }
    problem.with_errors(errors)
}

/// Why a capture or a reversal was refused, with its amounts in decimals.
pub(super) fn refused(error: TransferError, currency: Currency) -> Problem {
    let at_most = |minor: i64, why: &str| {
        let fault = format!("must be at most {}, {why}", shown(minor, currency));
        Problem::validation(FieldErrors::from([("amount".to_owned(), vec![fault])]))
    };
    match error {
        TransferError::Refused(Refusal::MoreThanHeld { held }) => at_most(held.minor(), "which is held"),
        TransferError::Refused(Refusal::MoreThanLeft { left }) => at_most(left, "which is not reversed yet"),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_in_the_places_of_its_currency() {
        let read = |text, code: &str| minor(text, code.parse().unwrap());
        for (text, code, expected) in [
            ("12.50", "EUR", 1250),
            ("12,5", "EUR", 1250),
            (" 12 ", "EUR", 1200),
            ("0.01", "EUR", 1),
            ("1200", "JPY", 1200),
            ("1.234", "BHD", 1234),
        ] {
            assert_eq!(read(text, code), Some(expected), "{text} {code}");
        }
        for (bad, code) in
            [("", "EUR"), (".5", "EUR"), ("1.", "EUR"), ("1.234", "EUR"), ("1.0", "JPY"), ("-1", "EUR"), ("1e3", "EUR")]
        {
            assert_eq!(read(bad, code), None, "{bad} {code}");
        }
        assert_eq!(read("99999999999999999999", "EUR"), None);
    }

    #[test]
    fn a_hint_is_an_amount_of_its_currency() {
        for code in ["EUR", "JPY", "BHD"] {
            let currency = code.parse().unwrap();
            assert_eq!(minor(example(currency), currency), Some(1250), "{code}");
        }
    }

    #[test]
    fn faults_name_amounts_with_decimals() {
        let faults = |code: &str| {
            let faults = FieldErrors::from([("amount".to_owned(), vec!["in the minor unit".to_owned()])]);
            unreadable(Problem::validation(faults), code.parse().unwrap()).errors()["amount"].clone()
        };
        assert_eq!(faults("BHD"), ["must be above zero, with at most 3 decimal places"]);
        assert_eq!(faults("JPY"), ["must be above zero, without decimal places"]);
        let more = refused(Refusal::MoreThanLeft { left: 120 }.into(), "EUR".parse().unwrap());
        assert_eq!(more.errors()["amount"], ["must be at most 1.20 EUR, which is not reversed yet"]);
        let ended = refused(Refusal::HoldEnded.into(), "EUR".parse().unwrap());
        assert_eq!(ended.detail(), Problem::from(Refusal::HoldEnded).detail());
    }
}
