//! The address under which buyers reach the gateway, judged the same way by `coinop check` and by `coinop serve`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use ureq::http::Uri;

/// How buyers reach an address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Buyers on this machine alone.
    Loopback,
    /// Buyers elsewhere, over TLS.
    Encrypted,
    /// Buyers elsewhere, in plain text.
    Plain,
}

/// Returns how buyers reach this address.
///
/// # Errors
/// A line for the operator, when buyers cannot go to the address at all.
pub(crate) fn reach(url: &str) -> Result<Reach, String> {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(|uri| uri.host()).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if address.is_some_and(|address| address.is_unspecified()) {
        return Err(format!(
            "buyers cannot reach {url}; write the address that they use, such as https://coinop.example.com"
        ));
    }
    let is_loopback = host == "localhost"
        || host.ends_with(".localhost")
        || address.is_some_and(|address| address.is_loopback());
    Ok(match url.starts_with("https://") {
        _ if is_loopback => Reach::Loopback,
        true => Reach::Encrypted,
        false => Reach::Plain,
    })
}

/// Returns what the owner should know about this address; `None` if nothing.
///
/// `listen` is where the gateway listens, if it listens itself.
pub(crate) fn warning(url: &str, reach: &Reach, listen: Option<&str>) -> Option<String> {
    match reach {
        Reach::Plain => {
            let unreachable = listen.filter(|listen| is_loopback(listen)).map(|listen| {
                let port = listen.rsplit_once(':').map_or("8402", |(_, port)| port);
                format!(
                    "; `listen` is {listen}, which only this machine can reach: without a proxy, write \
                     `listen = \"0.0.0.0:{port}\"`"
                )
            });
            Some(format!(
                "{url} is not encrypted: anyone on the same network can read session tokens and use them; for \
                 buyers outside your own network, put a proxy with TLS in front and write its https:// address \
                 here{}",
                unreachable.unwrap_or_default()
            ))
        }
        Reach::Loopback => {
            let port = port(url)?;
            let (_, own) = listen?.rsplit_once(':')?;
            // Port 0 is any free one, which nobody knows yet.
            let own: u16 = own.parse().ok().filter(|own| *own != 0)?;
            (own != port).then(|| {
                format!(
                    "{url} leads to port {port}, but `listen` has port {own}; write port {own} here, unless \
                     a proxy forwards port {port}"
                )
            })
        }
        Reach::Encrypted => None,
    }
}

/// Returns the port to which this address leads.
fn port(url: &str) -> Option<u16> {
    let uri: Uri = url.parse().ok()?;
    Some(uri.port_u16().unwrap_or(if url.starts_with("https://") { 443 } else { 80 }))
}

/// Returns the port of a loopback address if a program on this machine listens there. It is asked nothing.
pub(crate) fn port_in_use(url: &str) -> Option<u16> {
    let port = port(url)?;
    let hosts = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let listens =
        |host| TcpStream::connect_timeout(&SocketAddr::new(host, port), Duration::from_secs(1)).is_ok();
    hosts.into_iter().any(listens).then_some(port)
}

/// Returns whether this address of `listen` takes connections from this machine only.
fn is_loopback(listen: &str) -> bool {
    listen.parse().is_ok_and(|address: SocketAddr| address.ip().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_loopback_encrypted_plain_or_none_that_buyers_can_use() {
        for (url, expected) in [
            ("https://a.example", Some(Reach::Encrypted)),
            ("https://1.2.3.4", Some(Reach::Encrypted)),
            ("http://127.0.0.1:8402", Some(Reach::Loopback)),
            ("http://localhost", Some(Reach::Loopback)),
            ("http://[::1]:1", Some(Reach::Loopback)),
            ("http://a.example", Some(Reach::Plain)),
            ("http://192.168.1.4:8402", Some(Reach::Plain)),
            ("http://lamp.local:8402", Some(Reach::Plain)),
            ("http://localhost.example", Some(Reach::Plain)),
            ("http://0.0.0.0:8402", None),
            ("http://[::]:8402", None),
        ] {
            assert_eq!(reach(url).ok(), expected, "{url}");
        }
    }

    #[test]
    fn a_port_is_in_use_while_a_program_listens_on_it() {
        let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = proxy.local_addr().unwrap().port();
        let url = format!("http://localhost:{port}");
        assert_eq!(port_in_use(&url), Some(port));
        drop(proxy);
        assert_eq!(port_in_use(&url), None);
    }

    #[test]
    fn a_plain_address_and_a_port_that_nobody_listens_on_are_warned_of() {
        let warned = |url: &str, listen| warning(url, &reach(url).unwrap(), listen);
        assert!(warned("http://192.168.1.4:8402", None).unwrap().contains("not encrypted"));
        let alone = warned("http://192.168.1.4:8402", Some("127.0.0.1:8402")).unwrap();
        assert!(alone.contains("`listen = \"0.0.0.0:8402\"`"), "{alone}");
        assert!(!warned("http://192.168.1.4:8402", Some("0.0.0.0:8402")).unwrap().contains("listen"));
        assert_eq!(warned("https://a.example", Some("127.0.0.1:8402")), None);
        let without_port = warned("http://127.0.0.1", Some("127.0.0.1:8402")).unwrap();
        assert!(without_port.contains("leads to port 80"), "{without_port}");
        for (url, listen) in [
            ("http://127.0.0.1:8402", Some("127.0.0.1:8402")),
            ("http://127.0.0.1:8402", Some("[::]:8402")),
            ("http://127.0.0.1:8402", Some("127.0.0.1:0")),
            ("http://127.0.0.1:8402", None),
        ] {
            assert_eq!(warned(url, listen), None, "{url} {listen:?}");
        }
    }
}
