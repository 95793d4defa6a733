//! Who asks: the client's address, also behind a proxy of the owner's.

use std::net::{IpAddr, SocketAddr};

use coinop_core::config::Subnet;
use hyper::HeaderMap;

/// The header in which each proxy adds the address that it was asked from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The headers by which a proxy shows that it was asked by somebody else.
const FORWARDED: [&str; 4] = ["forwarded", FORWARDED_FOR, "x-real-ip", "via"];

/// The proxies whose word about their clients is taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies(Vec<Subnet>);

/// Who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller {
    /// The client's address, in its shortest form.
    pub(super) address: IpAddr,
    /// Whether a trusted proxy named it. The connection then belongs to the proxy.
    pub(super) is_proxied: bool,
    /// Whether the request was made on this machine. Behind a proxy on this machine every request seems so, but the
    /// proxy's headers show that it was forwarded.
    pub(super) is_local: bool,
}

impl TrustedProxies {
    pub(crate) const fn new(proxies: Vec<Subnet>) -> Self {
        Self(proxies)
    }

    /// Returns whether this is the address of a trusted proxy.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|subnet| subnet.contains(address))
    }

    /// Returns who sent a request with these headers over a connection from `peer`.
    ///
    /// A trusted proxy's client is the last address of `X-Forwarded-For` that is not a trusted proxy's. Whatever stands
    /// before it was written by the client, who can write anything.
    pub(super) fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> Caller {
        let peer = peer.to_canonical();
        let is_local = peer.is_loopback() && !FORWARDED.iter().any(|name| headers.contains_key(*name));
        let mut caller = Caller { address: peer, is_proxied: false, is_local };
        if !self.has(peer) {
            return caller;
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let named = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for text in named {
            // What no proxy would write ends the chain: the one who passed it on counts as the client.
            let Some(address) = address(text.trim()) else { break };
            (caller.address, caller.is_proxied) = (address, true);
            if !self.has(address) {
                break;
            }
        }
        caller
    }
}

/// Reads an address, also one with a port or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn trusting(proxies: &[&str]) -> TrustedProxies {
        TrustedProxies::new(proxies.iter().map(|text| Subnet::parse(text).unwrap()).collect())
    }

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (FORWARDED_FOR.parse().unwrap(), line.parse().unwrap())).collect()
    }

    #[test]
    fn the_client_of_a_trusted_proxy_is_the_last_address_that_is_none_of_the_proxies() {
        let proxies = trusting(&["127.0.0.1", "10.0.0.0/8"]);
        for (lines, expected) in [
            (&["192.0.2.1"][..], "192.0.2.1"),
            (&["198.51.100.9, 192.0.2.1"], "192.0.2.1"),
            (&["198.51.100.9, 192.0.2.1, 10.0.0.7"], "192.0.2.1"),
            (&["198.51.100.9", "192.0.2.1"], "192.0.2.1"),
            (&["192.0.2.1,10.0.0.7 ", " 10.0.0.8"], "192.0.2.1"),
            (&["192.0.2.1:5123"], "192.0.2.1"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["::ffff:192.0.2.1"], "192.0.2.1"),
            (&["10.0.0.9"], "10.0.0.9"),
            (&["192.0.2.1, unknown"], "127.0.0.1"),
            (&["unknown, 10.0.0.7"], "10.0.0.7"),
            (&["192.0.2.1, "], "127.0.0.1"),
            (&[], "127.0.0.1"),
        ] {
            let caller = proxies.caller(ip("::ffff:127.0.0.1"), &headers(lines));
            assert_eq!(caller.address, ip(expected), "{lines:?}");
            assert_eq!(caller.is_proxied, expected != "127.0.0.1", "{lines:?}");
            assert_eq!(caller.is_local, lines.is_empty(), "{lines:?}");
        }
    }

    #[test]
    fn nobody_else_is_believed() {
        for proxies in [trusting(&[]), trusting(&["127.0.0.1"])] {
            let caller = proxies.caller(ip("192.0.2.7"), &headers(&["127.0.0.1"]));
            assert_eq!(caller, Caller { address: ip("192.0.2.7"), is_proxied: false, is_local: false });
        }
    }

    #[test]
    fn the_operator_sits_at_the_machine() {
        let proxies = trusting(&[]);
        let is_local = |peer: &str, headers: &HeaderMap| proxies.caller(ip(peer), headers).is_local;
        let plain = HeaderMap::new();
        assert!(is_local("127.0.0.1", &plain));
        assert!(is_local("::1", &plain));
        assert!(is_local("::ffff:127.0.0.1", &plain));
        assert!(!is_local("192.0.2.1", &plain));
        assert!(!is_local("127.0.0.1", &headers(&["192.0.2.1"])));
    }
}
