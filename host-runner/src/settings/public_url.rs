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
    let host = host(url);
    let address: Option<IpAddr> = host.parse().ok();
    if address.is_some_and(|address| address.is_unspecified()) {
        return Err(format!(
            "buyers cannot reach {url}; write the address that they use, such as https://coinop.example.com"
        ));
    }
    let is_loopback = is_local_name(&host) || address.is_some_and(|address| address.is_loopback());
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
        Reach::Plain => Some(plain(url, listen)),
        Reach::Loopback => without_tls(url, listen?).or_else(|| other_port(url, listen?)),
        Reach::Encrypted => without_tls(url, listen?),
    }
}

/// Warns of an address that is not encrypted.
fn plain(url: &str, listen: Option<&str>) -> String {
    let unreachable = listen.filter(|listen| is_loopback(listen)).map(|listen| {
        let port = listen.rsplit_once(':').map_or("8402", |(_, port)| port);
        format!(
            "; `listen` is {listen}, which only this machine can reach: without a proxy, write `listen = \"0.0.0.0:{port}\"`"
        )
    });
    format!(
        "{url} is not encrypted: wallets in browsers and on phones cannot pay at this address at all, only programs can, and \
         anyone on the same network can read session tokens and use them; put a proxy with TLS in front and write its \
         https:// address here, as docs/run.md#behind-a-proxy-with-tls shows{}",
        unreachable.unwrap_or_default()
    )
}

/// Warns of an `https://` address at which the gateway itself seems to listen. It speaks plain HTTP only.
fn without_tls(url: &str, listen: &str) -> Option<String> {
    let authority = url.strip_prefix("https://")?;
    let (host, own) = (host(url), port(listen)?);
    if port_of(url)? != own || !(is_local_name(&host) || host.parse::<IpAddr>().is_ok()) {
        return None;
    }
    Some(format!(
        "{url} asks for TLS, but `listen` has the same port {own}, where this gateway speaks plain HTTP: no buyer can reach it \
         unless a proxy with TLS has that address; write \"http://{authority}\" for buyers on this machine only, or put a \
         proxy with TLS in front, as docs/run.md#behind-a-proxy-with-tls shows"
    ))
}

/// Warns of an address on this machine that leads to another port than that of `listen`.
fn other_port(url: &str, listen: &str) -> Option<String> {
    let (port, own) = (port_of(url)?, port(listen)?);
    (own != port).then(|| {
        format!(
            "{url} leads to port {port}, but `listen` has port {own}; write port {own} here, unless a proxy forwards port \
             {port}"
        )
    })
}

/// Returns whether this name always means this machine.
fn is_local_name(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

/// Returns the host of a URL in lower case, without the brackets of an IPv6 address.
fn host(url: &str) -> String {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(|uri| uri.host()).unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

/// Returns the port to which a URL leads.
fn port_of(url: &str) -> Option<u16> {
    let uri: Uri = url.parse().ok()?;
    Some(uri.port_u16().unwrap_or(if url.starts_with("https://") { 443 } else { 80 }))
}

/// Returns the port of a loopback address if a program on this machine listens there. It is asked nothing.
pub(crate) fn port_in_use(url: &str) -> Option<u16> {
    let port = port_of(url)?;
    let hosts = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let listens =
        |host| TcpStream::connect_timeout(&SocketAddr::new(host, port), Duration::from_secs(1)).is_ok();
    hosts.into_iter().any(listens).then_some(port)
}

/// Returns the port of `listen`; `None` for 0, which is any free one that nobody knows yet.
fn port(listen: &str) -> Option<u16> {
    let (_, port) = listen.rsplit_once(':')?;
    port.parse().ok().filter(|port| *port != 0)
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
    fn an_address_with_tls_where_the_gateway_itself_listens_is_warned_of() {
        let warned = |url: &str, listen| warning(url, &reach(url).unwrap(), Some(listen));
        for (url, listen) in [
            ("https://127.0.0.1:8402", "127.0.0.1:8402"),
            ("https://localhost:8402", "[::1]:8402"),
            ("https://192.168.1.4:8402", "0.0.0.0:8402"),
            ("https://[::1]", "[::1]:443"),
        ] {
            let warning = warned(url, listen).unwrap();
            assert!(warning.contains("speaks plain HTTP"), "{warning}");
            assert!(warning.contains(&url.replace("https", "http")), "{warning}");
        }
        assert_eq!(warned("https://a.example:8402", "0.0.0.0:8402"), None, "a proxy may have the name");
        assert_eq!(warned("https://192.168.1.4", "0.0.0.0:8402"), None);
        assert!(warned("https://127.0.0.1:8403", "127.0.0.1:8402").unwrap().contains("leads to port 8403"));
    }

    #[test]
    fn a_plain_address_and_a_port_that_nobody_listens_on_are_warned_of() {
        let warned = |url: &str, listen| warning(url, &reach(url).unwrap(), listen);
        let plain = warned("http://192.168.1.4:8402", None).unwrap();
        assert!(plain.contains("not encrypted") && plain.contains("only programs can"), "{plain}");
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
