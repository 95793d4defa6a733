//! Errors in a configuration, with their location.

use std::fmt::{self, Write as _};

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The path of the key, such as `asset[1].price`; empty for the whole file.
    pub path: String,
    /// What to change.
    pub message: String,
}

impl ConfigError {
    /// Returns an error at `path`.
    pub fn new(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into() }
    }
}

/// Writes one line, whatever a key or a value contains.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.is_empty() { "" } else { ": " };
        let parts = [self.path.as_str(), separator, &self.message];
        parts.into_iter().flat_map(str::chars).try_for_each(|c| match c {
            c if c.is_control() => write!(f, "{}", c.escape_default()),
            c => f.write_char(c),
        })
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::config::Config;

    #[test]
    fn an_error_is_one_line_whatever_a_key_is_called() {
        let value = json!({ "solana": { "network": "devnet", "rpc_url": "http://x", "a\nb\u{1b}[2J\u{7f}": 1 },
            "public_url": "http://127.0.0.1:8402" });
        let line = Config::from_json(&value).unwrap_err().to_string();
        assert!(line.starts_with(r"solana.a\nb\u{1b}[2J\u{7f}: unknown key"), "{line}");
        let network = json!({ "solana": { "network": "dev\nnet" }, "public_url": "http://127.0.0.1:8402" });
        let line = Config::from_json(&network).unwrap_err().to_string();
        assert!(!line.contains('\n'), "{line}");
    }
}
