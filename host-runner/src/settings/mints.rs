//! Completes mints that are given only by their address.
//!
//! Their decimals and their token program are on the chain and never change. They are fetched once and kept
//! in the data folder, so a later start needs no network for them.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coinop_core::config::{Config, ConfigError};
use coinop_core::settlement::is_plain_token_2022;
use coinop_core::svm::{Address, TokenProgram};
use serde_json::{Map, Value, json};

use super::rpc;

/// Replaces every bare address with `{ mint, decimals, program }`.
pub(super) fn write_out(json: &mut Value, data_dir: &Path) -> Result<(), ConfigError> {
    let bare = Config::bare_mints(json);
    if bare.is_empty() {
        return Ok(());
    }
    // A configuration without these is refused later, with a better message.
    let text = |pointer: &str| json.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let (Some(url), Some(network)) = (text("/solana/rpc_url"), text("/solana/network")) else {
        return Ok(());
    };
    let file = data_dir.join("mints.json");
    let mut known = read(&file);
    let before = known.len();
    for (index, address) in bare {
        let address = address.to_string();
        let key = format!("{network}:{address}");
        let mint = match known.get(&key) {
            Some(mint) => mint.clone(),
            None => {
                let mint = ask(&url, &address)
                    .map_err(|message| ConfigError::new(&format!("merchant.tokens[{index}]"), message))?;
                known.insert(key, mint.clone());
                mint
            }
        };
        if let Some(location) = json.pointer_mut(&format!("/merchant/tokens/{index}")) {
            *location = mint;
        }
    }
    if known.len() != before {
        let text = Value::Object(known).to_string();
        let kept = std::fs::create_dir_all(data_dir)
            .and_then(|()| crate::files::write_atomically(&file, text.as_bytes(), 0o644));
        if let Err(error) = kept {
            tracing::warn!(%error, "cannot save mints.json in data_dir; mints given by address are looked up \
                                    again at the next start");
        }
    }
    Ok(())
}

fn read(file: &Path) -> Map<String, Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn ask(url: &str, address: &str) -> Result<Value, String> {
    let params = json!([address, {"encoding": "base64", "commitment": "finalized"}]);
    let answer = rpc::call(url, "getAccountInfo", &params).map_err(|error| {
        format!(
            "the RPC cannot be asked about this mint: {error}; check `solana.rpc_url`, or write {{ mint = \
             \"{address}\", decimals = 6, program = \"spl-token\" }} with the mint's own decimals and program"
        )
    })?;
    let account = answer.get("value").filter(|v| !v.is_null());
    let account = account
        .ok_or("there is no such account on this network; correct the address, or `solana.network`")?;
    let owner = account.get("owner").and_then(Value::as_str);
    let data = account.pointer("/data/0").and_then(Value::as_str);
    let data = STANDARD.decode(data.unwrap_or_default()).map_err(
        |_| "the RPC's answer about this mint cannot be read; use another RPC in `solana.rpc_url`",
    )?;
    let (decimals, program) = examine(owner.unwrap_or_default(), &data)?;
    Ok(json!({"mint": address, "decimals": decimals, "program": program}))
}

/// Returns decimals and program of a mint account.
fn examine(owner: &str, data: &[u8]) -> Result<(u8, &'static str), String> {
    let not_a_mint = || "this address is not a token's mint; write the address of the mint".to_owned();
    let owner: Option<Address> = owner.parse().ok();
    let program = match owner.as_ref().and_then(TokenProgram::at) {
        Some(program @ TokenProgram::Spl) if data.len() == 82 => program,
        Some(program @ TokenProgram::Token2022) if data.len() == 82 || data.get(165) == Some(&1) => program,
        _ => return Err(not_a_mint()),
    };
    let (Some(&decimals), Some(1)) = (data.get(44), data.get(45)) else {
        return Err(not_a_mint());
    };
    if program == TokenProgram::Token2022 && !is_plain_token_2022(data) {
        return Err(
            "tokens whose transfers take a fee, run a program or can be stopped are not accepted; use \
             another token"
                .to_owned(),
        );
    }
    Ok((decimals, program.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";
    const TOKEN_2022: &str = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb";

    fn mint(decimals: u8) -> Vec<u8> {
        let mut data = vec![0; 82];
        data[44] = decimals;
        data[45] = 1;
        data
    }

    fn extended(kinds: &[u16]) -> Vec<u8> {
        let mut data = mint(6);
        data.resize(165, 0);
        data.push(1);
        for kind in kinds {
            data.extend(kind.to_le_bytes());
            data.extend(4u16.to_le_bytes());
            data.extend([9; 4]);
        }
        data
    }

    #[test]
    fn mints_are_told_from_other_accounts() {
        assert_eq!(examine(TOKEN, &mint(6)), Ok((6, "spl-token")));
        assert_eq!(examine(TOKEN_2022, &mint(9)), Ok((9, "token-2022")));
        assert_eq!(examine(TOKEN_2022, &extended(&[3, 18])), Ok((6, "token-2022")));
        assert!(examine(TOKEN, &[0; 165]).is_err());
        assert!(examine(TOKEN_2022, &[0; 165]).is_err());
        assert!(examine("11111111111111111111111111111111", &mint(6)).is_err());
        assert!(examine(TOKEN, &[0; 82]).is_err());
    }

    #[test]
    fn fees_and_hooks_are_refused_wherever_they_stand_inv_5() {
        assert!(examine(TOKEN_2022, &extended(&[1])).unwrap_err().contains("fee"));
        assert!(examine(TOKEN_2022, &extended(&[3, 14])).unwrap_err().contains("not accepted"));
    }

    #[test]
    fn what_is_known_needs_no_network() {
        let dir = tempfile::tempdir().unwrap();
        let address = "So11111111111111111111111111111111111111112";
        let kept =
            json!({format!("devnet:{address}"): {"mint": address, "decimals": 9, "program": "spl-token"}});
        std::fs::write(dir.path().join("mints.json"), kept.to_string()).unwrap();
        let mut config = json!({
            "merchant": {"tokens": ["USDC", address]},
            "solana": {"network": "devnet", "rpc_url": "http://127.0.0.1:1"},
        });
        write_out(&mut config, dir.path()).unwrap();
        assert_eq!(config["merchant"]["tokens"][0], "USDC");
        assert_eq!(config["merchant"]["tokens"][1]["decimals"], 9);
        config["merchant"]["tokens"][1] = Value::from(address);
        config["solana"]["network"] = Value::from("testnet");
        let error = write_out(&mut config, dir.path()).unwrap_err();
        assert_eq!(error.path, "merchant.tokens[1]");
    }
}
