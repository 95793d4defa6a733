//! Guards: the Lighthouse instructions that wallets add to a payment to protect their users, and which of
//! them a fee payer may sign.
//!
//! A guard compares an account with a value, and makes the whole transaction fail if they differ. It moves nothing.
//! But each guard is a way to make a payment fail after the fee payer has paid for it, and some instructions of
//! Lighthouse do more than compare. So the account that a guard concerns decides what it may assert:
//!
//! | account | allowed |
//! |---|---|
//! | the fee payer's and the payer's wallet | owner is the System program; no data; lamports `>=` or `>` |
//! | the payer's token account | owner is its token program; data length and hash; amount `>=` or `>`; authorities |
//! | the merchant's token account | owner is its token program; data length; authorities |
//!
//! A hash must cover all data. The authorities of a token account are its mint, its owner, its delegate and the
//! delegated amount, its close authority, its state, and the fact that its address is derived from its owner.
//! Amounts and hashes of the merchant's token account are refused, because any stranger can change them.
//!
//! Each guard names exactly one account, which is why it may name the fee payer. Solana marks signers and writable
//! accounts for the whole message, so such a guard receives the fee payer as a writable signer. That is harmless: with
//! one account, a guard has no program to call.
//!
//! The layout comes from Lighthouse's public source.

mod account;
mod bytes;
mod fault;
mod kinds;

pub(crate) use account::GuardedAccount;
pub(crate) use fault::{GuardFault, GuardProblem, MAX_GUARDS};

use self::bytes::{Assertion, Subject, Value, info, operator, token};
use super::TokenProgram;
use super::programs::SYSTEM;
use super::transaction::{Instruction, Message};

/// The size of a token account in bytes: exactly this with SPL Token, at least this with Token-2022.
const TOKEN_ACCOUNT_BYTES: u64 = 165;

/// A guard that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The position of the guard's instruction, counted from 0.
    pub position: u8,
    /// The account that the guard concerns.
    pub account: GuardedAccount,
}

/// The guards of a payment, all of them allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// The guards in the order of the instructions.
    pub list: Vec<Guard>,
    /// Whether another payment from the same token account could make this one fail, because a guard asserts
    /// that account's amount or the hash of its data.
    pub exclusive_source: bool,
    /// The least lamports that the fee payer must have, according to the guards that assert them.
    ///
    /// "More than `n`" counts as `n + 1`. `None` means that no guard concerns them.
    pub fee_payer_floor: Option<u64>,
}

/// The accounts of the message that guards may concern, by index. The fee payer is 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parties {
    pub(super) payer: u8,
    pub(super) source: u8,
    pub(super) destination: u8,
    /// The program of both token accounts.
    pub(super) program: TokenProgram,
}

impl Parties {
    fn account(&self, index: u8) -> Option<GuardedAccount> {
        match index {
            0 => Some(GuardedAccount::FeePayer),
            index if index == self.payer => Some(GuardedAccount::Payer),
            index if index == self.source => Some(GuardedAccount::Source),
            index if index == self.destination => Some(GuardedAccount::Destination),
            _ => None,
        }
    }
}

impl Guards {
    /// Reads the instruction at `position` as a guard and adds it.
    pub(super) fn add(
        &mut self,
        position: u8,
        instruction: &Instruction,
        message: &Message,
        parties: &Parties,
    ) -> Result<(), GuardFault> {
        let kind = instruction.data.first().copied();
        let fault = |account, problem| GuardFault { position, kind, account, problem };
        if self.list.len() == MAX_GUARDS {
            return Err(fault(None, GuardProblem::TooMany));
        }
        let [index] = *instruction.accounts.as_slice() else {
            let count = u8::try_from(instruction.accounts.len()).unwrap_or(u8::MAX);
            return Err(fault(None, GuardProblem::Accounts(count)));
        };
        let Some(account) = parties.account(index) else {
            // The decoder refuses an index that is out of range.
            let other = message.account(index).copied().unwrap_or(SYSTEM);
            return Err(fault(None, GuardProblem::OtherAccount(other)));
        };
        bytes::read(&instruction.data, |assertion| self.judge(assertion, account, parties.program))
            .map_err(|problem| fault(Some(account), problem))?;
        self.list.push(Guard { position, account });
        Ok(())
    }

    /// Refuses an assertion that is not allowed about this account.
    ///
    /// Of an allowed one it keeps what a sale depends on: the least balance that it demands of the fee payer, and
    /// whether any other payment from the same source would make it fail.
    fn judge(
        &mut self,
        Assertion { subject, number, operator, value }: Assertion,
        account: GuardedAccount,
        program: TokenProgram,
    ) -> Result<(), GuardProblem> {
        let operators = operators(account, subject, number);
        if operators.is_empty() {
            return Err(GuardProblem::Assertion(number));
        }
        if !operators.contains(&operator) {
            return Err(GuardProblem::Operator { assertion: number, operator });
        }
        if !value_is_allowed(account, subject, number, value, program) {
            return Err(GuardProblem::Value { assertion: number });
        }
        match (subject, number, account, value) {
            (Subject::AccountInfo, info::LAMPORTS, GuardedAccount::FeePayer, Value::Number(value)) => {
                let least = value.saturating_add(u64::from(operator == operator::GREATER));
                self.fee_payer_floor = self.fee_payer_floor.max(Some(least));
            }
            (Subject::AccountInfo, info::DATA_HASH, ..) | (Subject::TokenAccount, token::AMOUNT, ..) => {
                self.exclusive_source = true;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Returns the operators with which an assertion about this account is allowed; none if it is not allowed.
const fn operators(account: GuardedAccount, subject: Subject, number: u8) -> &'static [u8] {
    use GuardedAccount::{Destination, FeePayer, Payer, Source};
    match (subject, number, account) {
        (Subject::AccountInfo, info::DATA_LENGTH | info::OWNER | info::KNOWN_OWNER, _)
        | (Subject::AccountInfo, info::DATA_HASH, Source) => &[operator::EQUAL],
        (Subject::AccountInfo, info::LAMPORTS, FeePayer | Payer)
        | (Subject::TokenAccount, token::AMOUNT, Source) => &[operator::AT_LEAST, operator::GREATER],
        (Subject::TokenAccount, token::DELEGATED_AMOUNT, Source | Destination) => {
            &[operator::AT_MOST, operator::EQUAL]
        }
        (
            Subject::TokenAccount,
            token::MINT
            | token::OWNER
            | token::DELEGATE
            | token::STATE
            | token::CLOSE_AUTHORITY
            | token::OWNER_IS_DERIVED,
            Source | Destination,
        ) => &[operator::EQUAL],
        _ => &[],
    }
}

/// Returns whether an assertion may compare with this value.
///
/// The owner must be the right program, a wallet must have no data, and a hash must cover all data. Other
/// assertions may use any value.
fn value_is_allowed(
    account: GuardedAccount,
    subject: Subject,
    number: u8,
    value: Value,
    program: TokenProgram,
) -> bool {
    let wallet = matches!(account, GuardedAccount::FeePayer | GuardedAccount::Payer);
    match (subject, number, value) {
        (Subject::AccountInfo, info::OWNER, Value::Address(owner)) => {
            owner == if wallet { SYSTEM } else { program.address() }
        }
        (Subject::AccountInfo, info::KNOWN_OWNER, Value::Byte(owner)) => {
            owner
                == match program {
                    _ if wallet => 0,
                    TokenProgram::Spl => 1,
                    TokenProgram::Token2022 => 2,
                }
        }
        (Subject::AccountInfo, info::DATA_LENGTH, Value::Number(length)) => !wallet || length == 0,
        (Subject::AccountInfo, info::DATA_HASH, Value::Hash { start, length }) => {
            start == 0
                && match program {
                    TokenProgram::Spl => length == TOKEN_ACCOUNT_BYTES,
                    TokenProgram::Token2022 => length >= TOKEN_ACCOUNT_BYTES,
                }
        }
        _ => true,
    }
}

#[cfg(test)]
pub(super) mod tests;
