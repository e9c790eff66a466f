//! The alerts of `deploy/observability/rules.yml` without their delays: a fault of a test does not last for minutes.

use anyhow::bail;

const RULES: &str = include_str!("../../../../../observability/rules.yml");

/// The names of all alerts.
pub(super) fn names() -> Vec<&'static str> {
    RULES.lines().filter_map(|line| line.trim_start().strip_prefix("- alert: ")).collect()
}

/// The same rules, word for word except that each alert fires as soon as its expression holds.
pub(super) fn without_delays() -> anyhow::Result<String> {
    let (mut rules, mut replaced) = (String::new(), 0);
    for line in RULES.lines() {
        let rest = line.trim_start();
        if rest.starts_with("for: ") {
            replaced += 1;
            rules.push_str(line.strip_suffix(rest).unwrap_or_default());
            rules.push_str("for: 0s");
        } else {
            rules.push_str(line);
        }
        rules.push('\n');
    }
    let alerts = names().len();
    if replaced != alerts {
        bail!("rules.yml has {alerts} alerts and {replaced} delays");
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_delays_are_other() {
        let rules = without_delays().unwrap();
        assert_eq!(RULES.lines().count(), rules.lines().count());
        let (mut changed, delay) = (0, "        for: ");
        for (before, after) in RULES.lines().zip(rules.lines()).filter(|(before, after)| before != after) {
            assert!(before.starts_with(delay) && after == format!("{delay}0s"), "{before} is {after}");
            changed += 1;
        }
        assert!(changed == names().len() && names().contains(&"ServiceDown"), "{changed} of {:?}", names());
    }
}
