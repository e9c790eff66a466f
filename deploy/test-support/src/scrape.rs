//! The labels of a scrape of `/metrics`, held against the values that they may have.

use std::collections::BTreeSet;

use serde_json::Value;
use service_kit::http::openapi::BUILTIN_PATHS;
use shared_events::catalog;

const METHODS: &str = "GET POST PUT PATCH DELETE HEAD OPTIONS OTHER";
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

/// The values of the label `route` that a service may have: the paths of its document, those of every server, and `unmatched`.
pub fn routes(document: &Value) -> BTreeSet<String> {
    let documented = document["paths"].as_object().into_iter().flatten().map(|(path, _)| path.clone());
    documented.chain(BUILTIN_PATHS.map(str::to_owned)).chain(["unmatched".to_owned()]).collect()
}

/// Whether a label that the metrics of every service have may have this value. A label of other metrics may have none.
pub fn is_of_every_service(routes: &BTreeSet<String>, metric: &str, label: &str, value: &str) -> bool {
    match (metric, label) {
        (_, "le") => value == "+Inf" || value.parse::<f64>().is_ok(),
        ("bank_build_info", "version") => value == env!("CARGO_PKG_VERSION"),
        (_, "method") => is_among(METHODS, value),
        (_, "route") => routes.contains(value),
        (_, "status") => value.parse::<u16>().is_ok_and(|status| (100..600).contains(&status)),
        // That of an unknown type is `other`.
        (_, "event_type") => catalog::label(value) == value,
        _ => false,
    }
}

/// Whether a value is one of a list with blanks between.
pub fn is_among(values: &str, value: &str) -> bool {
    values.split(' ').any(|one| one == value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SCRAPE: &str = r#"# HELP x {a="b"}
x_bucket{route="/a/{id}",le="0.5"} 1
x_bucket{route="/a/7",le="+Inf"} 1
y 2
"#;

    #[test]
    fn each_label_of_each_series_is_checked() {
        let routes = routes(&json!({"paths": {"/a/{id}": {}}}));
        let allows = |metric: &str, label: &str, value: &str| is_of_every_service(&routes, metric, label, value);
        let refused = refused_labels(SCRAPE, allows);
        assert_eq!(refused, BTreeSet::from(["x{route=\"/a/7\"}".to_owned()]));
    }

    #[test]
    fn lists_have_whole_words() {
        assert!(is_among("ab cd", "cd") && !is_among("ab cd", "c") && !is_among("ab cd", "ab cd"));
        let is_status = |value: &str| is_of_every_service(&BTreeSet::new(), "x", "status", value);
        assert!(is_status("404") && !is_status("4040") && !is_status("x"));
        assert!(!is_of_every_service(&BTreeSet::new(), "x", "le", "x"));
        assert!(!is_of_every_service(&BTreeSet::new(), "x", "event_type", "spaceship.launched"));
        assert!(!is_of_every_service(&BTreeSet::new(), "x", "another", "x"));
    }
}
