//! The life of a process: a shutdown signal that every task can wait for, and readiness that names each dependency.
//!
//! A shutdown begins once and never ends. A readiness probe has two seconds; the answers are kept for 250 ms, so that a flood
//! of probes costs each dependency four probes a second. The reason why a dependency is down is logged on each change and left
//! out of the report: `/readyz` is public.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

pub use crate::deadline::{DRAIN_LIMIT, Deadline, STOP_LIMIT, WORK_LIMIT};
use crate::task;

const PROBE_LIMIT: Duration = Duration::from_secs(2);
const REPORT_KEPT: Duration = Duration::from_millis(250);

/// Signals a shutdown. Clones share one state.
#[derive(Debug, Clone)]
pub struct Shutdown {
    /// When the shutdown began.
    begun: Arc<watch::Sender<Option<Instant>>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    pub fn new() -> Self {
        Self { begun: Arc::new(watch::Sender::new(None)) }
    }

    pub fn begin(&self) {
        self.begun.send_if_modified(|begun| {
            let is_first = begun.is_none();
            begun.get_or_insert_with(Instant::now);
            is_first
        });
    }

    pub fn begun(&self) -> bool {
        self.begun.borrow().is_some()
    }

    /// The deadline of a stop that may take `limit`; counted from now until the shutdown has begun.
    pub fn deadline(&self, limit: Duration) -> Deadline {
        let begun = *self.begun.borrow();
        Deadline::at(begun.unwrap_or_else(Instant::now), limit)
    }

    /// Returns once shutdown has begun; may be dropped and called again at any time.
    pub async fn wait(&self) {
        let mut receiver = self.begun.subscribe();
        // The sender lives in `self`, so the channel cannot close while we wait.
        if receiver.wait_for(Option::is_some).await.is_err() {
            tracing::warn!("the shutdown channel closed");
        }
    }

    /// Waits for this time; false as soon as the shutdown has begun.
    pub async fn sleep(&self, period: Duration) -> bool {
        tokio::time::timeout(period, self.wait()).await.is_err()
    }

    /// Begins on SIGTERM or SIGINT.
    pub fn on_signals(&self) {
        let shutdown = self.clone();
        drop(task::spawn("signals", async move {
            match first_signal().await {
                Ok(name) => tracing::info!(signal = name, "shutting down"),
                Err(error) => tracing::error!(%error, "signals cannot be watched; shutting down"),
            }
            shutdown.begin();
        }));
    }
}

/// Runs the main task of a process on an actix system. Threads that still work or are blocked when it returns are left to the
/// end of the process: the system would wait for them without any limit.
pub fn block_on<T>(main: impl Future<Output = T>) -> T {
    let system = actix_rt::System::new();
    let done = system.block_on(main);
    // Its handle stays too: a thread that drops the last one as it ends wakes the system, which a thread at its end cannot.
    std::mem::forget((actix_rt::System::current(), system));
    done
}

async fn first_signal() -> std::io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

type Probe = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

#[derive(Clone)]
struct Dependency {
    name: String,
    needed: bool,
    probe: Probe,
    up: Arc<AtomicBool>,
}

/// The dependencies, and whether the service accepts requests. Clones share one state.
#[derive(Clone)]
pub struct Readiness {
    inner: Arc<Inner>,
}

struct Inner {
    dependencies: RwLock<Vec<Dependency>>,
    draining: AtomicBool,
    last: Mutex<Option<(Instant, Vec<DependencyState>)>>,
}

/// One dependency's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyState {
    pub name: String,
    /// False: the service works without it, if not at once in full.
    pub needed: bool,
    pub error: Option<String>,
}

/// The content of `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadinessReport {
    pub draining: bool,
    pub dependencies: Vec<DependencyState>,
}

impl ReadinessReport {
    pub fn is_ready(&self) -> bool {
        !self.draining && self.dependencies.iter().all(|state| state.error.is_none() || !state.needed)
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("draining", &self.is_draining()).finish_non_exhaustive()
    }
}

impl Readiness {
    pub fn new() -> Self {
        let inner = Inner { dependencies: RwLock::default(), draining: AtomicBool::new(false), last: Mutex::new(None) };
        Self { inner: Arc::new(inner) }
    }

    /// Adds a dependency; the probe's error is logged, not published.
    pub fn add<P>(&self, name: impl Into<String>, probe: P)
    where
        P: Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync + 'static,
    {
        self.push(name.into(), true, Arc::new(probe));
    }

    /// Adds a part that the report names, and that the service can do without for a while.
    pub fn watch<P>(&self, name: impl Into<String>, probe: P)
    where
        P: Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync + 'static,
    {
        self.push(name.into(), false, Arc::new(probe));
    }

    fn push(&self, name: String, needed: bool, probe: Probe) {
        let dependency = Dependency { name, needed, probe, up: Arc::new(AtomicBool::new(true)) };
        self.inner.dependencies.write().unwrap_or_else(PoisonError::into_inner).push(dependency);
    }

    /// From now on the report is "not ready", whatever the state of the dependencies.
    pub fn set_draining(&self) {
        self.inner.draining.store(true, Ordering::SeqCst);
    }

    pub fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Relaxed)
    }

    /// Probes all dependencies at once. Concurrent callers share one round of probes.
    pub async fn check(&self) -> ReadinessReport {
        let mut last = self.inner.last.lock().await;
        let dependencies = match last.as_ref() {
            Some((checked_at, states)) if checked_at.elapsed() < REPORT_KEPT => states.clone(),
            _ => {
                let states = self.check_all().await;
                *last = Some((Instant::now(), states.clone()));
                states
            }
        };
        ReadinessReport { draining: self.is_draining(), dependencies }
    }

    async fn check_all(&self) -> Vec<DependencyState> {
        let questions: Vec<_> = {
            let dependencies = self.inner.dependencies.read().unwrap_or_else(PoisonError::into_inner);
            dependencies.iter().map(check_dependency).collect()
        };
        join_all(questions).await
    }
}

fn check_dependency(dependency: &Dependency) -> impl Future<Output = DependencyState> + use<> {
    let Dependency { name, needed, probe, up } = dependency.clone();
    async move {
        let error = match tokio::time::timeout(PROBE_LIMIT, probe()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some("no answer within 2 s".to_owned()),
        };
        log_change(&name, &up, error.as_deref());
        DependencyState { name, needed, error }
    }
}

/// Logs when a dependency fails and when it recovers.
fn log_change(dependency: &str, up: &AtomicBool, error: Option<&str>) {
    let was_up = up.swap(error.is_none(), Ordering::Relaxed);
    match error {
        Some(error) if was_up => tracing::warn!(dependency, error, "a dependency is down"),
        None if !was_up => tracing::info!(dependency, "a dependency is back"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[tokio::test]
    async fn a_shutdown_reaches_all_waiters_also_afterwards() {
        let shutdown = Shutdown::new();
        let waiting = task::spawn("waiting", {
            let shutdown = shutdown.clone();
            async move { shutdown.wait().await }
        });
        assert!(!shutdown.begun());
        shutdown.begin();
        waiting.await.unwrap();
        shutdown.wait().await;
        assert!(shutdown.begun());
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_ends_a_sleep() {
        let (shutdown, begun) = (Shutdown::new(), Instant::now());
        assert!(shutdown.sleep(Duration::from_secs(3)).await);
        let slept = begun.elapsed();
        assert!(slept >= Duration::from_secs(3), "{slept:?}");
        shutdown.begin();
        assert!(!shutdown.sleep(Duration::from_secs(3)).await);
        assert_eq!(begun.elapsed(), slept);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_of_a_stop_counts_from_its_beginning() {
        let shutdown = Shutdown::new();
        shutdown.begin();
        tokio::time::advance(Duration::from_secs(3)).await;
        shutdown.begin();
        assert_eq!(shutdown.deadline(Duration::from_secs(8)).left(STOP_LIMIT), Duration::from_secs(5));
    }

    #[test]
    fn a_thread_that_stands_still_does_not_keep_the_process() {
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let done = block_on(async {
            drop(tokio::task::spawn_blocking(move || gate.recv()));
            7
        });
        assert_eq!(done, 7);
        drop(release);
    }

    /// A panic there aborts the process: a clean stop would end by a signal.
    #[test]
    fn a_worker_whose_thread_ends_after_the_main_one_does_not_panic() {
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let worker = |system| {
            std::thread::spawn(move || {
                actix_rt::System::set_current(system);
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                tokio::task::LocalSet::new().block_on(&runtime, async {});
                gate.recv().unwrap_err();
            })
        };
        let main = std::thread::spawn(move || {
            block_on(async move {
                // The system works for its threads meanwhile, and waits for them then.
                tokio::time::sleep(Duration::from_millis(1)).await;
                worker(actix_rt::System::current())
            })
        });
        let worker = main.join().unwrap();
        drop(release);
        worker.join().unwrap();
    }

    #[tokio::test]
    async fn a_report_names_what_is_down_and_what_hangs() {
        let readiness = Readiness::new();
        readiness.add("database", || Box::pin(async { Ok(()) }));
        readiness.add("broker", || Box::pin(async { Err("refused".to_owned()) }));
        readiness.add("mail", || Box::pin(std::future::pending()));
        let report = readiness.check().await;
        assert!(!report.is_ready());
        let down: Vec<_> = report.dependencies.iter().filter(|d| d.error.is_some()).map(|d| d.name.as_str()).collect();
        assert_eq!(down, ["broker", "mail"]);
    }

    #[tokio::test]
    async fn what_is_watched_is_reported_and_does_not_decide() {
        let readiness = Readiness::new();
        readiness.watch("broker", || Box::pin(async { Err("refused".to_owned()) }));
        let report = readiness.check().await;
        assert!(report.is_ready());
        assert_eq!(report.dependencies.iter().map(|d| d.error.as_deref()).collect::<Vec<_>>(), [Some("refused")]);
    }

    #[tokio::test]
    async fn answers_are_kept_a_quarter_second_but_draining_counts_at_once() {
        let checks = Arc::new(AtomicU32::new(0));
        let readiness = Readiness::new();
        let counter = Arc::clone(&checks);
        readiness.add("database", move || {
            counter.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(()) })
        });
        assert!(readiness.check().await.is_ready());
        readiness.check().await;
        assert_eq!(checks.load(Ordering::SeqCst), 1);
        let deadline = Instant::now() + Duration::from_secs(10);
        while checks.load(Ordering::SeqCst) < 2 && Instant::now() < deadline {
            readiness.check().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(checks.load(Ordering::SeqCst), 2);
        readiness.set_draining();
        assert!(!readiness.check().await.is_ready());
    }
}
