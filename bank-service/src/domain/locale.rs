//! Languages and countries of a profile.

/// The officially assigned codes of ISO 3166-1 alpha-2, in order; not those that users assign (XK, ZZ) nor reserved ones (EU, UK).
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ \
    BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER \
    ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM \
    IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF \
    MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK \
    PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD \
    TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

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

/// The codes of all countries.
pub fn countries() -> impl Iterator<Item = &'static str> {
    COUNTRIES.split_ascii_whitespace()
}

/// A country: an officially assigned code, in either case.
pub fn country(text: &str) -> Result<String, &'static str> {
    let code = text.to_ascii_uppercase();
    if countries().any(|known| known == code) {
        Ok(code)
    } else {
        Err("must be a country's two letters (ISO 3166-1 alpha-2) such as PT")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_codes_are_checked() {
        assert_eq!(country("pt"), Ok("PT".to_owned()));
        assert!(["PRT", "", "P1", "ÄÖ", "P", " PT", "PT PW", "T P"].iter().all(|bad| country(bad).is_err()));
        assert!(["en", "pt-BR", "zh-Hant-TW"].iter().all(|good| language(good).is_ok()));
        assert!(["", "e", "english", "en_GB", "en-", "-en"].iter().all(|bad| language(bad).is_err()));
    }

    #[test]
    fn a_country_has_one_of_the_249_assigned_codes() {
        let codes: Vec<&str> = countries().collect();
        assert!(codes.len() == 249 && codes.is_sorted_by(|a, b| a < b));
        assert!(codes.iter().all(|code| country(code) == Ok((*code).to_owned())));
        for (good, bad) in [("GB", "UK"), ("DE", "DD"), ("CW", "AN"), ("TL", "TP"), ("RS", "XK"), ("FR", "EU")] {
            assert!(country(good).is_ok() && country(bad).is_err(), "{good} {bad}");
        }
        for unassigned in ["ZZ", "XX", "AA", "QM", "xk", "zz", "SU", "YU"] {
            assert!(country(unassigned).is_err(), "{unassigned}");
        }
    }
}
