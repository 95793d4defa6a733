//! Reads what catalogues and wallets show of a seller, which are the optional members of x402's resource.
//!
//! The limits are those of `@x402/core` 2.27, which refuses a whole 402 that breaks one.

use serde_json::Value;

use super::error::ConfigError;
use super::section::Section;
use super::url::is_http_url;

/// The longest service name and the longest tag, in bytes.
const LONGEST_WORD: usize = 32;
/// The most tags.
const MOST_TAGS: usize = 5;
/// The longest URL of an icon, in bytes. It is part of a header of every 402.
const LONGEST_ICON_URL: usize = 128;

/// The longest contact, in bytes.
const LONGEST_CONTACT: usize = 200;
/// The longest path of a picture, in bytes.
const LONGEST_PICTURE: usize = 128;

/// The message for text that is no word.
pub(super) const NO_WORD: &str = "must be 1 to 32 printable ASCII characters";

/// Reads `service_name`.
pub(super) fn service_name(section: &mut Section<'_>) -> Result<Option<String>, ConfigError> {
    let Some(name) = section.text("service_name")? else { return Ok(None) };
    match is_word(name) {
        true => Ok(Some(name.to_owned())),
        false => Err(section.error("service_name", NO_WORD)),
    }
}

/// Reads `icon_url`.
pub(super) fn icon_url(section: &mut Section<'_>) -> Result<Option<String>, ConfigError> {
    let Some(url) = section.text("icon_url")? else { return Ok(None) };
    if url.len() > LONGEST_ICON_URL {
        return Err(section.error("icon_url", "is too long; the limit is 128 bytes"));
    }
    if !url.starts_with("https://") || !is_http_url(url) {
        return Err(section.error("icon_url", "must be an https:// URL without spaces"));
    }
    Ok(Some(url.to_owned()))
}

/// Reads `contact`.
pub(super) fn contact(section: &mut Section<'_>) -> Result<Option<String>, ConfigError> {
    let Some(contact) = section.text("contact")? else { return Ok(None) };
    if contact.len() > LONGEST_CONTACT || contact.chars().any(char::is_control) {
        return Err(section.error("contact", "must be one line of at most 200 bytes"));
    }
    Ok(Some(contact.to_owned()))
}

/// Reads `picture`, a path on the gateway's own host. A picture of another host would tell that host who looks at the
/// page.
pub(super) fn picture(section: &mut Section<'_>) -> Result<Option<String>, ConfigError> {
    let Some(path) = section.text("picture")? else { return Ok(None) };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    if path.starts_with("pictures/") && path.bytes().all(is_plain) {
        let message = format!(
            "must begin with a slash: write \"/{path}\"; `coinop serve` takes the file from the folder `pictures` beside \
             the configuration"
        );
        return Err(section.error("picture", message));
    }
    let is_path = path.starts_with('/') && path.bytes().all(is_plain);
    if path.len() > LONGEST_PICTURE || !is_path || path.contains("//") || path.contains("..") {
        let message = "must be a path on this gateway's host, such as \"/pictures/lamp.jpg\" for the file lamp.jpg in the \
                       folder `pictures` beside the configuration, of at most 128 letters, digits and `/._-`";
        return Err(section.error("picture", message));
    }
    Ok(Some(path.to_owned()))
}

/// Reads `tags`; `None` if the key is missing.
pub(super) fn tags(section: &mut Section<'_>) -> Result<Option<Vec<String>>, ConfigError> {
    if section.get("tags").is_none() {
        return Ok(None);
    }
    let list = section.list("tags")?;
    if list.len() > MOST_TAGS {
        return Err(section.error("tags", format!("has {} tags; the limit is 5", list.len())));
    }
    let tag = |(index, value): (usize, &Value)| {
        let tag = value.as_str().filter(|tag| is_word(tag));
        tag.map(str::to_owned).ok_or_else(|| {
            let path = format!("{}[{index}]", section.path("tags"));
            ConfigError::new(&path, "must be 1 to 32 printable ASCII characters, in double quotes")
        })
    };
    list.iter().enumerate().map(tag).collect::<Result<_, _>>().map(Some)
}

/// Returns whether a text can be shown anywhere: in a header, in a line of a log, in a table.
pub(super) fn is_word(text: &str) -> bool {
    (1..=LONGEST_WORD).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}
