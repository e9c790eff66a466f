//! The only caller of `tokio::spawn`: a task has a name, its log lines carry it, and its panic is logged.
//!
//! A panic is logged at ERROR and then resumed, so that a caller that awaits the handle still gets a `JoinError`.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// Runs a future on the current runtime under a name.
#[expect(clippy::disallowed_methods, reason = "this is the one home of new tasks")]
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(watched(name, future).instrument(tracing::info_span!("task", name)))
}

async fn watched<F: Future>(name: &'static str, future: F) -> F::Output {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(output) => output,
        Err(panic) => {
            tracing::error!(task = name, reason = panic_text(panic.as_ref()), "a task panicked");
            resume_unwind(panic)
        }
    }
}

/// The message of a panic, as far as it is text.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_returns_its_output() {
        assert_eq!(spawn("adder", async { 1 + 1 }).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_panic_reaches_the_handle() {
        let error = spawn("faulty", async { panic!("on purpose") }).await.unwrap_err();
        assert_eq!(panic_text(error.into_panic().as_ref()), "on purpose");
    }
}
