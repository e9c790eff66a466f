//! A Prometheus on the three processes of an environment, and the questions of the case to it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use reqwest::Client;
use serde_json::Value;
use service_kit::clock::{Clock as _, SystemClock};
use stand_ins::ports::free_port;
use tokio::process::{Child, Command};

use super::rules;
use crate::fault_env::FaultEnv;

const START_LIMIT: Duration = Duration::from_mins(1);
/// A scrape probes the dependencies, and takes two seconds if one does not answer.
const INTERVALS: &str = "scrape_interval: 3s, scrape_timeout: 3s, evaluation_interval: 1s";
/// Between two samples of a query over the whole case.
const STEP: &str = "3s";

/// The process, until it is dropped.
pub(super) struct Prometheus {
    http: Client,
    url: String,
    begun: DateTime<Utc>,
    child: Child,
}

impl Prometheus {
    pub(super) async fn start(env: &FaultEnv<'_>) -> anyhow::Result<Self> {
        let binary = env.cluster.prometheus.as_ref().context("--prometheus is missing; fault-test.sh finds one")?;
        let folder = env.processes.values().next().context("no process")?.spec.folder.join("prometheus");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("rules.yml"), rules::without_delays()?)?;
        std::fs::write(folder.join("prometheus.yml"), configuration(env)?)?;
        let address = format!("127.0.0.1:{}", free_port());
        let child = spawn(binary, &folder, &address)?;
        let (http, url) = (env.ledger.http.clone(), format!("http://{address}"));
        let mut prometheus = Self { http, url, begun: SystemClock.now(), child };
        prometheus.ready().await.with_context(|| format!("its log is in {}", folder.display()))?;
        Ok(prometheus)
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let (url, begun) = (format!("{}/-/ready", self.url), Instant::now());
        while !self.http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            if let Some(status) = self.child.try_wait()? {
                bail!("Prometheus ended at its start: {status}");
            }
            if begun.elapsed() > START_LIMIT {
                bail!("Prometheus is not ready after {} s", START_LIMIT.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// The alerts that fire now.
    pub(super) async fn firing(&self) -> anyhow::Result<BTreeSet<String>> {
        let data = self.query("alerts", &[]).await?;
        let alerts = data["alerts"].as_array().context("no list of alerts")?;
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        Ok(firing.filter_map(|alert| alert["labels"]["alertname"].as_str().map(str::to_owned)).collect())
    }

    /// Whether an expression had a number at any time since the start. "Not a number" is what a panel shows nothing for.
    pub(super) async fn has_had_data(&self, expression: &str) -> anyhow::Result<bool> {
        let [start, end] = [self.begun, SystemClock.now()].map(|time| time.timestamp().to_string());
        let range = [("query", expression), ("start", start.as_str()), ("end", end.as_str()), ("step", STEP)];
        let data = self.query("query_range", &range).await?;
        let series = data["result"].as_array().context("no list of series")?;
        let mut samples = series.iter().filter_map(|one| one["values"].as_array()).flatten();
        Ok(samples.any(|sample| is_number(&sample[1])))
    }

    async fn query(&self, path: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Value> {
        let url = format!("{}/api/v1/{path}", self.url);
        let answer: Value = self.http.get(&url).query(parameters).send().await?.json().await.context(url)?;
        if answer["status"] != "success" {
            bail!("{path} {parameters:?} was answered {answer}");
        }
        Ok(answer["data"].clone())
    }

    /// Ends it, so that its folder can be removed.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

fn is_number(value: &Value) -> bool {
    value.as_str().and_then(|text| text.parse::<f64>().ok()).is_some_and(|number| !number.is_nan())
}

/// Each process under the job that the configuration of `deploy/observability` gives it.
fn configuration(env: &FaultEnv<'_>) -> anyhow::Result<String> {
    let mut text = format!("global: {{{INTERVALS}}}\nrule_files: [rules.yml]\nscrape_configs:\n");
    for process in env.processes.values() {
        let (job, port) = (process.name(), process.spec.port);
        writeln!(text, "  - {{job_name: {job}, static_configs: [{{targets: [\"127.0.0.1:{port}\"]}}]}}")?;
    }
    Ok(text)
}

fn spawn(binary: &Path, folder: &Path, address: &str) -> anyhow::Result<Child> {
    let log = File::create(folder.join("prometheus.log"))?;
    let mut command = Command::new(binary);
    command
        .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .kill_on_drop(true);
    let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
    child.with_context(|| format!("{} cannot be started", binary.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::process::Service;

    const REAL: &str = include_str!("../../../../../observability/prometheus.yml");

    #[test]
    fn the_jobs_have_the_names_of_the_real_configuration() {
        for service in Service::ALL {
            assert!(REAL.contains(&format!("job_name: {}\n", service.binary())), "{}", service.binary());
        }
    }

    #[test]
    fn not_a_number_is_no_data() {
        assert!(is_number(&json!("0")) && is_number(&json!("1.5e-3")) && is_number(&json!("+Inf")));
        assert!(!is_number(&json!("NaN")) && !is_number(&json!(null)));
    }
}
