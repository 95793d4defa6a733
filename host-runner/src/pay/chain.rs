//! What a payer has to ask the chain: accounts and a recent blockhash.

use coinop_core::Amount;
use coinop_core::encoding::from_base64;
use coinop_core::svm::{Address, Network, TokenProgram};
use serde_json::{Value, json};

use crate::settings::rpc;

/// The error for an RPC answer that does not have the form of the method's result.
const UNREADABLE: &str = "the RPC's answer cannot be read";

/// An account as the chain holds it.
pub(crate) struct Account {
    /// The program that owns it.
    pub(crate) owner: Address,
    pub(crate) data: Vec<u8>,
    pub(crate) lamports: u64,
}

impl Account {
    /// Returns the decimals and the token program, if this is a token's mint.
    pub(crate) fn mint(&self) -> Option<(u8, TokenProgram)> {
        // Token accounts are longer than plain mints. Where extensions make both longer, the byte after the
        // length of a plain token account tells them apart.
        const ACCOUNT: usize = 165;
        let program = TokenProgram::at(&self.owner)?;
        let is_mint = self.data.len() == 82
            || (program == TokenProgram::Token2022 && self.data.get(ACCOUNT) == Some(&1));
        match (self.data.get(44), self.data.get(45)) {
            (Some(&decimals), Some(1)) if is_mint => Some((decimals, program)),
            _ => None,
        }
    }

    /// Returns how much of its token this account holds, if it is a token account.
    pub(super) fn held(&self) -> Option<Amount> {
        TokenProgram::at(&self.owner)?;
        let amount = self.data.get(64..72).filter(|_| self.data.len() >= 165)?;
        amount.try_into().ok().map(|bytes| Amount::new(u64::from_le_bytes(bytes)))
    }
}

/// Returns the network's public node. It is slow and limited, but anybody may use it.
pub(super) const fn public_rpc(network: Network) -> &'static str {
    match network {
        Network::Mainnet => "https://api.mainnet-beta.solana.com",
        Network::Devnet => "https://api.devnet.solana.com",
        Network::Testnet => "https://api.testnet.solana.com",
    }
}

/// Fetches an account. Returns `None` if it does not exist.
pub(crate) fn account(rpc_url: &str, address: &Address) -> Result<Option<Account>, String> {
    let options = json!({ "encoding": "base64", "commitment": "confirmed" });
    let answer = rpc::call(rpc_url, "getAccountInfo", &json!([address, options]))?;
    match answer.get("value") {
        None => Err(UNREADABLE.to_owned()),
        Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| UNREADABLE.to_owned()),
    }
}

fn read(value: &Value) -> Option<Account> {
    Some(Account {
        owner: value.get("owner")?.as_str()?.parse().ok()?,
        data: from_base64(value.pointer("/data/0")?.as_str()?)?,
        lamports: value.get("lamports")?.as_u64()?,
    })
}

/// Fetches a recent blockhash.
pub(super) fn blockhash(rpc_url: &str) -> Result<[u8; 32], String> {
    let answer = rpc::call(rpc_url, "getLatestBlockhash", &json!([{ "commitment": "confirmed" }]))?;
    let text = answer.pointer("/value/blockhash").and_then(Value::as_str);
    text.and_then(parse_blockhash).ok_or_else(|| UNREADABLE.to_owned())
}

/// Reads a blockhash in base58. It has the form of an address.
pub(super) fn parse_blockhash(text: &str) -> Option<[u8; 32]> {
    text.parse::<Address>().ok().map(|hash| *hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mint_is_told_from_what_is_none() {
        let account =
            |owner: TokenProgram, data: Vec<u8>| Account { owner: owner.address(), data, lamports: 1 };
        let mut mint = vec![0; 82];
        (mint[44], mint[45]) = (9, 1);
        let mut extended = mint.clone();
        extended.resize(165, 0);
        let holding = extended.clone();
        extended.push(1);
        let spl = TokenProgram::Spl;
        let new = TokenProgram::Token2022;
        assert_eq!(account(spl, mint.clone()).mint(), Some((9, spl)));
        assert_eq!(account(new, extended.clone()).mint(), Some((9, new)));
        assert_eq!(account(new, mint).mint(), Some((9, new)));
        assert_eq!(account(spl, extended).mint(), None);
        assert_eq!(account(spl, holding).mint(), None);
        assert_eq!(account(spl, vec![0; 82]).mint(), None);
        let mut holding = vec![0; 165];
        holding[64] = 5;
        assert_eq!(account(spl, holding).held(), Some(Amount::new(5)));
        assert_eq!(account(spl, vec![0; 82]).held(), None);
        let stranger = Account { owner: Address::new([0; 32]), data: vec![1; 82], lamports: 1 };
        assert_eq!(stranger.mint(), None);
    }
}
