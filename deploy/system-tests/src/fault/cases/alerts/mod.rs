//! Every alert of `deploy/observability/rules.yml` fires in the fault that it is for, on the real processes and by the expression
//! that is deployed; none fires on a healthy system. Afterwards every query of the dashboard has had data.
//!
//! Only the delays (`for`) are left out. A step is one fault, mended before the next; alerts without a long window must clear
//! then. The order of the steps matters: an alert with a window goes on firing, and must be quiet before its own step.

mod dashboard;
mod database;
mod delivery;
mod prometheus;
mod requests;
mod rules;
mod unwatched;
mod watch;

use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::money::Pot;
use system_tests::print_line;

use self::prometheus::Prometheus;
use self::watch::{LIMIT, PAUSE, Watch};
use super::{Extent, Outcome};
use crate::check::Findings;
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::load::Load;
use crate::process::Service;

const LEDGER_NOT_SOUND: &str = "LedgerNotSound";
/// Of the load on the healthy system.
const FEWEST_TRANSFERS: usize = 100;

/// One fault.
#[derive(Debug, Clone, Copy)]
enum Step {
    NoLead,
    LostEvent,
    FullDisk,
    LockedTable,
    GuessedPasswords,
    Broker,
    LogStore,
    LogService,
    BadMessage,
    RefusedMails,
    MailServer,
    ChangedEntry,
}

impl Step {
    const ALL: [Self; 12] = [
        Self::NoLead,
        Self::LostEvent,
        Self::FullDisk,
        Self::LockedTable,
        Self::GuessedPasswords,
        Self::Broker,
        Self::LogStore,
        Self::LogService,
        Self::BadMessage,
        Self::RefusedMails,
        Self::MailServer,
        Self::ChangedEntry,
    ];

    /// The alerts that it has to raise.
    fn alerts(self) -> &'static [&'static str] {
        match self {
            Self::NoLead => &["RelayWithoutLead"],
            Self::LostEvent => &["EventsUnaccounted"],
            Self::FullDisk => &["DatabaseDiskFull", "RequestsFail"],
            Self::LockedTable => &["PasswordHashingFull", "RequestsSlow"],
            Self::GuessedPasswords => &["LoginFailures"],
            Self::Broker => &["OutboxBacklog", "NotReady"],
            Self::LogStore => &["NotReady", "ConsumerPaused"],
            Self::LogService => &["ServiceDown"],
            Self::BadMessage => &["DeadLetters"],
            Self::RefusedMails => &["MailsRejected"],
            Self::MailServer => &["MailQueueOld"],
            Self::ChangedEntry => &[LEDGER_NOT_SOUND],
        }
    }

    async fn run(self, env: &mut FaultEnv<'_>, watch: &mut Watch) -> anyhow::Result<()> {
        let alerts = self.alerts();
        // Whatever fires already would say nothing about this fault.
        watch.clear(alerts).await?;
        match self {
            Self::NoLead => database::no_lead(env, watch, alerts).await,
            Self::LostEvent => database::lost_event(env, watch, alerts).await,
            Self::FullDisk => database::full_disk(env, watch, alerts).await,
            Self::LockedTable => database::locked_table(env, watch, alerts).await,
            Self::GuessedPasswords => database::guessed_passwords(env, watch, alerts).await,
            Self::Broker => delivery::broker(env, watch, alerts).await,
            Self::LogStore => delivery::log_store(env, watch, alerts).await,
            Self::LogService => delivery::log_service(env, watch, alerts).await,
            Self::BadMessage => delivery::bad_message(env, watch, alerts).await,
            Self::RefusedMails => delivery::refused_mails(env, watch, alerts).await,
            Self::MailServer => delivery::mail_server(env, watch, alerts).await,
            Self::ChangedEntry => database::changed_entry(env, watch, alerts).await,
        }
    }
}

pub(crate) async fn run(cluster: &Cluster, _: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "alerts", None).await?;
    let alarm = unwatched::MAIL_ALARM_HOURLY.to_owned();
    env.process(Service::Bank)?.spec.environment.insert("MAIL_ALARM_HOURLY", alarm);
    env.kill(Service::Bank, None).await?;
    let mut watch = Watch::new(Prometheus::start(&env).await?);
    let mut faults = mismatches();
    healthy(&env, &mut watch).await?;
    for step in Step::ALL {
        step.run(&mut env, &mut watch).await?;
    }
    unwatched::cause(&env).await?;
    faults.extend(dashboard::check(&watch.prometheus).await?);
    faults.extend(watch.stop().await?);
    for fault in &faults {
        print_line(&format!("alerts: FAULT {fault}"));
    }
    super::finish(env, Findings { faults, ..Findings::default() }).await
}

/// Alerts without a step, and steps for none.
fn mismatches() -> Vec<String> {
    let (names, steps) = (rules::names(), Step::ALL.map(Step::alerts).concat());
    let without_step = names.iter().filter(|name| !steps.contains(name));
    let unknown = steps.iter().filter(|name| !names.contains(name));
    without_step
        .map(|name| format!("{name} has no step that it fires in"))
        .chain(unknown.map(|name| format!("a step waits for {name}, which is no alert")))
        .collect()
}

/// The ledger of a new system was never checked, which is an alert. After a check there is none, also under load.
async fn healthy(env: &FaultEnv<'_>, watch: &mut Watch) -> anyhow::Result<()> {
    watch.fire(&[LEDGER_NOT_SOUND]).await?;
    watch.clear_by(&[LEDGER_NOT_SOUND], async || requests::verify(env).await).await?;
    // Those that were due before the first scrape.
    watch.clear(&rules::names()).await?;
    let (load, begun) = (Load::start(&env.ledger, 2, Duration::from_millis(100)), Instant::now());
    while env.ledger.money.answered().transfers.len() < FEWEST_TRANSFERS && begun.elapsed() < LIMIT {
        watch.expect_quiet().await?;
        tokio::time::sleep(PAUSE).await;
    }
    load.stop().await?;
    watch.expect_quiet().await?;
    open_hold(env).await
}

/// What is held is a number of the dashboard.
async fn open_hold(env: &FaultEnv<'_>) -> anyhow::Result<()> {
    let (from, to) = (Pot::Account(env.ledger.account().await?), Pot::Account(env.ledger.account().await?));
    let hold = json!({ "from": from.side(), "to": to.side(), "amount": 1, "hold": true });
    env.ledger.post("/api/transfers", "open-hold", &hold).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_alert_has_a_step_and_each_step_waits_for_alerts() {
        assert_eq!(mismatches(), Vec::<String>::new());
    }
}
