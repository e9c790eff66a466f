//! Runs the three services: their environments, and their first start.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use stand_ins::ports::free_port;

use crate::cluster::Cluster;
use crate::ledger::{ADMIN, PASSWORD};
use crate::process::{LaunchSpec, Process, Service};
use crate::proxy::Proxy;
use crate::servers::Engine;

/// A claim on a mail, shorter than in production, so that the mails of a killed process are not held up as long.
const CLAIM_LEASE_MS: &str = "15000";
/// A message that holds this makes its handler panic.
pub(crate) const PANIC_ON: &str = "this makes a handler panic";

/// log-service and email-service first: they declare the queues that events are published to.
pub(crate) async fn start_all(processes: &mut BTreeMap<Service, Process>) -> anyhow::Result<()> {
    processes.get(&Service::Bank).context("no bank-service")?.command(&["init"]).await?;
    for service in [Service::Log, Service::Email, Service::Bank] {
        let process = processes.get_mut(&service).context("no such process")?;
        process.launch(None)?;
        process.answers().await?;
        if service != Service::Bank {
            consuming(process).await?;
        }
    }
    Ok(())
}

/// Waits until the process has its queues.
async fn consuming(process: &Process) -> anyhow::Result<()> {
    let begun = Instant::now();
    let client = reqwest::Client::builder().no_proxy().build()?;
    while begun.elapsed() < Duration::from_mins(1) {
        let text = client.get(format!("{}/metrics", process.url())).send().await?.text().await?;
        let mut connected =
            text.lines().filter(|line| line.starts_with("bank_broker_connected") && line.contains("-service"));
        if connected.any(|line| line.ends_with(" 1") && !line.contains("\"publisher\"")) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("{} does not consume", process.url())
}

/// The launch specifications of the three, each by way of the proxies.
pub(crate) fn processes(
    cluster: &Cluster,
    namespace: &str,
    folder: &Path,
    proxies: &BTreeMap<Engine, Proxy>,
    smtp: &Proxy,
) -> anyhow::Result<BTreeMap<Service, Process>> {
    let (bank, log, email) = (free_port(), free_port(), free_port());
    let port = |engine: Engine| proxies.get(&engine).map(|proxy| proxy.port);
    let servers = &cluster.servers;
    let amqp = servers.amqp(namespace, port(Engine::Broker))?;
    let jwks = format!("http://127.0.0.1:{bank}/.well-known/jwks.json");
    let own = |port: u16| format!("127.0.0.1:{port}");
    let bank_environment = BTreeMap::from([
        ("BANK_BIND", own(bank)),
        ("DATABASE_URL", servers.mysql(namespace, port(Engine::Database))?),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef".to_owned()),
        ("AMQP_URI", amqp.clone()),
        ("LOG_SERVICE_URL", format!("http://127.0.0.1:{log}")),
        ("EMAIL_SERVICE_URL", format!("http://127.0.0.1:{email}")),
        ("ADMIN_EMAIL", ADMIN.to_owned()),
        ("ADMIN_PASS", PASSWORD.to_owned()),
        ("RATE_LOGIN_PER_MINUTE", "0".to_owned()),
    ]);
    let log_environment = BTreeMap::from([
        ("LOG_BIND", own(log)),
        ("MONGODB_URI", servers.mongo("/", port(Engine::LogStore))?),
        ("MONGODB_NAME", namespace.to_owned()),
        ("AMQP_URI", amqp.clone()),
        ("JWKS_URL", jwks.clone()),
    ]);
    let email_environment = BTreeMap::from([
        ("EMAIL_BIND", own(email)),
        ("EMAIL_DATABASE_URL", servers.mongo(&format!("/{namespace}_mail"), port(Engine::LogStore))?),
        ("EMAIL_HOST", "127.0.0.1".to_owned()),
        ("EMAIL_PORT", smtp.port.to_string()),
        ("EMAIL_SMTP_TLS", "none".to_owned()),
        ("AMQP_URI", amqp),
        ("JWKS_URL", jwks),
        ("CLAIM_LEASE_MS", CLAIM_LEASE_MS.to_owned()),
    ]);
    let process = |service: Service, port: u16, mut environment: BTreeMap<&'static str, String>| {
        environment.insert("RUST_LOG", "info".to_owned());
        environment.insert("PANIC_ON", PANIC_ON.to_owned());
        let binary = cluster.binaries.join(service.binary());
        (service, Process::new(LaunchSpec { service, binary, folder: folder.to_owned(), port, environment }))
    };
    Ok(BTreeMap::from([
        process(Service::Bank, bank, bank_environment),
        process(Service::Log, log, log_environment),
        process(Service::Email, email, email_environment),
    ]))
}
