//! What a quote asks for on the rail `svm-exact`: a token, a payee and a fee payer.

use crate::config::Config;
use crate::svm::{Address, Token};

/// The rail's number in tickets.
pub(crate) const NUMBER: u8 = 0;

/// What a quote asks for on Solana.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The token that pays.
    pub token: Token,
    /// The wallet that is paid.
    pub pay_to: Address,
    /// The gateway's wallet that pays the network's fee.
    pub fee_payer: Address,
}

impl Offered {
    /// Writes the first 4 bytes of the mint and of the fee payer, which is enough to find them among those that the
    /// deployment knows.
    pub(in crate::rail) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(prefix(&self.token.mint));
        bytes.extend(prefix(&self.fee_payer));
    }

    /// Writes all of this. Each part has a fixed length.
    pub(in crate::rail) fn write_whole(&self, bytes: &mut Vec<u8>) {
        let Self { token, pay_to, fee_payer } = self;
        for address in [&token.mint, &token.program.address(), pay_to, fee_payer] {
            bytes.extend(address.as_bytes());
        }
        bytes.push(token.decimals);
    }

    /// Returns all accepted tokens with all of the gateway's fee payers that may have been written like this.
    pub(in crate::rail) fn named(bytes: &[u8], config: &Config, fee_payers: &[Address]) -> Vec<Self> {
        let Some((mint, fee_payer)) = bytes.split_first_chunk::<4>() else { return Vec::new() };
        let pay_to = config.merchant.pay_to;
        let tokens = config.merchant.tokens.iter().map(|accepted| &accepted.token);
        let tokens = tokens.filter(|token| prefix(&token.mint) == *mint);
        let named = |token: &Token| {
            let token = token.clone();
            let fee_payers = fee_payers.iter().filter(|known| prefix(known) == *fee_payer);
            fee_payers.map(move |fee_payer| Self { token: token.clone(), pay_to, fee_payer: *fee_payer })
        };
        tokens.flat_map(named).collect()
    }
}

fn prefix(address: &Address) -> [u8; 4] {
    let [a, b, c, d, ..] = *address.as_bytes();
    [a, b, c, d]
}
