//! Texts in CSV: a cell that a spreadsheet would read as a formula is made text (OWASP, CSV injection), since the texts come from
//! other people.

/// The text as a spreadsheet shows it and does not run it.
pub fn cell(text: &str) -> String {
    if text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_made_text_and_any_other_text_stays() {
        for formula in ["=1+1", "+1", "-2", "@SUM(A1)", " =1", "\t=1", "\r\n@x", "＝1", "＋1", "－1", "＠x"] {
            assert_eq!(cell(formula), format!("'{formula}"));
        }
        for text in ["", "INVOICE-7", "a=b", "1+1"] {
            assert_eq!(cell(text), text);
        }
    }
}
