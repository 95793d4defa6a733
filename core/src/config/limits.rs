//! What `serve` lets one client do.

use std::net::IpAddr;

use super::error::ConfigError;
use super::section::Section;

/// The limits for each client address, enforced by `serve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The sustained number of requests per second; 0 turns the limit off.
    pub requests_per_second: u64,
    /// The number of requests that may arrive at once.
    pub burst: u64,
    /// The number of connections that may be open at once.
    pub connections_per_address: usize,
    /// The most bytes of unfinished requests of all clients together; `None` lets the host choose.
    pub max_unread_bytes: Option<usize>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Subnet>,
}

impl Limits {
    const DEFAULT_REQUESTS_PER_SECOND: u64 = 100;
    const DEFAULT_BURST: u64 = 400;
    const DEFAULT_CONNECTIONS: u64 = 64;
    /// The fewest bytes that may be allowed. One request needs up to 80 KiB.
    const LEAST_UNREAD: u64 = 1 << 20;

    /// Reads the section `limits`, which may be missing.
    pub(super) fn read(top: &mut Section<'_>) -> Result<Self, ConfigError> {
        let mut section = top.optional("limits")?;
        let requests_per_second =
            section.number("requests_per_second")?.unwrap_or(Self::DEFAULT_REQUESTS_PER_SECOND);
        let burst = section.number("burst")?.unwrap_or(Self::DEFAULT_BURST.max(requests_per_second));
        if burst < requests_per_second {
            let message = format!("must be at least `requests_per_second`, which is {requests_per_second}");
            return Err(section.error("burst", message));
        }
        let connections = section.number("connections_per_address")?.unwrap_or(Self::DEFAULT_CONNECTIONS);
        let connections_per_address = usize::try_from(connections).ok().filter(|number| *number > 0);
        let connections_per_address = connections_per_address
            .ok_or_else(|| section.error("connections_per_address", "must be at least 1"))?;
        let unread = section.number("max_unread_bytes")?;
        if unread.is_some_and(|bytes| bytes < Self::LEAST_UNREAD) {
            let message = format!("must be at least {} bytes, which is 1 MiB", Self::LEAST_UNREAD);
            return Err(section.error("max_unread_bytes", message));
        }
        let trusted_proxies = trusted_proxies(&mut section)?;
        section.finish()?;
        Ok(Self {
            requests_per_second,
            burst,
            connections_per_address,
            max_unread_bytes: unread.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            trusted_proxies,
        })
    }
}

fn trusted_proxies(section: &mut Section<'_>) -> Result<Vec<Subnet>, ConfigError> {
    let mut proxies = Vec::new();
    for (index, value) in section.list("trusted_proxies")?.iter().enumerate() {
        let path = format!("{}[{index}]", section.path("trusted_proxies"));
        let message = "must be an address or a network, such as \"127.0.0.1\" or \"10.0.0.0/8\"";
        let subnet = value.as_str().and_then(Subnet::parse);
        let subnet = subnet.ok_or_else(|| ConfigError::new(&path, message))?;
        if subnet.bits == 0 {
            // Then every buyer could write down any address as its own.
            return Err(ConfigError::new(&path, "is every address there is; name your own proxy"));
        }
        proxies.push(subnet);
    }
    Ok(proxies)
}

/// An address, or all addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    address: IpAddr,
    bits: u32,
}

impl Subnet {
    /// Reads `192.0.2.1`, `192.0.2.0/24`, or the same of IPv6; `None` if it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(all);
        (bits <= all).then_some(Self { address, bits })
    }

    /// Returns whether an address belongs to it. An IPv4 address that is written as IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= self.bits
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_like_it_and_no_other() {
        for (network, inside, outside) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.128/25", "192.0.2.255", "192.0.2.127"),
            ("::1", "::1", "::2"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::1"),
            ("10.0.0.0/1", "127.0.0.1", "128.0.0.1"),
        ] {
            let subnet = Subnet::parse(network).unwrap();
            assert!(subnet.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!subnet.contains(outside.parse().unwrap()), "{network} {outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "localhost", "127.0.0.1/33", "::1/129", "127.0.0.1/", "127.0.0.1/-1", "1.2.3", "/8"]
        {
            assert_eq!(Subnet::parse(text), None, "{text}");
        }
    }
}
