//! A configuration: it is read, or refused in one line; and read the same however it arrives.

use std::sync::LazyLock;

use coinop_core::config::{Config, ConfigError};
use coinop_core::testkit::keys;
use serde_json::{Value, json};

use crate::input::Input;
use crate::patched::patched;

/// A configuration with most of the keys.
static HONEST: LazyLock<String> = LazyLock::new(|| {
    json!({
        "listen": "127.0.0.1:8402",
        "public_url": "https://coinop.example",
        "data_dir": "./coinop-data",
        "merchant": {
            "id": "main", "pay_to": keys::address(&keys::merchant()), "tokens": ["USDC", "PYUSD"],
            "api_keys": [format!("sha256:{}", "0a".repeat(32))],
            "contact": "mailto:owner@coinop.example", "service_name": "Launderette", "tags": ["wash"],
        },
        "solana": { "network": "devnet", "rpc_url": "https://api.devnet.solana.com" },
        "settlement": { "mode": "local", "max_fee_lamports": 20000, "max_fee_lamports_per_day": 100000000 },
        "limits": {
            "requests_per_second": 20, "burst": 40, "connections_per_address": 8, "max_unread_bytes": 4194304,
            "trusted_proxies": ["10.0.0.0/8", "::1"],
        },
        "asset": [
            { "id": "washer-1", "price": "0.05", "unit": "minute", "max_quantity": 240, "description": "30 kg" },
            { "id": "room", "price": "1.5", "unit": "hour", "capacity": 12 },
        ],
    })
    .to_string()
});

/// Reads a text that begins with a brace, or else the usual configuration with changes, of its members if the input
/// begins with a line break.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let text = match bytes.first() {
        Some(b'{') => input.text(),
        Some(b'\n') => {
            input.byte();
            patched(&mut input, &serde_json::from_str(&HONEST).unwrap()).to_string()
        }
        _ => String::from_utf8_lossy(&input.altered(HONEST.as_bytes())).into_owned(),
    };
    let config = Config::from_text(&text);
    if let Err(error) = &config {
        is_one_line(error);
    }
    let opened = Config::open(&text, |part| Err(format!("part {part} is not there")));
    if let Err(error) = &opened {
        is_one_line(error);
    }
    let Ok(value) = serde_json::from_str::<Value>(&text) else {
        assert!(config.is_err());
        return;
    };
    let of_value = Config::from_json(&value);
    // Of several errors either may be told first.
    assert_eq!(of_value.ok(), config.clone().ok(), "as a text and as a value");
    let _ = Config::bare_mints(&value);
    if let Ok(config) = config
        && config.without_devices().is_ok()
    {
        packed(&value, &config);
    }
}

/// Checks that a packed configuration has the same assets.
fn packed(value: &Value, config: &Config) {
    let pack = Config::pack(value).unwrap();
    let parts = pack.parts;
    let part = move |at: usize| parts.get(at).cloned().ok_or_else(|| "no such part".to_owned());
    let opened = Config::open(&pack.config, part).unwrap();
    for asset in config.assets.iter() {
        assert_eq!(opened.need_asset(&asset.id), Ok(Some(asset)));
    }
    opened.need_all().unwrap();
    assert_eq!(opened.assets.iter().count(), config.assets.iter().count());
    assert_eq!((opened.merchant, opened.limits), (config.merchant.clone(), config.limits.clone()));
}

/// Checks that an error is one line that a terminal shows as it is.
fn is_one_line(error: &ConfigError) {
    let line = error.to_string();
    assert!(!line.trim().is_empty());
    assert!(!line.contains(char::is_control), "{line:?}");
}
