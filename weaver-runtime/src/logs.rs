//! The log of a process: what becomes of `tracing` events where the author has not said it.

use std::{fmt, io};

use tracing::{Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    filter::{ParseError, Targets},
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Writer},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{
    context::{CALL_TARGET, TraceContext},
    placement::MAIN,
    report,
};

/// What is logged where the variable says nothing.
const DEFAULT_FILTER: LevelFilter = LevelFilter::INFO;

const FILTER_VARIABLE: &str = "RUST_LOG";

/// Writes what the program logs, by `tracing` or by `log`, to standard error: a line an event, with the trace
/// that it belongs to. Does nothing where a `tracing` subscriber has been set.
///
/// The variable `RUST_LOG` says what: a level, or several for targets (`info,hyper=warn`); from `info` on
/// without it. In a sandbox the variable is there if `env` grants it.
///
/// A process of a deployment in which the author's `main` does not run does this by itself. In the others it
/// is the author's to say: at the beginning of `main`, or for every process by `#[weaver::main(init = …)]`,
/// where a subscriber of one's own can be set as well.
///
/// ```
/// // 2026-01-31T10:12:13.141592Z  INFO shop::cart: added item="tea" trace_id=0af7651916cd43dd8448eb211c80319c
/// weaver_runtime::init_logs();
/// ```
pub fn init_logs() {
    if tracing::dispatcher::has_been_set() {
        return;
    }
    let (filter, mistake) = filter(std::env::var(FILTER_VARIABLE).ok().as_deref());
    let lines = tracing_subscriber::fmt::layer().event_format(Lines::default());
    let subscriber =
        tracing_subscriber::registry().with(lines.with_writer(io::stderr)).with(filter);
    // Somebody else was quicker.
    let _ = subscriber.try_init();
    if let Some(error) = mistake {
        report::warn(&format!(
            "{FILTER_VARIABLE} is not understood ({error}): write a level, or `target=level`, with commas \
             between them; logging from {DEFAULT_FILTER} on"
        ));
    }
}

/// The same in a process of its own, or in a guest, of this group. Where `main` runs, it is the author's to say.
pub(crate) fn init_logs_of(group: &str) {
    if group != MAIN {
        init_logs();
    }
}

/// What is wanted, and what was not understood of it.
fn filter(text: Option<&str>) -> (Targets, Option<ParseError>) {
    // A line has its trace id without spans, which cost more than a call does.
    let without_spans = Targets::new().with_target(CALL_TARGET, LevelFilter::OFF);
    let (wanted, mistake) = match text.filter(|text| !text.is_empty()).map(str::parse::<Targets>) {
        None => (Targets::new().with_default(DEFAULT_FILTER), None),
        Some(Ok(wanted)) => (wanted, None),
        Some(Err(error)) => (Targets::new().with_default(DEFAULT_FILTER), Some(error)),
    };
    let default = wanted.default_level().unwrap_or(LevelFilter::OFF);
    (without_spans.with_default(default).with_targets(wanted), mistake)
}

/// Events as the library writes them, with a trace id at the end.
#[derive(Default)]
struct Lines(Format);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(trace) = TraceContext::current() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writeln!(writer, "{} trace_id={}", line.trim_end_matches('\n'), trace.trace_id())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::Level;

    use super::*;

    #[test]
    fn the_filter_is_what_was_written() {
        let wants = |text, target: &str, level| filter(text).0.would_enable(target, &level);
        assert!(wants(None, "shop", Level::INFO) && !wants(None, "shop", Level::DEBUG));
        assert!(wants(Some(""), "shop", Level::INFO));
        assert!(!wants(Some("warn,shop=debug"), "other", Level::INFO));
        assert!(wants(Some("warn,shop=debug"), "shop::cart", Level::DEBUG));
        assert!(!wants(Some("debug"), CALL_TARGET, Level::INFO));
        assert!(wants(Some("weaver=info"), "weaver", Level::INFO));
        assert!(wants(Some("warn,weaver::call=info"), CALL_TARGET, Level::INFO));
        assert!(filter(Some("shop=loud")).1.is_some());
        assert!(wants(Some("shop=loud"), "shop", Level::INFO));
    }

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_line_says_its_trace() {
        let written = Written::default();
        let writer = written.clone();
        let lines = tracing_subscriber::fmt::layer().event_format(Lines::default());
        let lines = lines.with_writer(move || writer.clone());
        let _guard = tracing_subscriber::registry().with(lines).set_default();
        tracing::info!("before");
        let trace = TraceContext::new();
        crate::with_trace(trace, async { tracing::warn!(item = "tea", "within") }).await;
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let [before, within] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert!(before.ends_with("INFO weaver_runtime::logs::tests: before"), "{before}");
        let end = format!("within item=\"tea\" trace_id={}", trace.trace_id());
        assert!(within.ends_with(&end), "{within}");
    }
}
