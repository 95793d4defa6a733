//! The Solana networks that x402 names, and the tokens that each network knows by symbol.

use serde::{Deserialize, Serialize};

use super::Address;
use super::programs::TokenProgram;

/// A Solana network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// The network with real money.
    Mainnet,
    /// The developers' network. A local test chain goes by this name too.
    Devnet,
    /// The validators' network.
    Testnet,
}

impl Network {
    /// All networks.
    pub const ALL: [Self; 3] = [Self::Mainnet, Self::Devnet, Self::Testnet];

    /// Returns the network's name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Devnet => "devnet",
            Self::Testnet => "testnet",
        }
    }

    /// Returns the network's CAIP-2 id, as x402 v2 writes it. It contains the start of the genesis hash.
    #[must_use]
    pub const fn caip2(self) -> &'static str {
        match self {
            Self::Mainnet => "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
            Self::Devnet => "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1",
            Self::Testnet => "solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z",
        }
    }

    /// Returns the part of the CAIP-2 id after the colon, which a Solana sign-in message calls the chain id.
    #[must_use]
    pub fn reference(self) -> &'static str {
        self.caip2().split_once(':').map_or("", |(_, reference)| reference)
    }

    /// Returns the network's name in x402 v1.
    #[must_use]
    pub const fn v1_name(self) -> &'static str {
        match self {
            Self::Mainnet => "solana",
            Self::Devnet => "solana-devnet",
            Self::Testnet => "solana-testnet",
        }
    }

    /// Returns the network's name in the Wallet Standard, where a wallet calls it a chain.
    #[must_use]
    pub const fn chain(self) -> &'static str {
        match self {
            Self::Mainnet => "solana:mainnet",
            Self::Devnet => "solana:devnet",
            Self::Testnet => "solana:testnet",
        }
    }

    /// Returns the network's name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Mainnet => "Solana",
            Self::Devnet => "Solana devnet",
            Self::Testnet => "Solana testnet",
        }
    }

    /// Returns the network with this configuration name.
    #[must_use]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|n| n.name() == name)
    }

    /// Returns the network with this CAIP-2 id.
    #[must_use]
    pub fn from_caip2(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|n| n.caip2() == id)
    }

    /// Returns the token with this symbol on this network, if it is known.
    ///
    /// The mints are those of `@x402/svm` 2.27. Its clients pay in these tokens and in no others unless configured.
    #[must_use]
    pub fn known_token(self, symbol: &str) -> Option<Token> {
        use TokenProgram::{Spl, Token2022};
        let (mint, program) = match (self, symbol) {
            (Self::Mainnet, "USDC") => ("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", Spl),
            (Self::Devnet | Self::Testnet, "USDC") => ("4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU", Spl),
            (Self::Mainnet, "USDT") => ("Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB", Spl),
            (Self::Mainnet, "USDG") => ("2u1tszSeqZ3qBWF3uNGPFc8TzMk2tdiwknnRMWGWjGWH", Token2022),
            (Self::Devnet | Self::Testnet, "USDG") => {
                ("4F6PM96JJxngmHnZLBh9n58RH4aTVNWvDs2nuwrT5BP7", Token2022)
            }
            (Self::Mainnet, "PYUSD") => ("2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo", Token2022),
            (Self::Devnet | Self::Testnet, "PYUSD") => {
                ("CXk2AMBfi3TwaEL2468s6zP8xq9NxTXjp9gjMgzeUynM", Token2022)
            }
            (Self::Mainnet, "CASH") => ("CASHx9KJUStyftLFWGvEVf59SGeG9sh5FfcnZMVPCASH", Token2022),
            _ => return None,
        };
        let mint = mint.parse().ok()?;
        Some(Token { symbol: symbol.to_owned(), mint, decimals: 6, program })
    }

    /// Returns the symbols that [`Self::known_token`] knows on this network.
    #[must_use]
    pub fn known_symbols(self) -> Vec<&'static str> {
        let all = ["USDC", "USDT", "USDG", "PYUSD", "CASH"];
        all.into_iter().filter(|symbol| self.known_token(symbol).is_some()).collect()
    }
}

/// A token that buyers can pay with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The name for people, such as `USDC`.
    pub symbol: String,
    /// The mint's address.
    pub mint: Address,
    /// The number of decimal places of one token.
    pub decimals: u8,
    /// The token program that owns the mint.
    pub program: TokenProgram,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address that can't be parsed would look like an unknown symbol.
    #[test]
    fn the_tokens_that_clients_pay_in_unasked_are_known_by_name() {
        let mainnet = ["USDC", "USDT", "USDG", "PYUSD", "CASH"];
        let others = ["USDC", "USDG", "PYUSD"];
        assert_eq!(Network::Mainnet.known_symbols(), mainnet);
        assert_eq!(Network::Devnet.known_symbols(), others);
        assert_eq!(Network::Testnet.known_symbols(), others);
        for symbol in mainnet {
            let token = Network::Mainnet.known_token(symbol).unwrap();
            let program =
                if ["USDC", "USDT"].contains(&symbol) { TokenProgram::Spl } else { TokenProgram::Token2022 };
            assert_eq!((token.symbol.as_str(), token.decimals, token.program), (symbol, 6, program));
        }
    }
}
