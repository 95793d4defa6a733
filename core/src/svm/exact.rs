//! The rules of the `exact` scheme on Solana: whether a transaction is exactly the payment that was asked
//! for, and safe for the fee payer to sign.
//!
//! Every rule that needs no network is checked here, before any network call. The specification is
//! `scheme_exact_svm.md` of x402, "Facilitator Verification Rules". Later editions have the same rules as
//! "Static Layout Verification" and "Sponsor Acceptance Policy".
//!
//! # The layout
//!
//! Instruction 0 sets the compute unit limit, and instruction 1 the compute unit price. After them come, in
//! any order, one `TransferChecked` of a token program, at most one memo, and at most ten wallet guards (see
//! [`super::lighthouse`]). Nothing else is allowed anywhere.
//!
//! # Where the specification is read differently
//!
//! Some rules are wider, because real wallets sign what the written layout refuses:
//!
//! * **Order.** The specification wants the transfer third, followed by two or four guards. Phantom puts
//!   three guards before the transfer and one after the memo. An instruction's program decides what it does,
//!   so its position has no meaning.
//! * **The fee payer in a guard.** The specification allows the fee payer in no instruction. Phantom asserts
//!   that the fee payer is a wallet. Here the fee payer may be the only account of a guard. The rule exists
//!   so that the fee payer can't be made to move anything. A guard moves nothing, and without a second
//!   account it can't call a program that does.
//!
//! Other rules are stricter, because the specification leaves room that no honest buyer needs:
//!
//! * The payer's ed25519 signature is verified here, strictly. Malleable and small-order forms are refused.
//! * The source must be the authority's own associated token account. Otherwise a delegate could pay with
//!   another person's tokens and collect the refund.
//! * There are exactly two signers: the fee payer and the authority.
//! * A guard is read to its last byte, and its account decides what it may assert. The specification accepts
//!   any instruction of Lighthouse.
//! * Each account of the message is used by an instruction, and a memo names no account but the payer's
//!   wallet. So no payment lists the System program, and nothing can call it.
//! * The compute units and the whole fee are limited, not only the price per unit.
//! * Lookup tables, trailing bytes and repeated accounts are refused (see [`super::transaction`]).

use std::sync::Arc;

use ed25519_dalek::{Signature, VerifyingKey};

use super::lighthouse::{GuardFault, Guards, MAX_GUARDS, Parties};
use super::programs::{COMPUTE_BUDGET, LIGHTHOUSE, MEMO, TRANSFER_CHECKED};
use super::transaction::{Instruction, Message, Transaction};
use super::{Address, TokenProgram, is_associated_token_account};
use crate::ids::PaymentId;
use crate::money::Amount;

pub use super::refusal::Refusal;

/// The payment that was asked for. It comes from a ticket or from the current price, never from what the
/// client sends back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// The exact amount, in atomic units.
    pub amount: Amount,
    pub mint: Address,
    /// The mint's decimals.
    pub decimals: u8,
    /// The mint's token program.
    pub program: TokenProgram,
    /// The merchant's token account.
    pub destination: Address,
    /// The gateway's wallet that pays the network's fee.
    pub fee_payer: Address,
    /// The highest acceptable fee, in lamports.
    pub max_fee_lamports: u64,
}

/// A transaction that follows all rules. Only the chain can still refuse it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPayment {
    /// The payment's id, which is the hash of the message.
    pub id: PaymentId,
    /// The whole decoded transaction. Signature 0, the fee payer's, is still missing.
    pub transaction: Arc<Transaction>,
    /// The paying wallet.
    pub payer: Address,
    /// The token account that pays.
    pub source: Address,
    /// The wallet that pays the network's fee.
    pub fee_payer: Address,
    /// The highest fee that the payment can cost the fee payer, in lamports.
    pub fee_lamports: u64,
    /// The memo's bytes, if there is a memo.
    pub memo: Option<Vec<u8>>,
    /// The position of the transfer among the instructions, counted from 0. The chain's errors name the
    /// failing instruction by its position.
    pub transfer_at: u8,
    /// The guards that the payer's wallet added.
    pub guards: Guards,
}

/// The most compute units that the gateway pays for.
///
/// The reference implementation has the same limit for a payment that is more than a plain transfer. A transfer
/// with a memo needs 20,000 units. Phantom asks for 200,000 where it adds guards, and ten guards can need more.
pub(crate) const MAX_COMPUTE_UNITS: u32 = 400_000;

/// The highest price per compute unit, in micro-lamports: the specification's 5 lamports.
/// [`Requirement::max_fee_lamports`] limits the whole fee.
pub(crate) const MAX_COMPUTE_UNIT_PRICE: u64 = 5_000_000;

/// How many instructions a payment has: at least the two of the compute budget and the transfer, and at most
/// a memo and ten guards more.
const INSTRUCTIONS: std::ops::RangeInclusive<usize> = 3..=4 + MAX_GUARDS;

/// The network's fee per signature, in lamports.
const LAMPORTS_PER_SIGNATURE: u64 = 5_000;

/// Decodes a transaction and checks it as [`verify_decoded`] does.
#[cfg(test)]
pub(crate) fn verify(bytes: &[u8], requirement: &Requirement) -> Result<VerifiedPayment, Refusal> {
    let transaction = Transaction::decode(bytes).map_err(|_| Refusal::Undecodable)?;
    verify_decoded(Arc::new(transaction), requirement)
}

/// Checks a transaction against the payment that was asked for.
///
/// # Errors
/// The first rule that it breaks. None of the rules depends on the chain's state.
pub(crate) fn verify_decoded(
    transaction: Arc<Transaction>,
    requirement: &Requirement,
) -> Result<VerifiedPayment, Refusal> {
    let message = &transaction.message;
    instructions_are_counted(message)?;
    if message.account(0) != Some(&requirement.fee_payer) {
        return Err(Refusal::FeePayer);
    }
    let fee_lamports = compute_budget(message, requirement.max_fee_lamports)?;
    fee_payer_is_isolated(message)?;
    let layout = Layout::of(message)?;
    let transfer = transfer_checked(message, layout.transfer, requirement)?;
    let [_, signature] = transaction.signatures.as_slice() else {
        return Err(Refusal::Signers);
    };
    let Transfer { source, payer, .. } = transfer;
    if message.account(1) != Some(&payer.address) {
        return Err(Refusal::Signers);
    }
    // A transfer from the merchant to the merchant would move nothing (invariant 5).
    let own =
        is_associated_token_account(&source.address, &payer.address, &requirement.mint, requirement.program);
    if source.address == requirement.destination || !own {
        return Err(Refusal::Source);
    }
    if let Some(memo) = layout.memo
        && !memo.accounts.iter().all(|index| *index == payer.index)
    {
        return Err(Refusal::MemoAccounts);
    }
    let guards = guards(message, &transfer, requirement.program).map_err(Refusal::Guard)?;
    every_account_is_used(message, &transfer)?;

    let key = VerifyingKey::from_bytes(payer.address.as_bytes()).map_err(|_| Refusal::Signature)?;
    key.verify_strict(&transaction.message_bytes, &Signature::from_bytes(signature))
        .map_err(|_| Refusal::Signature)?;

    Ok(VerifiedPayment {
        id: PaymentId::of_message(&transaction.message_bytes),
        payer: payer.address,
        source: source.address,
        fee_payer: requirement.fee_payer,
        fee_lamports,
        memo: layout.memo.map(|memo| memo.data.clone()),
        transfer_at: layout.transfer_at,
        guards,
        transaction,
    })
}

/// Refuses more or fewer instructions than a payment can have. Their positions then fit into one byte.
fn instructions_are_counted(message: &Message) -> Result<(), Refusal> {
    if INSTRUCTIONS.contains(&message.instructions.len()) { Ok(()) } else { Err(Refusal::InstructionCount) }
}

/// Refuses the fee payer as an account of any instruction that is not a guard.
///
/// The fee payer is account 0 and listed only once. The decoder refuses it as a program.
fn fee_payer_is_isolated(message: &Message) -> Result<(), Refusal> {
    let involved = |instruction: &Instruction| {
        instruction.accounts.contains(&0) && message.account(instruction.program) != Some(&LIGHTHOUSE)
    };
    if message.instructions.iter().any(involved) { Err(Refusal::FeePayerInvolved) } else { Ok(()) }
}

/// The instructions after the compute budget, without the guards.
struct Layout<'a> {
    transfer: &'a Instruction,
    transfer_at: u8,
    memo: Option<&'a Instruction>,
}

impl<'a> Layout<'a> {
    /// Sorts the instructions by their programs, wherever they are. They must have been counted before.
    fn of(message: &'a Message) -> Result<Self, Refusal> {
        let (mut transfer, mut memo, mut memos, mut unknown) = (None, None, 0, None);
        for (at, instruction) in (0..).zip(&message.instructions).skip(2) {
            match message.account(instruction.program) {
                Some(&LIGHTHOUSE) => {}
                Some(&MEMO) => {
                    memos += 1;
                    memo = Some(instruction);
                }
                Some(program)
                    if transfer.is_none()
                        && instruction.data.first() == Some(&TRANSFER_CHECKED)
                        && TokenProgram::at(program).is_some() =>
                {
                    transfer = Some((at, instruction));
                }
                _ => unknown = unknown.or(Some(at)),
            }
        }
        let (transfer_at, transfer) = transfer.ok_or(Refusal::NoTransfer)?;
        match (unknown, memos) {
            (Some(at), _) => Err(Refusal::UnknownInstruction(at)),
            (None, 0 | 1) => Ok(Self { transfer, transfer_at, memo }),
            (None, _) => Err(Refusal::MemoCount),
        }
    }
}

/// Collects the guards of a payment, wherever they are.
fn guards(message: &Message, transfer: &Transfer, program: TokenProgram) -> Result<Guards, GuardFault> {
    let parties = Parties {
        payer: transfer.payer.index,
        source: transfer.source.index,
        destination: transfer.destination.index,
        program,
    };
    let mut guards = Guards::default();
    for (at, instruction) in (0..).zip(&message.instructions) {
        if message.account(instruction.program) == Some(&LIGHTHOUSE) {
            guards.add(at, instruction, message, &parties)?;
        }
    }
    Ok(guards)
}

/// Refuses a message that lists an account other than the transfer's accounts, the fee payer and the
/// programs. Guards and memos name no others.
fn every_account_is_used(message: &Message, transfer: &Transfer) -> Result<(), Refusal> {
    let parties =
        [0, transfer.payer.index, transfer.source.index, transfer.mint.index, transfer.destination.index];
    let programs = message.instructions.iter().map(|instruction| instruction.program);
    for (at, account) in message.accounts.iter().enumerate() {
        let used = parties.into_iter().chain(programs.clone()).any(|index| usize::from(index) == at);
        if !used {
            return Err(Refusal::UnusedAccount(*account));
        }
    }
    Ok(())
}

/// Checks the first two instructions, which set the compute budget, and returns the transaction's whole network fee in
/// lamports, rounded up as the network does. Refuses a fee above `max_fee_lamports`.
fn compute_budget(message: &Message, max_fee_lamports: u64) -> Result<u64, Refusal> {
    let [limit, price, ..] = message.instructions.as_slice() else {
        return Err(Refusal::InstructionCount);
    };
    let is_budget = |instruction: &Instruction| {
        message.account(instruction.program) == Some(&COMPUTE_BUDGET) && instruction.accounts.is_empty()
    };
    let [2, a, b, c, d] = *limit.data.as_slice() else { return Err(Refusal::ComputeLimit) };
    if !is_budget(limit) {
        return Err(Refusal::ComputeLimit);
    }
    let units = u32::from_le_bytes([a, b, c, d]);
    if units > MAX_COMPUTE_UNITS {
        return Err(Refusal::ComputeLimitTooHigh);
    }
    let [3, ref rest @ ..] = *price.data.as_slice() else { return Err(Refusal::ComputePrice) };
    let rest: [u8; 8] = rest.try_into().map_err(|_| Refusal::ComputePrice)?;
    if !is_budget(price) {
        return Err(Refusal::ComputePrice);
    }
    let micro_lamports = u64::from_le_bytes(rest);
    if micro_lamports > MAX_COMPUTE_UNIT_PRICE {
        return Err(Refusal::ComputePriceTooHigh);
    }
    // Both factors are limited, so the product is far below 64 bits.
    let priority = (micro_lamports * u64::from(units)).div_ceil(1_000_000);
    let fee = LAMPORTS_PER_SIGNATURE * u64::from(message.required_signatures) + priority;
    if fee > max_fee_lamports { Err(Refusal::ComputePriceTooHigh) } else { Ok(fee) }
}

/// An account of the message, with its index.
#[derive(Clone, Copy)]
struct Listed {
    index: u8,
    address: Address,
}

/// The accounts that a transfer names.
#[derive(Clone, Copy)]
struct Transfer {
    source: Listed,
    mint: Listed,
    destination: Listed,
    payer: Listed,
}

impl Transfer {
    /// Reads exactly four accounts. Further ones would be the signers of a multisig authority, or the
    /// accounts of a transfer hook.
    fn of(message: &Message, instruction: &Instruction) -> Option<Self> {
        let [source, mint, destination, payer] = *instruction.accounts.as_slice() else { return None };
        let listed = |index| message.account(index).map(|address| Listed { index, address: *address });
        Some(Self {
            source: listed(source)?,
            mint: listed(mint)?,
            destination: listed(destination)?,
            payer: listed(payer)?,
        })
    }
}

/// Checks the transfer and returns the accounts that it names.
fn transfer_checked(
    message: &Message,
    instruction: &Instruction,
    requirement: &Requirement,
) -> Result<Transfer, Refusal> {
    let program = message.account(instruction.program).and_then(TokenProgram::at);
    let program = program.ok_or(Refusal::NoTransfer)?;
    let [TRANSFER_CHECKED, ref amount @ .., decimals] = *instruction.data.as_slice() else {
        return Err(Refusal::NoTransfer);
    };
    let amount: [u8; 8] = amount.try_into().map_err(|_| Refusal::NoTransfer)?;
    let transfer = Transfer::of(message, instruction).ok_or(Refusal::NoTransfer)?;
    if transfer.mint.address != requirement.mint
        || program != requirement.program
        || decimals != requirement.decimals
    {
        return Err(Refusal::Mint);
    }
    if transfer.destination.address != requirement.destination {
        return Err(Refusal::Recipient);
    }
    if u64::from_le_bytes(amount) != requirement.amount.atomic() {
        return Err(Refusal::Amount);
    }
    Ok(transfer)
}

#[cfg(test)]
mod tests;
