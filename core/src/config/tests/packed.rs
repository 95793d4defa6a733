//! What is found in packed configurations, and what is refused.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::super::*;

const COUNT: usize = 60;

/// Returns a configuration whose assets' ids are in no order.
fn contract() -> Value {
    let asset = |n: usize| json!({"id": format!("door-{}", n * 7 % COUNT), "price": format!("0.{n}1"), "unit": "minute", "name": "D\u{f6}r \"1\"\n"});
    json!({
        "public_url": "http://127.0.0.1:8402",
        "merchant": {"pay_to": "H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5", "tokens": ["USDC"]},
        "solana": {"network": "devnet", "rpc_url": "http://127.0.0.1:8899"},
        "asset": (0..COUNT).map(asset).collect::<Vec<_>>(),
    })
}

fn id(text: &str) -> AssetId {
    AssetId::parse(text).unwrap()
}

fn packed(change: impl FnOnce(&mut Value)) -> Pack {
    let mut value = contract();
    change(&mut value);
    Config::pack(&value).unwrap()
}

fn open(pack: &Pack) -> Result<Config, ConfigError> {
    let parts = pack.parts.clone();
    Config::open(&pack.config, move |number| Ok(parts[number].clone()))
}

/// Returns what is wrong with this asset when it alone is looked up.
fn mistake(pack: &Pack, asset: &str) -> String {
    open(pack).unwrap().need_asset(&id(asset)).unwrap_err().to_string()
}

/// Returns what is wrong when all assets are read.
fn mistakes(pack: &Pack) -> String {
    open(pack).unwrap().need_all().unwrap_err().to_string()
}

/// Returns an asset's part, line number and line.
fn line_of(pack: &Pack, asset: &str) -> (usize, usize, String) {
    let begin = format!("{{\"id\":\"{asset}\"");
    let place = |part: &String| part.lines().position(|line| line.starts_with(&begin));
    let part = pack.parts.iter().position(|part| place(part).is_some()).unwrap();
    let line = place(&pack.parts[part]).unwrap();
    (part, line, pack.parts[part].lines().nth(line).unwrap().to_owned())
}

/// Returns the packed configuration with this asset's line changed.
fn changed(pack: &Pack, asset: &str, change: impl FnOnce(&str) -> String) -> Pack {
    let (part, _, line) = line_of(pack, asset);
    let mut pack = pack.clone();
    let new = change(&line);
    assert_ne!(new, line);
    pack.parts[part] = pack.parts[part].replacen(&line, &new, 1);
    pack
}

#[test]
fn each_asset_of_a_packed_configuration_is_the_one_of_the_plain_one_inv_7() {
    let whole = Config::from_json(&contract()).unwrap();
    for count in [0, 1, 2, COUNT] {
        let pack = packed(|v| v["asset"].as_array_mut().unwrap().truncate(count));
        let config = open(&pack).unwrap();
        for (place, asset) in whole.assets.iter().enumerate() {
            let expected = (place < count).then_some(asset);
            assert_eq!(config.need_asset(&asset.id), Ok(expected));
            assert_eq!(config.asset(&asset.id), expected, "and once more");
        }
        for strange in ["a", "door", "door-", "door-0a", "zzz", "Door-1"] {
            assert_eq!(config.need_asset(&id(strange)), Ok(None));
        }
        assert!(config.assets.is_empty(), "nobody has asked for all");
        config.need_all().unwrap();
        let mut sorted: Vec<Asset> = whole.assets.iter().take(count).cloned().collect();
        sorted.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(*config.assets, *sorted);
        for asset in &sorted {
            assert_eq!(config.asset(&asset.id), Some(asset));
        }
    }
}

#[test]
fn a_look_up_reads_one_part_and_reads_it_once() {
    let pack = packed(|_| ());
    assert!(pack.parts.iter().all(|part| !part.is_empty()), "they share them out");
    let read = std::sync::Arc::new(Mutex::new(Vec::new()));
    let (parts, note) = (pack.parts.clone(), read.clone());
    let config = Config::open(&pack.config, move |number| {
        note.lock().unwrap().push(number);
        Ok(parts[number].clone())
    });
    let config = config.unwrap();
    assert!(read.lock().unwrap().is_empty(), "none is read before it is needed");
    for _ in 0..3 {
        assert!(config.asset(&id("door-7")).is_some());
    }
    let (part, ..) = line_of(&pack, "door-7");
    assert_eq!(*read.lock().unwrap(), [part]);
    config.need_all().unwrap();
    config.need_all().unwrap();
    assert_eq!(read.lock().unwrap().len(), PARTS);
}

#[test]
fn everything_but_the_assets_is_what_it_was() {
    let pack = packed(|_| ());
    let whole = Config::from_json(&contract()).unwrap();
    let config = open(&pack).unwrap();
    assert_eq!(Config { assets: Assets::default(), ..config }, Config { assets: Assets::default(), ..whole });
    for (from, to, path) in [
        ("devnet", "moonnet", "solana.network"),
        ("\"USDC\"", "\"EUR\"", "merchant.tokens[0]"),
        ("\"solana\"", "\"luna\":1,\"solana\"", "luna"),
        ("\"solana\"", "\"asset\":[],\"solana\"", "asset"),
        (":60,", ":\"60\",", "packed_assets"),
        (":60,", ":-1,", "packed_assets"),
    ] {
        let config = pack.config.replacen(from, to, 1);
        assert_ne!(config, pack.config);
        assert_eq!(open(&Pack { config, ..pack.clone() }).unwrap_err().path, path);
    }
    // A host without the parts does not take it for a configuration without assets.
    assert_eq!(Config::from_text(&pack.config).unwrap_err().path, "packed_assets");
}

#[test]
fn a_mistake_is_told_to_who_asks_for_that_asset_and_to_who_asks_for_all_inv_6() {
    let pack = packed(|_| ());
    let (part, line, _) = line_of(&pack, "door-37");
    for (from, to, expected) in [
        ("\"price\":\"0.", "\"price\":\"a.", ".price: write a decimal number"),
        (
            "\"unit\":\"minute\"",
            "\"unit\":\"fortnight\"",
            ".unit: unknown unit \"fortnight\"; use \"second\"",
        ),
        ("\"unit\"", "\"colour\":1,\"unit\"", ".colour: unknown key"),
        ("\"unit\"", "\"id\":\"door-38\",\"unit\"", ".id: is given twice in its line"),
        (
            "\"unit\"",
            "\"device\":{\"driver\":\"simulated\"},\"unit\"",
            ".device: Workers and Spin cannot control devices",
        ),
        ("}", "", ": cannot be read as JSON"),
        ("{\"id\"", "{ \"id\"", ": must begin with {\"id\""),
        ("door-37", "d\\u006for-37", ": must begin with {\"id\""),
    ] {
        let pack = changed(&pack, "door-37", |line| line.replacen(from, to, 1));
        let told = mistakes(&pack);
        assert!(told.starts_with(&format!("packed_assets[{part}][{line}]{expected}")), "{told}");
        if !expected.contains("must begin") {
            assert_eq!(mistake(&pack, "door-37"), told);
        }
        assert_eq!(open(&pack).unwrap().asset(&id("door-37")), None, "it is not sold");
        // An asset in another part is not affected.
        assert!(open(&pack).unwrap().need_asset(&id("door-36")).unwrap().is_some());
    }
}

#[test]
fn of_two_assets_with_one_id_neither_is_found_inv_6() {
    let pack = packed(|_| ());
    for number in 0..COUNT {
        let name = format!("door-{number}");
        for dearer_first in [false, true] {
            let pack = changed(&pack, &name, |line| {
                let dearer = line.replacen("\"price\":\"0.", "\"price\":\"9.", 1);
                if dearer_first { format!("{dearer}\n{line}") } else { format!("{line}\n{dearer}") }
            });
            for told in [mistake(&pack, &name), mistakes(&pack)] {
                assert!(
                    told.ends_with(".id: another asset has this id already; choose a different one"),
                    "{told}"
                );
            }
            assert_eq!(open(&pack).unwrap().asset(&id(&name)), None);
        }
    }
}

#[test]
fn what_lies_in_the_wrong_place_is_told_to_who_asks_for_all() {
    let pack = packed(|_| ());
    let (part, line, text) = line_of(&pack, "door-1");
    let mut wrong = pack.clone();
    wrong.parts.rotate_left(1);
    assert!(mistakes(&wrong).ends_with(".id: is in the wrong part; run `coinop pack` again"));
    let mut wrong = pack.clone();
    wrong.parts[part] = pack.parts[part].replacen(&format!("{text}\n"), "", 1);
    assert_eq!(
        mistakes(&wrong),
        "packed_assets: is 60, but the parts have 59 assets; run `coinop pack` again"
    );
    assert_eq!((line, pack.parts[part].lines().count() > 1), (0, true), "there is one behind it");
    wrong.parts[part].push_str(&format!("{text}\n"));
    assert!(mistakes(&wrong).ends_with(".id: is not in the order of the ids; run `coinop pack` again"));
    let missing = Config::open(&pack.config, |_| Err("it is not there".to_owned())).unwrap();
    for error in [missing.need_all().unwrap_err(), missing.need_asset(&id("door-1")).unwrap_err()] {
        assert!(error.to_string().ends_with("]: it is not there"), "{error}");
    }
}

#[test]
fn any_other_text_is_read_at_once_and_whole_inv_2() {
    for text in [contract().to_string(), serde_json::to_string_pretty(&contract()).unwrap()] {
        let none = |_| -> Result<String, String> { panic!("nobody needs a part") };
        let config = Config::open(&text, none).unwrap();
        assert_eq!(config, Config::from_json(&contract()).unwrap());
        config.need_all().unwrap();
        let told = Config::open(&text.replacen("minute", "fortnight", 1), none).unwrap_err();
        assert_eq!(told.path, "asset[0].unit");
    }
    let mut value = contract();
    value["asset"][8]["device"] = json!({"driver": "simulated"});
    let told = Config::open(&value.to_string(), |_| Ok(String::new())).unwrap_err().to_string();
    assert!(told.starts_with("asset[8].device: Workers and Spin cannot control devices"), "{told}");
}

#[test]
fn a_part_that_was_cut_or_scribbled_over_never_panics_and_never_gives_another_asset() {
    let pack = packed(|_| ());
    let (part, ..) = line_of(&pack, "door-7");
    let text = &pack.parts[part];
    let names: Vec<AssetId> = text.lines().map(|line| id(line.split('"').nth(3).unwrap())).collect();
    let ask = |text: String| {
        let config = Config::open(&pack.config, move |_| Ok(text.clone())).unwrap();
        for id in &names {
            if let Ok(Some(asset)) = config.need_asset(id) {
                assert_eq!(asset.id, *id);
            }
        }
        let _ = config.need_all();
    };
    let places = |text: &str| (0..text.len()).filter(|at| text.is_char_boundary(*at)).collect::<Vec<_>>();
    for at in places(text) {
        ask(text[..at].to_owned());
        for scribble in ["\n", "\"", "}", "\u{e9}"] {
            ask(format!("{}{scribble}{}", &text[..at], &text[at..]));
        }
    }
}
