//! The SPL token program's accounts, as bytes.
//!
//! Genesis writes a mint and balances that nobody minted, and the RPC shows balances, so both layouts are
//! needed here.

use solana_account::Account;
use solana_address::Address;

/// The legacy SPL token program.
pub(crate) const TOKEN_PROGRAM: Address =
    Address::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
/// Token-2022. Nothing is forged for it, but its accounts begin with the same layout.
pub(crate) const TOKEN_2022_PROGRAM: Address =
    Address::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
const ASSOCIATED_TOKEN_PROGRAM: Address =
    Address::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");

/// Size of a mint account, in bytes.
pub(crate) const MINT_SIZE: usize = 82;
/// Size of a token account, in bytes.
pub(crate) const ACCOUNT_SIZE: usize = 165;
/// Where Token-2022 says what an extended account is: 1 a mint, 2 a token account.
const KIND_OFFSET: usize = ACCOUNT_SIZE;

/// The content of a mint account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mint {
    /// Who may mint more, if anybody.
    pub(crate) authority: Option<Address>,
    /// Tokens in existence, in atomic units.
    pub(crate) supply: u64,
    /// Atomic units per token, as a power of ten.
    pub(crate) decimals: u8,
    /// Who may freeze accounts, if anybody.
    pub(crate) freeze_authority: Option<Address>,
}

/// The content of a token account, as far as the RPC shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) mint: Address,
    pub(crate) owner: Address,
    /// In atomic units.
    pub(crate) amount: u64,
    /// Who may spend `delegated` of it, if anybody.
    pub(crate) delegate: Option<Address>,
    /// What the delegate may spend, in atomic units.
    pub(crate) delegated: u64,
    /// Frozen accounts neither send nor receive.
    pub(crate) frozen: bool,
    /// Whether it wraps native SOL.
    pub(crate) native: bool,
}

/// Returns the associated token account of `owner` for `mint`, under the legacy program.
pub(crate) fn associated(owner: &Address, mint: &Address) -> Address {
    associated_under(owner, mint, &TOKEN_PROGRAM)
}

/// Returns the associated token account of `owner` for `mint`, under the token program `program`.
pub(crate) fn associated_under(owner: &Address, mint: &Address, program: &Address) -> Address {
    Address::find_program_address(
        &[owner.as_ref(), program.as_ref(), mint.as_ref()],
        &ASSOCIATED_TOKEN_PROGRAM,
    )
    .0
}

/// Tells whether `program` is one of the two token programs.
pub(crate) fn is_token_program(program: &Address) -> bool {
    program == &TOKEN_PROGRAM || program == &TOKEN_2022_PROGRAM
}

impl Mint {
    /// Returns the account's data.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(MINT_SIZE);
        put_option(&mut data, self.authority.as_ref());
        data.extend(self.supply.to_le_bytes());
        data.push(self.decimals);
        data.push(1);
        put_option(&mut data, self.freeze_authority.as_ref());
        data
    }

    /// Reads `account`. Returns `None` unless it is an initialised mint.
    pub(crate) fn read(account: &Account) -> Option<Self> {
        if !is_token_program(&account.owner) || !is_kind(&account.data, MINT_SIZE, 1) {
            return None;
        }
        let data = &account.data;
        (*data.get(45)? == 1).then_some(())?;
        Some(Self {
            authority: option(data, 0)?,
            supply: number(data, 36)?,
            decimals: *data.get(44)?,
            freeze_authority: option(data, 46)?,
        })
    }
}

impl Holding {
    /// Makes an account in which `owner` holds `amount` atomic units of `mint`.
    pub(crate) fn new(owner: Address, mint: Address, amount: u64) -> Self {
        Self { mint, owner, amount, delegate: None, delegated: 0, frozen: false, native: false }
    }

    /// Returns the data of a plain account, without native SOL and without a close authority.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(ACCOUNT_SIZE);
        data.extend(self.mint.to_bytes());
        data.extend(self.owner.to_bytes());
        data.extend(self.amount.to_le_bytes());
        put_option(&mut data, self.delegate.as_ref());
        data.push(if self.frozen { 2 } else { 1 });
        data.extend([0; 12]);
        data.extend(self.delegated.to_le_bytes());
        put_option(&mut data, None);
        data
    }

    /// Reads `account`. Returns `None` unless it is an initialised token account.
    pub(crate) fn read(account: &Account) -> Option<Self> {
        if !is_token_program(&account.owner) || !is_kind(&account.data, ACCOUNT_SIZE, 2) {
            return None;
        }
        let data = &account.data;
        let state = *data.get(108)?;
        (state == 1 || state == 2).then_some(())?;
        Some(Self {
            mint: address(data, 0)?,
            owner: address(data, 32)?,
            amount: number(data, 64)?,
            delegate: option(data, 72)?,
            delegated: number(data, 121)?,
            frozen: state == 2,
            native: data.get(109..113)? != [0; 4],
        })
    }
}

fn is_kind(data: &[u8], size: usize, kind: u8) -> bool {
    data.len() == size || data.get(KIND_OFFSET) == Some(&kind)
}

fn put_option(data: &mut Vec<u8>, value: Option<&Address>) {
    data.extend(u32::from(value.is_some()).to_le_bytes());
    data.extend(value.map_or([0; 32], Address::to_bytes));
}

/// Returns the `N` bytes of `data` from `at` on, or `None` if it ends before.
pub(crate) fn array<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn address(data: &[u8], at: usize) -> Option<Address> {
    array(data, at).map(Address::new_from_array)
}

fn number(data: &[u8], at: usize) -> Option<u64> {
    array(data, at).map(u64::from_le_bytes)
}

fn option(data: &[u8], at: usize) -> Option<Option<Address>> {
    let set = u32::from_le_bytes(array(data, at)?) != 0;
    let value = address(data, at.checked_add(4)?)?;
    Some(set.then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(data: Vec<u8>, owner: Address) -> Account {
        Account { lamports: 1, data, owner, executable: false, rent_epoch: 0 }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let key = |byte: u8| Address::new_from_array([byte; 32]);
        let mint = Mint { authority: Some(key(1)), supply: 77, decimals: 6, freeze_authority: None };
        assert_eq!(mint.pack().len(), MINT_SIZE);
        assert_eq!(Mint::read(&account(mint.pack(), TOKEN_PROGRAM)), Some(mint));
        let holding = Holding { delegate: Some(key(3)), delegated: 5, ..Holding::new(key(1), key(2), 9) };
        assert_eq!(holding.pack().len(), ACCOUNT_SIZE);
        assert_eq!(Holding::read(&account(holding.pack(), TOKEN_PROGRAM)), Some(holding));
    }

    #[test]
    fn other_accounts_are_not_mistaken_for_tokens() {
        let holding = Holding::new(TOKEN_PROGRAM, TOKEN_PROGRAM, 9).pack();
        assert!(Holding::read(&account(holding.clone(), ASSOCIATED_TOKEN_PROGRAM)).is_none());
        assert!(Mint::read(&account(holding, TOKEN_PROGRAM)).is_none());
        assert!(Holding::read(&account(vec![0; ACCOUNT_SIZE], TOKEN_PROGRAM)).is_none());
        assert!(Mint::read(&account(vec![0; MINT_SIZE], TOKEN_PROGRAM)).is_none());
        assert!(Mint::read(&account(Vec::new(), TOKEN_PROGRAM)).is_none());
    }

    #[test]
    fn associated_accounts_are_where_wallets_look() {
        // From the genesis of the captured payments.
        assert_eq!(
            associated(
                &Address::from_str_const("87iutzR1s1ySdDKYMLNApJPHJkWSGFpB6iMEnSxNRmD3"),
                &crate::genesis::USDC,
            ),
            Address::from_str_const("F3Y4H87wMpfUznsBenu1vXP7DRS6fQa9SAGr9yvyN3XU")
        );
    }
}
