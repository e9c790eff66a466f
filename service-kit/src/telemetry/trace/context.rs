//! The position of a task in a trace, and its form on the wire: the header `traceparent` (W3C Trace Context, level 1).

use std::fmt;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// The one flag of the first version.
const SAMPLED: u8 = 1;

/// A span, as the spans below it refer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    /// 1 if the trace is recorded, else 0.
    pub(super) flags: u8,
    /// Whether another process began the span.
    pub(super) is_remote: bool,
}

impl TraceContext {
    /// Reads a `traceparent`; `None` if it is not a valid one, which the caller then ignores.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let version = bytes::<1>(parts.next()?)?;
        let (trace_id, span_id) = (bytes::<16>(parts.next()?)?, bytes::<8>(parts.next()?)?);
        let [flags] = bytes::<1>(parts.next()?)?;
        // Later versions may add parts; 255 is reserved as invalid.
        let is_readable = match version {
            [0] => parts.next().is_none(),
            [u8::MAX] => false,
            _ => true,
        };
        let is_set = trace_id != [0; 16] && span_id != [0; 8];
        (is_readable && is_set).then_some(Self { trace_id, span_id, flags: flags & SAMPLED, is_remote: true })
    }

    /// The trace's id: 32 hexadecimal digits.
    pub(crate) fn trace_id(&self) -> String {
        hex::encode(self.trace_id)
    }

    /// The span's id: 16 hexadecimal digits.
    pub(crate) fn span_id(&self) -> String {
        hex::encode(self.span_id)
    }
}

/// The value of `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id(), self.span_id(), self.flags)
    }
}

/// Exactly `N` bytes as lower-case hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_lower = text.len() == 2 * N && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; N];
    (is_lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

/// The span that this task works for; none outside of a trace, and none while traces are off.
pub(crate) fn current() -> Option<TraceContext> {
    CURRENT.try_with(|context| *context).ok()
}

/// Runs the work below a span; without one as it is.
pub(super) async fn scope<F: Future>(context: Option<TraceContext>, work: F) -> F::Output {
    match context {
        Some(context) => CURRENT.scope(context, work).await,
        None => work.await,
    }
}

/// The same for work that does not wait.
pub(in crate::telemetry) fn sync_scope<T>(context: Option<TraceContext>, work: impl FnOnce() -> T) -> T {
    match context {
        Some(context) => CURRENT.sync_scope(context, work),
        None => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_header_is_read_and_written_as_it_came() {
        let context = TraceContext::parse(VALID).unwrap();
        assert_eq!(context.to_string(), VALID);
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id(), "00f067aa0ba902b7");
        let unsampled = TraceContext::parse(&VALID.replace("-01", "-00")).unwrap();
        assert_eq!((context.flags, unsampled.flags), (1, 0));
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = TraceContext::parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-more").unwrap();
        assert_eq!(later.to_string(), VALID);
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e47\u{e4}-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad:?}");
        }
    }

    #[tokio::test]
    async fn a_task_has_a_context_inside_of_a_scope_only() {
        let context = TraceContext::parse(VALID);
        assert_eq!(scope(context, async { current() }).await, context);
        assert_eq!(sync_scope(context, current), context);
        assert_eq!(scope(None, async { current() }).await, None);
        assert_eq!(current(), None);
    }
}
