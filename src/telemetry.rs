//! Logs: one JSON object per line (or text on a terminal), with ids and codes and nothing that a user wrote (LG-05).
//!
//! No request waits for the log or fails because of it (LG-07): a line goes to a bounded queue, and a separate thread
//! writes it to standard error. A line that does not fit into the queue or cannot be written is dropped and counted;
//! the log reports the number of lost lines as soon as it can be written again. Only this file writes to standard
//! output and standard error.

use crate::{auth::RequestId, supervise, types::Instant};
use actix_web::{
    Error, HttpMessage as _,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use std::{
    io::{self, IsTerminal as _, Write},
    panic::PanicHookInfo,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread,
    time::Duration,
};
use tracing::{Level, Span, level_filters::LevelFilter};
use tracing_actix_web::RootSpanBuilder;
use tracing_subscriber::{EnvFilter, fmt};

/// The most lines that may wait to be written. A further line is dropped.
const MAX_QUEUE: usize = 4096;
/// The most bytes in one write, so that a busy log needs few system calls.
const MAX_WRITE_BYTES: usize = 64 * 1024;
/// The interval of attempts to report lost lines, and to write to an output that accepts nothing at the moment.
const RETRY: Duration = Duration::from_millis(500);
/// How long the end of the process waits for unwritten lines.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// The queue of lines and its counters.
struct Log {
    queue: SyncSender<Vec<u8>>,
    /// Lines that wait or are being written.
    waiting: AtomicU64,
    /// Lines that were dropped and are not reported yet.
    lost: AtomicU64,
    json: bool,
}

static LOG: OnceLock<Log> = OnceLock::new();

impl Log {
    /// Adds a line. It neither blocks nor fails.
    fn put(&self, line: &[u8]) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        if self.queue.try_send(line.to_owned()).is_err() {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            self.lost.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Formats a line of this module, for cases in which the event formatter cannot be used.
    fn line(&self, level: Level, message: &str, members: &[(&str, String)]) -> Vec<u8> {
        let (at, target) = (Instant::now(), "alongside::telemetry");
        let mut line = if self.json {
            let mut object = serde_json::Map::new();
            object.insert("timestamp".into(), at.to_string().into());
            object.insert("level".into(), level.as_str().into());
            object.insert("message".into(), message.into());
            object.extend(members.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())));
            object.insert("target".into(), target.into());
            serde_json::Value::Object(object).to_string()
        } else {
            let members: String = members.iter().map(|(name, value)| format!(" {name}={value}")).collect();
            format!("{at} {level} {target}: {message}{members}")
        };
        line.push('\n');
        line.into_bytes()
    }
}

/// The output of the subscriber: each call of `write` is one complete line.
struct ToQueue;

impl Write for ToQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(log) = LOG.get() {
            log.put(line);
        }
        Ok(line.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard error without the lock of the standard library: a blocked write must not block other threads.
fn standard_error() -> io::Result<Box<dyn Write + Send>> {
    #[cfg(unix)]
    {
        let fd = std::os::fd::AsFd::as_fd(&io::stderr()).try_clone_to_owned()?;
        Ok(Box::new(std::fs::File::from(fd)))
    }
    #[cfg(not(unix))]
    Ok(Box::new(io::stderr()))
}

/// Writes the lines until the queue is closed.
struct Writer {
    to: Box<dyn Write + Send>,
    lines: Receiver<Vec<u8>>,
    /// Whether the last written line is incomplete.
    incomplete: bool,
}

impl Writer {
    fn run(&mut self) {
        let Some(log) = LOG.get() else { return };
        loop {
            let first = match self.lines.recv_timeout(RETRY) {
                Ok(line) => Some(line),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let lost = log.lost.swap(0, Ordering::AcqRel);
            if lost > 0 {
                let report = log.line(Level::WARN, "log lines were lost", &[("lost", lost.to_string())]);
                if self.write(&report) < report.len() {
                    log.lost.fetch_add(lost, Ordering::AcqRel);
                }
            }
            let Some(first) = first else { continue };
            let (mut batch, mut ends) = (first, Vec::new());
            ends.push(batch.len());
            while batch.len() < MAX_WRITE_BYTES
                && let Ok(line) = self.lines.try_recv()
            {
                batch.extend_from_slice(&line);
                ends.push(batch.len());
            }
            let written = self.write(&batch);
            let lost = ends.iter().filter(|end| **end > written).count() as u64;
            log.lost.fetch_add(lost, Ordering::AcqRel);
            log.waiting.fetch_sub(ends.len() as u64, Ordering::AcqRel);
        }
    }

    /// Returns the number of bytes written. It first ends a line that was written incompletely.
    fn write(&mut self, bytes: &[u8]) -> usize {
        if self.incomplete && self.write_out(b"\n") == 0 {
            return 0;
        }
        self.incomplete = false;
        let written = self.write_out(bytes);
        self.incomplete = written > 0 && bytes.get(written - 1) != Some(&b'\n');
        written
    }

    fn write_out(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.to.write(rest) {
                Ok(0) => break,
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another process has made the output non-blocking; this thread may wait.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY / 10),
                Err(_) => break,
            }
        }
        written
    }
}

/// Parses the setting `log`: levels, and targets with a level, separated by commas. Anything else is refused.
pub fn filter(text: &str) -> Result<EnvFilter, String> {
    let refused = |why: &str| {
        format!("log = {text}: {why}: it must be a level (off, error, warn, info, debug, trace) or target=level")
    };
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    for part in &parts {
        // `EnvFilter` reads a word that is not a level as a target, and then logs nothing else.
        if part.parse::<LevelFilter>().is_err() && !part.contains(['=', '[']) || part.ends_with('=') || part.is_empty()
        {
            return Err(refused(if part.is_empty() {
                "it has an empty part"
            } else {
                "it has a part without a level"
            }));
        }
    }
    EnvFilter::try_new(parts.join(",")).map_err(|error| refused(&error.to_string()))
}

/// Starts logging to standard error with the setting `log`, and logs panics from now on.
///
/// # Errors
/// If the setting is not a filter, or the thread cannot be started.
pub fn start(text: &str) -> Result<(), String> {
    let filter = filter(text)?;
    let json = !io::stderr().is_terminal();
    if LOG.get().is_none() {
        let (queue, lines) = mpsc::sync_channel(MAX_QUEUE);
        let log = Log { queue, waiting: AtomicU64::new(0), lost: AtomicU64::new(0), json };
        if LOG.set(log).is_ok() {
            let to = standard_error().map_err(|error| format!("standard error: {error}"))?;
            let mut writer = Writer { to, lines, incomplete: false };
            let work = move || {
                writer.run();
                Ok(())
            };
            supervise::thread("log", work).map_err(|error| format!("the log's thread: {error}"))?;
        }
    }
    // A failed write never gets here, and if one did, the subscriber would print it.
    let lines = fmt().with_env_filter(filter).with_writer(|| ToQueue).log_internal_errors(false);
    // A second start, in tests, keeps the first subscriber.
    let _ = if json { lines.json().flatten_event(true).try_init() } else { lines.try_init() };
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// The panic hook. It bypasses the subscriber, which may be what panicked. It logs only literal messages from the
/// source: a formatted message may contain what a user wrote (LG-05).
fn log_panic(info: &PanicHookInfo<'_>) {
    let Some(log) = LOG.get().filter(|_| LevelFilter::current() >= LevelFilter::ERROR) else { return };
    let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
    let words = info.payload().downcast_ref::<&'static str>().copied().unwrap_or_default();
    let thread = thread::current().name().unwrap_or_default().to_owned();
    log.put(&log.line(
        Level::ERROR,
        "a thread panicked",
        &[("place", place), ("words", words.to_owned()), ("thread", thread)],
    ));
}

/// Waits until all lines so far are written, for one second at most.
pub fn finish() {
    let Some(log) = LOG.get() else { return };
    for _ in 0..LAST_WAIT.as_millis() / 5 {
        if log.waiting.load(Ordering::Acquire) == 0 {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Prints the result of a command as a line.
///
/// # Errors
/// If standard output does not accept the whole line.
pub fn write_stdout(text: &str) -> Result<(), String> {
    let mut to = io::stdout().lock();
    let printed = to.write_all(text.as_bytes()).and_then(|()| to.write_all(b"\n")).and_then(|()| to.flush());
    printed.map_err(|error| format!("standard output: {error}"))
}

/// Prints a message of the server. It neither waits for the output nor fails because of it.
pub fn write_stdout_in_background(text: String) {
    let write = move || drop(write_stdout(&text));
    drop(thread::Builder::new().name("stdout".into()).spawn(write));
}

/// Prints to standard error why the process ends, and waits for it for one second at most.
pub fn write_stderr(error: &str) {
    let line = format!("alongside: {error}\n");
    let (reply, done) = mpsc::channel();
    let write = move || {
        let written = standard_error().and_then(|mut to| to.write_all(line.as_bytes()));
        drop(reply.send(written));
    };
    if thread::Builder::new().name("stderr".into()).spawn(write).is_ok() {
        drop(done.recv_timeout(LAST_WAIT));
    }
}

/// The span of a request: method, route and status; no path (it contains ids), no query, no address.
#[derive(Debug)]
pub struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(req: &ServiceRequest) -> Span {
        let route = req.match_pattern().unwrap_or_else(|| "unmatched".into());
        tracing::info_span!("request", method = %req.method(), route, request_id = tracing::field::Empty, status = tracing::field::Empty)
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        if let Ok(response) = outcome {
            span.record("status", response.status().as_u16());
            if let Some(id) = response.request().extensions().get::<RequestId>() {
                span.record("request_id", tracing::field::display(id));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_log_filters_are_refused() {
        for good in [
            "info",
            "off",
            "WARN",
            "alongside=debug",
            "warn,alongside=trace",
            "info, alongside::db=debug",
            "[request]=debug",
        ] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in [
            "a=b=c",
            "",
            "inof",
            "warn,inof",
            "alongside",
            "alongside=",
            "alongside=inof",
            "info,,warn",
            "=info",
            "[request",
        ] {
            assert!(filter(bad).is_err_and(|why| why.starts_with(&format!("log = {bad}: "))), "{bad}");
        }
    }

    /// Accepts a number of bytes and then fails, until there is room again.
    #[derive(Clone, Default)]
    struct Disk(std::sync::Arc<std::sync::Mutex<(Vec<u8>, usize)>>);
    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            let fits = bytes.len().min(disk.1);
            disk.1 -= fits;
            disk.0.extend_from_slice(&bytes[..fits]);
            if fits == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(fits) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn log_line_cut_by_a_full_disk_is_ended_before_the_next() {
        let disk = Disk::default();
        let mut writer = Writer { to: Box::new(disk.clone()), lines: mpsc::sync_channel(1).1, incomplete: false };
        let room = |bytes: usize| disk.0.lock().unwrap().1 = bytes;
        room(9);
        assert_eq!(writer.write(b"first\nsecond\n"), 9);
        assert_eq!(writer.write(b"third\n"), 0);
        room(100);
        assert_eq!(writer.write(b"fourth\n"), 7);
        assert_eq!(writer.write(b"fifth\n"), 6);
        assert_eq!(String::from_utf8(disk.0.lock().unwrap().0.clone()).unwrap(), "first\nsec\nfourth\nfifth\n");
    }
}
