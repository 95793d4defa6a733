//! What a token account still lets its payer spend.

use crate::money::Amount;
use crate::svm::{Address, Token};

use super::rpc::Account;

/// The size of a token account without extensions.
const SIZE: usize = 165;

/// What `payer` can still pay from a token account of this token; `None` if it is no such
/// account.
///
/// Mostly its balance. But where the payer is also the account's *delegate*, the token
/// programs take what was delegated first and refuse a payment beyond it, even an owner's:
/// a balance alone could be made to look larger than it is for the one who pays.
pub(super) fn spendable(account: &Account, token: &Token, payer: &Address) -> Option<Amount> {
    let data = account.data.as_slice();
    if account.owner != token.program.address() || data.len() < SIZE || address(data, 0)? != token.mint {
        return None;
    }
    let balance = number(data, 64)?;
    let delegate = match data.get(72..76)? {
        [1, 0, 0, 0] => Some(address(data, 76)?),
        [0, 0, 0, 0] => None,
        _ => return None,
    };
    let spendable = if delegate == Some(*payer) {
        balance.min(number(data, 121)?)
    } else if address(data, 32)? == *payer {
        balance
    } else {
        // What was delegated is used up.
        0
    };
    Some(Amount::new(spendable))
}

fn address(data: &[u8], at: usize) -> Option<Address> {
    data.get(at..)?.first_chunk().copied().map(Address::new)
}

fn number(data: &[u8], at: usize) -> Option<u64> {
    data.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}
