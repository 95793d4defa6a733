//! Reads one Lighthouse instruction. It is in borsh, with LEB128 for counts and for the range of a hash.
//!
//! Lighthouse itself accepts several spellings of a number, and bytes after the last assertion. This reader
//! accepts one spelling and nothing after it, so that nothing goes unchecked.

use super::fault::GuardProblem;
use super::kinds::{ACCOUNT_INFO, ACCOUNT_INFO_MULTI, TOKEN_ACCOUNT, TOKEN_ACCOUNT_MULTI};
use crate::leb128;
use crate::svm::Address;

/// The log levels that emit a record by calling the Noop program. The second one is the highest level.
const ENCODED_NOOP: u8 = 3;
const FAILED_ENCODED_NOOP: u8 = 6;

/// What an assertion examines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// What every account has: lamports, owner, data.
    AccountInfo,
    /// The fields of a token account.
    TokenAccount,
}

/// The assertions about what every account has, by their number in the instruction.
pub(super) mod info {
    pub(in super::super) const LAMPORTS: u8 = 0;
    pub(in super::super) const DATA_LENGTH: u8 = 1;
    pub(in super::super) const OWNER: u8 = 2;
    pub(in super::super) const KNOWN_OWNER: u8 = 3;
    pub(in super::super) const DATA_HASH: u8 = 8;
}

/// The assertions about the fields of a token account, by their number in the instruction.
pub(super) mod token {
    pub(in super::super) const MINT: u8 = 0;
    pub(in super::super) const OWNER: u8 = 1;
    pub(in super::super) const AMOUNT: u8 = 2;
    pub(in super::super) const DELEGATE: u8 = 3;
    pub(in super::super) const STATE: u8 = 4;
    pub(in super::super) const DELEGATED_AMOUNT: u8 = 6;
    pub(in super::super) const CLOSE_AUTHORITY: u8 = 7;
    pub(in super::super) const OWNER_IS_DERIVED: u8 = 8;
}

/// The operators, by their number in the instruction. Addresses allow only the first two of Lighthouse's operators.
pub(super) mod operator {
    pub(in super::super) const EQUAL: u8 = 0;
    pub(in super::super) const GREATER: u8 = 2;
    pub(in super::super) const AT_LEAST: u8 = 4;
    pub(in super::super) const AT_MOST: u8 = 5;
}

/// The value that the account is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    /// A small number: a program that Lighthouse knows, or the state of a token account.
    Byte(u8),
    Address(Address),
    /// An optional address.
    Maybe(Option<Address>),
    /// The hash of this range of the data.
    Hash {
        /// The first byte of the range.
        start: u64,
        /// The length of the range in bytes.
        length: u64,
    },
    /// No value.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Assertion {
    pub(super) subject: Subject,
    pub(super) number: u8,
    /// The operator; [`operator::EQUAL`] if the assertion has none.
    pub(super) operator: u8,
    pub(super) value: Value,
}

/// Reads an instruction's data to the last byte and passes each assertion to `judge`.
///
/// # Errors
/// The first thing that is not allowed here, or that `judge` refuses.
pub(super) fn read(
    data: &[u8],
    mut judge: impl FnMut(Assertion) -> Result<(), GuardProblem>,
) -> Result<(), GuardProblem> {
    let mut reader = Reader { rest: data };
    let (subject, multi) = match reader.byte()? {
        ACCOUNT_INFO => (Subject::AccountInfo, false),
        ACCOUNT_INFO_MULTI => (Subject::AccountInfo, true),
        TOKEN_ACCOUNT => (Subject::TokenAccount, false),
        TOKEN_ACCOUNT_MULTI => (Subject::TokenAccount, true),
        _ => return Err(GuardProblem::Kind),
    };
    let level = reader.byte()?;
    if level == ENCODED_NOOP || level >= FAILED_ENCODED_NOOP {
        return Err(GuardProblem::LogLevel(level));
    }
    let count = if multi { reader.leb128()? } else { 1 };
    if count == 0 {
        return Err(GuardProblem::Empty);
    }
    // An assertion has at least one byte, so a count that is too large ends as truncated.
    for _ in 0..count {
        judge(reader.assertion(subject)?)?;
    }
    if reader.rest.is_empty() { Ok(()) } else { Err(GuardProblem::TrailingBytes) }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], GuardProblem> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(GuardProblem::Truncated)?;
        self.rest = rest;
        Ok(*array)
    }

    fn byte(&mut self) -> Result<u8, GuardProblem> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u64, GuardProblem> {
        self.array().map(u64::from_le_bytes)
    }

    fn address(&mut self) -> Result<Address, GuardProblem> {
        self.array().map(Address::new)
    }

    /// Reads an unsigned LEB128 of at most 64 bits in its shortest form.
    fn leb128(&mut self) -> Result<u64, GuardProblem> {
        let (number, rest) = leb128::read(self.rest).ok_or(GuardProblem::Malformed)?;
        self.rest = rest;
        Ok(number)
    }

    fn assertion(&mut self, subject: Subject) -> Result<Assertion, GuardProblem> {
        let number = self.byte()?;
        let value = match (subject, number) {
            (Subject::AccountInfo, info::LAMPORTS | info::DATA_LENGTH)
            | (Subject::TokenAccount, token::AMOUNT | token::DELEGATED_AMOUNT) => {
                Value::Number(self.number()?)
            }
            (Subject::AccountInfo, info::OWNER) | (Subject::TokenAccount, token::MINT | token::OWNER) => {
                Value::Address(self.address()?)
            }
            (Subject::AccountInfo, info::KNOWN_OWNER) | (Subject::TokenAccount, token::STATE) => {
                Value::Byte(self.byte()?)
            }
            (Subject::TokenAccount, token::DELEGATE | token::CLOSE_AUTHORITY) => match self.byte()? {
                0 => Value::Maybe(None),
                1 => Value::Maybe(Some(self.address()?)),
                _ => return Err(GuardProblem::Malformed),
            },
            (Subject::AccountInfo, info::DATA_HASH) => {
                // The hash itself is compared on the chain.
                let _: [u8; 32] = self.array()?;
                Value::Hash { start: self.leb128()?, length: self.leb128()? }
            }
            (Subject::TokenAccount, token::OWNER_IS_DERIVED) => Value::Nothing,
            _ => return Err(GuardProblem::Assertion(number)),
        };
        let operator = match value {
            Value::Hash { .. } | Value::Nothing => operator::EQUAL,
            _ => self.byte()?,
        };
        Ok(Assertion { subject, number, operator, value })
    }
}
