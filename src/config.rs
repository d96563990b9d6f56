//! Settings: the only code that reads the environment and the settings file. An unknown setting ends every command that reads settings.

use crate::{
    app::{self, ServerOptions},
    auth::{
        password::Cost,
        source::{Sources, TrustedProxies},
    },
    db::{self, Url, Use},
    http::{cors::Origins, problem::ProblemTypes},
    mail::MailSettings,
    telemetry,
    tls::Certificate,
    types,
};
use figment::{
    Figment,
    providers::{Env, Format as _, Serialized, Toml},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

/// All settings with their defaults. In the environment each has the prefix `ALONGSIDE_` and takes precedence over the
/// file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `sqlite://PATH` or `postgres://…`. Default: a SQLite file in `data_dir`.
    pub database_url: Option<SecretString>,
    /// A PostgreSQL replica, for reads that may return slightly old data.
    pub replica_url: Option<SecretString>,
    /// The address to listen on. Outside loopback TLS is required, by this server or by a proxy: see `tls_certificate`,
    /// `behind_proxy`.
    pub listen: SocketAddr,
    /// The folder of the signing keys, the secret keys, the checkpoints and, by default, the database and the mail.
    pub data_dir: PathBuf,
    /// Connections to PostgreSQL, or readers of the SQLite file. 0: eight for PostgreSQL, but one reader for each
    /// processor if the database runs on this machine; for SQLite one reader for each processor. At least two.
    pub connections: u32,
    /// Threads that handle requests. 0: one for each processor.
    pub workers: usize,
    /// A level, or targets with a level each, separated by commas.
    pub log: String,
    /// The time in seconds after SIGTERM during which readiness returns 503 while requests are still answered.
    pub shutdown_grace: u64,
    /// States that a proxy terminates TLS, so that plain HTTP is allowed outside loopback (HT-11).
    pub behind_proxy: bool,
    /// The proxies whose `X-Forwarded-For` is trusted: addresses and networks, separated by commas (AU-07).
    pub trusted_proxies: TrustedProxies,
    /// The most connections that are open at once (HT-06). 0: the number of files that the process may open, minus
    /// those that it needs itself.
    pub max_connections: usize,
    /// The cost of a password hash, in KiB and in passes. After an increase, a password is hashed again at the next
    /// login (AU-01).
    pub password_memory: u32,
    pub password_passes: u32,
    /// A mail server: `smtps://USER:PASSWORD@HOST`, or `smtp://…?tls=required`. Default: mail is written to the folder
    /// `mail` in `data_dir`.
    pub smtp_url: Option<SecretString>,
    /// The sender of mail. Required with `smtp_url`.
    pub mail_from: Option<String>,
    /// The address of the front-end client for links in mail: https, or http on this machine. Default: mail contains
    /// codes.
    pub app_url: Option<String>,
    /// The address at which clients reach this server: https, or http on this machine. The `type` of a problem then
    /// leads to its explanation under `/problems`. Default: the types are URNs.
    pub public_url: Option<String>,
    /// PEM files with the certificate, followed by its intermediate certificates, and with its private key. With them
    /// the server uses TLS (HT-11).
    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// The origins whose pages may read responses (HT-10), separated by commas.
    pub cors_origins: Origins,
    /// Whether the OpenAPI document and its page are served. Default: only over plain HTTP on loopback (CF-01).
    pub docs: Option<bool>,
}

#[derive(Serialize)]
struct Defaults {
    listen: &'static str,
    data_dir: &'static str,
    connections: u32,
    workers: usize,
    log: &'static str,
    shutdown_grace: u64,
    behind_proxy: bool,
    trusted_proxies: &'static str,
    cors_origins: &'static str,
    max_connections: usize,
    password_memory: u32,
    password_passes: u32,
}

const DEFAULTS: Defaults = Defaults {
    listen: "127.0.0.1:8080",
    data_dir: "data",
    connections: 0,
    workers: 0,
    log: "info",
    shutdown_grace: 3,
    behind_proxy: false,
    trusted_proxies: "",
    cors_origins: "",
    max_connections: 0,
    password_memory: 19_456,
    password_passes: 2,
};

/// More connections than this bring no benefit.
const MAX_CONNECTIONS: usize = 10_000;
/// Files that the process opens besides its connections: the log, the listener, and those of the workers.
const OWN_FILES: usize = 64;
const FILES_A_WORKER: usize = 4;

/// The number of files that the process may open.
fn open_files() -> usize {
    #[cfg(unix)]
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let most: Option<u64> = None;
    most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// The settings whose value may contain a password.
const SECRETS: [&str; 3] = ["database_url", "replica_url", "smtp_url"];

/// An error of the settings in one line. It contains no value of a secret setting and no line of the file, which may
/// contain one.
fn in_words(error: &figment::Error) -> String {
    let words = error.to_string();
    if let Some(name) = SECRETS.into_iter().find(|name| error.path.first().is_some_and(|part| part == name)) {
        return format!("{name} must be text");
    }
    match words.split_once("TOML parse error at ") {
        Some((_, place)) => {
            let place = place.split(['|', '\n']).next().unwrap_or_default().trim();
            format!("--config: what stands at {place} is no TOML: text stands between double quotes")
        }
        None => words.replace('\n', " "),
    }
}

impl Config {
    /// Reads the file, if one is given, and then the environment, which takes precedence.
    pub fn load(file: Option<&Path>) -> Result<Self, String> {
        let mut figment = Figment::from(Serialized::defaults(DEFAULTS));
        if let Some(file) = file {
            if !file.is_file() {
                return Err(format!("--config {}: there is no such file", file.display()));
            }
            figment = figment.merge(Toml::file(file));
        }
        Self::read(&figment.merge(Env::prefixed("ALONGSIDE_")))
    }

    fn read(settings: &Figment) -> Result<Self, String> {
        let config: Self = settings.extract().map_err(|error| in_words(&error))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return Err("tls_certificate and tls_key go together".into());
        }
        if !self.listen.ip().is_loopback() && !self.behind_proxy && !self.speaks_tls() {
            return Err(format!(
                "listen = {}: off loopback TLS must be spoken: tls_certificate and tls_key, or behind_proxy = true and \
                 a proxy that does",
                self.listen
            ));
        }
        if self.trusted_proxies != TrustedProxies::default() && !self.behind_proxy {
            return Err("trusted_proxies goes with behind_proxy = true".into());
        }
        telemetry::filter(&self.log)?;
        if self.shutdown_grace > 300 {
            return Err("shutdown_grace must lie between 0 and 300 seconds".into());
        }
        self.password_cost()?;
        self.mail()?;
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
            Some(url) => Url::parse(url.expose_secret()).map_err(|fault| format!("database_url {fault}"))?,
            None => Url::Sqlite(self.data_dir.join("alongside.db").to_string_lossy().into_owned()),
        };
        // More readers than processors would be switched in the middle of their reads, so that all of them would be
        // slower.
        let one_each = u32::try_from(processors().max(2)).unwrap_or(8);
        let (connections, readers) = match self.connections {
            0 => (8, if url.is_local() { one_each } else { 8 }),
            chosen => (chosen, chosen),
        };
        let replica = self.replica_url.as_ref().map(|url| Url::parse(url.expose_secret())).transpose();
        let replica = replica.map_err(|fault| format!("replica_url {fault}"))?;
        Ok(db::Options {
            url,
            replica,
            connections,
            readers,
            migrate: true,
            purpose: Use::Writing,
            checks: app::ACCESS_CHECKS,
        })
    }

    /// The file of the audit log's signed checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.data_dir.join("checkpoints.jsonl")
    }

    pub fn worker_count(&self) -> usize {
        if self.workers == 0 { processors() } else { self.workers }
    }

    /// The server's settings about its environment.
    pub fn server_options(&self) -> Result<ServerOptions, String> {
        Ok(ServerOptions {
            sources: Sources { behind_proxy: self.behind_proxy, trusted: self.trusted_proxies.clone() },
            password_cost: self.password_cost()?,
            most_connections: self.most_connections()?,
            docs: self.serves_docs(),
            origins: self.cors_origins.clone(),
            tls: self.certificate()?.map(Arc::new),
            problem_types: self.problem_types()?,
        })
    }

    fn problem_types(&self) -> Result<ProblemTypes, String> {
        check_address("public_url", self.public_url.as_deref())?;
        Ok(self.public_url.as_deref().map_or_else(ProblemTypes::default, ProblemTypes::at))
    }

    /// The mail settings.
    pub fn mail(&self) -> Result<MailSettings, String> {
        check_address("app_url", self.app_url.as_deref())?;
        match (&self.smtp_url, &self.mail_from) {
            (Some(url), Some(from)) => MailSettings::smtp(url, from, self.app_url.clone()),
            (None, None) => MailSettings::folder(self.data_dir.join("mail"), self.app_url.clone()),
            _ => Err("smtp_url and mail_from go together".into()),
        }
    }

    pub const fn speaks_tls(&self) -> bool {
        self.tls_certificate.is_some()
    }

    fn certificate(&self) -> Result<Option<Certificate>, String> {
        self.tls_certificate
            .as_ref()
            .zip(self.tls_key.as_ref())
            .map(|(chain, key)| Certificate::load(chain, key))
            .transpose()
    }

    pub fn password_cost(&self) -> Result<Cost, String> {
        Cost::new(self.password_memory, self.password_passes)
    }

    fn serves_docs(&self) -> bool {
        self.docs.unwrap_or(!self.behind_proxy && !self.speaks_tls())
    }

    fn most_connections(&self) -> Result<usize, String> {
        let db::Options { url, connections, readers, .. } = self.database()?;
        let (connections, readers) = (connections as usize, readers as usize);
        let own = OWN_FILES
            + FILES_A_WORKER * self.worker_count()
            + match url {
                // One per connection; the pools for reads by key and for the replica have as many readers each.
                Url::Postgres(_) => connections + 3 * readers,
                // Each has its journal files; every worker has a connection of its own.
                Url::Sqlite(_) => 4 * (1 + readers + self.worker_count()),
            };
        let left = open_files().saturating_sub(own);
        match self.max_connections {
            _ if left == 0 => Err(format!(
                "the process may open {} files (ulimit -n), and needs {own} without any connection",
                open_files()
            )),
            0 => Ok(left.min(MAX_CONNECTIONS)),
            chosen if chosen > left => Err(format!(
                "max_connections = {chosen}: the process may open {} files (ulimit -n), which leaves {left}",
                open_files()
            )),
            chosen => Ok(chosen),
        }
    }

    /// The effective settings without secrets.
    pub fn describe(&self) -> String {
        let (engine, connections) = match self.database() {
            Ok(db::Options { url: Url::Sqlite(path), readers, .. }) => (format!("sqlite://{path}"), readers),
            Ok(options) => ("postgres://***".into(), options.connections),
            Err(_) => ("postgres://***".into(), self.connections),
        };
        let file =
            |file: &Option<PathBuf>| file.as_ref().map_or_else(|| "none".into(), |file| file.display().to_string());
        let replica = if self.replica_url.is_some() { "postgres://***" } else { "none" };
        format!(
            "database_url = {engine}\nreplica_url = {replica}\nlisten = {}\ndata_dir = {}\n\
             connections = {}\nworkers = {}\nlog = {}\nshutdown_grace = {}\nbehind_proxy = {}\n\
             trusted_proxies = {}\nmax_connections = {}\npassword_memory = {}\npassword_passes = {}\n\
             tls_certificate = {}\ntls_key = {}\ncors_origins = {}\ndocs = {}\nsmtp_url = {}\n\
             mail_from = {}\napp_url = {}\npublic_url = {}",
            self.listen,
            self.data_dir.display(),
            connections,
            self.worker_count(),
            self.log,
            self.shutdown_grace,
            self.behind_proxy,
            self.trusted_proxies,
            self.most_connections().unwrap_or(self.max_connections),
            self.password_memory,
            self.password_passes,
            file(&self.tls_certificate),
            file(&self.tls_key),
            self.cors_origins,
            self.serves_docs(),
            if self.smtp_url.is_some() { "smtp://***" } else { "none" },
            self.mail_from.as_deref().unwrap_or("none"),
            self.app_url.as_deref().unwrap_or("none"),
            self.public_url.as_deref().unwrap_or("none"),
        )
    }
}

/// An address that goes into responses or mail: over https, or plain HTTP on this machine.
fn check_address(setting: &str, url: Option<&str>) -> Result<(), String> {
    let is_valid = |url: &str| {
        let here = ["http://localhost", "http://127.0.0.1"].iter().filter_map(|start| url.strip_prefix(start));
        let is_encrypted_or_local =
            url.starts_with("https://") || here.into_iter().any(|rest| rest.is_empty() || rest.starts_with([':', '/']));
        is_encrypted_or_local && types::Url::parse(url).is_ok() && !url.contains('#') && url.len() <= 500
    };
    match url.is_none_or(is_valid) {
        true => Ok(()),
        false => {
            Err(format!("{setting} must be a web address that begins with https, such as https://app.example.org"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_settings_are_refused_without_revealing_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alongside.toml");
        for (text, expected) in [
            ("database_url = postgres://ana:zqsecret@db.example.org/a", "line 1, column"),
            ("listen = \"127.0.0.1:0\"\nsmtp_url = \"smtps://ana:zqsecret@mail.example.org", "line 2, column"),
            ("database_url = [\"zqsecret\"]", "database_url must be text"),
            ("smtp_url = { zqsecret = 1 }", "smtp_url must be text"),
            ("replica_url = 815815", "replica_url must be text"),
            ("database_url = \"postgres://ana:zq/secret@db.example.org/a\"", "database_url must be postgres://"),
            (
                "database_url = \"postgres://localhost/a\"\nreplica_url = \
                 \"postgres://ana:zq/secret@db.example.org/a\"",
                "replica_url must be",
            ),
            (
                "smtp_url = \"smtps://ana:zq/secret@mail.example.org:x\"\nmail_from = \"a@example.org\"",
                "smtp_url must be",
            ),
        ] {
            std::fs::write(&file, text).unwrap();
            // The environment is not read, because it contains the settings of the test run.
            let message =
                Config::read(&Figment::from(Serialized::defaults(DEFAULTS)).merge(Toml::file(&file))).unwrap_err();
            assert!(message.contains(expected) && message.lines().count() == 1, "{text}: {message}");
            assert!(!["zq", "secret", "815"].iter().any(|part| message.contains(part)), "{text}: {message}");
        }
    }
}
