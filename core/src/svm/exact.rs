//! The rules of the `exact` scheme on Solana: is this transaction exactly the
//! payment that was asked for, and safe for our fee payer to sign?
//!
//! Every MUST of the specification (`scheme_exact_svm.md`, "Facilitator
//! Verification Rules") that needs no network, checked before any network call,
//! and stricter in these ways:
//!
//! * the payer's ed25519 signature is verified (strictly: no malleable or
//!   small-order forms), not left to the chain;
//! * the source must be the authority's own associated token account. A delegate
//!   could otherwise pay with somebody else's tokens and collect the refund;
//! * there are exactly two signers, the fee payer and the authority;
//! * the compute budget and the fee are capped well under the ceiling;
//! * no lookup tables, no trailing bytes, no account twice (see [`super::transaction`]).

use ed25519_dalek::{Signature, VerifyingKey};

use super::programs::{COMPUTE_BUDGET, LIGHTHOUSE, MEMO};
use super::transaction::{Instruction, Message, Transaction};
use super::{Address, TokenProgram, is_associated_token_account};
use crate::ids::PaymentId;
use crate::money::Amount;

/// What has to be paid: taken from a ticket or from the present price, never from
/// what the client echoed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Exactly this much.
    pub amount: Amount,
    /// Of this mint.
    pub mint: Address,
    /// The mint's decimals.
    pub decimals: u8,
    /// The mint's token program.
    pub program: TokenProgram,
    /// To this token account.
    pub destination: Address,
    /// With this fee payer.
    pub fee_payer: Address,
    /// With exactly this memo; `None` where none was asked for (x402 v1).
    pub memo: Option<String>,
    /// At most this fee, in lamports.
    pub max_fee_lamports: u64,
}

/// A transaction that follows the rules. Only the chain can still refuse it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPayment {
    /// Names the payment: the hash of the message.
    pub id: PaymentId,
    /// The whole transaction; signature 0, the fee payer's, is still to be made.
    pub transaction: Transaction,
    /// Who pays.
    pub payer: Address,
    /// From which token account.
    pub source: Address,
    /// What it will cost our fee payer at most, in lamports.
    pub fee_lamports: u64,
}

/// Why a transaction is not the payment that was asked for.
///
/// [`Refusal::reason`] is the stable string of the x402 ecosystem for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bytes are no transaction, or one that hides something.
    Undecodable,
    /// Another account than ours would pay the fee.
    FeePayer,
    /// More or fewer signers than the fee payer and the payer.
    Signers,
    /// Not 3 to 6 instructions.
    InstructionCount,
    /// The first instruction is no valid compute unit limit.
    ComputeLimit,
    /// The limit is above what is sponsored.
    ComputeLimitTooHigh,
    /// The second instruction is no valid compute unit price.
    ComputePrice,
    /// The price, or the fee that follows from it, is above what is sponsored.
    ComputePriceTooHigh,
    /// The third instruction is no transfer of the token program.
    NoTransfer,
    /// An optional instruction (counted from 0) that is not allowed there.
    UnknownInstruction(usize),
    /// The fee payer takes part in an instruction.
    FeePayerInvolved,
    /// Another mint, or the wrong decimals.
    Mint,
    /// Another destination than the merchant's token account.
    Recipient,
    /// Another amount.
    Amount,
    /// The source is not the authority's own associated token account, or is where the
    /// money would go.
    Source,
    /// Not exactly one memo where one is needed.
    MemoCount,
    /// Another memo.
    Memo,
    /// The payer's signature does not fit.
    Signature,
}

impl Refusal {
    /// The stable reason, for `errorReason` and for machines.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Undecodable => "invalid_exact_svm_payload_transaction_could_not_be_decoded",
            Self::FeePayer => "invalid_exact_svm_fee_payer_not_managed_by_facilitator",
            Self::Signers => "invalid_exact_svm_payload_excessive_signers",
            Self::InstructionCount => "invalid_exact_svm_payload_transaction_instructions_length",
            Self::ComputeLimit => {
                "invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction"
            }
            Self::ComputeLimitTooHigh => {
                "invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction_too_high"
            }
            Self::ComputePrice => {
                "invalid_exact_svm_payload_transaction_instructions_compute_price_instruction"
            }
            Self::ComputePriceTooHigh => {
                "invalid_exact_svm_payload_transaction_instructions_compute_price_instruction_too_high"
            }
            Self::NoTransfer => "invalid_exact_svm_payload_no_transfer_instruction",
            Self::UnknownInstruction(3) => "invalid_exact_svm_payload_unknown_fourth_instruction",
            Self::UnknownInstruction(4) => "invalid_exact_svm_payload_unknown_fifth_instruction",
            Self::UnknownInstruction(_) => "invalid_exact_svm_payload_unknown_sixth_instruction",
            Self::FeePayerInvolved => "invalid_exact_svm_payload_transaction_fee_payer_transferring_funds",
            Self::Mint => "invalid_exact_svm_payload_mint_mismatch",
            Self::Recipient => "invalid_exact_svm_payload_recipient_mismatch",
            Self::Amount => "invalid_exact_svm_payload_amount_mismatch",
            Self::Source => "invalid_exact_svm_payload_source_mismatch",
            Self::MemoCount => "invalid_exact_svm_payload_memo_count",
            Self::Memo => "invalid_exact_svm_payload_memo_mismatch",
            Self::Signature => "invalid_exact_svm_payload_signature_invalid",
        }
    }
}

/// Compute units that are sponsored at most. Clients ask for 20,000; a transfer
/// with two wallet assertions and a memo stays under this.
pub const MAX_COMPUTE_UNITS: u32 = 200_000;

/// Micro-lamports per compute unit at most: a hundredth of the specification's
/// ceiling of 5 lamports.
pub const MAX_COMPUTE_UNIT_PRICE: u64 = 50_000;

/// What the network takes for each signature, in lamports.
const LAMPORTS_PER_SIGNATURE: u64 = 5_000;

/// The instruction of both token programs that moves tokens and names the mint.
const TRANSFER_CHECKED: u8 = 12;

/// Checks a transaction's bytes against what has to be paid.
///
/// # Errors
/// The first rule that it breaks. Nothing here depends on the chain's state.
pub fn verify(bytes: &[u8], requirement: &Requirement) -> Result<VerifiedPayment, Refusal> {
    verify_decoded(Transaction::decode(bytes).map_err(|_| Refusal::Undecodable)?, requirement)
}

/// [`verify`] for what is decoded already.
///
/// # Errors
/// Likewise.
pub fn verify_decoded(
    transaction: Transaction,
    requirement: &Requirement,
) -> Result<VerifiedPayment, Refusal> {
    let message = &transaction.message;
    let [compute_limit, compute_price, transfer, optional @ ..] = message.instructions.as_slice() else {
        return Err(Refusal::InstructionCount);
    };
    if optional.len() > 3 {
        return Err(Refusal::InstructionCount);
    }
    if message.account(0) != Some(&requirement.fee_payer) {
        return Err(Refusal::FeePayer);
    }
    let fee_lamports = compute_budget(message, compute_limit, compute_price, requirement.max_fee_lamports)?;
    // Index 0 is the fee payer, and no account is listed twice. Programs are
    // covered by the decoder.
    if message.instructions.iter().any(|instruction| instruction.accounts.contains(&0)) {
        return Err(Refusal::FeePayerInvolved);
    }
    let (payer, source) = transfer_checked(message, transfer, requirement)?;
    optional_instructions(message, optional, requirement.memo.as_deref())?;

    let [_, signature] = transaction.signatures.as_slice() else {
        return Err(Refusal::Signers);
    };
    if message.account(1) != Some(&payer) {
        return Err(Refusal::Signers);
    }
    // From the merchant to the merchant nothing would move (invariant 5).
    let own = is_associated_token_account(&source, &payer, &requirement.mint, requirement.program);
    if source == requirement.destination || !own {
        return Err(Refusal::Source);
    }
    let key = VerifyingKey::from_bytes(payer.as_bytes()).map_err(|_| Refusal::Signature)?;
    key.verify_strict(&transaction.message_bytes, &Signature::from_bytes(signature))
        .map_err(|_| Refusal::Signature)?;

    let id = PaymentId::of_message(&transaction.message_bytes);
    Ok(VerifiedPayment { id, transaction, payer, source, fee_lamports })
}

/// The compute budget instructions; returns the fee in lamports that follows from
/// them (rounded up, as the network does).
fn compute_budget(
    message: &Message,
    limit: &Instruction,
    price: &Instruction,
    max_fee_lamports: u64,
) -> Result<u64, Refusal> {
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
    let priority = (micro_lamports * u64::from(units)).div_ceil(1_000_000);
    let fee = LAMPORTS_PER_SIGNATURE * u64::from(message.required_signatures) + priority;
    if fee > max_fee_lamports { Err(Refusal::ComputePriceTooHigh) } else { Ok(fee) }
}

/// The transfer; returns the authority and the source account.
fn transfer_checked(
    message: &Message,
    transfer: &Instruction,
    requirement: &Requirement,
) -> Result<(Address, Address), Refusal> {
    let program = message.account(transfer.program).and_then(TokenProgram::at).ok_or(Refusal::NoTransfer)?;
    let [TRANSFER_CHECKED, ref amount @ .., decimals] = *transfer.data.as_slice() else {
        return Err(Refusal::NoTransfer);
    };
    let amount: [u8; 8] = amount.try_into().map_err(|_| Refusal::NoTransfer)?;
    // Four accounts and no more: further ones would be the signers of a multisig
    // authority, or what a transfer hook asks for.
    let [source, mint, destination, authority] = *transfer.accounts.as_slice() else {
        return Err(Refusal::NoTransfer);
    };
    let account = |index| message.account(index).copied().ok_or(Refusal::NoTransfer);
    if account(mint)? != requirement.mint
        || program != requirement.program
        || decimals != requirement.decimals
    {
        return Err(Refusal::Mint);
    }
    if account(destination)? != requirement.destination {
        return Err(Refusal::Recipient);
    }
    if u64::from_le_bytes(amount) != requirement.amount.atomic() {
        return Err(Refusal::Amount);
    }
    Ok((account(authority)?, account(source)?))
}

/// The instructions behind the transfer: wallets' assertions and memos.
fn optional_instructions(
    message: &Message,
    optional: &[Instruction],
    memo: Option<&str>,
) -> Result<(), Refusal> {
    let mut memos = Vec::new();
    for (position, instruction) in (3..).zip(optional) {
        let program = message.account(instruction.program);
        match program {
            Some(&MEMO) => memos.push(&instruction.data),
            Some(&LIGHTHOUSE) if position < 5 => {}
            _ => return Err(Refusal::UnknownInstruction(position)),
        }
    }
    let Some(memo) = memo else { return Ok(()) };
    match memos.as_slice() {
        [data] if data.as_slice() == memo.as_bytes() => Ok(()),
        [_] => Err(Refusal::Memo),
        _ => Err(Refusal::MemoCount),
    }
}

#[cfg(test)]
#[path = "exact_tests.rs"]
mod tests;
