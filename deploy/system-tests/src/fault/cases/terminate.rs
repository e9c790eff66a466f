//! SIGTERM under load: no request fails except by refused connections, the process ends by itself with 0 within ten seconds, and
//! its work in flight is done once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::Client;
use service_kit::task;
use system_tests::print_line;
use tokio::task::JoinHandle;

use super::{Extent, Outcome};
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::load::Load;
use crate::process::Service;

const END: Duration = Duration::from_secs(10);

pub(crate) async fn run(cluster: &Cluster, _: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "terminate", None).await?;
    let load = Load::start(&env.ledger, 2, Duration::from_millis(60));
    let mut faults = Vec::new();
    for service in Service::ALL {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let readers = Readers::start(&env, service).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        readers.terminating.store(true, Ordering::SeqCst);
        let (status, took) = env.process(service)?.terminate().await?;
        let (answered, failed) = readers.stop().await?;
        print_line(&format!(
            "terminate: {} ended with {status} after {} ms; {answered} reads answered, {} failed",
            service.binary(),
            took.as_millis(),
            failed.len()
        ));
        if !status.success() || took > END {
            faults.push(format!("{} ended with {status} after {} ms", service.binary(), took.as_millis()));
        }
        faults.extend(failed.into_iter().map(|fault| format!("{}: {fault}", service.binary())));
        env.launch(service, None).await?;
    }
    load.stop().await?;
    let mut findings = env.settle().await?;
    for fault in faults {
        print_line(&format!("terminate: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(env, findings).await
}

/// Requests without pause, each over a connection of its own.
struct Readers {
    terminating: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<(u64, Vec<String>)>>,
}

impl Readers {
    async fn start(env: &FaultEnv<'_>, service: Service) -> anyhow::Result<Self> {
        let base = env.processes.get(&service).map_or_else(String::new, crate::process::Process::url);
        let path = match service {
            Service::Bank => "/api/banks?page_size=5",
            Service::Log => "/api/logs?page_size=5",
            Service::Email => "/api/emails?page_size=5",
        };
        let token = env.ledger.token().await.unwrap_or_default();
        let (terminating, stopped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let client = Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(Duration::from_secs(15)).build()?;
        let read = |_| {
            let request = client.get(format!("{base}{path}")).bearer_auth(&token);
            task::spawn("reader", read(request, Arc::clone(&terminating), Arc::clone(&stopped)))
        };
        let tasks = (0..4).map(read).collect();
        Ok(Self { terminating, stopped, tasks })
    }

    async fn stop(self) -> anyhow::Result<(u64, Vec<String>)> {
        self.stopped.store(true, Ordering::SeqCst);
        let (mut answered, mut failed) = (0, Vec::new());
        for task in self.tasks {
            let (own, faults) = task.await?;
            answered += own;
            failed.extend(faults);
        }
        Ok((answered, failed))
    }
}

async fn read(
    request: reqwest::RequestBuilder,
    terminating: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
) -> (u64, Vec<String>) {
    let (mut answered, mut failed) = (0, Vec::new());
    while !stopped.load(Ordering::SeqCst) {
        let Some(request) = request.try_clone() else { break };
        let before = !terminating.load(Ordering::SeqCst);
        let begun = Instant::now();
        match request.send().await {
            Ok(answer) if answer.status().is_success() => answered += 1,
            Ok(answer) => failed.push(format!("answered {} after {} ms", answer.status(), begun.elapsed().as_millis())),
            // A request that begins after the signal may be refused.
            Err(error) if before => failed.push(format!("a request from before the signal failed: {error:?}")),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    (answered, failed)
}
