//! The queries of `deploy/observability/grafana/dashboards/bank.json`.

use std::time::Instant;

use anyhow::Context;
use serde_json::Value;
use system_tests::print_line;

use super::prometheus::Prometheus;
use super::watch::{LIMIT, PAUSE};

const DASHBOARD: &str = include_str!("../../../../../observability/grafana/dashboards/bank.json");
/// Grafana's variable, and an interval with some scrapes in it.
const INTERVAL: (&str, &str) = ("$__rate_interval", "1m");
/// Queries that can have no data in this case, each with the reason.
const WITHOUT_DATA: &[(&str, &str)] = &[];

struct Query {
    panel: String,
    expression: String,
}

/// All queries, by panel.
fn queries() -> anyhow::Result<Vec<Query>> {
    let dashboard: Value = serde_json::from_str(DASHBOARD)?;
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().context("a dashboard without panels")? {
        let title = panel["title"].as_str().unwrap_or_default();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().with_context(|| format!("a query of {title:?}"))?;
            queries.push(Query { panel: title.to_owned(), expression: expression.to_owned() });
        }
    }
    Ok(queries)
}

/// Waits until each query has had data at some time; the faults.
pub(super) async fn check(prometheus: &Prometheus) -> anyhow::Result<Vec<String>> {
    let (all, begun) = (queries()?, Instant::now());
    let is_excused = |query: &Query| WITHOUT_DATA.iter().any(|(expression, _)| *expression == query.expression);
    let (excused, mut missing): (Vec<Query>, Vec<Query>) = all.into_iter().partition(is_excused);
    let count = missing.len();
    loop {
        missing = without_data(prometheus, missing).await?;
        if missing.is_empty() || begun.elapsed() > LIMIT {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    print_line(&format!("alerts: {} of {count} queries of the dashboard had data", count - missing.len()));
    let mut faults: Vec<String> = missing.iter().map(|query| query.fault("had no data")).collect();
    for query in excused {
        if prometheus.has_had_data(&query.over_an_interval()).await? {
            faults.push(query.fault("is listed as one without data, and had some"));
        }
    }
    Ok(faults)
}

async fn without_data(prometheus: &Prometheus, queries: Vec<Query>) -> anyhow::Result<Vec<Query>> {
    let mut missing = Vec::new();
    for query in queries {
        if !prometheus.has_had_data(&query.over_an_interval()).await? {
            missing.push(query);
        }
    }
    Ok(missing)
}

impl Query {
    fn over_an_interval(&self) -> String {
        let (variable, interval) = INTERVAL;
        self.expression.replace(variable, interval)
    }

    fn fault(&self, what: &str) -> String {
        format!("a query of the panel {:?} {what}: {}", self.panel, self.expression)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_panel_has_its_queries_and_no_variable_is_left_in_them() {
        let queries = queries().unwrap();
        assert!(queries.iter().any(|query| query.panel == "Requests a second"));
        assert!(queries.iter().all(|query| !query.over_an_interval().contains('$')));
        for &(expression, reason) in WITHOUT_DATA {
            assert!(queries.iter().any(|query| query.expression == expression) && !reason.is_empty(), "{expression}");
        }
    }
}
