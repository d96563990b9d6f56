//! Which origins may read a response (HT-10): exactly those in the settings, and none without settings. A browser is
//! never allowed to send credentials by itself: tokens are in `Authorization`, which the page sets itself.
//!
//! `Cross-Origin-Resource-Policy: same-origin` stays on every response. Browsers apply it only to requests in `no-cors`
//! mode (an image, a script). The CORS headers admit a page that uses `cors` mode.

use actix_web::{
    HttpResponse,
    dev::ServiceRequest,
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use serde::Deserialize;
use std::net::IpAddr;

/// The methods that a page may use, and the headers that it may send.
const ALLOWED_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const ALLOWED_HEADERS: &str = "authorization, content-type, if-match, if-none-match, idempotency-key, x-request-id";
/// The headers that a page may read besides the body.
const EXPOSED_HEADERS: &str = "etag, location, link, retry-after, idempotency-replayed, x-request-id";
/// The time in seconds for which a browser may cache the answer to a preflight request.
const PREFLIGHT_MAX_AGE: &str = "3600";

/// Origins separated by commas, as browsers write them: `https://app.example.org, https://app.example.org:8443`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origins(Vec<HeaderValue>);

impl TryFrom<String> for Origins {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let fault = |part: &str| {
            format!(
                "{part} is no origin: https://, a host in lower case, a port unless it is 443, nothing more; http:// \
                 on loopback alone"
            )
        };
        let origins: Result<_, _> = parts
            .map(|part| is_origin(part).then(|| HeaderValue::from_str(part).ok()).flatten().ok_or_else(|| fault(part)))
            .collect();
        origins.map(Self)
    }
}

impl std::fmt::Display for Origins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.iter().filter_map(|origin| origin.to_str().ok()).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

/// Whether a browser can send exactly this origin. Any other text would be a setting without effect.
fn is_origin(text: &str) -> bool {
    let (usual, secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => ("443", true, rest),
        (_, Some(rest)) => ("80", false, rest),
        _ => return false,
    };
    let (host, port) = match rest.rsplit_once(':').filter(|(host, _)| !host.starts_with('[') || host.ends_with(']')) {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let port_ok = port.is_none_or(|port| {
        port != usual
            && !port.starts_with('0')
            && port.bytes().all(|b| b.is_ascii_digit())
            && port.parse::<u16>().is_ok()
    });
    let address: Option<IpAddr> = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(six) => six.parse().ok().filter(|address: &IpAddr| address.is_ipv6() && address.to_string() == six),
        None => host.parse().ok().filter(IpAddr::is_ipv4),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let here = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    port_ok && (address.is_some() || host.split('.').all(label)) && (secure || here)
}

/// The CORS headers for one request.
#[derive(Debug)]
pub struct CorsHeaders {
    /// Whether the response depends on the origin.
    varies: bool,
    allowed_origin: Option<HeaderValue>,
}

impl Origins {
    pub fn response_headers(&self, headers: &HeaderMap) -> CorsHeaders {
        let mut named = headers.get_all(header::ORIGIN);
        let allowed_origin = match (named.next(), named.next()) {
            (Some(origin), None) => self.0.iter().find(|known| *known == origin).cloned(),
            _ => None,
        };
        CorsHeaders { varies: !self.0.is_empty(), allowed_origin }
    }
}

impl CorsHeaders {
    /// The answer to a preflight request.
    pub fn preflight_response(&self, req: &ServiceRequest) -> Option<HttpResponse> {
        let asks = req.method() == Method::OPTIONS && req.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        (asks && self.allowed_origin.is_some()).then(|| {
            HttpResponse::NoContent()
                .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS))
                .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS))
                .insert_header((header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE))
                .finish()
        })
    }

    /// Sets the headers on every response, also on errors: a page must be able to read why it was refused.
    pub fn apply(&self, headers: &mut HeaderMap) {
        if self.varies {
            headers.append(header::VARY, HeaderValue::from_name(HeaderName::from_static("origin")));
        }
        if let Some(origin) = &self.allowed_origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configured_origin_must_have_the_form_sent_by_browsers() {
        for good in [
            "https://app.example.org",
            "https://app.example.org:8443",
            "https://xn--mnchen-3ya.example",
            "http://localhost:3000",
            "http://127.0.0.1:5173",
            "http://[::1]:3000",
            "https://192.0.2.7",
            "https://[2001:db8::1]:8443",
            "https://intranet",
        ] {
            assert_eq!(Origins::try_from(good.to_owned()).unwrap().to_string(), good);
        }
        for bad in [
            "*",
            "null",
            "https://*",
            "https://*.example.org",
            "app.example.org",
            "https://",
            "https://app.example.org/",
            "https://app.example.org/page",
            "HTTPS://app.example.org",
            "https://App.example.org",
            "https://app.example.org:443",
            "http://localhost:80",
            "https://app.example.org:0",
            "https://app.example.org:08443",
            "https://app.example.org:70000",
            "https://app.example.org:",
            "https://ana@app.example.org",
            "https://app..example.org",
            "https://app.example.org.",
            "http://app.example.org",
            "ftp://app.example.org",
            "https://m\u{fc}nchen.example",
            "https://app.example.org?x",
            "https://app.example.org#x",
            "https://[::1",
            "https://[0:0::1]",
            "https://a b",
            "file://",
            "https://-a.example",
        ] {
            let fault = Origins::try_from(format!("https://app.example.org, {bad}")).expect_err(bad);
            assert!(fault.starts_with(bad) && !fault.contains('\n'), "{fault}");
        }
        assert_eq!(Origins::default().to_string(), "none");
        assert_eq!(Origins::try_from(" , ".to_owned()).unwrap(), Origins::default());
    }
}
