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
    let variable = std::env::var_os(FILTER_VARIABLE).unwrap_or_default();
    let (filter, mistake) = filter(&variable.to_string_lossy());
    // They end as pages and files too, where colours are noise.
    let lines = tracing_subscriber::fmt::layer().event_format(Lines::default()).with_ansi(false);
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
fn filter(text: &str) -> (Targets, Option<ParseError>) {
    // A line has its trace id without spans, which cost more than a call does.
    let without_spans = Targets::new().with_target(CALL_TARGET, LevelFilter::OFF);
    // A part that is empty, or begins with a space, would be read as the name of a target.
    let parts: Vec<_> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let (wanted, mistake) = if parts.is_empty() {
        (Targets::new().with_default(DEFAULT_FILTER), None)
    } else {
        match parts.join(",").parse() {
            Ok(wanted) => (wanted, None),
            Err(error) => (Targets::new().with_default(DEFAULT_FILTER), Some(error)),
        }
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

/// What a subscriber of a test wrote.
#[cfg(test)]
#[derive(Clone, Default)]
pub(crate) struct Written(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

#[cfg(test)]
impl Written {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// One that writes our lines.
    pub(crate) fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        let written = self.clone();
        let lines = tracing_subscriber::fmt::layer().event_format(Lines::default());
        tracing_subscriber::registry()
            .with(lines.with_ansi(false).with_writer(move || written.clone()))
    }
}

#[cfg(test)]
impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn the_filter_is_what_was_written() {
        let wants = |text, target: &str, level| filter(text).0.would_enable(target, &level);
        assert!(!wants("warn,shop=debug", "other", Level::INFO));
        assert!(wants("warn,shop=debug", "shop::cart", Level::DEBUG));
        assert!(!wants("debug", CALL_TARGET, Level::INFO));
        assert!(wants("weaver=info", "weaver", Level::INFO));
        assert!(wants("warn,weaver::call=info", CALL_TARGET, Level::INFO));
        assert!(filter("shop=loud").1.is_some());
        assert!(filter("shop=\u{fffd}").1.is_some());
        assert!(wants("shop=loud", "shop", Level::INFO));
    }

    #[test]
    fn nothing_is_the_default() {
        for text in ["", " ", ",", " , "] {
            let (filter, mistake) = filter(text);
            assert!(mistake.is_none(), "{text:?}");
            assert!(filter.would_enable("shop", &Level::INFO), "{text:?}");
            assert!(!filter.would_enable("shop", &Level::DEBUG), "{text:?}");
        }
    }

    #[test]
    fn spaces_and_empty_parts_are_nothing() {
        for text in ["info,", "info ", " info", ",info,,shop=debug", "info, shop=debug "] {
            let (filter, mistake) = filter(text);
            assert!(mistake.is_none(), "{text:?}");
            assert!(filter.would_enable("other", &Level::INFO), "{text:?}");
            let is_said = text.contains("shop");
            assert_eq!(filter.would_enable("shop", &Level::DEBUG), is_said, "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_line_says_its_trace() {
        let written = Written::default();
        let _guard = written.subscriber().set_default();
        tracing::info!("before");
        let trace = TraceContext::new();
        crate::with_trace(trace, async { tracing::warn!(item = "tea", "within") }).await;
        let text = written.text();
        let [before, within] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert!(before.ends_with("INFO weaver_runtime::logs::tests: before"), "{before}");
        let end = format!("within item=\"tea\" trace_id={}", trace.trace_id());
        assert!(within.ends_with(&end), "{within}");
    }
}
