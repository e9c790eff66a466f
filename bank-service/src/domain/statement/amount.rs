//! Amounts in the minor unit as decimal numbers, of as many places as their currency has. No float, and nothing rounded.

/// Such as `-1234.56`.
pub(super) fn decimal(minor: i128, places: usize) -> String {
    let (whole, part) = split(minor, places);
    let point = if places == 0 { "" } else { "." };
    format!("{}{whole}{point}{part}", sign(minor))
}

/// Such as `-1,234.56`, for people.
pub(super) fn grouped(minor: i128, places: usize) -> String {
    let (whole, part) = split(minor, places);
    let point = if places == 0 { "" } else { "." };
    let mut text = sign(minor).to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && whole.len().saturating_sub(at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + point + &part
}

/// Such as `1234,56`, without its sign: SWIFT has a mark for that, and wants the comma always.
pub(super) fn swift(minor: i128, places: usize) -> String {
    let (whole, part) = split(minor, places);
    format!("{whole},{part}")
}

fn sign(minor: i128) -> &'static str {
    if minor < 0 { "-" } else { "" }
}

/// The digits before the point and after it.
fn split(minor: i128, places: usize) -> (String, String) {
    let mut whole = format!("{:0>width$}", minor.unsigned_abs(), width = places.saturating_add(1));
    let part = whole.split_off(whole.len().saturating_sub(places));
    (whole, part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_the_places_of_its_currency() {
        for (minor, places, plain, for_people, for_swift) in [
            (0, 2, "0.00", "0.00", "0,00"),
            (5, 2, "0.05", "0.05", "0,05"),
            (-5, 2, "-0.05", "-0.05", "0,05"),
            (123_456, 2, "1234.56", "1,234.56", "1234,56"),
            (-100_000, 2, "-1000.00", "-1,000.00", "1000,00"),
            (99_999, 2, "999.99", "999.99", "999,99"),
            (0, 0, "0", "0", "0,"),
            (-1_234_567, 0, "-1234567", "-1,234,567", "1234567,"),
            (100, 3, "0.100", "0.100", "0,100"),
            (1_000_000_007, 3, "1000000.007", "1,000,000.007", "1000000,007"),
        ] {
            assert_eq!(decimal(minor, places), plain);
            assert_eq!(grouped(minor, places), for_people);
            assert_eq!(swift(minor, places), for_swift);
        }
        assert_eq!(decimal(i128::from(i64::MIN), 2), "-92233720368547758.08");
    }
}
