//! Where a page is: the gateway's address, as the API's answers name it.

use coinop_core::config::PAGE_PREFIX;
use serde_json::Value;

use crate::show;

/// Returns the path of an asset's page.
pub(crate) fn page_path(id: &str) -> String {
    format!("{PAGE_PREFIX}{id}")
}

/// The address of an asset's page, in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site<'a> {
    /// The page's URL, without parameters.
    pub(crate) page: &'a str,
    /// The scheme, the host and the port.
    pub(crate) origin: &'a str,
    /// The host and the port.
    pub(crate) host: &'a str,
}

impl<'a> Site<'a> {
    /// Reads the URL of an asset's page.
    pub(crate) fn of(asset: &'a Value) -> Self {
        let page = show::text(asset, "/page");
        let origin = page.strip_suffix(&page_path(show::text(asset, "/id"))).unwrap_or(page);
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        Self { page, origin, host }
    }

    /// Returns whether a wallet may be used on the page: it is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// Returns whether the page is on this machine, where a browser takes it for encrypted (Secure Contexts, section 3.1).
    pub(crate) fn is_loopback(&self) -> bool {
        let name = match self.host.strip_prefix('[') {
            Some(address) => address.split(']').next().unwrap_or_default(),
            None => self.host.split(':').next().unwrap_or_default(),
        };
        name == "localhost" || name.ends_with(".localhost") || name == "::1" || name.starts_with("127.")
    }
}
