//! The rail `svm-exact`: a transfer on Solana in x402's scheme `exact`, which the gateway's fee payer signs last.
//!
//! The rules for a transaction are in [`exact`](crate::svm::exact). This module has what a transaction is checked
//! against: the quote that it answers, or what the merchant accepts now, and the memo that binds it to its quote.

mod landed;
mod memo;
mod offer;
mod offered;
mod unsigned;

pub use landed::{Recognised, recognise};
pub use memo::Memo;
pub(crate) use offer::recent_blockhash;
pub(super) use offer::{all, offer};
pub(super) use offered::NUMBER;
pub use offered::Offered;
pub(super) use unsigned::unsigned;

use std::sync::Arc;

use super::balances::Balances;
use super::refusal::{GUARD_AT_RISK, Refusal};
use crate::account::Account;
use crate::config::{AcceptedToken, Config};
use crate::keys::KeyRing;
use crate::money::Amount;
use crate::quote::Nonce;
use crate::session::SvmExact;
use crate::svm::exact::{self, Requirement};
use crate::svm::{Address, Token, Transaction, VerifiedPayment};
use crate::x402::Accepted;

/// Refuses a payment that its payer has not signed.
pub(super) const UNSIGNED: Refusal = Refusal::of_exact(exact::Refusal::Signature);

/// Refuses a new payer's payment from an account from which another address may take the money.
///
/// With one transaction, such a delegate could empty many accounts while payments from all of them are in flight. Each
/// of these payments would cost its fee.
const SHARED_SOURCE: Refusal = Refusal::new(
    "source_not_exclusive",
    "Another address may spend from the paying token account or close it. You were not charged. Revoke that \
     permission, or pay from another wallet.",
);

/// A transaction, with everything that it has to be except the amount.
#[derive(Debug)]
pub(crate) struct Expected {
    transaction: Arc<Transaction>,
    /// The payee, the token, and the wallet that pays the fee.
    offered: Offered,
    /// The token account that is paid.
    destination: Address,
    /// The nonce of the quote that it answers; `None` without a quote.
    nonce: Option<Nonce>,
}

/// A transaction that pays what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The payment's content, as its transaction states it.
    pub payment: VerifiedPayment,
    /// The token that pays.
    pub token: Token,
    /// Whether the transaction carries the memo of its ticket, so that it can't answer another one.
    pub is_bound: bool,
}

/// Decodes a transaction.
pub(super) fn read(transaction: &[u8]) -> Result<Arc<Transaction>, Refusal> {
    let transaction = Transaction::decode(transaction).map_err(|_| exact::Refusal::Undecodable)?;
    Ok(Arc::new(transaction))
}

/// Refuses a payment if the client's `accepted` differs from the quote.
pub(super) fn same_as_offered(accepted: &Accepted, amount: Amount, offered: &Offered) -> Result<(), Refusal> {
    let Accepted::V2 { amount: accepted, asset, pay_to, .. } = accepted else { return Ok(()) };
    let mismatch = if *accepted != amount {
        exact::Refusal::Amount
    } else if !is_address(asset, &offered.token.mint) {
        exact::Refusal::Mint
    } else if !is_address(pay_to, &offered.pay_to) {
        exact::Refusal::Recipient
    } else {
        return Ok(());
    };
    Err(Refusal::new(
        mismatch.reason(),
        "`accepted` differs from what was offered. You were not charged. Send the `accepts` entry of the \
         402 back unchanged.",
    ))
}

fn is_address(named: &Account, address: &Address) -> bool {
    named.as_str().parse().is_ok_and(|named: Address| named == *address)
}

/// Returns what a transaction without a quote pays: the accepted token that it names, with its fee payer, which has to
/// be one of the gateway's.
pub(super) fn unquoted(
    transaction: &Transaction,
    config: &Config,
    fee_payers: &[Address],
) -> Result<Offered, Refusal> {
    let message = &transaction.message;
    let pays_with = |accepted: &&AcceptedToken| message.accounts.contains(&accepted.token.mint);
    let accepted = config.merchant.tokens.iter().find(pays_with).ok_or(exact::Refusal::Mint)?;
    let named = message.account(0).filter(|first| fee_payers.contains(first));
    let fee_payer = *named.ok_or(exact::Refusal::FeePayer)?;
    Ok(Offered { token: accepted.token.clone(), pay_to: config.merchant.pay_to, fee_payer })
}

impl Expected {
    /// Returns what a transaction has to be to pay what was offered, in a quote with this nonce or without a quote.
    pub(super) fn of(
        transaction: &Arc<Transaction>,
        config: &Config,
        offered: &Offered,
        nonce: Option<&Nonce>,
    ) -> Result<Self, Refusal> {
        let mine = |accepted: &&AcceptedToken| accepted.token.mint == offered.token.mint;
        let accepted = config.merchant.tokens.iter().find(mine).ok_or(exact::Refusal::Mint)?;
        Ok(Self {
            transaction: Arc::clone(transaction),
            offered: offered.clone(),
            destination: accepted.account,
            nonce: nonce.copied(),
        })
    }

    /// Checks the transaction against what it has to be.
    pub(super) fn verify(self, keys: &KeyRing, config: &Config, amount: Amount) -> Result<Verified, Refusal> {
        let Self { transaction, offered, destination, nonce } = self;
        let requirement = Requirement {
            amount,
            mint: offered.token.mint,
            decimals: offered.token.decimals,
            program: offered.token.program,
            destination,
            fee_payer: offered.fee_payer,
            max_fee_lamports: config.settlement.max_fee_lamports,
        };
        let payment = exact::verify_decoded(transaction, &requirement)?;
        let is_bound = match nonce {
            Some(nonce) => is_bound(keys, &payment, &nonce, amount, &offered)?,
            // A 402 offers no memo to x402 v1. A sender who sends such a payment as v1 is not the one who signed it.
            None if is_ours(keys, &payment, amount, &offered) => return Err(exact::Refusal::Memo.into()),
            None => false,
        };
        Ok(Verified { payment, token: offered.token, is_bound })
    }
}

/// Returns whether the transaction carries the memo of its ticket.
///
/// Some clients send no memo, or one of their own. They are buyers too: the claim then takes both the transaction and
/// the ticket, each only once. A memo that was made here for another ticket is refused, because its payer has signed
/// for something else.
fn is_bound(
    keys: &KeyRing,
    payment: &VerifiedPayment,
    nonce: &Nonce,
    amount: Amount,
    offered: &Offered,
) -> Result<bool, exact::Refusal> {
    let Some(carried) = payment.memo.as_deref() else { return Ok(false) };
    if Memo::is_of(keys, carried, nonce, amount, offered) {
        return Ok(true);
    }
    if Memo::is_ours(keys, carried, amount, offered) {
        return Err(exact::Refusal::Memo);
    }
    Ok(false)
}

/// Returns whether a payment was signed for a ticket of this gateway.
fn is_ours(keys: &KeyRing, payment: &VerifiedPayment, amount: Amount, offered: &Offered) -> bool {
    payment.memo.as_deref().is_some_and(|memo| Memo::is_ours(keys, memo, amount, offered))
}

/// Returns why a payment is refused that the chain would accept now, but might not accept a moment later.
pub(super) fn risk(payment: &SvmExact, balances: &Balances, has_bought: bool) -> Option<Refusal> {
    if balances.shared && !has_bought {
        return Some(SHARED_SOURCE);
    }
    match payment.guarded.fee_payer_floor {
        Some(floor) if floor > balances.fee_payer => Some(GUARD_AT_RISK),
        _ => None,
    }
}
