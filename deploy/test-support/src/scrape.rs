//! The labels of a scrape of `/metrics`, held against the values that they may have.

use std::collections::BTreeSet;

/// The parts of a histogram that its series add to its name.
const SERIES: [&str; 3] = ["_bucket", "_sum", "_count"];

/// The labels whose value is refused, as `metric{label="value"}`; `allows` gets the metric's name (of a histogram without
/// `_bucket`, `_sum` or `_count`), the label's name and its value.
pub fn refused_labels(scrape: &str, allows: impl Fn(&str, &str, &str) -> bool) -> BTreeSet<String> {
    let mut refused = BTreeSet::new();
    for line in scrape.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, mut rest)) = line.split_once('{') else { continue };
        let metric = SERIES.iter().find_map(|part| series.strip_suffix(*part)).unwrap_or(series);
        // A value with an escaped quote ends too early here, and is refused then.
        while let Some((label, after)) = rest.split_once("=\"") {
            let (value, after) = after.split_once('"').unwrap_or((after, ""));
            if !allows(metric, label, value) {
                refused.insert(format!("{metric}{{{label}=\"{value}\"}}"));
            }
            rest = after.strip_prefix(',').unwrap_or_default();
        }
    }
    refused
}

/// Whether a value is one of a list with blanks between.
pub fn is_among(values: &str, value: &str) -> bool {
    values.split(' ').any(|one| one == value)
}

/// Whether a value is the bound of a histogram's bucket.
pub fn is_bound(value: &str) -> bool {
    value == "+Inf" || value.parse::<f64>().is_ok()
}

/// Whether a value is an HTTP status.
pub fn is_status(value: &str) -> bool {
    value.parse::<u16>().is_ok_and(|status| (100..600).contains(&status))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRAPE: &str = r#"# HELP x {a="b"}
x_bucket{route="/a/{id}",le="0.5"} 1
x_bucket{route="/a/7",le="+Inf"} 1
y 2
"#;

    #[test]
    fn each_label_of_each_series_is_checked() {
        let refused = refused_labels(SCRAPE, |metric, label, value| match (metric, label) {
            ("x", "route") => value == "/a/{id}",
            ("x", "le") => is_bound(value),
            _ => false,
        });
        assert_eq!(refused, BTreeSet::from(["x{route=\"/a/7\"}".to_owned()]));
    }

    #[test]
    fn lists_have_whole_words() {
        assert!(is_among("ab cd", "cd") && !is_among("ab cd", "c") && !is_among("ab cd", "ab cd"));
        assert!(is_status("404") && !is_status("4040") && !is_status("x") && !is_bound("x"));
    }
}
