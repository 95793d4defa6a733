//! The text that a payment carries onto the chain.

use super::offered::Offered;
use crate::encoding::{base64url, from_base64url};
use crate::keys::{KeyRing, MacKey};
use crate::money::Amount;
use crate::quote::Nonce;
use crate::svm::Address;

/// The first letter of every memo of this gateway, so that no client takes the text for a number.
const PREFIX: char = 'q';

/// The text that binds a payment to its quote: `q`, then base64url of the quote's nonce (12 bytes) and a code over it
/// (8 bytes).
///
/// The code covers the nonce, the amount, the mint and the payee. With the secret alone, and without storage, the
/// gateway's payments can therefore be recognised on the chain, and nobody without the secret can forge one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memo(String);

impl Memo {
    /// Returns the memo of a quote with this nonce and amount, for what is offered.
    #[must_use]
    pub fn of(keys: &KeyRing, nonce: &Nonce, amount: Amount, offered: &Offered) -> Self {
        let code = code(keys.memo(), nonce, amount, &offered.token.mint, &offered.pay_to);
        Self(format!("{PREFIX}{}", base64url(&[nonce.as_slice(), &code].concat())))
    }

    /// Returns whether a memo was made here for exactly this quote, with any key in force.
    #[must_use]
    pub(crate) fn is_of(
        keys: &KeyRing,
        memo: &[u8],
        nonce: &Nonce,
        amount: Amount,
        offered: &Offered,
    ) -> bool {
        parts(memo).is_some_and(|(carried, _)| carried == *nonce)
            && Self::is_ours(keys, memo, amount, offered)
    }

    /// Returns whether a memo was made here for any quote of this amount, token and payee.
    #[must_use]
    pub(crate) fn is_ours(keys: &KeyRing, memo: &[u8], amount: Amount, offered: &Offered) -> bool {
        let Some((nonce, stated)) = parts(memo) else { return false };
        let (mint, pay_to) = (&offered.token.mint, &offered.pay_to);
        keys.all_memo().any(|key| MacKey::same(&code(key, &nonce, amount, mint, pay_to), &stated))
    }

    /// Returns the memo's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the nonce of a memo, and the bytes in the place of its code.
fn parts(memo: &[u8]) -> Option<(Nonce, Vec<u8>)> {
    let text = std::str::from_utf8(memo).ok()?.strip_prefix(PREFIX)?;
    let bytes = from_base64url(text)?;
    let (nonce, stated) = bytes.split_first_chunk()?;
    Some((*nonce, stated.to_vec()))
}

fn code(key: &MacKey, nonce: &Nonce, amount: Amount, mint: &Address, pay_to: &Address) -> [u8; 8] {
    let amount = amount.atomic().to_le_bytes();
    let long = key.code(&[nonce, &amount, mint.as_bytes(), pay_to.as_bytes()]);
    let mut short = [0; 8];
    short.copy_from_slice(long.split_at(8).0);
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Secret;
    use crate::svm::Network;
    use crate::testkit::keys as known;

    const AMOUNT: Amount = Amount::new(30_000);
    const NONCE: Nonce = [7; 12];

    fn offered() -> Offered {
        Offered {
            token: Network::Devnet.known_token("USDC").unwrap(),
            pay_to: known::address(&known::merchant()),
            fee_payer: known::address(&known::fee_payer()),
        }
    }

    fn memo(keys: &KeyRing) -> Memo {
        Memo::of(keys, &NONCE, AMOUNT, &offered())
    }

    fn ours(keys: &KeyRing, memo: &str) -> bool {
        Memo::is_ours(keys, memo.as_bytes(), AMOUNT, &offered())
    }

    #[test]
    fn a_memo_is_recognised_with_the_secret_alone_inv_5() {
        let (old, new) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let keys = KeyRing::new(&old, None);
        let memo = memo(&keys);
        assert_eq!((memo.as_str().len(), memo.as_str().chars().next()), (28, Some('q')));
        assert!(ours(&keys, memo.as_str()));
        assert!(ours(&KeyRing::new(&new, Some(&old)), memo.as_str()));
        assert!(!ours(&KeyRing::new(&new, None), memo.as_str()));
        // A quote from before a change of the secret can still be paid after it.
        let both = KeyRing::new(&new, Some(&old));
        let of = |nonce| Memo::is_of(&both, memo.as_str().as_bytes(), &nonce, AMOUNT, &offered());
        assert!(of(NONCE));
        assert!(!of([8; 12]));
        let is_ours = |amount, offered| Memo::is_ours(&keys, memo.as_str().as_bytes(), amount, &offered);
        assert!(!is_ours(Amount::new(1), offered()));
        let pay_to = known::address(&known::numbered(9));
        assert!(!is_ours(AMOUNT, Offered { pay_to, ..offered() }));
        let token = Network::Devnet.known_token("PYUSD").unwrap();
        assert!(!is_ours(AMOUNT, Offered { token, ..offered() }));
    }

    #[test]
    fn a_memo_altered_in_any_bit_is_not_ours_inv_5() {
        let keys = KeyRing::new(&Secret::new([1; 32]), None);
        let memo = memo(&keys);
        for bit in 0..memo.0.len() * 8 {
            let mut bytes = memo.0.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!Memo::is_ours(&keys, &bytes, AMOUNT, &offered()), "bit {bit}");
        }
        for text in ["", "q", "qq", &format!("{}A", memo.0), memo.0.trim_start_matches('q')] {
            assert!(!ours(&keys, text), "{text}");
        }
    }

    #[test]
    fn memos_differ_with_every_quote() {
        let keys = KeyRing::new(&Secret::new([1; 32]), None);
        let mut memos: Vec<_> = (0..100u8).map(|n| Memo::of(&keys, &[n; 12], AMOUNT, &offered()).0).collect();
        memos.sort();
        memos.dedup();
        assert_eq!(memos.len(), 100);
    }
}
