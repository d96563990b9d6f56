//! The audit queue: audit entries of reads are appended in batches, and each reply waits until its entries are durable.

use super::{Entry, append};
use crate::{
    db::{Conn, Engine, progress::MAX_WRITE_TIME},
    error::{ApiError, Result},
    supervise,
    types::Id,
};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

const MAX_QUEUE: usize = 4096;
const MAX_GROUP: usize = 256;
/// If other requests arrive too, a batch smaller than this waits briefly for more entries: each commit has a cost, and
/// on SQLite it empties the page cache of every reader.
const SMALL_GROUP: usize = 8;
const BATCH_DELAY: Duration = Duration::from_millis(3);

struct Job {
    entries: Vec<Entry>,
    /// `None` for an entry that no caller waits for.
    reply: Option<oneshot::Sender<bool>>,
}

/// Passes entries to the thread that appends them.
#[derive(Clone)]
pub struct AuditQueue {
    queue: mpsc::Sender<Job>,
}

impl AuditQueue {
    pub fn start(engine: Engine) -> Result<Self> {
        let (queue, mut jobs) = mpsc::channel(MAX_QUEUE);
        let append = move || {
            work(&engine, &mut jobs);
            Ok(())
        };
        supervise::thread("audit", append).map_err(ApiError::internal)?;
        Ok(Self { queue })
    }

    /// Returns when the entries are durable. A request whose entry cannot be written fails within ten seconds.
    pub async fn append(&self, entries: Vec<Entry>) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        let written = async {
            self.queue.send(Job { entries, reply: Some(reply) }).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(MAX_WRITE_TIME, written).await {
            Ok(Some(true)) => Ok(()),
            _ => Err(stopped()),
        }
    }

    /// Appends entries that no request waits for. If the queue is full, it drops them and logs an error.
    pub fn append_without_waiting(&self, entries: Vec<Entry>) {
        if self.queue.try_send(Job { entries, reply: None }).is_err() {
            tracing::error!("the audit queue is full: an entry was dropped");
        }
    }
}

fn stopped() -> ApiError {
    ApiError::unavailable("the audit log cannot be written")
}

fn work(engine: &Engine, jobs: &mut mpsc::Receiver<Job>) {
    let mut group = Vec::new();
    let mut alone = true;
    while jobs.blocking_recv_many(&mut group, MAX_GROUP) > 0 {
        if !alone && group.len() < SMALL_GROUP {
            std::thread::sleep(BATCH_DELAY);
            while group.len() < MAX_GROUP
                && let Ok(job) = jobs.try_recv()
            {
                group.push(job);
            }
        }
        // A single entry does not wait, and neither does the one after it.
        alone = group.len() == 1;
        let entries: Vec<Entry> = group.iter_mut().flat_map(|job| std::mem::take(&mut job.entries)).collect();
        let organization = entries.iter().map(|entry| entry.organization).min().unwrap_or(Id::NIL);
        let append = move |conn: &mut Conn| Ok((append(conn, Some(organization), entries.clone())?, Vec::new()));
        let outcome = engine.write_blocking(organization, append);
        if let Err(error) = &outcome {
            tracing::error!(%error, "the audit log cannot be written");
        }
        for reply in group.drain(..).filter_map(|job| job.reply) {
            // The caller may be gone.
            let _ = reply.send(outcome.is_ok());
        }
    }
}
