//! [`CallSpan`]: what is told to those who listen while a call is worked on.

use tracing::{Level, Span, field::Empty, level_filters::LevelFilter};

use super::{
    TRACE, TraceContext,
    trace::{SpanId, Trace},
};

/// The target of our spans: a subscriber's filter says by it whether it wants them.
pub(crate) const CALL_TARGET: &str = "weaver::call";

/// A call in a `tracing` span, and as the part of its trace that the span is.
pub(crate) struct CallSpan {
    span: Span,
    trace: Trace,
    /// While we are in it: the one around it.
    outside: Option<Trace>,
}

impl CallSpan {
    /// That of a call which begins; `None` where no subscriber wants it. A call that is of no trace begins one.
    #[inline]
    pub(crate) fn begin(component: &'static str, method: &'static str) -> Option<Box<Self>> {
        // One load: all that a direct call costs in a program without a subscriber.
        if LevelFilter::current() == LevelFilter::OFF {
            return None;
        }
        Self::begin_heard(component, method)
    }

    #[inline(never)]
    fn begin_heard(component: &'static str, method: &'static str) -> Option<Box<Self>> {
        if !tracing::span_enabled!(target: CALL_TARGET, Level::INFO) {
            return None;
        }
        let above = TRACE.get();
        let span_id = SpanId::new();
        let span = tracing::info_span!(
            target: CALL_TARGET,
            "call",
            component,
            method,
            %span_id,
            trace_id = Empty,
            parent_id = Empty,
        );
        let context = above.map_or_else(TraceContext::new, |above| above.context).below(span_id);
        // Those inside another of this process have it from there.
        if above.is_none_or(|above| !above.has_span) {
            span.record("trace_id", tracing::field::display(context.trace_id()));
            if let Some(above) = above {
                span.record("parent_id", tracing::field::display(above.context.span_id));
            }
        }
        Some(Box::new(Self { span, trace: Trace { context, has_span: true }, outside: None }))
    }

    /// Is in it until [`exit`](Self::exit).
    #[cold]
    pub(crate) fn enter(&mut self) {
        self.outside = TRACE.replace(Some(self.trace));
        self.span.with_subscriber(|(id, dispatch)| dispatch.enter(id));
    }

    /// Is where it was.
    #[cold]
    pub(crate) fn exit(&mut self) {
        self.span.with_subscriber(|(id, dispatch)| dispatch.exit(id));
        TRACE.set(self.outside.take());
    }
}
