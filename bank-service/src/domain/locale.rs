//! Languages and countries of a profile.

/// A language tag (BCP 47): `en`, `pt-BR`, `zh-Hant-TW`.
pub fn language(text: &str) -> Result<String, &'static str> {
    let mut parts = text.split('-');
    let main = parts.next().unwrap_or_default();
    let is_main = (2..=3).contains(&main.len()) && main.bytes().all(|b| b.is_ascii_alphabetic());
    let is_rest = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_main && text.len() <= 35 && parts.all(is_rest) {
        Ok(text.to_owned())
    } else {
        Err("must be a language tag such as en or pt-BR")
    }
}

/// A country (ISO 3166-1 alpha-2).
pub fn country(text: &str) -> Result<String, &'static str> {
    let is_code = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
    if is_code { Ok(text.to_ascii_uppercase()) } else { Err("must be a country's two letters such as PT") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_codes_are_checked() {
        assert_eq!(country("pt"), Ok("PT".to_owned()));
        assert!(["PRT", "", "P1", "ÄÖ"].iter().all(|bad| country(bad).is_err()));
        assert!(["en", "pt-BR", "zh-Hant-TW"].iter().all(|good| language(good).is_ok()));
        assert!(["", "e", "english", "en_GB", "en-", "-en"].iter().all(|bad| language(bad).is_err()));
    }
}
