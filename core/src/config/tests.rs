mod packed;

use serde_json::{Value, json};

use super::*;
use crate::money::Amount;

fn contract() -> Value {
    json!({
        "listen": "127.0.0.1:8402",
        "public_url": "http://127.0.0.1:8402/",
        "data_dir": "./coinop-data",
        "merchant": {"pay_to": "H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5", "tokens": ["USDC"], "api_keys": []},
        "solana": {"network": "devnet", "rpc_url": "http://127.0.0.1:8899"},
        "settlement": {"mode": "local", "fee_payer_keypair": "fee-payer.json"},
        "asset": [{
            "id": "door-1", "name": "Front door", "price": "0.01", "unit": "minute",
            "min_quantity": 1, "max_quantity": 240,
            "device": {"driver": "exec", "unlock": ["touch", "door-1.open"]},
        }],
    })
}

fn error(change: impl FnOnce(&mut Value)) -> (String, String) {
    let mut value = contract();
    change(&mut value);
    let error = Config::from_json(&value).unwrap_err();
    (error.path, error.message)
}

#[test]
fn the_same_is_read_from_text_with_the_same_errors() {
    let mut cases = vec![contract()];
    let changes: [fn(&mut Value); 7] = [
        |v| v["asset"] = json!([]),
        |v| drop(v.as_object_mut().unwrap().remove("asset")),
        |v| v["asset"] = json!({"id": "door-1"}),
        |v| v["asset"][0]["prize"] = json!("1"),
        |v| v["asset"] = json!([v["asset"][0], v["asset"][0]]),
        |v| v["assets"] = json!([]),
        |v| v["asset"] = json!(["door-1"]),
    ];
    for change in changes {
        let mut value = contract();
        change(&mut value);
        cases.push(value);
    }
    for value in cases {
        assert_eq!(Config::from_text(&value.to_string()), Config::from_json(&value), "{value}");
    }
    for text in ["", "[]", "{", "null", "{\"asset\": [1,}"] {
        assert!(Config::from_text(text).is_err(), "{text}");
    }
}

#[test]
fn the_documented_configuration_is_read() {
    let config = Config::from_json(&contract()).unwrap();
    assert_eq!(config.public_url, "http://127.0.0.1:8402");
    let token = &config.merchant.tokens[0];
    assert_eq!(token.account.to_string(), "Bt5PuVhPp5t9NVPbBK6WkViHnWRsbvaWykGhVdn5XQ9L");
    let asset = config.asset(&AssetId::parse("door-1").unwrap()).unwrap();
    assert_eq!(asset.tariff.price(3, token.token.decimals), Ok(Amount::new(30_000)));
    assert_eq!(asset.device.as_ref().unwrap().settings.keys().collect::<Vec<_>>(), ["unlock"]);
}

#[test]
fn every_mistake_names_its_key() {
    let cases: &[(&str, fn(&mut Value))] = &[
        ("colour", |v| v["colour"] = json!(1)),
        ("listen", |v| v["listen"] = json!("8402")),
        ("public_url", |v| v["public_url"] = json!("https://a.example/shop")),
        ("public_url", |v| v["public_url"] = json!(format!("https://{}", "a".repeat(93)))),
        ("merchant.pay_to", |v| v["merchant"]["pay_to"] = json!("me")),
        ("merchant.pay_to", |v| {
            v["merchant"]["pay_to"] = json!("Bt5PuVhPp5t9NVPbBK6WkViHnWRsbvaWykGhVdn5XQ9L")
        }),
        ("merchant.tokens[1]", |v| v["merchant"]["tokens"] = json!(["USDC", "EUR"])),
        ("merchant.tokens[1]", |v| v["merchant"]["tokens"] = json!(["USDC", "USDC"])),
        ("merchant.tokens", |v| v["merchant"]["tokens"] = json!([])),
        ("merchant.api_keys[0]", |v| v["merchant"]["api_keys"] = json!(["secret"])),
        ("merchant.service_name", |v| v["merchant"]["service_name"] = json!("")),
        ("merchant.service_name", |v| v["merchant"]["service_name"] = json!("x".repeat(33))),
        ("merchant.service_name", |v| v["merchant"]["service_name"] = json!("Caf\u{e9}")),
        ("merchant.service_name", |v| v["merchant"]["service_name"] = json!("a\nb")),
        ("merchant.service_name", |v| v["merchant"]["service_name"] = json!(1)),
        ("merchant.icon_url", |v| v["merchant"]["icon_url"] = json!("http://a.example/icon.png")),
        ("merchant.icon_url", |v| v["merchant"]["icon_url"] = json!("https:///icon.png")),
        ("merchant.icon_url", |v| v["merchant"]["icon_url"] = json!("https://a.example/a b.png")),
        ("merchant.icon_url", |v| v["merchant"]["icon_url"] = json!("icon.png")),
        ("merchant.icon_url", |v| {
            v["merchant"]["icon_url"] = json!(format!("https://{}", "a".repeat(121)));
        }),
        ("merchant.tags", |v| v["merchant"]["tags"] = json!("door")),
        ("merchant.tags", |v| v["merchant"]["tags"] = json!(["1", "2", "3", "4", "5", "6"])),
        ("merchant.tags[1]", |v| v["merchant"]["tags"] = json!(["door", ""])),
        ("merchant.tags[0]", |v| v["merchant"]["tags"] = json!(["x".repeat(33)])),
        ("merchant.tags[0]", |v| v["merchant"]["tags"] = json!([1])),
        ("asset[0].icon_url", |v| v["asset"][0]["icon_url"] = json!("")),
        ("asset[0].picture", |v| v["asset"][0]["picture"] = json!("https://a.example/lamp.jpg")),
        ("asset[0].tags[0]", |v| v["asset"][0]["tags"] = json!(["\u{fc}"])),
        ("solana.network", |v| v["solana"]["network"] = json!("localnet")),
        ("solana.rpc_url", |v| v["solana"]["rpc_url"] = json!("127.0.0.1:8899")),
        ("settlement.mode", |v| v["settlement"]["mode"] = json!("magic")),
        ("settlement.max_fee_lamports", |v| v["settlement"]["max_fee_lamports"] = json!(1)),
        ("asset[0].id", |v| v["asset"][0]["id"] = json!("Front door")),
        ("asset[0].price", |v| v["asset"][0]["price"] = json!("0")),
        ("asset[0].price", |v| v["asset"][0]["price"] = json!(0.01)),
        ("asset[0].price", |v| v["asset"][0]["price"] = json!("999999999999")),
        ("asset[0].unit", |v| v["asset"][0]["unit"] = json!("fortnight")),
        ("asset[0].session_seconds", |v| v["asset"][0]["session_seconds"] = json!(5)),
        ("asset[0].unit", |v| v["asset"][0]["unit"] = json!("session")),
        ("asset[0].min_quantity", |v| v["asset"][0]["min_quantity"] = json!(0)),
        ("asset[0].max_quantity", |v| v["asset"][0]["max_quantity"] = json!(10_000_000)),
        ("asset[0].colour", |v| v["asset"][0]["colour"] = json!("red")),
        ("asset[1].id", |v| {
            let first = v["asset"][0].clone();
            v["asset"].as_array_mut().unwrap().push(first);
        }),
        ("limits.burst", |v| v["limits"] = json!({"requests_per_second": 10, "burst": 1})),
        ("limits.connections_per_address", |v| v["limits"] = json!({"connections_per_address": 0})),
        ("limits.max_unread_bytes", |v| v["limits"] = json!({"max_unread_bytes": 1000})),
        ("limits.trusted_proxies[1]", |v| v["limits"] = json!({"trusted_proxies": ["::1", "localhost"]})),
        ("limits.trusted_proxies[0]", |v| v["limits"] = json!({"trusted_proxies": ["0.0.0.0/0"]})),
    ];
    for (path, change) in cases {
        assert_eq!(error(change).0, *path);
    }
    let unknown = error(|v| v["asset"][0]["colour"] = json!("red")).1;
    assert_eq!(unknown.matches("price").count(), 1, "{unknown}");
    let near = error(|v| v["asset"][0]["mx_quantity"] = json!(2)).1;
    assert_eq!(near, "unknown key; did you mean `max_quantity`?");
    let table = error(|v| v["asset"] = v["asset"][0].clone()).1;
    assert!(table.contains("[[asset]]"), "{table}");
    assert_eq!(
        error(|v| {
            v.as_object_mut().unwrap().remove("public_url");
        })
        .1,
        "`public_url` is missing"
    );
}

#[test]
fn a_needed_key_that_is_misspelt_is_named_where_it_stands() {
    for (misspelt, key) in
        [("payto", "pay_to"), ("Pay_To", "pay_to"), ("pay_ot", "pay_to"), ("tokns", "tokens")]
    {
        let (path, message) = error(|v| {
            let value = v["merchant"].as_object_mut().unwrap().remove(key).unwrap();
            v["merchant"][misspelt] = value;
        });
        assert_eq!(path, format!("merchant.{misspelt}"), "{message}");
        assert!(message.contains(&format!("`{key}` is missing")), "{message}");
    }
    let (path, message) = error(|v| {
        let unit = v["asset"][0].as_object_mut().unwrap().remove("unit").unwrap();
        v["asset"][0]["unti"] = unit;
    });
    assert_eq!(path, "asset[0].unti");
    assert_eq!(message, "unknown key, and `unit` is missing; did you mean `unit`?");
    // What is nothing like it is not taken for it.
    let (path, message) = error(|v| {
        v["merchant"].as_object_mut().unwrap().remove("pay_to");
        v["merchant"]["colour"] = json!("red");
    });
    assert_eq!((path.as_str(), message.as_str()), ("merchant", "`pay_to` is missing"));
}

#[test]
fn sections_that_only_hold_defaults_may_be_left_out() {
    let mut value = contract();
    value.as_object_mut().unwrap().remove("settlement");
    let config = Config::from_json(&value).unwrap();
    assert_eq!(config.settlement.max_fee_lamports, Settlement::DEFAULT_MAX_FEE);
    let limits = Limits {
        requests_per_second: 100,
        burst: 400,
        connections_per_address: 64,
        max_unread_bytes: None,
        trusted_proxies: Vec::new(),
    };
    assert_eq!(config.limits, limits);
}

#[test]
fn a_mint_by_address_is_resolved_by_the_host_or_written_out() {
    let mint = "So11111111111111111111111111111111111111112";
    let mut value = contract();
    value["merchant"]["tokens"] = json!(["USDC", mint]);
    assert_eq!(Config::bare_mints(&value), [(1, mint.parse().unwrap())]);
    assert_eq!(Config::from_json(&value).unwrap_err().path, "merchant.tokens[1]");
    value["merchant"]["tokens"][1] = json!({"mint": mint, "decimals": 9});
    assert_eq!(Config::bare_mints(&value), []);
    assert_eq!(Config::from_json(&value).unwrap().merchant.tokens[1].token.symbol, "So11");
}

#[test]
fn a_symbol_that_would_break_a_line_or_a_table_is_refused() {
    let mint = "So11111111111111111111111111111111111111112";
    let with = |symbol: &str| {
        let mut value = contract();
        value["merchant"]["tokens"] = json!([{"mint": mint, "decimals": 9, "symbol": symbol}]);
        Config::from_json(&value).map(|config| config.merchant.tokens[0].token.symbol.clone())
    };
    for symbol in ["SOL", "a b", &"x".repeat(32)] {
        assert_eq!(with(symbol).unwrap(), symbol);
    }
    for symbol in ["a\nb", "\u{1b}[2J", "\u{7f}", "\u{20ac}", &"x".repeat(33)] {
        let error = with(symbol).unwrap_err();
        assert_eq!(error.path, "merchant.tokens[0].symbol");
        assert_eq!(error.message, "must be 1 to 32 printable ASCII characters");
    }
}

#[test]
fn a_picture_without_its_slash_is_refused_with_what_to_write() {
    let (path, message) = error(|v| v["asset"][0]["picture"] = json!("pictures/lamp.jpg"));
    assert_eq!(path, "asset[0].picture");
    assert!(
        message.contains("write \"/pictures/lamp.jpg\"") && message.contains("folder `pictures`"),
        "{message}"
    );
    let (_, message) = error(|v| v["asset"][0]["picture"] = json!("lamp.jpg"));
    assert!(message.contains("folder `pictures` beside the configuration"), "{message}");
}

#[test]
fn a_host_that_works_no_devices_refuses_the_first_asset_that_has_one() {
    let mut value = contract();
    let mut plain = value["asset"][0].clone();
    plain.as_object_mut().unwrap().remove("device");
    plain["id"] = json!("door-2");
    value["asset"] = json!([plain]);
    assert_eq!(Config::from_json(&value).unwrap().without_devices(), Ok(()));
    value["asset"].as_array_mut().unwrap().push(contract()["asset"][0].clone());
    let error = Config::from_json(&value).unwrap().without_devices().unwrap_err();
    assert_eq!(
        error.to_string(),
        "asset[1].device: Workers and Spin cannot control devices; remove `device` from this asset, or run \
         `coinop serve` beside the device"
    );
}

#[test]
fn a_seller_is_presented_in_bounds_that_clients_take() {
    let mut value = contract();
    let icon = format!("https://{}", "a".repeat(120));
    let tags = json!(["door", "~ !", "c", "d", "x".repeat(32)]);
    value["merchant"]["service_name"] = json!("x".repeat(32));
    value["merchant"]["icon_url"] = json!(icon);
    value["merchant"]["tags"] = tags.clone();
    let config = Config::from_json(&value).unwrap();
    let merchant = &config.merchant.presentation;
    assert_eq!(merchant.service_name.as_deref(), Some("x".repeat(32).as_str()));
    assert_eq!((merchant.icon_url.as_deref(), json!(merchant.tags)), (Some(icon.as_str()), tags));
    let door = |value: &Value| Config::from_json(value).unwrap().assets[0].presentation(merchant);
    assert_eq!(door(&value), *merchant);
    value["asset"][0]["tags"] = json!([]);
    assert_eq!(door(&value), Presentation { tags: Vec::new(), ..merchant.clone() });
}
