//! What the command prints: its own lines, and those of replicas behind their name.

use std::{
    collections::VecDeque,
    error::Error,
    io::{self, Write},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, SyncSender},
    },
    thread,
    time::Duration,
};

use anstyle::{AnsiColor, Color, Style};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    task::{JoinHandle, spawn_blocking},
};

/// Prints a line to standard output. Nobody reads it if that fails.
pub(crate) fn say(text: &str) {
    let _ = writeln!(anstream::stdout().lock(), "{text}");
}

/// Prints an error and its causes.
pub(crate) fn error(error: &(dyn Error + 'static)) {
    let red = Style::new().bold().fg_color(Some(Color::Ansi(AnsiColor::Red)));
    // As in `say`.
    let _ = writeln!(anstream::stderr().lock(), "{red}error{red:#}: {}", chain(error));
}

/// An error and its causes.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}\n  caused by: {cause}"))
}

/// Announces something to standard output, in the background.
pub(crate) fn announce(text: String) {
    send(Line::Out(text));
}

/// Prints a line of the command's own to standard error, in the background.
pub(crate) fn note(text: &str) {
    let dim = Style::new().dimmed();
    send(Line::Err(format!("{dim}weaver │{dim:#} {text}")));
}

/// Waits until what was printed in the background is out, unless nobody reads it.
pub(crate) fn flush() {
    let (done, flushed) = mpsc::channel();
    send(Line::Flush(done));
    // Nobody reads it if that takes longer.
    let _ = flushed.recv_timeout(Duration::from_millis(FLUSH_MILLISECONDS_MAX));
}

/// What the thread that prints is told. A deployer must go on while nobody reads its output (a pager,
/// a terminal that was stopped), and writing to it would wait.
enum Line {
    Out(String),
    Err(String),
    Flush(mpsc::Sender<()>),
}

/// Lines that may wait to be printed; what comes above is counted instead of kept.
const LINES_MAX: usize = 10_000;

/// What a command gives its output to be read before it exits.
const FLUSH_MILLISECONDS_MAX: u64 = 500;

fn send(line: Line) {
    static PRINTER: LazyLock<(SyncSender<Line>, Arc<AtomicUsize>)> = LazyLock::new(|| {
        let (lines, inbox) = mpsc::sync_channel(LINES_MAX);
        let lost = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&lost);
        // It ends with the process.
        thread::spawn(move || inbox.iter().for_each(|line| print(line, &counted)));
        (lines, lost)
    });
    let (lines, lost) = &*PRINTER;
    if lines.try_send(line).is_err() {
        lost.fetch_add(1, Ordering::Relaxed);
    }
}

fn print(line: Line, lost: &AtomicUsize) {
    // As in `say`, throughout.
    match line {
        Line::Out(text) => say(&text),
        Line::Err(text) => drop(writeln!(anstream::stderr().lock(), "{text}")),
        Line::Flush(done) => drop(done.send(())),
    }
    match lost.swap(0, Ordering::Relaxed) {
        0 => {}
        lost => {
            let text = format!("weaver │ {lost} lines were lost because nobody read the output");
            let _ = writeln!(anstream::stderr().lock(), "{text}");
        }
    }
}

/// Lines that wait in a [`Printer`].
const PRINTER_LINES_MAX: usize = 64;

/// Prints lines as fast as they are read, on a thread of its own: a pager may stop reading for as long as it likes,
/// and the connection that they come from lives on. Other than what is announced, none is lost.
pub(crate) struct Printer {
    lines: tokio::sync::mpsc::Sender<String>,
    done: JoinHandle<io::Result<()>>,
}

impl Printer {
    pub(crate) fn start() -> Self {
        let (lines, mut waiting) = tokio::sync::mpsc::channel::<String>(PRINTER_LINES_MAX);
        let done = spawn_blocking(move || {
            while let Some(line) = waiting.blocking_recv() {
                writeln!(io::stdout(), "{line}")?;
            }
            Ok(())
        });
        Self { lines, done }
    }

    /// Whether somebody reads.
    pub(crate) async fn print(&self, line: String) -> bool {
        self.lines.send(line).await.is_ok()
    }

    /// Waits until everything is printed, or nobody reads any more.
    pub(crate) async fn end(self) {
        drop(self.lines);
        let _ = self.done.await;
    }
}

/// Where the lines of one replica go: to standard error behind its name, and the last of them into a
/// memory for when it dies.
#[derive(Clone, Debug)]
pub(crate) struct ReplicaLog {
    prefix: Arc<str>,
    last: Arc<Mutex<VecDeque<String>>>,
}

/// What is shown of a replica that died: a panic with its message, not its whole backtrace.
const LAST_LINES_MAX: usize = 20;

/// A longer line is cut here and goes on as the next: a replica that prints without end lines must
/// not fill our memory.
const LINE_BYTES_MAX: u64 = 16 * 1024;

impl ReplicaLog {
    /// `group` is the group's number, which picks its colour; `width` aligns the names of all.
    pub(crate) fn new(name: &str, group: usize, width: usize) -> Self {
        let style =
            Style::new().fg_color(COLOURS.get(group % COLOURS.len()).copied().map(Color::Ansi));
        let prefix = format!("{style}{name:width$} │{style:#} ");
        Self { prefix: prefix.into(), last: Arc::default() }
    }

    /// Prints everything that a replica writes, until it closes the pipe.
    pub(crate) async fn follow(self, output: impl AsyncRead + Unpin) {
        let mut output = BufReader::new(output);
        while let Some(line) = next_line(&mut output).await {
            self.line(&line);
        }
    }

    /// The last lines, to be shown when the replica has died; they are then forgotten.
    pub(crate) fn take_last(&self) -> Vec<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    fn line(&self, line: &str) {
        send(Line::Err(format!("{}{line}", self.prefix)));
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LAST_LINES_MAX {
            last.pop_front();
        }
        last.push_back(line.to_owned());
    }
}

/// Colours that can be read on dark and on light ground.
const COLOURS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Yellow,
    AnsiColor::Blue,
    AnsiColor::BrightRed,
];

async fn next_line(output: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    let read = output.take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes).await;
    if read.ok()? == 0 {
        return None;
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_cut_where_they_are_too_long() {
        let long = "x".repeat(usize::try_from(LINE_BYTES_MAX).unwrap() + 5);
        let text = format!("one\n{long}\n\nlast");
        let mut output = BufReader::new(text.as_bytes());
        let mut lengths = Vec::new();
        while let Some(line) = next_line(&mut output).await {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [3, usize::try_from(LINE_BYTES_MAX).unwrap(), 5, 0, 4]);
    }

    #[tokio::test]
    async fn only_the_last_lines_are_kept() {
        let log = ReplicaLog::new("cart.0", 0, 6);
        let text: String = (0..LAST_LINES_MAX + 3).map(|n| format!("{n}\n")).collect();
        log.clone().follow(text.as_bytes()).await;
        let last = log.take_last();
        assert_eq!(last.len(), LAST_LINES_MAX);
        assert_eq!(last.first().map(String::as_str), Some("3"));
        assert!(log.take_last().is_empty());
    }
}
