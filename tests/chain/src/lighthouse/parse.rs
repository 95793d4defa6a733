//! Reads instruction data: Borsh, with counts and ranges as LEB128.

use solana_address::Address;

use crate::token::{TOKEN_2022_PROGRAM, TOKEN_PROGRAM};

/// The owners that an assertion can name by a number.
const KNOWN_OWNERS: [Address; 9] = [
    Address::new_from_array([0; 32]),
    TOKEN_PROGRAM,
    TOKEN_2022_PROGRAM,
    Address::from_str_const("SysvarRent111111111111111111111111111111111"),
    Address::from_str_const("Stake11111111111111111111111111111111111111"),
    Address::from_str_const("Vote111111111111111111111111111111111111111"),
    Address::from_str_const("BPFLoader2111111111111111111111111111111111"),
    Address::from_str_const("BPFLoaderUpgradeab1e11111111111111111111111"),
    Address::from_str_const("Config1111111111111111111111111111111111111"),
];

#[derive(Debug)]
pub(super) struct Instruction {
    /// Which verdicts it logs.
    pub(super) log_level: LogLevel,
    /// Whether it holds a list of assertions instead of one.
    pub(super) is_list: bool,
    pub(super) assertions: Assertions,
}

/// Which verdicts an instruction logs, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogLevel {
    Silent,
    /// All, as text.
    Plaintext,
    /// All, as bytes.
    Encoded,
    /// All, as a call of the no-op program.
    EncodedNoop,
    /// Those that fail, as text.
    FailedPlaintext,
    /// Those that fail, as bytes.
    FailedEncoded,
    /// Those that fail, as a call of the no-op program.
    FailedEncodedNoop,
}

/// The assertions of one instruction, by their subject.
#[derive(Debug)]
pub(super) enum Assertions {
    /// The first account.
    Account(Vec<AccountAssertion>),
    /// The first account, which must belong to a token program.
    TokenAccount(Vec<TokenAccountAssertion>),
    Clock(ClockAssertion),
}

/// A number with a comparison.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number<T> {
    /// The number with which the actual one is compared.
    pub(super) value: T,
    pub(super) operator: Order,
}

/// A value that the actual one must equal or differ from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Same<T> {
    /// The value with which the actual one is compared.
    pub(super) value: T,
    pub(super) operator: Equality,
}

/// How numbers are compared. The actual one is on the left.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `<`
    Less,
    /// `>=`
    GreaterOrEqual,
    /// `<=`
    LessOrEqual,
    /// The actual number has all bits of the value.
    HasBits,
    /// The actual number has no bit of the value.
    LacksBits,
}

/// How other values are compared.
#[derive(Clone, Copy, Debug)]
pub(super) enum Equality {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

/// An assertion about any account.
#[derive(Debug)]
pub(super) enum AccountAssertion {
    Lamports(Number<u64>),
    /// How many bytes of data it has.
    DataLength(Number<u64>),
    /// The program that owns it.
    Owner(Same<Address>),
    /// When its rent is due.
    RentEpoch(Number<u64>),
    /// Whether it has signed.
    IsSigner(Same<bool>),
    /// Whether the transaction may write it.
    IsWritable(Same<bool>),
    /// Whether it is a program.
    Executable(Same<bool>),
    /// The Keccak-256 hash over a range of its data.
    DataHash {
        expected: [u8; 32],
        /// The first byte of the range.
        start: u64,
        /// The number of bytes.
        length: u64,
    },
}

/// An assertion about a token account.
#[derive(Debug)]
pub(super) enum TokenAccountAssertion {
    Mint(Same<Address>),
    Owner(Same<Address>),
    /// In atomic units.
    Amount(Number<u64>),
    /// Who may spend from it, if anybody.
    Delegate(Same<Option<Address>>),
    /// 0 not initialised, 1 initialised, 2 frozen.
    State(Number<u8>),
    /// The rent reserve in lamports, if it wraps native SOL.
    IsNative(Same<Option<u64>>),
    /// What the delegate may spend, in atomic units.
    DelegatedAmount(Number<u64>),
    /// Who may close it in addition to its owner, if anybody.
    CloseAuthority(Same<Option<Address>>),
    /// It is the associated token account of its owner and mint.
    OwnerIsDerived,
}

/// An assertion about the clock.
#[derive(Debug)]
pub(super) enum ClockAssertion {
    Slot(Number<u64>),
    /// When the epoch began, in seconds of unix time.
    EpochStartTimestamp(Number<i64>),
    Epoch(Number<u64>),
    /// The newest epoch whose leaders are known.
    LeaderScheduleEpoch(Number<u64>),
    /// Unix time, in seconds.
    UnixTimestamp(Number<i64>),
}

impl Instruction {
    /// Reads instruction data. Returns `None` if it is cut short, malformed or of an unknown kind. Bytes
    /// after the last assertion are ignored.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(data);
        let kind = bytes.byte()?;
        let log_level = bytes.read()?;
        let is_list = kind == 6 || kind == 10;
        let assertions = match kind {
            5 | 6 => Assertions::Account(bytes.list(is_list)?),
            9 | 10 => Assertions::TokenAccount(bytes.list(is_list)?),
            15 => Assertions::Clock(bytes.read()?),
            _ => return None,
        };
        Some(Self { log_level, is_list, assertions })
    }
}

/// The bytes that are not read yet.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn read<T: Read>(&mut self) -> Option<T> {
        T::read(self)
    }

    /// Reads an unsigned LEB128 number of at most 64 bits. It may have leading zeros.
    fn leb128(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && byte > 1 {
                return None;
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// Reads a count and as many values, or one value if there is no list.
    fn list<T: Read>(&mut self, is_list: bool) -> Option<Vec<T>> {
        let count = if is_list { self.leb128()? } else { 1 };
        // Each value takes at least one byte, so a false count ends with the data.
        (0..count).map(|_| self.read()).collect()
    }
}

/// A type that can be read from instruction data.
trait Read: Sized {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self>;
}

impl Read for u8 {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        bytes.byte()
    }
}

impl Read for u64 {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        bytes.array().map(Self::from_le_bytes)
    }
}

impl Read for i64 {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        bytes.array().map(Self::from_le_bytes)
    }
}

impl Read for bool {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        match bytes.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Read for Address {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        bytes.array().map(Self::new_from_array)
    }
}

impl<T: Read> Read for Option<T> {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        if bytes.read()? { bytes.read().map(Some) } else { Some(None) }
    }
}

impl Read for LogLevel {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        Some(match bytes.byte()? {
            0 => Self::Silent,
            1 => Self::Plaintext,
            2 => Self::Encoded,
            3 => Self::EncodedNoop,
            4 => Self::FailedPlaintext,
            5 => Self::FailedEncoded,
            6 => Self::FailedEncodedNoop,
            _ => return None,
        })
    }
}

impl Read for Order {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        Some(match bytes.byte()? {
            0 => Self::Equal,
            1 => Self::NotEqual,
            2 => Self::Greater,
            3 => Self::Less,
            4 => Self::GreaterOrEqual,
            5 => Self::LessOrEqual,
            6 => Self::HasBits,
            7 => Self::LacksBits,
            _ => return None,
        })
    }
}

impl Read for Equality {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        Some(if bytes.read()? { Self::NotEqual } else { Self::Equal })
    }
}

impl<T: Read> Read for Number<T> {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        Some(Self { value: bytes.read()?, operator: bytes.read()? })
    }
}

impl<T: Read> Read for Same<T> {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        Some(Self { value: bytes.read()?, operator: bytes.read()? })
    }
}

impl Read for AccountAssertion {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        Some(match bytes.byte()? {
            0 => Self::Lamports(bytes.read()?),
            1 => Self::DataLength(bytes.read()?),
            2 => Self::Owner(bytes.read()?),
            3 => {
                let value = *KNOWN_OWNERS.get(usize::from(bytes.byte()?))?;
                Self::Owner(Same { value, operator: bytes.read()? })
            }
            4 => Self::RentEpoch(bytes.read()?),
            5 => Self::IsSigner(bytes.read()?),
            6 => Self::IsWritable(bytes.read()?),
            7 => Self::Executable(bytes.read()?),
            8 => Self::DataHash { expected: bytes.array()?, start: bytes.leb128()?, length: bytes.leb128()? },
            _ => return None,
        })
    }
}

impl Read for TokenAccountAssertion {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        Some(match bytes.byte()? {
            0 => Self::Mint(bytes.read()?),
            1 => Self::Owner(bytes.read()?),
            2 => Self::Amount(bytes.read()?),
            3 => Self::Delegate(bytes.read()?),
            4 => Self::State(bytes.read()?),
            5 => Self::IsNative(bytes.read()?),
            6 => Self::DelegatedAmount(bytes.read()?),
            7 => Self::CloseAuthority(bytes.read()?),
            8 => Self::OwnerIsDerived,
            _ => return None,
        })
    }
}

impl Read for ClockAssertion {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        Some(match bytes.byte()? {
            0 => Self::Slot(bytes.read()?),
            1 => Self::EpochStartTimestamp(bytes.read()?),
            2 => Self::Epoch(bytes.read()?),
            3 => Self::LeaderScheduleEpoch(bytes.read()?),
            4 => Self::UnixTimestamp(bytes.read()?),
            _ => return None,
        })
    }
}
