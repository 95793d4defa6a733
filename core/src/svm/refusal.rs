//! Why a transaction is refused as a payment, for machines and for people.

use super::Address;
use super::lighthouse::GuardFault;

/// Why a transaction is not the payment that was asked for.
///
/// [`Refusal::reason`] is the stable string for machines; [`Refusal::detail`] is the text for the buyer. The
/// `GuardFault` says what exactly is wrong with a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bytes are not a transaction, or the transaction hides accounts.
    Undecodable,
    /// Another account would pay the fee.
    FeePayer,
    /// There are more or fewer signers than the fee payer and the payer.
    Signers,
    /// There are fewer than 3 or more than 14 instructions.
    InstructionCount,
    /// The first instruction is not a valid compute unit limit.
    ComputeLimit,
    /// The compute unit limit is above what the gateway pays for.
    ComputeLimitTooHigh,
    /// The second instruction is not a valid compute unit price.
    ComputePrice,
    /// The compute unit price, or the resulting fee, is above what the gateway pays for.
    ComputePriceTooHigh,
    /// No instruction is a token program's `TransferChecked` with its four accounts.
    NoTransfer,
    /// A payment has no such instruction. The number counts from 0.
    UnknownInstruction(u8),
    /// The fee payer is an account of an instruction that is not a guard.
    FeePayerInvolved,
    /// The mint, its decimals or its token program is wrong.
    Mint,
    /// The destination is not the merchant's token account.
    Recipient,
    /// The amount is wrong.
    Amount,
    /// The source is not the authority's own associated token account, or it is the destination.
    Source,
    /// There is more than one memo.
    MemoCount,
    /// The memo belongs to another ticket.
    Memo,
    /// The memo names an account that is not the payer's wallet.
    MemoAccounts,
    /// A guard that the payer's wallet added is not allowed.
    Guard(GuardFault),
    /// The message lists an account that no instruction of a payment uses.
    UnusedAccount(Address),
    /// The payer's signature is not valid.
    Signature,
}

impl Refusal {
    /// Returns the stable reason, for `errorReason` and for machines.
    ///
    /// Where the x402 ecosystem has a string for it, that string is used.
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
            Self::UnknownInstruction(_) => "invalid_exact_svm_payload_unknown_instruction",
            Self::FeePayerInvolved => "invalid_exact_svm_payload_transaction_fee_payer_transferring_funds",
            Self::Mint => "invalid_exact_svm_payload_mint_mismatch",
            Self::Recipient => "invalid_exact_svm_payload_recipient_mismatch",
            Self::Amount => "invalid_exact_svm_payload_amount_mismatch",
            Self::Source => "invalid_exact_svm_payload_source_mismatch",
            Self::MemoCount => "invalid_exact_svm_payload_memo_count",
            Self::Memo => "invalid_exact_svm_payload_memo_mismatch",
            Self::MemoAccounts => "invalid_exact_svm_payload_memo_accounts",
            Self::Guard(_) => "invalid_exact_svm_payload_wallet_guard",
            Self::UnusedAccount(_) => "invalid_exact_svm_payload_unused_account",
            Self::Signature => "invalid_exact_svm_payload_signature_invalid",
        }
    }

    /// Returns what is wrong with a guard, if that is the reason.
    #[must_use]
    pub const fn guard(self) -> Option<GuardFault> {
        match self {
            Self::Guard(fault) => Some(fault),
            _ => None,
        }
    }

    /// Returns what happened and what the buyer can do.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Guard(_) => {
                "Your wallet added a check to the payment that this gateway does not accept. You were not \
                 charged. Pay with another wallet."
            }
            Self::MemoAccounts => {
                "The memo names an account other than the payer's wallet. You were not charged. Sign the \
                 payment without that account."
            }
            Self::UnusedAccount(_) => {
                "The transaction lists an account that the payment does not use. You were not charged. Sign \
                 the payment without that account."
            }
            _ => {
                "The transaction is not the payment that was asked for. You were not charged. Request a new \
                 quote and sign exactly what it offers."
            }
        }
    }
}
