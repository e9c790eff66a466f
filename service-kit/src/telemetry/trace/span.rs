//! A span, whatever exports it. Without an exporter a span is empty, and costs one read of a variable.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::context::{self, TraceContext};

/// The value of `error.type` where no better one is known (semantic conventions).
const OTHER: &str = "_OTHER";

/// Set once, before the first request.
pub(super) static TRACER: OnceLock<Box<dyn Tracer>> = OnceLock::new();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Server,
    Client,
    Producer,
    Consumer,
}

/// Begins spans.
pub(super) trait Tracer: Send + Sync {
    /// Begins a span; without a parent it begins a trace. None once traces have ended. A span that is not sampled has a context,
    /// which the spans that it causes follow, and no recorder.
    fn start(
        &self,
        name: Cow<'static, str>,
        kind: Kind,
        parent: Option<TraceContext>,
        links: &[TraceContext],
    ) -> Option<(TraceContext, Option<Box<dyn Recorder>>)>;
}

/// Records one span, which ends when this is dropped.
pub(super) trait Recorder: Send {
    fn rename(&mut self, name: String);
    fn text(&mut self, key: &'static str, value: Cow<'static, str>);
    fn number(&mut self, key: &'static str, value: i64);
    /// Sets the status of the span to an error.
    fn fail(&mut self);
}

/// A span, from its start until it is dropped. Empty while traces are off, and outside of a trace.
#[derive(Default)]
pub struct Span {
    context: Option<TraceContext>,
    recorder: Option<Box<dyn Recorder>>,
}

impl Span {
    /// Begins a span; without a parent it begins a trace.
    pub(super) fn start(
        name: impl Into<Cow<'static, str>>,
        kind: Kind,
        parent: Option<TraceContext>,
        links: &[TraceContext],
    ) -> Self {
        match TRACER.get().and_then(|tracer| tracer.start(name.into(), kind, parent, links)) {
            Some((context, recorder)) => Self { context: Some(context), recorder },
            None => Self::default(),
        }
    }

    /// Whether spans are made at all: what describes them costs nothing otherwise.
    pub(super) fn are_made() -> bool {
        TRACER.get().is_some()
    }

    /// A call of another program, below the current span: background work outside of a trace begins none.
    pub(super) fn call(name: impl Into<Cow<'static, str>>) -> Self {
        match context::current() {
            Some(parent) => Self::start(name, Kind::Client, Some(parent), &[]),
            None => Self::default(),
        }
    }

    /// Whether the span is recorded: attributes that have to be made are made only then.
    pub(super) fn is_on(&self) -> bool {
        self.recorder.is_some()
    }

    pub(super) fn rename(&mut self, name: impl FnOnce() -> String) {
        if let Some(recorder) = &mut self.recorder {
            recorder.rename(name());
        }
    }

    pub(super) fn set(&mut self, key: &'static str, value: impl Into<Cow<'static, str>>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.text(key, value.into());
        }
    }

    pub(super) fn set_number(&mut self, key: &'static str, value: impl Into<i64>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.number(key, value.into());
        }
    }

    #[must_use]
    pub(super) fn with(mut self, key: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.set(key, value);
        self
    }

    /// Marks the span as failed. `error_type` is one of few fixed texts, never a message.
    pub fn fail(&mut self, error_type: impl Into<Cow<'static, str>>) {
        self.set("error.type", error_type);
        if let Some(recorder) = &mut self.recorder {
            recorder.fail();
        }
    }

    /// The value of `traceparent` for messages and requests that this span causes.
    pub fn traceparent(&self) -> Option<String> {
        self.context.map(|context| context.to_string())
    }

    /// Runs work below this span, which continues afterwards.
    pub fn scope<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        context::scope(self.context, work)
    }

    /// The same for work that does not wait.
    pub(crate) fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        context::sync_scope(self.context, work)
    }

    /// Runs work below this span, which ends with it; an error marks the span as failed.
    pub async fn run<T, E>(mut self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let result = self.scope(work).await;
        if result.is_err() {
            self.fail(OTHER);
        }
        result
    }
}
