//! Amounts as text, exactly from minor units: no float is involved.

use shared_events::Money;

/// `5.20 EUR`, `520 JPY`, `0.520 KWD`: the number of decimals is the currency's exponent in ISO 4217.
pub fn display_amount(money: Money) -> String {
    let code = money.currency();
    let digits = money.minor().to_string();
    let decimals = exponent(code.code());
    if decimals == 0 {
        return format!("{digits} {code}");
    }
    let padded = format!("{digits:0>width$}", width = decimals + 1);
    // All ASCII digits, so any split is on a character boundary; the padding leaves at least one digit before the point.
    let (whole, fraction) = padded.split_at(padded.len().saturating_sub(decimals));
    format!("{whole}.{fraction} {code}")
}

/// Decimal places of a currency's minor unit (ISO 4217, list one). Two unless listed.
fn exponent(code: &str) -> usize {
    match code {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(minor: i64, code: &str) -> String {
        display_amount(Money::try_new(minor, code.parse().unwrap()).unwrap())
    }

    #[test]
    fn the_currency_decides_the_decimals() {
        assert_eq!(shown(520, "EUR"), "5.20 EUR");
        assert_eq!(shown(5, "EUR"), "0.05 EUR");
        assert_eq!(shown(0, "EUR"), "0.00 EUR");
        assert_eq!(shown(520, "JPY"), "520 JPY");
        assert_eq!(shown(520, "KWD"), "0.520 KWD");
        assert_eq!(shown(i64::MAX, "EUR"), "92233720368547758.07 EUR");
        assert_eq!(shown(i64::MAX, "KWD"), "9223372036854775.807 KWD");
    }

    proptest! {
        #[test]
        fn no_digit_is_lost_or_invented(minor in 0..=i64::MAX, code in "EUR|JPY|KWD|USD|VND|TND") {
            let text = shown(minor, &code);
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            prop_assert_eq!(digits.parse::<i64>(), Ok(minor));
        }
    }
}
