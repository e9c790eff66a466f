//! IBANs (ISO 13616): country, two check digits, bank code, account number.

use std::fmt;

/// How a country's IBANs are made up, where the bank code and the account number follow one another without further check digits
/// (the SWIFT IBAN registry).
struct Form {
    country: &'static str,
    /// The length of the bank code, and whether it is of capitals.
    code: usize,
    is_alphabetic: bool,
    /// The digits of the account number.
    number: usize,
}

const FORMS: &[Form] = &[
    form("AE", 3, false, 16),
    form("AT", 5, false, 11),
    form("CH", 5, false, 12),
    form("DE", 8, false, 10),
    form("LI", 5, false, 12),
    form("LT", 5, false, 11),
    form("LU", 3, false, 13),
    form("LV", 4, true, 13),
    form("NL", 4, true, 10),
    form("RO", 4, true, 16),
    form("SA", 2, false, 18),
];

const fn form(country: &'static str, code: usize, is_alphabetic: bool, number: usize) -> Form {
    Form { country, code, is_alphabetic, number }
}

/// The part that all IBANs of a deployment share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IbanScheme {
    country: &'static str,
    bank_code: String,
    number: usize,
}

/// Why no IBANs can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IbanError {
    #[error("must be one of {}", FORMS.iter().map(|form| form.country).collect::<Vec<_>>().join(", "))]
    Country,
    #[error("must have {length} {kind} in this country")]
    BankCode { length: usize, kind: &'static str },
}

impl IbanScheme {
    /// `bank_code` none: zeros, or an A, which no bank has.
    pub fn new(country: &str, bank_code: Option<&str>) -> Result<Self, IbanError> {
        let form = FORMS.iter().find(|form| form.country == country).ok_or(IbanError::Country)?;
        let fill = if form.is_alphabetic { "A" } else { "0" };
        let code = bank_code.map_or_else(|| fill.repeat(form.code), str::to_owned);
        let is_right = if form.is_alphabetic { u8::is_ascii_uppercase } else { u8::is_ascii_digit };
        if code.len() != form.code || !code.bytes().all(|byte| is_right(&byte)) {
            let kind = if form.is_alphabetic { "capitals" } else { "digits" };
            return Err(IbanError::BankCode { length: form.code, kind });
        }
        Ok(Self { country: form.country, bank_code: code, number: form.number })
    }

    /// The IBAN of an account. None if its number has more digits than there is room for.
    pub fn of(&self, account: i64) -> Option<Iban> {
        let number = format!("{account:0>width$}", width = self.number);
        if number.len() != self.number || account < 0 {
            return None;
        }
        let bban = format!("{}{number}", self.bank_code);
        let check = 98_u32.checked_sub(remainder(&format!("{bban}{}00", self.country))?)?;
        Some(Iban(format!("{}{check:02}{bban}", self.country)))
    }
}

/// An IBAN without spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Iban(String);

impl Iban {
    /// Reads an IBAN of any country as people write it, with spaces and in small type; none if its check digits are wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
        let (head, bban) = (text.get(..4)?, text.get(4..)?);
        let is_sound = (15..=34).contains(&text.len()) && remainder(&format!("{bban}{head}"))? == 1;
        is_sound.then_some(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Iban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first four and the last four characters of an IBAN; asterisks between.
pub fn masked(iban: &str) -> String {
    let count = iban.chars().count();
    iban.chars().enumerate().map(|(at, c)| if (4..count.saturating_sub(4)).contains(&at) { '*' } else { c }).collect()
}

/// An IBAN as people read it, in groups of four.
pub fn grouped(iban: &str) -> String {
    let spaced = |(at, c): (usize, char)| (at > 0 && at.is_multiple_of(4)).then_some(' ').into_iter().chain(Some(c));
    iban.chars().enumerate().flat_map(spaced).collect()
}

/// The remainder by 97 of the number that the text is with A to Z as 10 to 35; none for other characters.
fn remainder(text: &str) -> Option<u32> {
    text.chars().try_fold(0_u32, |rest, c| {
        let digit = c.to_digit(36).filter(|_| c.is_ascii_digit() || c.is_ascii_uppercase())?;
        let shift = if digit < 10 { 10 } else { 100 };
        rest.checked_mul(shift)?.checked_add(digit)?.checked_rem(97)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_ibans_read_and_others_do_not() {
        for good in
            ["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "ch9300762011623852957", "AT611904300234573201"]
        {
            let read = Iban::parse(good).map(|iban| iban.to_string());
            assert_eq!(read, Some(good.replace(' ', "").to_ascii_uppercase()), "{good}");
        }
        for bad in ["", "DE", "DE88370400440532013000", "DE8937040044053201300", "DE89370400440532013ä00", "XX00"] {
            assert_eq!(Iban::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_scheme_makes_the_ibans_that_the_registry_shows() {
        let german = IbanScheme::new("DE", Some("37040044")).unwrap();
        assert_eq!(german.of(532_013_000).unwrap().as_str(), "DE89370400440532013000");
        let dutch = IbanScheme::new("NL", Some("ABNA")).unwrap();
        assert_eq!(dutch.of(417_164_300).unwrap().as_str(), "NL91ABNA0417164300");
        for form in FORMS {
            let scheme = IbanScheme::new(form.country, None).unwrap();
            for account in [1, 42, 9_999_999_999] {
                let iban = scheme.of(account).unwrap();
                assert_eq!(Iban::parse(iban.as_str()), Some(iban));
            }
        }
        assert_eq!(german.of(10_000_000_000), None, "eleven digits");
        assert_eq!(german.of(-1), None);
    }

    #[test]
    fn an_iban_is_masked_and_grouped() {
        assert_eq!(masked("DE89370400440532013000"), "DE89**************3000");
        assert_eq!(masked("DE89"), "DE89");
        assert_eq!(grouped("DE89370400440532013000"), "DE89 3704 0044 0532 0130 00");
        assert_eq!(grouped(""), "");
    }

    #[test]
    fn a_country_and_its_bank_code_fit_each_other() {
        assert_eq!(IbanScheme::new("ZZ", None), Err(IbanError::Country));
        assert_eq!(IbanScheme::new("de", None), Err(IbanError::Country));
        for bad in ["", "3704004", "370400444", "3704004A"] {
            assert_eq!(
                IbanScheme::new("DE", Some(bad)),
                Err(IbanError::BankCode { length: 8, kind: "digits" }),
                "{bad}"
            );
        }
        assert!(IbanScheme::new("NL", Some("abna")).is_err());
    }
}
