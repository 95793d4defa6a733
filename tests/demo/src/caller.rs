//! Who may use the wallet: the demo's own pages, and no other web page.
//!
//! A browser sends a request to this machine for any page on the web that asks it to, and keeps only the answer from
//! that page. So the request itself has to show where it comes from. A page cannot choose what the browser writes into
//! `Origin`, `Sec-Fetch-Site` and `Host`.

use std::fmt;
use std::net::SocketAddr;

use anyhow::Context as _;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origin at which people open the demo.
#[derive(Debug)]
pub(crate) struct Origin {
    text: String,
    host: HeaderValue,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Origin {
    /// Returns the origin of what listens on this address.
    pub(crate) fn of(address: SocketAddr) -> anyhow::Result<Self> {
        let host = HeaderValue::from_str(&address.to_string()).context("the address is no host")?;
        Ok(Self { text: format!("http://{address}"), host })
    }

    pub(crate) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// Checks a request that changes nothing: it may come from the demo's own pages or from the address bar.
    ///
    /// The host is checked because a name of the web can be made to lead to this machine. A page under such a name has
    /// the same origin as its requests, but they name that host.
    pub(crate) fn check_read(&self, headers: &HeaderMap) -> Result<(), String> {
        if only(headers, &HOST) != Some(&self.host) {
            return Err(format!("The demo is at {self}: open it there."));
        }
        match only(headers, &SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
            None if headers.contains_key(SEC_FETCH_SITE) => Err(self.stranger()),
            None | Some(b"same-origin" | b"none") => Ok(()),
            Some(_) => Err(self.stranger()),
        }
    }

    /// Checks a request to the wallet: it must come from the demo's own pages.
    ///
    /// Every browser names the origin of a page that sends a POST. The type of JSON is required because pages of other
    /// origins may not send it without asking first, which nothing here permits.
    pub(crate) fn check_write(&self, headers: &HeaderMap) -> Result<(), String> {
        self.check_read(headers)?;
        let own = only(headers, &ORIGIN).is_some_and(|origin| origin.as_bytes() == self.text.as_bytes());
        let fetched = only(headers, &SEC_FETCH_SITE).is_none_or(|site| site.as_bytes() == b"same-origin");
        if !own || !fetched {
            return Err(self.stranger());
        }
        if only(headers, &CONTENT_TYPE).is_none_or(|kind| kind.as_bytes() != b"application/json") {
            return Err("Send application/json.".to_owned());
        }
        Ok(())
    }

    fn stranger(&self) -> String {
        format!("Only the pages of {self} may use this.")
    }
}

/// Returns a header that is there exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin::of("127.0.0.1:8402".parse().unwrap()).unwrap()
    }

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        list.iter().map(header).fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        })
    }

    const HERE: (&str, &str) = ("host", "127.0.0.1:8402");
    const OWN: (&str, &str) = ("origin", "http://127.0.0.1:8402");
    const JSON: (&str, &str) = ("content-type", "application/json");

    #[test]
    fn the_demos_own_page_may_use_the_wallet() {
        let site = ("sec-fetch-site", "same-origin");
        assert_eq!(origin().check_write(&headers(&[HERE, OWN, JSON, site])), Ok(()));
        assert_eq!(origin().check_write(&headers(&[HERE, OWN, JSON])), Ok(()), "an old browser");
    }

    #[test]
    fn no_other_page_may_use_the_wallet() {
        for list in [
            &[HERE, JSON][..],
            &[HERE, ("origin", "https://a.example"), JSON],
            &[HERE, ("origin", "http://127.0.0.1:8403"), JSON],
            &[HERE, ("origin", "null"), JSON],
            &[HERE, OWN, OWN, JSON],
            &[HERE, OWN, JSON, ("sec-fetch-site", "cross-site")],
            &[HERE, OWN, JSON, ("sec-fetch-site", "same-site")],
            &[HERE, OWN, JSON, ("sec-fetch-site", "none")],
            &[HERE, OWN, JSON, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
            &[("host", "a.example:8402"), ("origin", "http://a.example:8402"), JSON],
            &[OWN, JSON],
            &[HERE, HERE, OWN, JSON],
            &[HERE, OWN],
            &[HERE, OWN, ("content-type", "text/plain")],
            &[HERE, OWN, ("content-type", "application/x-www-form-urlencoded")],
        ] {
            let refusal = origin().check_write(&headers(list));
            assert!(refusal.is_err(), "{list:?}");
        }
    }

    #[test]
    fn the_files_are_for_the_demos_own_pages() {
        for site in ["same-origin", "none"] {
            assert_eq!(origin().check_read(&headers(&[HERE, ("sec-fetch-site", site)])), Ok(()));
        }
        assert_eq!(origin().check_read(&headers(&[HERE])), Ok(()));
        for list in [
            &[HERE, ("sec-fetch-site", "cross-site")][..],
            &[HERE, ("sec-fetch-site", "same-site")],
            &[("host", "localhost:8402")],
            &[],
        ] {
            assert!(origin().check_read(&headers(list)).is_err(), "{list:?}");
        }
    }
}
