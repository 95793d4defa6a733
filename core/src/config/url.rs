//! URLs in a configuration.

use super::error::ConfigError;
use super::section::Section;

/// The longest origin, in bytes. It is part of a header of every 402, for which proxies have limited room.
pub(crate) const LONGEST_ORIGIN: usize = 100;

/// Returns whether a text is an absolute URL of HTTP or HTTPS.
pub(super) fn is_http_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && rest.bytes().all(|b| b.is_ascii_graphic())
    })
}

/// Reads the origin under which buyers reach this gateway.
pub(super) fn origin(top: &mut Section<'_>) -> Result<String, ConfigError> {
    let url = top.need_text("public_url")?;
    let url = url.strip_suffix('/').unwrap_or(url);
    let host = url.split_once("://").map_or("", |(_, host)| host);
    if !is_http_url(url) || host.contains(['/', '?', '#', '@']) {
        return Err(
            top.error("public_url", "must be an origin such as \"https://coinop.example\", with no path")
        );
    }
    if url.len() > LONGEST_ORIGIN {
        return Err(top.error("public_url", "is too long; the limit is 100 bytes"));
    }
    Ok(url.to_owned())
}
