//! What a token account lets its payer spend.

use crate::money::Amount;
use crate::svm::{Address, Token};

use super::rpc::Account;

/// The size of a token account without extensions, in bytes.
const SIZE: usize = 165;

/// What a token account lets its payer do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holding {
    /// What the payer can still pay from it, in atomic units.
    pub(super) spendable: Amount,
    /// Whether anyone else may spend from it or close it, now or after the payment.
    pub(super) shared: bool,
}

impl Holding {
    /// Reads a token account of this token for this payer; `None` if it is not such an account.
    ///
    /// Usually the payer can spend the whole balance. But if the payer is also the account's *delegate*, the
    /// token programs use up the delegated amount first and refuse a payment beyond it, even the owner's. The
    /// balance alone could then make the account look richer than it is for this payer.
    pub(super) fn read(account: &Account, token: &Token, payer: &Address) -> Option<Self> {
        let data = account.data.as_slice();
        if account.owner != token.program.address() || data.len() < SIZE || address(data, 0)? != token.mint {
            return None;
        }
        let balance = number(data, 64)?;
        let delegate = optional(data, 72)?;
        let closer = optional(data, 129)?;
        let spendable = if delegate == Some(*payer) {
            balance.min(number(data, 121)?)
        } else if address(data, 32)? == *payer {
            balance
        } else {
            // The delegated amount is used up.
            0
        };
        let others = |who: Option<Address>| who.is_some_and(|who| who != *payer);
        Some(Self { spendable: Amount::new(spendable), shared: others(delegate) || others(closer) })
    }
}

/// Reads an optional address as the token programs write it; the outer `None` means any other form.
fn optional(data: &[u8], at: usize) -> Option<Option<Address>> {
    match data.get(at..at.checked_add(4)?)? {
        [1, 0, 0, 0] => Some(Some(address(data, at + 4)?)),
        [0, 0, 0, 0] => Some(None),
        _ => None,
    }
}

fn address(data: &[u8], at: usize) -> Option<Address> {
    data.get(at..)?.first_chunk().copied().map(Address::new)
}

fn number(data: &[u8], at: usize) -> Option<u64> {
    data.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}
