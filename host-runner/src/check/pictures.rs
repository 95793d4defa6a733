//! Compares the pictures that the assets name with the files in the folder `pictures`.

use std::collections::BTreeSet;

use coinop_core::config::Config;

use crate::http::Pictures;

/// The most pictures that the warnings name. The others are only counted.
const NAMED: usize = 5;

/// Returns a warning for each picture that is not shown.
pub(crate) fn all(config: &Config, pictures: &Pictures) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let (mut warnings, mut more) = (Vec::new(), 0usize);
    for asset in config.assets.iter() {
        let Some(path) = asset.picture.as_deref().filter(|path| seen.insert(*path)) else { continue };
        let Some(fault) = pictures.fault(path) else { continue };
        if warnings.len() == NAMED {
            more += 1;
        } else {
            warnings.push(format!("{}: {fault}", asset.id));
        }
    }
    if more > 0 {
        warnings.push(format!("{more} more are not shown either"));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn config(pictures: &[String]) -> Config {
        let asset = |(n, picture): (usize, &String)| json!({ "id": format!("lamp-{n}"), "price": "1", "unit": "hour", "picture": picture });
        let assets: Vec<Value> = pictures.iter().enumerate().map(asset).collect();
        Config::from_json(&json!({
            "public_url": "http://127.0.0.1:8402",
            "merchant": { "pay_to": "H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5", "tokens": ["USDC"] },
            "solana": { "network": "devnet", "rpc_url": "http://127.0.0.1:8899" },
            "settlement": { "fee_payer_keypair": "fee-payer.json" },
            "asset": assets,
        }))
        .unwrap()
    }

    #[test]
    fn each_picture_that_is_not_shown_is_named_once_and_many_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pictures")).unwrap();
        std::fs::write(folder.path().join("pictures/lamp.jpg"), b"picture").unwrap();
        let pictures = Pictures::beside(folder.path());
        let named = ["/pictures/lamp.jpg", "/pictures/lmap.jpg", "/pictures/lmap.jpg"].map(str::to_owned);
        let warnings = all(&config(&named), &pictures);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("lamp-1: there is no file"), "{warnings:?}");
        let many: Vec<String> = (0..8).map(|n| format!("/pictures/{n}.gif")).collect();
        let warnings = all(&config(&many), &pictures);
        assert_eq!(warnings.len(), 6);
        assert_eq!(warnings.last().unwrap(), "3 more are not shown either");
    }
}
