//! Describes why a guard was refused, in one log line. Such lines show when a wallet has changed.

use std::fmt;

use super::account::GuardedAccount;
use super::kinds::{ACCOUNT_INFO, ACCOUNT_INFO_MULTI, TOKEN_ACCOUNT, TOKEN_ACCOUNT_MULTI};
use crate::svm::Address;

/// The most guards that a payment may have. A plain payment by Phantom has four; the most seen in a
/// transaction of any kind are nine.
pub(crate) const MAX_GUARDS: usize = 10;

/// Why a guard is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardFault {
    /// The position of the guard's instruction, counted from 0.
    pub position: u8,
    /// The instruction's first byte, which is its kind; `None` if it has no bytes.
    pub kind: Option<u8>,
    /// The account that the guard concerns; `None` if no guard may concern it.
    pub account: Option<GuardedAccount>,
    pub problem: GuardProblem,
}

/// What is not allowed about a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardProblem {
    /// As many guards as are allowed come before it.
    TooMany,
    /// It names this many accounts instead of one. 255 also stands for more.
    Accounts(u8),
    /// It names this account, which no guard may concern.
    OtherAccount(Address),
    /// No guard may be of this kind.
    Kind,
    /// This log level calls another program, or does not exist.
    LogLevel(u8),
    /// Its bytes end early.
    Truncated,
    /// Bytes follow its last assertion.
    TrailingBytes,
    /// A number is longer than needed or above 64 bits, or the byte of an option is neither 0 nor 1.
    Malformed,
    /// It asserts nothing.
    Empty,
    /// This assertion is not allowed about this account.
    Assertion(u8),
    /// This assertion is not allowed with this operator.
    Operator {
        /// The assertion's number.
        assertion: u8,
        /// The operator's number.
        operator: u8,
    },
    /// This assertion is not allowed with this value.
    Value {
        /// The assertion's number.
        assertion: u8,
    },
}

/// The names of Lighthouse's instructions, by their first byte.
const KINDS: [&str; 18] = [
    "MemoryWrite",
    "MemoryClose",
    "AssertAccountData",
    "AssertAccountDataMulti",
    "AssertAccountDelta",
    "AssertAccountInfo",
    "AssertAccountInfoMulti",
    "AssertMintAccount",
    "AssertMintAccountMulti",
    "AssertTokenAccount",
    "AssertTokenAccountMulti",
    "AssertStakeAccount",
    "AssertStakeAccountMulti",
    "AssertUpgradeableLoaderAccount",
    "AssertUpgradeableLoaderAccountMulti",
    "AssertSysvarClock",
    "AssertMerkleTreeAccount",
    "AssertBubblegumTreeConfigAccount",
];

/// The names of the assertions about what every account has.
const ACCOUNT_INFO_ASSERTIONS: [&str; 9] = [
    "Lamports",
    "DataLength",
    "Owner",
    "KnownOwner",
    "RentEpoch",
    "IsSigner",
    "IsWritable",
    "Executable",
    "VerifyDatahash",
];

/// The names of the assertions about the fields of a token account.
const TOKEN_ACCOUNT_ASSERTIONS: [&str; 9] = [
    "Mint",
    "Owner",
    "Amount",
    "Delegate",
    "State",
    "IsNative",
    "DelegatedAmount",
    "CloseAuthority",
    "TokenAccountOwnerIsDerived",
];

/// The symbols of the operators.
const OPERATORS: [&str; 8] = ["==", "!=", ">", "<", ">=", "<=", "contains", "lacks"];

fn name(names: &[&'static str], number: u8) -> &'static str {
    names.get(usize::from(number)).copied().unwrap_or("unknown")
}

impl GuardFault {
    fn assertion(&self, number: u8) -> &'static str {
        match self.kind {
            Some(ACCOUNT_INFO | ACCOUNT_INFO_MULTI) => name(&ACCOUNT_INFO_ASSERTIONS, number),
            Some(TOKEN_ACCOUNT | TOKEN_ACCOUNT_MULTI) => name(&TOKEN_ACCOUNT_ASSERTIONS, number),
            _ => "unknown",
        }
    }
}

impl fmt::Display for GuardFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lighthouse guard at instruction {}", self.position)?;
        if let Some(kind) = self.kind {
            write!(f, ", kind {kind} {}", name(&KINDS, kind))?;
        }
        if let Some(account) = self.account {
            write!(f, ", of {account}")?;
        }
        match self.problem {
            GuardProblem::TooMany => write!(f, ": more than {} guards", MAX_GUARDS),
            GuardProblem::Accounts(count) => write!(f, ": {count} accounts instead of one"),
            GuardProblem::OtherAccount(account) => {
                write!(f, ": its account {account} is not one that a guard may name")
            }
            GuardProblem::Kind => f.write_str(": this kind is not allowed"),
            GuardProblem::LogLevel(level) => write!(f, ": log level {level} is not allowed"),
            GuardProblem::Truncated => f.write_str(": its bytes end early"),
            GuardProblem::TrailingBytes => f.write_str(": bytes follow the last assertion"),
            GuardProblem::Malformed => f.write_str(": a malformed number or option"),
            GuardProblem::Empty => f.write_str(": it asserts nothing"),
            GuardProblem::Assertion(number) => {
                write!(f, ": assertion {number} {} is not allowed", self.assertion(number))
            }
            GuardProblem::Operator { assertion, operator } => write!(
                f,
                ": assertion {assertion} {} with operator {operator} {} is not allowed",
                self.assertion(assertion),
                name(&OPERATORS, operator)
            ),
            GuardProblem::Value { assertion } => write!(
                f,
                ": assertion {assertion} {} with this value is not allowed",
                self.assertion(assertion)
            ),
        }
    }
}
