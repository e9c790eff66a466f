//! Codes as a text or as a JSON number: six digits, or eight of a mailed code that happens to have no letter.

use serde_json::Value;
use service_kit::http::fields::{Describe, FieldSchema, Kind, Parse, parse};

use super::credential_fields::MAX_TEXT;
use crate::domain::mfa::Otp;

const CODES: u64 = 1_000_000;
const MAILED_CODES: u64 = 100_000_000;

/// A six-digit code as text; a number is padded with zeros on the left, which JSON drops.
pub(super) fn six_digits() -> Kind<impl Parse<String>, impl Describe> {
    code(CODES, 6, "must be six digits").example("123456")
}

/// A code of an authenticator app, as a text or as a number.
pub(super) fn otp() -> Kind<impl Parse<Otp>, impl Describe> {
    let text = six_digits().pattern("^[0-9]{6}$").described("The six digits that the authenticator app shows now.");
    text.and_then(|text| Otp::parse(&text).map_err(|error| error.to_string()))
}

/// A mailed code as text, padded in the same way.
pub(super) fn mailed_code() -> Kind<impl Parse<String>, impl Describe> {
    code(MAILED_CODES, 8, "must be a code of eight characters").length(1, 255).example("7K3M-9QXT")
}

fn code(codes: u64, digits: usize, expected: &'static str) -> Kind<impl Parse<String>, impl Describe> {
    let text = parse::string(1, MAX_TEXT);
    let parse = move |value: &Value| {
        let Value::Number(number) = value else { return text.read(value) };
        let code = number.as_u64().filter(|code| *code < codes).ok_or(expected)?;
        Ok(format!("{code:0digits$}"))
    };
    Kind::new(parse, FieldSchema::text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_padded_and_what_is_no_code_is_refused() {
        assert_eq!(six_digits().read(&json!(123_456)).as_deref(), Ok("123456"));
        assert_eq!(six_digits().read(&json!(42)).as_deref(), Ok("000042"));
        assert_eq!(six_digits().read(&json!("000042")).as_deref(), Ok("000042"));
        for bad in [json!(-1), json!(1_000_000), json!(1.5), json!(null), json!(true), json!("")] {
            assert!(six_digits().read(&bad).is_err(), "{bad}");
        }
        assert_eq!(mailed_code().read(&json!(1_234_567)).as_deref(), Ok("01234567"));
        assert_eq!(mailed_code().read(&json!("7K3M-9QXT")).as_deref(), Ok("7K3M-9QXT"));
        assert!(mailed_code().read(&json!(100_000_000)).is_err() && mailed_code().read(&json!(-1)).is_err());
    }
}
