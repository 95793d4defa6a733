//! A native stand-in for the assertions of the Lighthouse program that wallets add to payments.
//!
//! This is not the deployed program. For the instruction kinds 5 and 6 (an account), 9 and 10 (a token
//! account) and 15 (the clock) it reads the same bytes, gives the same verdicts and fails with the same
//! custom errors. Every other kind fails with [`INVALID_INSTRUCTION_DATA`], which is the program's error for
//! data that it cannot read. Each call costs the same number of compute units. The text of its logs is its
//! own, and the log levels `Encoded` log nothing.
//!
//! Source: the program's code at <https://github.com/Jac0xb/lighthouse>, folder `programs/lighthouse/src`.

mod check;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt::Debug;

use litesvm::LiteSVM;
use solana_address::Address;
use solana_clock::Clock;
use solana_instruction::error::InstructionError;
use solana_program_runtime::declare_process_instruction;
use solana_program_runtime::invoke_context::InvokeContext;
use solana_program_runtime::solana_sbpf::program::BuiltinFunctionDefinition;
use solana_program_runtime::stable_log::program_log;

use check::{Assertion, Target};
use parse::{Assertions, Instruction, LogLevel};

/// The program's address, the same on every cluster.
const ID: Address = Address::from_str_const("L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95");
/// Compute units of each call. The deployed program was seen to use 1,800 for a small assertion.
const COMPUTE_UNITS: u64 = 2_000;

/// The custom error for instruction data that cannot be read.
const INVALID_INSTRUCTION_DATA: u32 = 6000;
/// The custom error of an instruction's only assertion.
const ASSERTION_FAILED: u32 = 6001;
/// The custom error of the first assertion in a list. The second has the next number, and so on.
const LISTED_ASSERTION_FAILED: u32 = 0x1900;
/// The custom error for a range that reaches beyond the account's data.
const RANGE_OUT_OF_BOUNDS: u32 = 6005;
/// The custom error for an optional value in the account's data that is neither absent nor present.
const FAILED_TO_DESERIALIZE: u32 = 6007;
/// The custom error for an account that belongs to neither token program.
const ACCOUNT_OWNER_MISMATCH: u32 = 6009;

declare_process_instruction!(Entrypoint, COMPUTE_UNITS, |context| { process(context) });

/// Adds the program to `svm`.
pub(crate) fn install(svm: &mut LiteSVM) {
    svm.add_builtin(ID, Entrypoint::register);
}

/// Carries out the virtual machine's current instruction.
fn process(context: &InvokeContext<'_, '_>) -> Result<(), InstructionError> {
    let collector = context.get_log_collector();
    let clock = context.environment_config.sysvar_cache().get_clock()?;
    let frame = context.transaction_context.get_current_instruction_context()?;
    let account = match frame.get_number_of_instruction_accounts() {
        0 => None,
        _ => Some(frame.try_borrow_instruction_account(0)?),
    };
    #[expect(deprecated, reason = "an assertion may ask for this very flag")]
    let target = account.as_ref().map(|account| Target {
        address: account.get_key(),
        owner: account.get_owner(),
        lamports: account.get_lamports(),
        data: account.get_data(),
        signer: account.is_signer(),
        writable: account.is_writable(),
        executable: account.is_executable(),
    });
    judge(frame.get_instruction_data(), target.as_ref(), &clock, &|line| program_log(&collector, line))
}

/// Judges the assertions in `data`. They are about `target`, the instruction's first account, or about the
/// `clock`.
fn judge(
    data: &[u8],
    target: Option<&Target<'_>>,
    clock: &Clock,
    log: &dyn Fn(&str),
) -> Result<(), InstructionError> {
    let Some(instruction) = Instruction::read(data) else {
        log("This is no instruction that the local chain's Lighthouse reads");
        return Err(InstructionError::Custom(INVALID_INSTRUCTION_DATA));
    };
    // Programs still fail with this error, which is deprecated for the runtime.
    #[allow(deprecated)]
    let target = target.ok_or(InstructionError::NotEnoughAccountKeys);
    match &instruction.assertions {
        Assertions::Clock(assertion) => instruction.judge_all(std::slice::from_ref(assertion), clock, log),
        Assertions::Account(list) => instruction.judge_all(list, target?, log),
        Assertions::TokenAccount(list) => {
            let target = target?;
            if !target.is_of_token_program() {
                return Err(InstructionError::Custom(ACCOUNT_OWNER_MISMATCH));
            }
            instruction.judge_all(list, target, log)
        }
    }
}

impl Instruction {
    /// Checks `list` in order, up to the first assertion that fails.
    fn judge_all<S, A: Assertion<S> + Debug>(
        &self,
        list: &[A],
        subject: &S,
        log: &dyn Fn(&str),
    ) -> Result<(), InstructionError> {
        for (code, assertion) in (LISTED_ASSERTION_FAILED..).zip(list) {
            let holds = assertion.holds(subject).map_err(InstructionError::Custom)?;
            self.report(assertion, holds, log)?;
            if !holds {
                let code = if self.is_list { code } else { ASSERTION_FAILED };
                return Err(InstructionError::Custom(code));
            }
        }
        Ok(())
    }

    /// Logs a verdict if the instruction's log level asks for it.
    ///
    /// # Errors
    ///
    /// `MissingAccount` if the level asks for a call of the no-op program, which this chain does not have.
    fn report(
        &self,
        assertion: &impl Debug,
        holds: bool,
        log: &dyn Fn(&str),
    ) -> Result<(), InstructionError> {
        let verdict = if holds { "holds" } else { "does not hold" };
        match (self.log_level, holds) {
            (LogLevel::Plaintext, _) | (LogLevel::FailedPlaintext, false) => {
                log(&format!("{assertion:?} {verdict}"));
                Ok(())
            }
            (LogLevel::EncodedNoop, _) | (LogLevel::FailedEncodedNoop, false) => {
                Err(InstructionError::MissingAccount)
            }
            _ => Ok(()),
        }
    }
}
