//! Signed checkpoints (LG-03): where each chain stood, and when, kept beside the database and told to the log. Whoever
//! takes entries away from a chain's end, or hashes it all anew, contradicts them.

use super::chain::{self, hex};
use crate::{
    auth::{OrganizationId, token::Keys},
    db::{Conn, Db},
    error::{ApiError, Result},
    types::Instant,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::OpenOptions,
    io::Write as _,
    path::PathBuf,
    sync::Arc,
};

/// A line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checkpoint {
    pub organization: OrganizationId,
    /// The number and the hash of the chain's last entry.
    pub sequence: i64,
    pub hash: String,
    pub at: Instant,
    /// Ed25519, over the members above, by the key that signed the access tokens then.
    pub signature: String,
}

fn signed_words(organization: OrganizationId, sequence: i64, hash: &str, at: Instant) -> String {
    format!("alongside checkpoint\n{organization}\n{sequence}\n{hash}\n{}", at.micros() / 1_000)
}

/// Appends checkpoints to a file.
pub struct Sealer {
    keys: Arc<Keys>,
    file: PathBuf,
    /// The last of each chain: one that has not grown needs no other.
    last: BTreeMap<OrganizationId, i64>,
}

impl Sealer {
    pub fn new(keys: Arc<Keys>, file: PathBuf) -> Self {
        Self { keys, file, last: BTreeMap::new() }
    }

    /// Seals every chain that has grown since. What is told to the log goes where the log goes, and so may outlive this
    /// machine.
    pub async fn seal(&mut self, db: &Db) -> Result<()> {
        // As a write, which ends when all that it has seen is on the disk: nothing is sealed that a crash could still
        // take back.
        let heads = db.maintain(chain::heads).await?;
        let at = Instant::now();
        // The file may end in a line that was broken off: the first of these begins a new one.
        let (mut lines, mut sealed) = (String::from("\n"), Vec::new());
        for (organization, sequence, hash) in heads {
            if self.last.get(&organization) == Some(&sequence) {
                continue;
            }
            sealed.push((organization, sequence));
            let hash = hex(&hash);
            let signature = self.keys.sign(signed_words(organization, sequence, &hash, at).as_bytes());
            tracing::info!(%organization, sequence, hash, at = at.micros() / 1_000, signature, "checkpoint");
            let line = Checkpoint { organization, sequence, hash, at, signature };
            lines.push_str(&serde_json::to_string(&line).map_err(ApiError::internal)?);
            lines.push('\n');
        }
        if sealed.is_empty() {
            return Ok(());
        }
        let file = self.file.clone();
        let append = move || {
            let mut options = OpenOptions::new();
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.create(true).append(true).open(file)?;
            let before = file.metadata()?.len();
            file.write_all(lines.as_bytes()).and_then(|()| file.sync_all()).inspect_err(|_| {
                // On a full disk: `verify` would report half a line ever after.
                drop(file.set_len(before));
            })
        };
        actix_web::web::block(append).await.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
        self.last.extend(sealed);
        Ok(())
    }
}

/// How a line begins, and so one that was broken off.
const BEGINS: &str = "{\"organization\":";
/// A chain that was begun so long before the newest checkpoint of any chain has one of its own: all are sealed
/// together.
const SLACK_SECONDS: i64 = 60;

/// The file of the checkpoints, and what it held when it was read.
#[derive(Debug)]
pub struct Checkpoints {
    file: PathBuf,
    text: String,
}

impl Checkpoints {
    /// Before the database is read: a server that runs adds a checkpoint of what it has just written.
    pub fn read(file: PathBuf) -> std::io::Result<Self> {
        let bytes = match std::fs::read(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        Ok(Self { file, text: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

/// Holds every checkpoint of a file against the chains: a line that says how many there are, and one for each that is
/// not met, that cannot be read, or that is missing. A chain with entries must have a checkpoint, unless it is younger
/// than all checkpoints. Without keys there is nothing to check signatures by: none is met then. A file that is not
/// there is one without a line.
///
/// An unreadable line is excused where it was broken off, by a kill or a power cut, right before one that is good.
pub fn contradictions(
    conn: &mut Conn,
    keys: Option<&Keys>,
    checkpoints: &Checkpoints,
) -> Result<(String, Vec<String>)> {
    let Checkpoints { file, text } = checkpoints;
    let (mut met, mut unread, mut found) = (0, 0, Vec::new());
    let (mut sealed, mut newest) = (BTreeSet::new(), None);
    let mut broken_off: Option<String> = None;
    for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let describe = |what: &str| format!("checkpoint {} of {}: {what}", place + 1, file.display());
        let before = broken_off.take();
        let Ok(Checkpoint { organization, sequence, hash, at, signature }) = serde_json::from_str(line) else {
            unread += 1;
            found.extend(before);
            let fault = describe("it cannot be read");
            if line.starts_with(BEGINS) && !line.ends_with('}') {
                broken_off = Some(fault);
            } else {
                found.push(fault);
            }
            continue;
        };
        if !keys.is_some_and(|keys| {
            keys.has_signed(signed_words(organization, sequence, &hash, at).as_bytes(), &signature, at)
        }) {
            found.extend(before);
            found.push(describe("it was not signed with any of these keys"));
            continue;
        }
        newest = newest.max(Some(at));
        sealed.insert(organization);
        match chain::hash_at(conn, organization, sequence)? {
            Some(present) if hex(&present) == hash => met += 1,
            Some(_) => found.push(describe(&format!(
                "entry {sequence} of organization {organization} is not the one that stood there"
            ))),
            None => found.push(describe(&format!("entry {sequence} of organization {organization} is missing"))),
        }
    }
    found.extend(broken_off);
    for (organization, entries, _) in chain::heads(conn)? {
        let Some(began) = chain::began(conn, organization)?.filter(|_| !sealed.contains(&organization)) else {
            continue;
        };
        if newest.is_none_or(|newest| newest > began.plus_seconds(SLACK_SECONDS)) {
            found.push(format!(
                "organization {organization}: {entries} entries and no checkpoint in {}, so a tail that was cut off cannot be found (a server \
                 that runs makes one; --without-checkpoints says that there is none, or that it is lost)",
                file.display()
            ));
        }
    }
    Ok((format!("{met} checkpoints are met, {unread} lines cannot be read: {}", file.display()), found))
}
