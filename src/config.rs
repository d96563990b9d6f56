//! Settings: the only reader of environment and file. An unknown key refuses to start.

use crate::db::{self, Url, Use};
use figment::{
    Figment,
    providers::{Env, Format as _, Serialized, Toml},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Every setting, with its usual value. In the environment each has the prefix `ALONGSIDE_` and goes before the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `sqlite://PATH` or `postgres://…`. Unset: a SQLite file in `data_dir`.
    pub database_url: Option<SecretString>,
    /// A PostgreSQL replica, for reads that may lag behind.
    pub replica_url: Option<SecretString>,
    /// Where to listen. Off loopback, something in front must speak TLS: see `behind_proxy`.
    pub listen: SocketAddr,
    /// Where the signing key and, by default, the database are kept.
    pub data_dir: PathBuf,
    /// Connections to PostgreSQL, or readers of the SQLite file. 0: eight to PostgreSQL, but no more readers than processors where the
    /// database has the same ones; one reader of the SQLite file for each processor, at least two.
    pub connections: u32,
    /// Threads that answer requests. 0: one for each processor.
    pub workers: usize,
    /// As `RUST_LOG` has it.
    pub log: String,
    /// Says that a proxy in front speaks TLS, so that plain HTTP may be served off loopback (HT-11).
    pub behind_proxy: bool,
}

#[derive(Serialize)]
struct Usual {
    listen: &'static str,
    data_dir: &'static str,
    connections: u32,
    workers: usize,
    log: &'static str,
    behind_proxy: bool,
}

const USUAL: Usual = Usual { listen: "127.0.0.1:8080", data_dir: "data", connections: 0, workers: 0, log: "info", behind_proxy: false };

fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

impl Config {
    /// Reads the file, if one is named, and the environment over it.
    pub fn load(file: Option<&Path>) -> Result<Self, String> {
        let mut figment = Figment::from(Serialized::defaults(USUAL));
        if let Some(file) = file {
            if !file.is_file() {
                return Err(format!("--config {}: there is no such file", file.display()));
            }
            figment = figment.merge(Toml::file(file));
        }
        let config: Self = figment.merge(Env::prefixed("ALONGSIDE_")).extract().map_err(|e| e.to_string().replace('\n', " "))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        if !self.listen.ip().is_loopback() && !self.behind_proxy {
            return Err(format!(
                "listen = {}: plain HTTP off loopback needs behind_proxy = true, and a proxy that speaks TLS",
                self.listen
            ));
        }
        if self.connections > 500 {
            return Err("connections must lie between 0 and 500".into());
        }
        let options = self.database()?;
        match (&options.url, &options.replica) {
            (Url::Sqlite(_), Some(_)) => Err("replica_url goes with PostgreSQL only".into()),
            (_, Some(Url::Sqlite(_))) => Err("replica_url must begin with postgres://".into()),
            _ => Ok(()),
        }
    }

    pub fn database(&self) -> Result<db::Options, String> {
        let url = match &self.database_url {
            Some(url) => Url::parse(url.expose_secret())?,
            None => Url::Sqlite(self.data_dir.join("alongside.db").to_string_lossy().into_owned()),
        };
        // More readers than processors would take turns on them in the middle of their reads, and all of them be late.
        let one_each = u32::try_from(processors().max(2)).unwrap_or(8);
        let (connections, readers) = match self.connections {
            0 => (8, if url.is_here() { one_each } else { 8 }),
            chosen => (chosen, chosen),
        };
        let replica = self.replica_url.as_ref().map(|url| Url::parse(url.expose_secret())).transpose()?;
        Ok(db::Options { url, replica, connections, readers, migrate: true, purpose: Use::Writing })
    }

    pub fn signing_key(&self) -> PathBuf {
        self.data_dir.join("signing-key.pkcs8")
    }

    pub fn worker_count(&self) -> usize {
        if self.workers == 0 { processors() } else { self.workers }
    }

    /// The settings in force, without secrets.
    pub fn describe(&self) -> String {
        let (engine, connections) = match self.database() {
            Ok(db::Options { url: Url::Sqlite(path), readers, .. }) => (format!("sqlite://{path}"), readers),
            Ok(options) => ("postgres://***".into(), options.connections),
            Err(_) => ("postgres://***".into(), self.connections),
        };
        let replica = if self.replica_url.is_some() { "postgres://***" } else { "none" };
        format!(
            "database_url = {engine}\nreplica_url = {replica}\nlisten = {}\ndata_dir = {}\nconnections = {}\nworkers = {}\nlog = {}\nbehind_proxy = {}",
            self.listen,
            self.data_dir.display(),
            connections,
            self.worker_count(),
            self.log,
            self.behind_proxy
        )
    }
}
