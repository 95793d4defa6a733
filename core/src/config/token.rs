//! A token that the merchant accepts.

use serde_json::Value;

use super::error::ConfigError;
use super::presentation::{NO_WORD, is_word};
use super::section::Section;
use crate::money::Money;
use crate::svm::{Address, Network, Token, TokenProgram};

/// An accepted token, and the merchant's account for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedToken {
    /// The token and its mint.
    pub token: Token,
    /// The associated token account of `pay_to`, which receives the payments.
    pub account: Address,
}

impl AcceptedToken {
    /// Returns the symbol of the token that this money is of; `None` if it is not among `tokens` of this network.
    #[must_use]
    pub(crate) fn symbol_of<'t>(tokens: &'t [Self], network: Network, money: &Money) -> Option<&'t str> {
        let its = tokens.iter().find(|accepted| money.is_of(network.caip2(), &accepted.token.mint));
        its.map(|accepted| accepted.token.symbol.as_str())
    }
}

/// Reads a token: a symbol known on the network, or a mint with its decimals and program.
pub(super) fn token(path: &str, value: &Value, network: Network) -> Result<Token, ConfigError> {
    if let Some(name) = value.as_str() {
        if let Some(known) = network.known_token(name) {
            return Ok(known);
        }
        let message = if name.parse::<Address>().is_ok() {
            format!(
                "only `coinop serve` accepts a mint's address alone; write {{ \"mint\": \"{name}\", \
                 \"decimals\": 6, \"program\": \"spl-token\" }} with the mint's own decimals and program"
            )
        } else {
            format!(
                "unknown token {name:?} on {}; use {} or the address of a mint",
                network.name(),
                network.known_symbols().join(", ")
            )
        };
        return Err(ConfigError::new(path, message));
    }
    let mut section = Section::new(path, value)?;
    let mint: Address = section.need_text("mint")?.parse().map_err(|_| {
        section.error("mint", "must be the Solana address of the mint: 32 to 44 characters of base58")
    })?;
    let decimals = section.need("decimals")?.as_u64().and_then(|d| u8::try_from(d).ok()).filter(|&d| d <= 18);
    let decimals =
        decimals.ok_or_else(|| section.error("decimals", "must be a whole number from 0 to 18"))?;
    let program = match section.text("program")? {
        None | Some("spl-token") => TokenProgram::Spl,
        Some("token-2022") => TokenProgram::Token2022,
        Some(_) => return Err(section.error("program", "must be \"spl-token\" or \"token-2022\"")),
    };
    let text = mint.to_string();
    let symbol = match section.text("symbol")? {
        None => text.chars().take(4).collect(),
        Some(symbol) if is_word(symbol) => symbol.to_owned(),
        Some(_) => return Err(section.error("symbol", NO_WORD)),
    };
    section.finish()?;
    Ok(Token { symbol, mint, decimals, program })
}
