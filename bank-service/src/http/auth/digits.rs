//! Codes as a text or as a JSON number: six digits, or eight of a mailed code that happens to have no letter.

use serde_json::Value;
use service_kit::http::fields::parse;

const MAX_TEXT: usize = 4096;
const CODES: u64 = 1_000_000;
const MAILED_CODES: u64 = 100_000_000;

/// A six-digit code as text; a number is padded with zeros on the left, which JSON drops.
pub(super) fn six_digits(value: &Value) -> Result<String, String> {
    code(value, CODES, 6).unwrap_or_else(|| Err("must be six digits".to_owned()))
}

/// A mailed code as text, padded in the same way.
pub(super) fn mailed_code(value: &Value) -> Result<String, String> {
    code(value, MAILED_CODES, 8).unwrap_or_else(|| Err("must be a code of eight characters".to_owned()))
}

/// None for a number that cannot be a code.
fn code(value: &Value, codes: u64, digits: usize) -> Option<Result<String, String>> {
    let Value::Number(number) = value else { return Some(parse::string(1, MAX_TEXT)(value)) };
    let code = number.as_u64().filter(|code| *code < codes)?;
    Some(Ok(format!("{code:0digits$}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_padded_and_what_is_no_code_is_refused() {
        assert_eq!(six_digits(&json!(123_456)).as_deref(), Ok("123456"));
        assert_eq!(six_digits(&json!(42)).as_deref(), Ok("000042"));
        assert_eq!(six_digits(&json!("000042")).as_deref(), Ok("000042"));
        for bad in [json!(-1), json!(1_000_000), json!(1.5), json!(null), json!(true), json!("")] {
            assert!(six_digits(&bad).is_err(), "{bad}");
        }
        assert_eq!(mailed_code(&json!(1_234_567)).as_deref(), Ok("01234567"));
        assert_eq!(mailed_code(&json!("7K3M-9QXT")).as_deref(), Ok("7K3M-9QXT"));
        assert!(mailed_code(&json!(100_000_000)).is_err() && mailed_code(&json!(-1)).is_err());
    }
}
