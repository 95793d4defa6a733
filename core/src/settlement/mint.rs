//! Checks which Token-2022 mints are accepted: those whose transfers move exactly the signed amount and run
//! no other program.
//!
//! The layout is that of the Token-2022 program. A mint with extensions is a plain mint of 82 bytes, padding
//! up to 165 bytes, one byte for the account type, and then entries of `type: u16, length: u16, value`.

/// The offset of the account type. It follows the space that any account may need.
const KIND_AT: usize = 165;
/// The account type of a mint.
const KIND_MINT: u8 = 1;
/// Extension: a fee on each transfer.
const TRANSFER_FEE: u16 = 1;
/// Extension: tokens can't be transferred at all.
const NON_TRANSFERABLE: u16 = 9;
/// Extension: a program that runs on each transfer.
const TRANSFER_HOOK: u16 = 14;
/// Extension: transfers can be paused.
const PAUSABLE: u16 = 26;

/// Returns whether transfers of this mint move exactly the signed amount and run no other program.
///
/// `data` is the account's data. A mint that can't be read is refused.
///
/// Some stablecoins carry a fee or hook extension that is switched off. They are accepted while it is off:
/// the fee is zero in both epochs, and the hook's program is empty.
#[must_use]
pub fn is_plain_token_2022(data: &[u8]) -> bool {
    if data.len() == 82 {
        return true;
    }
    let Some((&KIND_MINT, mut rest)) = data.get(KIND_AT..).and_then(<[u8]>::split_first) else {
        return false;
    };
    loop {
        let Some((&[a, b, c, d], after)) = rest.split_first_chunk::<4>() else {
            // Fewer than four remaining bytes can only be padding.
            return rest.iter().all(|&byte| byte == 0);
        };
        let (kind, length) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        if kind == 0 {
            return true;
        }
        let Some((value, next)) = after.split_at_checked(usize::from(length)) else { return false };
        let harmless = match kind {
            TRANSFER_FEE => fee_is_zero(value),
            // Two addresses: the authority that may change the hook, and the program.
            TRANSFER_HOOK => value.get(32..64).is_some_and(|program| program.iter().all(|&byte| byte == 0)),
            // An authority, and whether transfers are paused now.
            PAUSABLE => value.get(32) == Some(&0),
            NON_TRANSFERABLE => false,
            _ => true,
        };
        if !harmless {
            return false;
        }
        rest = next;
    }
}

/// Returns whether the fee is zero in both epochs.
///
/// The layout is two authorities (64 bytes), a withheld amount (8), and twice: epoch (8), maximum (8), basis
/// points (2).
fn fee_is_zero(value: &[u8]) -> bool {
    let basis_points = |at: usize| value.get(at..at + 2).map(|bytes| bytes == [0, 0]);
    basis_points(88) == Some(true) && basis_points(106) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mint(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut data = vec![0; KIND_AT];
        data.push(KIND_MINT);
        for (kind, value) in extensions {
            data.extend(kind.to_le_bytes());
            data.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
            data.extend(value);
        }
        data
    }

    #[test]
    fn only_mints_that_move_exactly_what_was_signed_are_taken_inv_5() {
        let mut fee = vec![0; 108];
        let mut hook = vec![0; 64];
        assert!(is_plain_token_2022(&[0; 82]));
        assert!(is_plain_token_2022(&mint(&[])));
        assert!(is_plain_token_2022(&mint(&[
            (3, vec![1; 32]),
            (TRANSFER_FEE, fee.clone()),
            (TRANSFER_HOOK, hook.clone())
        ])));
        fee[106] = 1;
        assert!(!is_plain_token_2022(&mint(&[(TRANSFER_FEE, fee.clone())])));
        fee[106] = 0;
        fee[88] = 1;
        assert!(!is_plain_token_2022(&mint(&[(3, vec![1; 32]), (TRANSFER_FEE, fee)])));
        hook[40] = 1;
        assert!(!is_plain_token_2022(&mint(&[(TRANSFER_HOOK, hook)])));
        assert!(!is_plain_token_2022(&mint(&[(NON_TRANSFERABLE, vec![])])));
        assert!(!is_plain_token_2022(&mint(&[(TRANSFER_FEE, vec![0; 20])])));
    }

    #[test]
    fn what_is_no_mint_or_ends_early_is_refused() {
        assert!(!is_plain_token_2022(&[]));
        assert!(!is_plain_token_2022(&[0; 165]));
        assert!(!is_plain_token_2022(&[0; 200]));
        let mut cut = mint(&[(TRANSFER_HOOK, vec![0; 64])]);
        cut.truncate(200);
        assert!(!is_plain_token_2022(&cut));
    }
}
