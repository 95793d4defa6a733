//! Formats accounts and amounts as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use solana_account::Account;

use super::RpcError;
use super::params::Config;
use crate::amount;
use crate::bank::Bank;
use crate::token::{Holding, Mint, TOKEN_PROGRAM};

/// The most bytes that nodes show in base58.
const BASE58_LIMIT: usize = 128;

/// How account data is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// The form of nodes if the call names no encoding: base58, without the encoding's name.
    Legacy,
    Base58,
    Base64,
    /// Mints and token accounts as JSON objects, everything else as base64.
    Parsed,
}

impl Encoding {
    pub(super) fn read(config: &Config<'_>, default: Self) -> Result<Self, RpcError> {
        match config.text("encoding")? {
            None => Ok(default),
            Some("binary") => Ok(Self::Legacy),
            Some("base58") => Ok(Self::Base58),
            Some("base64") => Ok(Self::Base64),
            Some("jsonParsed") => Ok(Self::Parsed),
            Some(other) => Err(RpcError::params(format!(
                "Invalid params: unsupported encoding `{other}`: use base64, base58 or jsonParsed"
            ))),
        }
    }
}

/// Formats an account of `bank`, with `dataSlice` of `config` applied.
pub(super) fn account(
    bank: Bank<'_>,
    account: &Account,
    encoding: Encoding,
    config: &Config<'_>,
) -> Result<Value, RpcError> {
    let parsed = (encoding == Encoding::Parsed).then(|| parse(bank, account)).flatten();
    let data = match parsed {
        Some(parsed) => parsed,
        None => encode(slice(&account.data, config)?, encoding)?,
    };
    Ok(json!({
        "data": data,
        "executable": account.executable,
        "lamports": account.lamports,
        "owner": account.owner.to_string(),
        // Real nodes return 2^64 - 1, which no JavaScript number can hold.
        "rentEpoch": 0,
        "space": account.data.len(),
    }))
}

fn slice<'a>(data: &'a [u8], config: &Config<'_>) -> Result<&'a [u8], RpcError> {
    let Some(wanted) = config.object("dataSlice")? else {
        return Ok(data);
    };
    let read = |name| -> Result<usize, RpcError> {
        let number = wanted
            .number(name)?
            .ok_or_else(|| RpcError::params(format!("Invalid params: `dataSlice` needs `{name}`")))?;
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    };
    let start = read("offset")?.min(data.len());
    let end = start.saturating_add(read("length")?).min(data.len());
    Ok(data.get(start..end).unwrap_or_default())
}

fn encode(data: &[u8], encoding: Encoding) -> Result<Value, RpcError> {
    if matches!(encoding, Encoding::Base64 | Encoding::Parsed) {
        return Ok(json!([STANDARD.encode(data), "base64"]));
    }
    if data.len() > BASE58_LIMIT {
        return Err(RpcError::new(
            -32600,
            "Encoded binary (base 58) data should be less than 128 bytes, please use Base64 encoding.",
        ));
    }
    let text = bs58::encode(data).into_string();
    Ok(match encoding {
        Encoding::Legacy => json!(text),
        _ => json!([text, "base58"]),
    })
}

fn parse(bank: Bank<'_>, account: &Account) -> Option<Value> {
    let (kind, info) = if let Some(mint) = Mint::read(account) {
        let info = json!({
            "mintAuthority": mint.authority.map(|key| key.to_string()),
            "supply": mint.supply.to_string(),
            "decimals": mint.decimals,
            "isInitialized": true,
            "freezeAuthority": mint.freeze_authority.map(|key| key.to_string()),
        });
        ("mint", info)
    } else {
        let holding = Holding::read(account)?;
        let decimals = bank.mint(&holding.mint)?.decimals;
        let mut info = json!({
            "isNative": holding.native,
            "mint": holding.mint.to_string(),
            "owner": holding.owner.to_string(),
            "state": if holding.frozen { "frozen" } else { "initialized" },
            "tokenAmount": token_amount(holding.amount, decimals),
        });
        if let (Some(delegate), Some(fields)) = (holding.delegate, info.as_object_mut()) {
            fields.insert("delegate".to_owned(), json!(delegate.to_string()));
            fields.insert("delegatedAmount".to_owned(), token_amount(holding.delegated, decimals));
        }
        ("account", info)
    };
    let program = if account.owner == TOKEN_PROGRAM { "spl-token" } else { "spl-token-2022" };
    Some(json!({
        "program": program,
        "parsed": {"info": info, "type": kind},
        "space": account.data.len(),
    }))
}

/// Formats an amount of tokens as in every method. `uiAmount` is for display only.
pub(super) fn token_amount(units: u64, decimals: u8) -> Value {
    let text = amount::display(units, decimals);
    json!({
        "amount": units.to_string(),
        "decimals": decimals,
        "uiAmount": text.parse::<f64>().ok(),
        "uiAmountString": text,
    })
}
