//! The parameters of a query, as every route reads them: percent-encoded UTF-8, each given once, none that a route does not
//! know, and numbers in one form.

use super::text::pairs;
use crate::http::problem::{ErrorCode, FieldErrors, Problem};

/// More parameters than any route has.
const MAX_PARAMETERS: usize = 50;
/// At most this many unknown parameters are named in an answer, each cut to this many characters.
const UNKNOWN_NAMED: usize = 20;
const NAME_CHARS: usize = 64;

/// The decoded pairs of a query string, in the order given. 400 for a bad escape, bad UTF-8, or more than any route takes.
pub fn parameters(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let pairs = pairs(query)?;
    if pairs.len() > MAX_PARAMETERS {
        return Err(Problem::malformed("The query has too many parameters."));
    }
    Ok(pairs)
}

/// For a route without pages: refuses a parameter that it does not know, or that is given twice, as a list does.
pub fn refuse_unknown(query: &str, known: &[&str]) -> Result<(), Problem> {
    let mut faults = ParameterFaults::default();
    let mut seen = Vec::new();
    for (name, _) in parameters(query)? {
        if !known.contains(&name.as_str()) {
            faults.unknown(&name);
        } else if seen.contains(&name) {
            faults.add(&name, "must be given once");
        } else {
            seen.push(name);
        }
    }
    faults.finish()
}

/// The faults of a query, for one answer.
#[derive(Debug, Default)]
pub struct ParameterFaults {
    faults: FieldErrors,
    unknown: usize,
}

impl ParameterFaults {
    pub fn add(&mut self, name: &str, message: impl Into<String>) {
        let (name, message): (String, String) = (name.chars().take(NAME_CHARS).collect(), message.into());
        let messages = self.faults.entry(name).or_default();
        if !messages.contains(&message) {
            messages.push(message);
        }
    }

    /// Records a parameter that the route does not have; a flood of them is answered briefly.
    pub fn unknown(&mut self, name: &str) {
        self.unknown += 1;
        if self.unknown <= UNKNOWN_NAMED {
            self.add(name, "unknown parameter");
        }
    }

    pub fn finish(self) -> Result<(), Problem> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let detail = "Some query parameters are not valid; see errors.";
        Err(Problem::new(ErrorCode::ValidationFailed, detail).with_errors(self.faults))
    }
}

/// A whole number within 64 bits in the one form that JSON has for it: no plus, no leading zeros, no `-0`.
pub fn whole_number(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// The same from `min` to `max`; the error names the expected range.
pub fn number_between(text: &str, min: i64, max: i64) -> Result<i64, String> {
    let number = whole_number(text).filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {min} to {max}, without a sign or zeros in front"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_form() {
        for (text, number) in [("0", 0), ("7", 7), ("-7", -7), ("9223372036854775807", i64::MAX)] {
            assert_eq!(whole_number(text), Some(number));
        }
        for bad in
            ["", "01", "007", "00", "-0", "-07", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "٣", "9223372036854775808"]
        {
            assert_eq!(whole_number(bad), None, "{bad:?}");
            assert!(number_between(bad, 0, i64::MAX).is_err(), "{bad:?}");
        }
        assert_eq!(number_between("5", 1, 5), Ok(5));
        assert!(number_between("6", 1, 5).is_err() && number_between("0", 1, 5).is_err());
    }

    #[test]
    fn a_route_takes_what_it_knows_once_and_names_all_else() {
        assert!(refuse_unknown("", &[]).is_ok());
        assert!(refuse_unknown("b=1&a=", &["a", "b"]).is_ok());
        let problem = refuse_unknown("a=1&a=2&c=3&d", &["a", "b"]).unwrap_err();
        assert_eq!(problem.code(), ErrorCode::ValidationFailed);
        let faults: Vec<_> = problem.errors().iter().map(|(name, all)| (name.as_str(), all[0].as_str())).collect();
        assert_eq!(faults, [("a", "must be given once"), ("c", "unknown parameter"), ("d", "unknown parameter")]);
        for bad in ["a=%", "%ff", &vec!["a=1"; 51].join("&")] {
            assert_eq!(refuse_unknown(bad, &["a"]).unwrap_err().code(), ErrorCode::MalformedRequest, "{bad}");
        }
    }

    #[test]
    fn a_flood_of_unknown_parameters_is_answered_briefly() {
        let flood: Vec<String> = (0..50).map(|number| format!("{number:0100}=1")).collect();
        let problem = refuse_unknown(&flood.join("&"), &[]).unwrap_err();
        // The names are equal once they are cut.
        assert_eq!(problem.errors().len(), 1);
        let flood: Vec<String> = (0..50).map(|number| format!("x{number}=1")).collect();
        assert_eq!(refuse_unknown(&flood.join("&"), &[]).unwrap_err().errors().len(), UNKNOWN_NAMED);
    }
}
