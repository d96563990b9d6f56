//! The URL of a database: how it is read, and which parts of it are secret.

/// The engine that a URL names. Its debug output does not contain the password.
#[derive(Clone, PartialEq, Eq)]
pub enum Url {
    Postgres(String),
    /// The path of a file.
    Sqlite(String),
}

impl std::fmt::Debug for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Postgres(_) => f.write_str("postgres://…"),
            Self::Sqlite(path) => write!(f, "sqlite://{path}"),
        }
    }
}

impl Url {
    /// Parses a URL. If the password contains an unencoded special character, libpq would read the URL differently from
    /// what the operator meant and could print parts of the password in its error messages. This function refuses such
    /// a URL.
    ///
    /// # Errors
    /// A message that describes the correct form and contains no part of the URL.
    pub fn parse(url: &str) -> Result<Self, String> {
        if let Some(rest) = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")) {
            return match postgres_fault(rest) {
                Some(fault) => Err(fault.into()),
                None => Ok(Self::Postgres(url.to_owned())),
            };
        }
        match url.strip_prefix("sqlite://") {
            // SQLite would open an in-memory database for `:memory:`, and would read `file:` as a URI.
            Some(path) if path.contains(":memory:") || path.starts_with("file:") => {
                Err("database_url = sqlite://PATH must name a file".into())
            }
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(path.to_owned())),
            _ => Err("must begin with sqlite:// or postgres://".into()),
        }
    }

    /// Removes the passwords of this URL from a libpq message.
    pub fn without_secrets(&self, message: &str) -> String {
        let Self::Postgres(url) = self else { return message.to_owned() };
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let user = rest.split_once('@').map_or("", |(user, _)| user);
        let of_user = user.split_once(':').map(|(_, password)| password);
        let named = rest.split(['?', '&']).filter_map(|pair| pair.split_once('='));
        let named = named.filter(|(name, _)| SECRETS.contains(name)).map(|(_, value)| value);
        of_user
            .into_iter()
            .chain(named)
            .filter(|secret| !secret.is_empty())
            .fold(message.to_owned(), |message, secret| message.replace(secret, "***").replace(&decoded(secret), "***"))
    }

    /// Whether the database runs on this machine and shares its processors.
    pub fn is_local(&self) -> bool {
        let Self::Postgres(url) = self else { return true };
        let place = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let (authority, rest) = place.split_once(['/', '?']).unwrap_or((place, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        // Without a host, libpq connects to a socket, unless the options name a host.
        let named = rest
            .split(['?', '&'])
            .find_map(|part| part.strip_prefix("host=").or_else(|| part.strip_prefix("hostaddr=")));
        let host = if host.is_empty() { named.unwrap_or("/") } else { host };
        ["localhost", "127.", "[::1]", "::1", "/", "%2F", "%2f"].iter().any(|here| host.starts_with(here))
    }
}

/// The options that libpq accepts after the question mark. Any other name may be part of a password that was not
/// encoded.
const OPTIONS: &[&str] = &[
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "options",
    "passfile",
    "password",
    "port",
    "require_auth",
    "requirepeer",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];
/// The options whose value is secret.
const SECRETS: &[&str] = &["password", "sslpassword", "passfile"];

/// Checks what follows `postgres://`, read as libpq reads it. Returns what is wrong with it.
fn postgres_fault(rest: &str) -> Option<&'static str> {
    const SHAPE: &str = "must be postgres://USER:PASSWORD@HOST:PORT/DATABASE; in USER and PASSWORD each of : / ? # [ ] @ % and a blank is \
                         written as % and two figures, as %40 for @";
    const OPTION: &str = "has something behind the question mark that is no setting of libpq's, or has no value";
    let (user, place) = match rest.split_once(['@', '/']) {
        Some((user, place)) if rest.as_bytes().get(user.len()) == Some(&b'@') => (user, place),
        _ => ("", rest),
    };
    let (place, options) = place.split_once('?').map_or((place, None), |(place, options)| (place, Some(options)));
    let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
    let encoded = |text: &str| {
        let mut parts = text.split('%');
        let plain = parts.next().is_some_and(|_| !text.chars().any(|c| c.is_whitespace() || c.is_control()));
        plain
            && parts.all(|part| {
                part.get(..2).is_some_and(|code| code != "00" && code.bytes().all(|b| b.is_ascii_hexdigit()))
            })
    };
    let host = |text: &str| {
        let (name, port) = match text.rsplit_once(']') {
            Some((address, port)) => (address.strip_prefix('[')?, port.strip_prefix(':').unwrap_or(port)),
            None => text.rsplit_once(':').unwrap_or((text, "")),
        };
        let named = name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_%:".contains(&b));
        (named && port.bytes().all(|b| b.is_ascii_digit())).then_some(())
    };
    let valid = !user.contains('?')
        && user.matches(':').count() <= 1
        && encoded(rest)
        && hosts.split(',').all(|text| host(text).is_some())
        && !database.contains(['/', '@', ':', '#']);
    if !valid {
        return Some(SHAPE);
    }
    let known = |pair: &str| {
        pair.split_once('=').is_some_and(|(name, value)| OPTIONS.contains(&name) && !value.contains(['=', '@', '#']))
    };
    options.is_some_and(|options| !options.split('&').all(known)).then_some(OPTION)
}

/// Decodes a percent-encoded part of a URL.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap_or_default().as_bytes().to_vec();
    let bytes = parts.fold(first, |mut bytes, part| {
        let (code, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        bytes.extend(u8::from_str_radix(code, 16));
        bytes.extend(rest.as_bytes());
        bytes
    });
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The server must notice quickly that the database is unreachable, whether packets are dropped or refused (RL-02).
/// Settings in the operator's URL take precedence.
pub fn with_timeouts(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in [
        ("connect_timeout", "2"),
        // For data that was sent and is not acknowledged.
        ("tcp_user_timeout", "5000"),
        // For a connection that waits for an answer while the server has disappeared silently.
        ("keepalives_idle", "10"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "2"),
        ("application_name", "alongside"),
    ] {
        if !url.contains(name) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(name);
            url.push('=');
            url.push_str(value);
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::Url;
    use crate::db::{Conn, Use};

    /// Each URL holds `secret`, split by a character that libpq reads as a separator.
    #[test]
    fn malformed_url_is_refused_without_repeating_it() {
        for url in [
            "postgres://ana:se/cret@db.example.org/alongside",
            "postgres://ana:12/se@cret@db.example.org/alongside",
            "postgres://ana:se@cret@db.example.org/alongside",
            "postgres://ana:se?cret@db.example.org/alongside",
            "postgres://ana:se:cret@db.example.org/alongside",
            "postgres://ana:se%cret@db.example.org/alongside",
            "postgres://ana:se%00cret@db.example.org/alongside",
            "postgres://ana:se cret@db.example.org/alongside",
            "postgres://ana:12/secret@db.example.org/alongside",
            "postgres://ana@db.example.org/alongside?password=se&cret",
            "postgres://ana@db.example.org/alongside?password=se&cret=x",
            "postgres://ana@db.example.org/alongside?pass=secret",
            "postgres://ana@db.example.org:secret/alongside",
            "postgres://ana@[secret/alongside",
            "postgress://ana:secret@db.example.org/alongside",
            "ana:secret@db.example.org/alongside",
            "sqlite:secret",
        ] {
            let message = Url::parse(url).expect_err(url);
            assert!(!["secret", "cret", "ana", "12"].iter().any(|part| message.contains(part)), "{url}: {message}");
        }
        for url in [
            "postgres://localhost",
            "postgres:///alongside?host=/var/run/postgresql",
            "postgres://ana:s%2Fe%40c#r!e$t@db.example.org:5432,[::1]:5433/alongside?sslmode=require&connect_timeout=5",
            "postgres://%2Fvar%2Frun/alongside",
        ] {
            assert!(Url::parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn driver_messages_and_debug_output_contain_no_password() {
        let url = Url::parse("postgres://ana:s%40cret@127.0.0.1:1/alongside?sslpassword=oth%65r").unwrap();
        assert_eq!(
            url.without_secrets("no s@cret, no s%40cret, no other, no oth%65r: ana"),
            "no ***, no ***, no ***, no ***: ana"
        );
        let message = format!("{url:?} {}", Conn::open(&url, Use::Writing).err().unwrap());
        assert!(!message.contains("cret") && message.contains("127.0.0.1"), "{message}");
    }

    #[test]
    fn local_database_urls_are_recognized() {
        let here = |url: &str| Url::parse(url).unwrap().is_local();
        for url in [
            "sqlite://data/a.db",
            "postgres://localhost/a",
            "postgres://me:p%40ss@127.0.0.1:5432/a?sslmode=disable",
            "postgresql://me@[::1]:5432/a",
            "postgres:///a?host=/var/run/postgresql",
            "postgres:///a?connect_timeout=2&host=%2Fvar%2Frun",
            "postgres:///a",
        ] {
            assert!(here(url), "{url}");
        }
        for url in [
            "postgres://db.example.org/a",
            "postgres://localhost@db.example.org/a",
            "postgres:///a?host=db.example.org",
            "postgres://10.0.0.1",
        ] {
            assert!(!here(url), "{url}");
        }
    }
}
