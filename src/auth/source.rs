//! The source address of a request (AU-07): the peer of the socket, or the address that a trusted proxy names.

use actix_web::HttpRequest;
use ipnet::IpNet;
use serde::Deserialize;
use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

/// The source address of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    pub address: IpAddr,
    /// Whether all callers share this address, because it belongs to a proxy whose forwarding header is not trusted.
    pub is_shared: bool,
}

/// The proxies whose `X-Forwarded-For` is trusted: addresses and networks, separated by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TrustedProxies(Vec<IpNet>);

impl TryFrom<String> for TrustedProxies {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let network = |part: &str| part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let networks: Result<_, _> =
            parts.map(|part| network(part).map_err(|_| format!("{part} is no address and no network"))).collect();
        networks.map(Self)
    }
}

impl std::fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = self.0.iter().map(IpNet::to_string).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

/// The settings for the source addresses of requests.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub behind_proxy: bool,
    pub trusted: TrustedProxies,
}

impl Sources {
    /// The peer, unless it is a trusted proxy. Then `X-Forwarded-For` is read from the right, up to the first address
    /// that is not trusted. Everything to the left of it may be forged and is ignored.
    pub fn of(&self, req: &HttpRequest) -> Option<Source> {
        let peer = req.peer_addr()?.ip().to_canonical();
        // The part that the caller sent may contain any bytes. It must not hide what the proxy appended.
        let named: Vec<Cow<'_, str>> =
            req.headers().get_all("x-forwarded-for").map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        Some(self.named_by(peer, &named))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.0.iter().any(|network| network.contains(&address))
    }

    fn named_by(&self, peer: IpAddr, named: &[Cow<'_, str>]) -> Source {
        if !self.trusts(peer) {
            return Source { address: peer, is_shared: self.behind_proxy };
        }
        let address = |hop: &str| hop.parse().or_else(|_| hop.parse::<SocketAddr>().map(|with_port| with_port.ip()));
        let mut source = Source { address: peer, is_shared: true };
        for hop in named.iter().flat_map(|line| line.split(',')).rev() {
            let Ok(hop) = address(hop.trim()) else { break };
            source = Source { address: hop.to_canonical(), is_shared: false };
            if !self.trusts(source.address) {
                break;
            }
        }
        source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_may_name_the_source_address() {
        let sources = |behind_proxy, trusted: &str| Sources {
            behind_proxy,
            trusted: TrustedProxies::try_from(trusted.to_owned()).unwrap(),
        };
        let alone = |address: &str| Source { address: address.parse().unwrap(), is_shared: false };
        let of = |sources: &Sources, peer: &str, named: &[&str]| {
            sources.named_by(peer.parse().unwrap(), &named.iter().map(|line| Cow::Borrowed(*line)).collect::<Vec<_>>())
        };
        let none = sources(false, "");
        assert_eq!(of(&none, "192.0.2.1", &["203.0.113.5"]), alone("192.0.2.1"), "the header is not trusted");
        let no_trusted_proxy = sources(true, "");
        assert_eq!(
            of(&no_trusted_proxy, "192.0.2.1", &["203.0.113.5"]),
            Source { is_shared: true, ..alone("192.0.2.1") }
        );

        let two = sources(true, "192.0.2.1, 10.0.0.0/8,2001:db8::/32");
        for (named, source) in [
            (&["203.0.113.5"][..], "203.0.113.5"),
            (&["198.51.100.7, 203.0.113.5"], "203.0.113.5"),
            (&["198.51.100.7", "203.0.113.5, 10.1.2.3"], "203.0.113.5"),
            (&["203.0.113.5:4711"], "203.0.113.5"),
            (&["[2001:db9::1]:80, 2001:db8::9"], "2001:db9::1"),
            (&["::ffff:203.0.113.5"], "203.0.113.5"),
            (&["203.0.113.5, nonsense, 10.1.2.3"], "10.1.2.3"),
            (&["\u{fffd}, 203.0.113.5"], "203.0.113.5"),
            (&["10.9.9.9, 10.1.2.3"], "10.9.9.9"),
        ] {
            assert_eq!(of(&two, "192.0.2.1", named), alone(source), "{named:?}");
        }
        assert_eq!(of(&two, "192.0.2.1", &[]), Source { is_shared: true, ..alone("192.0.2.1") });
        assert_eq!(of(&two, "192.0.2.2", &["203.0.113.5"]), Source { is_shared: true, ..alone("192.0.2.2") });
    }

    #[test]
    fn invalid_proxy_networks_are_refused() {
        assert!(TrustedProxies::try_from("10.0.0.0/8, proxy.example.org".to_owned()).is_err());
        assert_eq!(TrustedProxies::try_from("10.0.0.0/8,::1".to_owned()).unwrap().to_string(), "10.0.0.0/8, ::1/128");
        assert_eq!(TrustedProxies::default().to_string(), "none");
    }
}
