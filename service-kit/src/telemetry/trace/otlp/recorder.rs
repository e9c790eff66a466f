//! Spans of the SDK.

use std::borrow::Cow;

use opentelemetry::trace::{
    Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};

use crate::telemetry::trace::context::TraceContext;
use crate::telemetry::trace::span::{Kind, Recorder, Tracer};

pub(super) struct SdkRecorders(SdkTracer);

impl SdkRecorders {
    pub(super) fn new(tracer: SdkTracer) -> Self {
        Self(tracer)
    }
}

impl Tracer for SdkRecorders {
    fn start(
        &self,
        name: Cow<'static, str>,
        kind: Kind,
        parent: Option<TraceContext>,
        links: &[TraceContext],
    ) -> Option<(TraceContext, Option<Box<dyn Recorder>>)> {
        let parent = match parent {
            Some(parent) => Context::new().with_remote_span_context(sdk_context(&parent)),
            None => Context::new(),
        };
        let links = links.iter().map(|context| Link::with_context(sdk_context(context))).collect();
        let builder = self.0.span_builder(name).with_kind(sdk_kind(kind)).with_links(links);
        let span = self.0.build_with_context(builder, &parent);
        let context = own_context(span.span_context())?;
        let recorder: Option<Box<dyn Recorder>> =
            if span.is_recording() { Some(Box::new(SdkRecorder(span))) } else { None };
        Some((context, recorder))
    }
}

/// The span ends, and is queued, when it is dropped.
struct SdkRecorder(Span);

impl Recorder for SdkRecorder {
    fn rename(&mut self, name: String) {
        self.0.update_name(name);
    }

    fn text(&mut self, key: &'static str, value: Cow<'static, str>) {
        self.0.set_attribute(KeyValue::new(key, value));
    }

    fn number(&mut self, key: &'static str, value: i64) {
        self.0.set_attribute(KeyValue::new(key, value));
    }

    fn fail(&mut self) {
        self.0.set_status(Status::error(""));
    }
}

fn sdk_kind(kind: Kind) -> SpanKind {
    match kind {
        Kind::Server => SpanKind::Server,
        Kind::Client => SpanKind::Client,
        Kind::Producer => SpanKind::Producer,
        Kind::Consumer => SpanKind::Consumer,
    }
}

fn sdk_context(context: &TraceContext) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(context.trace_id),
        SpanId::from_bytes(context.span_id),
        TraceFlags::new(context.flags),
        context.is_remote,
        TraceState::NONE,
    )
}

/// None once the SDK has shut down: its spans have no identity then.
fn own_context(context: &SpanContext) -> Option<TraceContext> {
    context.is_valid().then(|| TraceContext {
        trace_id: context.trace_id().to_bytes(),
        span_id: context.span_id().to_bytes(),
        flags: u8::from(context.is_sampled()),
        is_remote: false,
    })
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

    use super::*;

    #[test]
    fn a_span_that_is_not_sampled_has_a_context_and_no_recorder() {
        for (sampler, is_sampled) in [(Sampler::AlwaysOn, true), (Sampler::AlwaysOff, false)] {
            let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
            let recorders = SdkRecorders::new(provider.tracer("test"));
            let (context, recorder) = recorders.start("GET".into(), Kind::Server, None, &[]).unwrap();
            assert_eq!((context.flags == 1, recorder.is_some()), (is_sampled, is_sampled));
        }
    }
}
