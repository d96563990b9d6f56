//! The end of the server. After SIGTERM, readiness returns 503 for the time `shutdown_grace` while requests are still
//! answered, so that a load balancer stops sending requests. Then the server accepts no more connections and finishes
//! the running requests. SIGINT, from a terminal, skips the grace time. A second of either signal ends the process at
//! once. SIGHUP reloads the signing keys and the certificate, and ends nothing.

use crate::telemetry;
use actix_web::{
    dev::Server,
    rt::{task::spawn_blocking, time::sleep},
};
use futures_util::future::{Either, select};
use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

static STOPPING: AtomicBool = AtomicBool::new(false);

/// Whether the process was asked to end. Readiness then fails, and each response closes its connection.
pub fn is_stopping() -> bool {
    STOPPING.load(Ordering::Relaxed)
}

/// The request of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Reload,
    /// `code` is the exit code if the signal comes a second time.
    Stop {
        grace: bool,
        code: i32,
    },
    StopAtOnce {
        code: i32,
    },
}

/// The signals of the process. From its creation on, they no longer have the default effect of the system.
#[cfg(unix)]
pub struct Signals(Vec<(Signal, Asked)>);
#[cfg(not(unix))]
pub struct Signals;

impl Signals {
    /// Listens for SIGHUP only: while the database is being migrated, the other signals still end the process.
    #[cfg(unix)]
    pub fn listen_for_hangup() -> io::Result<Self> {
        Ok(Self(vec![(signal(SignalKind::hangup())?, Asked::Reload)]))
    }
    #[cfg(not(unix))]
    pub fn listen_for_hangup() -> io::Result<Self> {
        Ok(Self)
    }

    /// Listens for all the other signals that the server handles.
    #[cfg(unix)]
    pub fn listen_for_termination(mut self) -> io::Result<Self> {
        for (kind, asked) in [
            (SignalKind::terminate(), Asked::Stop { grace: true, code: 143 }),
            (SignalKind::interrupt(), Asked::Stop { grace: false, code: 130 }),
            (SignalKind::quit(), Asked::StopAtOnce { code: 131 }),
        ] {
            self.0.push((signal(kind)?, asked));
        }
        Ok(self)
    }
    #[cfg(not(unix))]
    pub fn listen_for_termination(self) -> io::Result<Self> {
        Ok(self)
    }

    #[cfg(unix)]
    async fn next(&mut self) -> Asked {
        std::future::poll_fn(|cx| {
            let asked = self.0.iter_mut().find_map(|(heard, asked)| heard.poll_recv(cx).is_ready().then_some(*asked));
            asked.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
        })
        .await
    }
    #[cfg(not(unix))]
    async fn next(&mut self) -> Asked {
        drop(tokio::signal::ctrl_c().await);
        Asked::Stop { grace: false, code: 130 }
    }
}

fn end_at_once(code: i32) -> ! {
    tracing::warn!(code, "ending at once");
    telemetry::finish();
    std::process::exit(code)
}

/// The outcome of `work`; or, if the process is asked to end first, whether it ends with the grace time.
async fn until_asked<T>(
    signals: &mut Signals,
    mut work: Pin<&mut impl Future<Output = T>>,
    reload: &impl Fn(),
) -> Result<T, bool> {
    loop {
        match select(work.as_mut(), pin!(signals.next())).await {
            Either::Left((outcome, _)) => return Ok(outcome),
            Either::Right((Asked::Reload, _)) => reload(),
            Either::Right((Asked::Stop { grace, .. }, _)) => return Err(grace),
            Either::Right((Asked::StopAtOnce { code }, _)) => end_at_once(code),
        }
    }
}

/// The outcome of `work`. A stop signal that arrives meanwhile is the second one.
async fn unless_asked_again<T>(
    signals: &mut Signals,
    mut work: Pin<&mut impl Future<Output = T>>,
    reload: &impl Fn(),
) -> T {
    loop {
        match select(work.as_mut(), pin!(signals.next())).await {
            Either::Left((outcome, _)) => return outcome,
            Either::Right((Asked::Reload, _)) => reload(),
            Either::Right((Asked::Stop { code, .. } | Asked::StopAtOnce { code }, _)) => end_at_once(code),
        }
    }
}

/// Runs the server until a signal ends it, and then runs `last`, which may block. `reload` must not block.
pub async fn run(
    mut server: Server,
    mut signals: Signals,
    grace: Duration,
    reload: impl Fn(),
    last: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let handle = server.handle();
    let outcome = match until_asked(&mut signals, Pin::new(&mut server), &reload).await {
        Ok(outcome) => outcome,
        Err(with_grace) => {
            STOPPING.store(true, Ordering::Relaxed);
            let grace = if with_grace { grace } else { Duration::ZERO };
            tracing::info!(grace_seconds = grace.as_secs(), "stopping: readiness answers 503");
            unless_asked_again(&mut signals, pin!(sleep(grace)), &reload).await;
            tracing::info!("stopping: no connection is taken any more");
            // The stop has started; the server future itself ends when it is complete.
            drop(handle.stop(true));
            unless_asked_again(&mut signals, Pin::new(&mut server), &reload).await
        }
    };
    drop(unless_asked_again(&mut signals, pin!(spawn_blocking(last)), &reload).await);
    outcome
}
