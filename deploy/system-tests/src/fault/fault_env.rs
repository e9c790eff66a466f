//! One set of databases, queues and processes, with the actions of the cases on it, and the check that it is whole.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;
use service_kit::ids;
use stand_ins::ports::free_port;
use system_tests::print_line;
use system_tests::random::Random;

use crate::check::{Expected, Findings, check};
use crate::cluster::Cluster;
use crate::launch::{processes, start_all};
use crate::ledger::Ledger;
use crate::process::{Process, Service};
use crate::proxy::Proxy;
use crate::servers::Engine;
use crate::sink::Sink;
use crate::snapshot::{self, Snapshot, Tables};

/// The longest time until all work has settled: longer than a mail's claim lasts, and the first two pauses of a retry.
const SETTLE_LIMIT: Duration = Duration::from_secs(150);

/// The longest time from the write of a mail to a socket until the mail server has accepted it.
const UNDER_WAY_MS: u64 = 500;

pub(crate) struct FaultEnv<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) name: String,
    /// The name of its databases and its virtual host.
    pub(crate) namespace: String,
    pub(crate) random: Random,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) sink: Sink,
    pub(crate) tables: Tables,
    pub(crate) processes: BTreeMap<Service, Process>,
    /// The second replica of each service, where a case has started it.
    pub(crate) seconds: BTreeMap<Service, Process>,
    proxies: BTreeMap<Engine, Proxy>,
    pub(crate) smtp: Proxy,
    pub(crate) expected: Expected,
    /// Kills by point; those at no point are called "anywhere".
    pub(crate) kills: BTreeMap<String, u32>,
    /// Kills of email-service, and lost answers of the mail server.
    pub(crate) mail_gaps: u32,
}

impl<'a> FaultEnv<'a> {
    /// Makes the databases and queues, starts the three processes and waits until they answer. `planted` is a fault of one service.
    pub(crate) async fn open(
        cluster: &'a Cluster,
        name: &str,
        planted: Option<(Service, &str)>,
    ) -> anyhow::Result<Self> {
        // The random end of the id: its beginning is the time, which others share.
        let namespace = format!("w{}_{}", &ids::new_uuid().simple().to_string()[24..], name.replace('-', "_"));
        cluster.servers.create_namespace(&namespace).await.with_context(|| format!("a namespace for {name}"))?;
        let sink = Sink::start().await?;
        let smtp = Proxy::start(sink.address).await?;
        let mut proxies = BTreeMap::new();
        for engine in Engine::ALL {
            proxies.insert(engine, Proxy::start(cluster.servers.address(engine)?).await?);
        }
        let folder = cluster.folder.join(&namespace);
        std::fs::create_dir_all(&folder)?;
        let mut processes = processes(cluster, &namespace, &folder, &proxies, &smtp)?;
        if let Some((service, plant)) = planted
            && let Some(process) = processes.get_mut(&service)
        {
            process.spec.environment.insert("PLANT", plant.to_owned());
        }
        start_all(&mut processes).await?;
        let bank = processes.get(&Service::Bank).context("no bank-service")?.url();
        Ok(Self {
            cluster,
            name: name.to_owned(),
            namespace: namespace.clone(),
            random: Random::new(cluster.seed ^ seed_of(name)),
            ledger: Arc::new(Ledger::prepare(vec![bank]).await?),
            sink,
            tables: Tables::new(&cluster.servers.mysql(&namespace, None)?)?,
            processes,
            seconds: BTreeMap::new(),
            proxies,
            smtp,
            expected: Expected::default(),
            kills: BTreeMap::new(),
            mail_gaps: 0,
        })
        .inspect(|env: &Self| {
            print_line(&format!("{}: namespace {}, logs in {}", env.name, env.namespace, folder.display()));
        })
    }

    pub(crate) fn process(&mut self, service: Service) -> anyhow::Result<&mut Process> {
        self.processes.get_mut(&service).context("no such process")
    }

    pub(crate) fn proxy(&self, engine: Engine) -> anyhow::Result<&Proxy> {
        self.proxies.get(&engine).context("no such proxy")
    }

    /// The broker's address without the proxy, for the test itself.
    pub(crate) fn broker(&self) -> anyhow::Result<String> {
        self.cluster.servers.amqp(&self.namespace, None)
    }

    pub(crate) fn record_kill(&mut self, service: Service, point: &str) {
        *self.kills.entry(format!("{} {point}", service.binary())).or_default() += 1;
        if service == Service::Email {
            self.mail_gaps += 1;
            self.lose_mail_answers();
        }
    }

    /// Starts a second replica of each service on the same databases and queues.
    pub(crate) async fn double(&mut self) -> anyhow::Result<()> {
        for service in [Service::Log, Service::Email, Service::Bank] {
            let mut spec = self.process(service)?.spec.clone();
            spec.port = free_port();
            spec.environment.insert(service.bind_variable(), format!("127.0.0.1:{}", spec.port));
            let mut process = Process::new(spec);
            process.launch(None)?;
            process.answers().await?;
            if service == Service::Bank {
                self.ledger.add_replica(process.url());
            }
            self.seconds.insert(service, process);
        }
        Ok(())
    }

    /// Answers of the mail server are being lost in flight, also those to mails that are still in flight.
    pub(crate) fn lose_mail_answers(&mut self) {
        let now = Instant::now();
        let moments = (0..=UNDER_WAY_MS).step_by(25).map(|ms| now + Duration::from_millis(ms));
        self.expected.mail_incidents.extend(moments);
    }

    /// kill -9 at a random moment, and a start, perhaps to die at a point.
    pub(crate) async fn kill(&mut self, service: Service, then: Option<&str>) -> anyhow::Result<()> {
        self.process(service)?.kill().await?;
        self.record_kill(service, "anywhere");
        self.launch(service, then).await
    }

    /// Restarts a process to die at a point: a running one is killed first.
    pub(crate) async fn arm(&mut self, service: Service, point: &str) -> anyhow::Result<()> {
        if self.process(service)?.exited()?.is_none() {
            self.kill(service, Some(point)).await
        } else {
            self.launch(service, Some(point)).await
        }
    }

    pub(crate) async fn launch(&mut self, service: Service, fail_point: Option<&str>) -> anyhow::Result<()> {
        let process = self.process(service)?;
        process.launch(fail_point)?;
        process.answers().await
    }

    /// Waits until the process has died at its armed point; false if it did not reach it.
    pub(crate) async fn await_death(&mut self, service: Service, point: &str, limit: Duration) -> anyhow::Result<bool> {
        let died = self.process(service)?.died(limit).await?;
        if died {
            self.record_kill(service, point);
        }
        Ok(died)
    }

    /// The present state.
    pub(crate) async fn snapshot(&self) -> anyhow::Result<Snapshot> {
        let log = self.processes.get(&Service::Log).context("no log-service")?.url();
        // Causes after their effects: an effect in an earlier read has its cause in a later one.
        let mails = self.sink.mails();
        let entries = snapshot::entries(&self.ledger, &log).await?;
        let (waiting, dead) = snapshot::queues(&self.broker()?).await?;
        let receipts = self.tables.receipts().await?;
        let events = self.tables.events().await?;
        let rows = self.tables.rows().await?;
        let mut ledger = self.tables.ledger().await?;
        for event in events.values() {
            if let Some(transfer) = &event.transfer {
                *ledger.events.entry((transfer.clone(), event.kind.clone())).or_default() += 1;
            }
        }
        Ok(Snapshot { rows, events, receipts, entries, mails, waiting, dead, ledger })
    }

    /// Waits until all work has settled and nothing is missing, or the time is up; returns the findings.
    pub(crate) async fn settle(&mut self) -> anyhow::Result<Findings> {
        self.settle_within(SETTLE_LIMIT, SETTLE_LIMIT).await
    }

    /// The same, or until nothing has changed for a while.
    pub(crate) async fn settle_within(&mut self, limit: Duration, still: Duration) -> anyhow::Result<Findings> {
        let (begun, mut moved) = (Instant::now(), Instant::now());
        let mut before = (0, 0, 0);
        loop {
            self.expected.accepted = self.ledger.accepted();
            self.expected.money = self.ledger.money.answered();
            let mut last = String::new();
            match self.snapshot().await {
                Ok(snapshot) => {
                    let findings = check(&self.expected, &snapshot);
                    let now = (findings.entries, findings.mails, snapshot.waiting);
                    if now != before || snapshot.waiting > 0 {
                        (before, moved) = (now, Instant::now());
                    }
                    if findings.faults.is_empty() || begun.elapsed() > limit || moved.elapsed() > still {
                        self.report(&findings, begun.elapsed());
                        return Ok(findings);
                    }
                }
                Err(error) => last = format!("{error:#}"),
            }
            if begun.elapsed() > limit.saturating_mul(2) {
                bail!("{}: nothing can be seen: {last}", self.name);
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    }

    fn report(&self, findings: &Findings, took: Duration) {
        let Findings { rows, transfers, events, entries, mails, dead, .. } = findings;
        let Findings { lost, invented, doubled, doubled_in_gap, faults, .. } = findings;
        let name = &self.name;
        let kills: u32 = self.kills.values().sum();
        print_line(&format!(
            "{name}: seed {}, kills {kills}, rows {rows}, transfers {transfers}, events {events}, log entries {entries}, mails {mails}, \
             dead letters {dead}, settled in {} ms",
            self.cluster.seed,
            took.as_millis(),
        ));
        print_line(&format!(
            "{name}: lost {lost}, invented {invented}, doubled {doubled}, mails doubled in the gap {doubled_in_gap} of {} kills there",
            self.mail_gaps,
        ));
        for fault in faults.iter().take(15) {
            print_line(&format!("{name}: FAULT {fault}"));
        }
    }

    /// The journey of an event, as bank-service shows it to an administrator.
    pub(crate) async fn journey(&self, event_id: &str) -> anyhow::Result<Value> {
        let bank = self.processes.get(&Service::Bank).context("no bank-service")?.url();
        let token = self.ledger.token().await.context("nobody gives a token")?;
        let url = format!("{bank}/api/events/{event_id}/journey");
        let answer = self.ledger.http.get(&url).bearer_auth(token).send().await?;
        let status = answer.status();
        let journey: Value = answer.json().await.with_context(|| url.clone())?;
        if !status.is_success() {
            bail!("GET {url} was answered {status}: {journey}");
        }
        Ok(journey)
    }

    /// A counter of one process, summed over its labels, of those lines that hold all of these texts.
    pub(crate) async fn metric(&self, service: Service, name: &str, labels: &[&str]) -> anyhow::Result<u64> {
        let process = self.processes.get(&service).context("no such process")?;
        self.metric_of(process, name, labels).await
    }

    pub(crate) async fn metric_of(&self, process: &Process, name: &str, labels: &[&str]) -> anyhow::Result<u64> {
        let text = self.ledger.http.get(format!("{}/metrics", process.url())).send().await?.text().await?;
        Ok(sum_of(&text, name, labels))
    }

    /// The spent attempts, over all processes that consume.
    pub(crate) async fn attempts(&self) -> anyhow::Result<u64> {
        let mut sum = 0;
        for service in Service::ALL {
            sum += self.attempts_of(service).await?;
        }
        Ok(sum)
    }

    /// The spent attempts of one process.
    pub(crate) async fn attempts_of(&self, service: Service) -> anyhow::Result<u64> {
        self.metric(service, "bank_messages_total", &["outcome=\"retry\""]).await
    }

    /// Stops the processes and removes their data; the logs stay if `keep` is set.
    pub(crate) async fn close(mut self, keep: bool) -> anyhow::Result<()> {
        for process in self.processes.values_mut().chain(self.seconds.values_mut()) {
            process.kill().await?;
        }
        self.cluster.servers.remove_namespace(&self.namespace).await.ok();
        if let (false, Some(process)) = (keep, self.processes.values().next()) {
            std::fs::remove_dir_all(&process.spec.folder).ok();
        }
        Ok(())
    }
}

/// The sum of the lines of a metric that hold all of these texts.
pub(crate) fn sum_of(metrics: &str, name: &str, labels: &[&str]) -> u64 {
    let named = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let fits = |line: &&str| named(line) && labels.iter().all(|label| line.contains(label));
    metrics.lines().filter(fits).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

fn seed_of(name: &str) -> u64 {
    name.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}
