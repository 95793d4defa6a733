//! Checks whether assertions hold.

use std::ops::BitAnd;

use sha3::{Digest as _, Keccak256};
use solana_address::Address;
use solana_clock::Clock;

use super::parse::{AccountAssertion, ClockAssertion, Equality, Number, Order, Same, TokenAccountAssertion};
use super::{FAILED_TO_DESERIALIZE, RANGE_OUT_OF_BOUNDS};
use crate::token::{array, associated_under, is_token_program};

/// The rent epoch that programs see, whatever the account says.
const RENT_EPOCH: u64 = u64::MAX;

/// The account that assertions are about, as the instruction sees it.
pub(super) struct Target<'a> {
    pub(super) address: &'a Address,
    /// The program that owns it.
    pub(super) owner: &'a Address,
    /// Its lamports. The fee is already deducted from the fee payer's.
    pub(super) lamports: u64,
    pub(super) data: &'a [u8],
    /// Whether it has signed the transaction.
    pub(super) signer: bool,
    /// Whether the transaction may write it.
    pub(super) writable: bool,
    /// Whether it is a program.
    pub(super) executable: bool,
}

impl Target<'_> {
    /// Tells whether one of the two token programs owns it.
    pub(super) fn is_of_token_program(&self) -> bool {
        is_token_program(self.owner)
    }

    fn bytes<const N: usize>(&self, at: usize) -> Result<[u8; N], u32> {
        array(self.data, at).ok_or(RANGE_OUT_OF_BOUNDS)
    }

    fn key(&self, at: usize) -> Result<Address, u32> {
        self.bytes(at).map(Address::new_from_array)
    }

    fn number(&self, at: usize) -> Result<u64, u32> {
        self.bytes(at).map(u64::from_le_bytes)
    }

    /// Reads four bytes that tell whether a value exists, and the bytes of the value, which are always there.
    fn option<const N: usize>(&self, at: usize) -> Result<Option<[u8; N]>, u32> {
        let tag: [u8; 4] = array(self.data, at).ok_or(FAILED_TO_DESERIALIZE)?;
        let value = array(self.data, at.saturating_add(4)).ok_or(FAILED_TO_DESERIALIZE)?;
        match tag {
            [0, 0, 0, 0] => Ok(None),
            [1, 0, 0, 0] => Ok(Some(value)),
            _ => Err(FAILED_TO_DESERIALIZE),
        }
    }

    /// Returns the Keccak-256 hash over `length` bytes of the data from `start` on.
    fn hash(&self, start: u64, length: u64) -> Result<[u8; 32], u32> {
        let end = start.checked_add(length).ok_or(RANGE_OUT_OF_BOUNDS)?;
        let [start, end] = [start, end].map(|place| usize::try_from(place).unwrap_or(usize::MAX));
        let range = self.data.get(start..end).ok_or(RANGE_OUT_OF_BOUNDS)?;
        Ok(Keccak256::digest(range).into())
    }

    /// Tells whether it is at the address that follows from its own owner and mint.
    fn is_at_derived_address(&self) -> Result<bool, u32> {
        let (mint, owner) = (self.key(0)?, self.key(32)?);
        Ok(*self.address == associated_under(&owner, &mint, self.owner))
    }
}

pub(super) trait Assertion<S> {
    /// Tells whether it is true of `subject`. The error is the custom error for a subject that cannot be
    /// read.
    fn holds(&self, subject: &S) -> Result<bool, u32>;
}

impl<T: Ord + Copy + Default + BitAnd<Output = T>> Number<T> {
    fn fits(&self, actual: T) -> bool {
        let wanted = self.value;
        match self.operator {
            Order::Equal => actual == wanted,
            Order::NotEqual => actual != wanted,
            Order::Greater => actual > wanted,
            Order::Less => actual < wanted,
            Order::GreaterOrEqual => actual >= wanted,
            Order::LessOrEqual => actual <= wanted,
            Order::HasBits => actual & wanted == wanted,
            Order::LacksBits => actual & wanted == T::default(),
        }
    }
}

impl<T: PartialEq> Same<T> {
    fn fits(&self, actual: &T) -> bool {
        match self.operator {
            Equality::Equal => *actual == self.value,
            Equality::NotEqual => *actual != self.value,
        }
    }
}

impl Assertion<Target<'_>> for AccountAssertion {
    fn holds(&self, target: &Target<'_>) -> Result<bool, u32> {
        Ok(match self {
            Self::Lamports(number) => number.fits(target.lamports),
            Self::DataLength(number) => number.fits(target.data.len() as u64),
            Self::Owner(same) => same.fits(target.owner),
            Self::RentEpoch(number) => number.fits(RENT_EPOCH),
            Self::IsSigner(same) => same.fits(&target.signer),
            Self::IsWritable(same) => same.fits(&target.writable),
            Self::Executable(same) => same.fits(&target.executable),
            Self::DataHash { expected, start, length } => target.hash(*start, *length)? == *expected,
        })
    }
}

impl Assertion<Target<'_>> for TokenAccountAssertion {
    fn holds(&self, target: &Target<'_>) -> Result<bool, u32> {
        let optional_key =
            |at| target.option(at).map(|found: Option<[u8; 32]>| found.map(Address::new_from_array));
        Ok(match self {
            Self::Mint(same) => same.fits(&target.key(0)?),
            Self::Owner(same) => same.fits(&target.key(32)?),
            Self::Amount(number) => number.fits(target.number(64)?),
            Self::Delegate(same) => same.fits(&optional_key(72)?),
            Self::State(number) => number.fits(u8::from_le_bytes(target.bytes(108)?)),
            Self::IsNative(same) => same.fits(&target.option(109)?.map(u64::from_le_bytes)),
            Self::DelegatedAmount(number) => number.fits(target.number(121)?),
            Self::CloseAuthority(same) => same.fits(&optional_key(129)?),
            Self::OwnerIsDerived => target.is_at_derived_address()?,
        })
    }
}

impl Assertion<Clock> for ClockAssertion {
    fn holds(&self, clock: &Clock) -> Result<bool, u32> {
        Ok(match self {
            Self::Slot(number) => number.fits(clock.slot),
            Self::EpochStartTimestamp(number) => number.fits(clock.epoch_start_timestamp),
            Self::Epoch(number) => number.fits(clock.epoch),
            Self::LeaderScheduleEpoch(number) => number.fits(clock.leader_schedule_epoch),
            Self::UnixTimestamp(number) => number.fits(clock.unix_timestamp),
        })
    }
}
