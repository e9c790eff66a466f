//! Traces: what one request caused, over all services, as spans by the semantic conventions of OpenTelemetry.
//!
//! Off unless a collector is named. The code of the services names spans by [`Span`] in every build; the feature `otlp` adds
//! the exporter. A span is queued when it ends, and one thread exports the queue by OTLP: no request waits for a collector.
//! Beyond the queue's bound spans are dropped and counted. The position in a trace passes from task to task by
//! [`Span::scope`], from process to process by the header `traceparent`, and through the outbox in the message itself.

mod context;
mod conventions;
mod counts;
mod options;
#[cfg(feature = "otlp")]
mod otlp;
mod span;
#[cfg(test)]
mod tests;

use super::TelemetryError;

pub(crate) use context::current;
#[cfg(test)]
pub(super) use context::{TraceContext, sync_scope};
pub(crate) use conventions::MessagingSystem;
pub use conventions::{TRACEPARENT, below, current_traceparent, trace_id_of};
pub(super) use counts::{NAME as SPANS, spans};
pub use options::TraceOptions;
pub use span::Span;

/// Starts to export, if a collector is named. The process's log has to be there.
pub(super) fn start(options: &TraceOptions) -> Result<(), TelemetryError> {
    let Some((variable, url)) = options.destination()? else { return Ok(()) };
    #[cfg(feature = "otlp")]
    otlp::start(variable, &url)?;
    #[cfg(not(feature = "otlp"))]
    tracing::warn!(%url, "{variable} is set, but this program is built without traces (feature otlp); none are sent");
    Ok(())
}

/// Ends traces, and waits a little until the last spans are exported.
pub(super) fn flush() {
    #[cfg(feature = "otlp")]
    otlp::flush();
}
