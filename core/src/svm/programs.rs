//! The programs that a payment may call, and the accounts derived from them.

use serde::{Deserialize, Serialize};

use super::Address;

macro_rules! address {
    ($vis:vis $name:ident, $doc:literal, $text:literal, $bytes:expr) => {
        #[doc = $doc]
        $vis const $name: Address = Address::new($bytes);

        #[cfg(test)]
        #[allow(non_snake_case)]
        mod $name {
            #[test]
            fn reads_as_published() {
                assert_eq!(super::$name.to_string(), $text);
            }
        }
    };
}

address!(
    pub(crate) COMPUTE_BUDGET,
    "The compute budget program.",
    "ComputeBudget111111111111111111111111111111",
    [
        3, 6, 70, 111, 229, 33, 23, 50, 255, 236, 173, 186, 114, 195, 155, 231, 188, 140, 229, 187, 197, 247,
        18, 107, 44, 67, 155, 58, 64, 0, 0, 0,
    ]
);
address!(
    pub(crate) SPL_TOKEN,
    "The SPL Token program.",
    "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
    [
        6, 221, 246, 225, 215, 101, 161, 147, 217, 203, 225, 70, 206, 235, 121, 172, 28, 180, 133, 237, 95,
        91, 55, 145, 58, 140, 245, 133, 126, 255, 0, 169,
    ]
);
address!(
    pub(crate) TOKEN_2022,
    "The Token-2022 program.",
    "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
    [
        6, 221, 246, 225, 238, 117, 143, 222, 24, 66, 93, 188, 228, 108, 205, 218, 182, 26, 252, 77, 131,
        185, 13, 39, 254, 189, 249, 40, 216, 161, 139, 252,
    ]
);
address!(
    pub(crate) ASSOCIATED_TOKEN,
    "The associated token account program.",
    "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL",
    [
        140, 151, 37, 143, 78, 36, 137, 241, 187, 61, 16, 41, 20, 142, 13, 131, 11, 90, 19, 153, 218, 255,
        16, 132, 4, 142, 123, 216, 219, 233, 248, 89,
    ]
);
address!(
    pub(crate) MEMO,
    "The SPL Memo program, version 2.",
    "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr",
    [
        5, 74, 83, 90, 153, 41, 33, 6, 77, 36, 232, 113, 96, 218, 56, 124, 124, 53, 181, 221, 188, 146, 187,
        129, 228, 31, 168, 64, 65, 5, 68, 141,
    ]
);
address!(
    pub(crate) LIGHTHOUSE,
    "Lighthouse: assertions that wallets add to protect their users.",
    "L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95",
    [
        4, 223, 173, 121, 98, 255, 177, 221, 146, 93, 10, 159, 181, 230, 208, 12, 230, 25, 91, 168, 187, 58,
        145, 253, 7, 239, 152, 96, 197, 233, 123, 184,
    ]
);

address!(pub SYSTEM, "The System program, which owns wallets.", "11111111111111111111111111111111", [0; 32]);

/// The instruction of both token programs that moves tokens and names the mint.
pub(crate) const TRANSFER_CHECKED: u8 = 12;

/// One of the two token programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenProgram {
    /// The original SPL Token program.
    #[serde(rename = "spl-token")]
    Spl,
    /// Token-2022, whose mints may carry extensions.
    #[serde(rename = "token-2022")]
    Token2022,
}

impl TokenProgram {
    /// Returns the program's name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spl => "spl-token",
            Self::Token2022 => "token-2022",
        }
    }

    /// Returns the program's address.
    #[must_use]
    pub const fn address(self) -> Address {
        match self {
            Self::Spl => SPL_TOKEN,
            Self::Token2022 => TOKEN_2022,
        }
    }

    /// Returns the token program at this address.
    #[must_use]
    pub fn at(address: &Address) -> Option<Self> {
        [Self::Spl, Self::Token2022].into_iter().find(|p| p.address() == *address)
    }
}

/// Returns the associated token account of `owner` for `mint`. `None` means that no address can be derived at all.
#[must_use]
pub fn associated_token_account(owner: &Address, mint: &Address, program: TokenProgram) -> Option<Address> {
    let program = program.address();
    Address::find_derived(&[owner.as_bytes(), program.as_bytes(), mint.as_bytes()], &ASSOCIATED_TOKEN)
}

/// Returns whether `account`, if it exists, is the associated token account of `owner` for `mint`.
///
/// See [`Address::is_derived`].
#[must_use]
pub(crate) fn is_associated_token_account(
    account: &Address,
    owner: &Address,
    mint: &Address,
    program: TokenProgram,
) -> bool {
    let program = program.address();
    account.is_derived(&[owner.as_bytes(), program.as_bytes(), mint.as_bytes()], &ASSOCIATED_TOKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn associated_accounts_are_those_of_the_captured_payments() {
        let mint: Address = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU".parse().unwrap();
        for (owner, account) in [
            ("87iutzR1s1ySdDKYMLNApJPHJkWSGFpB6iMEnSxNRmD3", "F3Y4H87wMpfUznsBenu1vXP7DRS6fQa9SAGr9yvyN3XU"),
            ("H5jU1gxo9HyxGsqsZMBF9enms7mRSLNDMaqMMexyvNH5", "Bt5PuVhPp5t9NVPbBK6WkViHnWRsbvaWykGhVdn5XQ9L"),
        ] {
            let owner = owner.parse().unwrap();
            let derived = associated_token_account(&owner, &mint, TokenProgram::Spl).unwrap();
            assert_eq!(derived.to_string(), account);
            assert!(owner.is_on_curve() && !derived.is_on_curve());
        }
    }
}
