//! The first state of the chain: devnet's USDC and the funded addresses.
//!
//! Clients know devnet's USDC by its address and refuse unknown tokens, so the mint is forged at that same
//! address.

use anyhow::{Context, bail};
use litesvm::LiteSVM;
use solana_account::Account;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::amount;
use crate::lighthouse;
use crate::token::{ACCOUNT_SIZE, Holding, MINT_SIZE, Mint, TOKEN_PROGRAM, associated};

/// The mint of devnet's USDC.
pub(crate) const USDC: Address = Address::from_str_const("4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU");
pub(crate) const USDC_DECIMALS: u8 = 6;
/// The lamports that each funded address gets in addition to its tokens: 10 SOL.
const FUNDED_LAMPORTS: u64 = 10_000_000_000;
/// The lamports of the faucet behind `requestAirdrop`: 500 million SOL.
const FAUCET_LAMPORTS: u64 = 500_000_000_000_000_000;

/// An address to be funded at genesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Funding {
    pub(crate) address: Address,
    /// USDC for its associated token account, in atomic units.
    pub(crate) amount: u64,
}

impl Funding {
    /// Reads `ADDRESS=AMOUNT`, with the amount in USDC. The error is one line that says what to change.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let Some((address, amount)) = text.split_once('=') else {
            bail!("--fund {text}: write ADDRESS=AMOUNT, like --fund {USDC}=25");
        };
        let address = address.parse().ok().with_context(|| {
            format!("--fund {text}: \"{address}\" is not a Solana address: give 32 bytes in base58")
        })?;
        let amount = amount::parse(amount, USDC_DECIMALS)
            .map_err(|error| anyhow::anyhow!("--fund {text}: {error}"))?;
        Ok(Self { address, amount })
    }
}

/// Makes the virtual machine with the mint, the faucet and the funded addresses.
///
/// The machine does not check signatures and blockhashes. It knows only its own latest blockhash, so the
/// ledger checks both.
pub(crate) fn create(funding: &[Funding], faucet: &Address) -> anyhow::Result<LiteSVM> {
    let mut svm =
        LiteSVM::new().with_sigverify(false).with_blockhash_check(false).with_transaction_history(0);
    let mint = Mint {
        authority: Some(Keypair::new().pubkey()),
        supply: 0,
        decimals: USDC_DECIMALS,
        freeze_authority: None,
    };
    lighthouse::install(&mut svm);
    write_token(&mut svm, USDC, mint.pack())?;
    write_wallet(&mut svm, *faucet, FAUCET_LAMPORTS)?;
    for (index, entry) in funding.iter().enumerate() {
        let earlier = funding.get(..index).unwrap_or_default();
        if earlier.iter().any(|other| other.address == entry.address) {
            bail!("--fund names {} twice: give each address once", entry.address);
        }
        write_wallet(&mut svm, entry.address, FUNDED_LAMPORTS)?;
        set_tokens(&mut svm, entry.address, entry.amount)?;
    }
    Ok(svm)
}

/// Sets the USDC balance of `owner` to exactly `amount` atomic units, and keeps the mint's supply equal to
/// the sum of all balances.
pub(crate) fn set_tokens(svm: &mut LiteSVM, owner: Address, amount: u64) -> anyhow::Result<()> {
    let address = associated(&owner, &USDC);
    let existing = svm.get_account(&address).as_ref().and_then(Holding::read);
    let before = existing.map_or(0, |holding| holding.amount);
    let mut mint = svm.get_account(&USDC).as_ref().and_then(Mint::read).context("the USDC mint is gone")?;
    mint.supply = mint
        .supply
        .checked_sub(before)
        .and_then(|rest| rest.checked_add(amount))
        .context("all balances together are too large: fund less than 2^64 atomic units")?;
    let holding = Holding { amount, ..existing.unwrap_or_else(|| Holding::new(owner, USDC, 0)) };
    write_token(svm, USDC, mint.pack())?;
    write_token(svm, address, holding.pack())
}

/// Sets the balance of the wallet at `address` to exactly `lamports`. A wallet without lamports does not
/// exist.
///
/// # Errors
///
/// Fails if a program owns the account, or if it has data.
pub(crate) fn set_lamports(svm: &mut LiteSVM, address: Address, lamports: u64) -> anyhow::Result<()> {
    let existing = svm.get_account(&address).unwrap_or_default();
    if existing.owner != Address::default() || !existing.data.is_empty() {
        bail!("{address} is not a wallet: name an account of the System program that has no data");
    }
    Ok(svm.set_account(address, Account { lamports, ..existing })?)
}

fn write_token(svm: &mut LiteSVM, address: Address, data: Vec<u8>) -> anyhow::Result<()> {
    debug_assert!(data.len() == MINT_SIZE || data.len() == ACCOUNT_SIZE);
    let account = Account {
        lamports: svm.minimum_balance_for_rent_exemption(data.len()),
        data,
        owner: TOKEN_PROGRAM,
        executable: false,
        rent_epoch: 0,
    };
    Ok(svm.set_account(address, account)?)
}

fn write_wallet(svm: &mut LiteSVM, address: Address, lamports: u64) -> anyhow::Result<()> {
    if svm.get_account(&address).is_some() {
        bail!("--fund {address}: that account is the chain's own: fund a wallet's address");
    }
    let account = Account { lamports, ..Account::default() };
    Ok(svm.set_account(address, account)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn funding_is_read_or_refused_with_a_line_that_says_what_to_change() {
        let good = Funding::parse("87iutzR1s1ySdDKYMLNApJPHJkWSGFpB6iMEnSxNRmD3=0.5");
        assert_eq!(good.map(|funding| funding.amount).ok(), Some(500_000));
        for (text, wanted) in [
            ("x", "write ADDRESS=AMOUNT"),
            ("x=1", "not a Solana address"),
            ("=1", "not a Solana address"),
            ("87iutzR1s1ySdDKYMLNApJPHJkWSGFpB6iMEnSxNRmD3=one", "not an amount"),
            ("87iutzR1s1ySdDKYMLNApJPHJkWSGFpB6iMEnSxNRmD3=", "not an amount"),
        ] {
            let error = Funding::parse(text).expect_err(text).to_string();
            assert!(error.contains(wanted), "{text}: {error}");
            assert_eq!(error.lines().count(), 1);
        }
    }

    #[test]
    fn supply_stays_the_sum_of_balances() -> anyhow::Result<()> {
        let key = |byte: u8| Address::new_from_array([byte; 32]);
        let fund = |byte, amount| Funding { address: key(byte), amount };
        let mut svm = create(&[fund(1, 5), fund(2, 7)], &key(9))?;
        set_tokens(&mut svm, key(1), 1)?;
        set_tokens(&mut svm, key(3), 4)?;
        let mint = svm.get_account(&USDC).as_ref().and_then(Mint::read);
        assert_eq!(mint.map(|mint| mint.supply), Some(12));
        assert!(set_tokens(&mut svm, key(4), u64::MAX).is_err());
        assert!(create(&[fund(1, 5), fund(1, 7)], &key(9)).is_err());
        assert!(create(&[fund(9, 5)], &key(9)).is_err());
        Ok(())
    }
}
