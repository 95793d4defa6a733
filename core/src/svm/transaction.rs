//! Solana transactions as bytes: a strict decoder, and an encoder for what it reads.
//!
//! The decoder decides about money, so it is written for this purpose. It accepts exactly one encoding of each
//! transaction, with nothing before or after it. Lax readers accept several spellings of Solana's `short_vec` lengths.

use super::Address;
use crate::error::EncodeError;

/// The largest transaction that fits into one network packet, in bytes.
pub const MAX_TRANSACTION_BYTES: usize = 1232;

/// A 64-byte ed25519 signature.
pub(crate) type Signature = [u8; 64];

/// A decoded transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// One signature for each signing account, in order; zeros where it is still missing.
    pub signatures: Vec<Signature>,
    /// The signed message, decoded.
    pub message: Message,
    /// The signed message's bytes.
    pub message_bytes: Vec<u8>,
}

/// A decoded message, legacy or version 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whether the message has the prefix of version 0. A legacy message has no prefix.
    pub versioned: bool,
    /// How many of the first accounts sign.
    pub required_signatures: u8,
    /// How many of the signers, counted from the last, are read-only.
    pub readonly_signed: u8,
    /// How many of the other accounts, counted from the last, are read-only.
    pub readonly_unsigned: u8,
    /// All accounts. The first one pays the fee.
    pub accounts: Vec<Address>,
    /// The blockhash that limits the transaction's life.
    pub blockhash: [u8; 32],
    /// The instructions in order.
    pub instructions: Vec<Instruction>,
}

/// One instruction. Its accounts are indices into the message's accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The program's index.
    pub program: u8,
    /// The accounts' indices.
    pub accounts: Vec<u8>,
    /// The program's input.
    pub data: Vec<u8>,
}

/// Why bytes are not a transaction that could be a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// There are more bytes than a packet holds.
    TooLarge,
    /// The bytes end early.
    Truncated,
    /// Bytes follow the transaction.
    TrailingBytes,
    /// A length is longer than needed, or above 65,535.
    BadLength,
    /// The message's version is not 0.
    UnknownVersion,
    /// There are address lookup tables, which hide accounts from a check of the bytes.
    LookupTables,
    /// Counts or indices contradict each other, or an account is listed twice.
    Inconsistent,
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.bytes(N)?.try_into().map_err(|_| DecodeError::Truncated)
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// Reads `count` items of at least `size` bytes each. Memory is reserved once, and never for more than
    /// the bytes can hold.
    fn list<T>(
        &mut self,
        count: usize,
        size: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut list = Vec::with_capacity(count.min(self.rest.len() / size.max(1)));
        for _ in 0..count {
            list.push(read(self)?);
        }
        Ok(list)
    }

    /// Reads a `compact-u16`: 7 bits per byte, the lowest first, in the shortest form.
    fn length(&mut self) -> Result<usize, DecodeError> {
        let mut value = 0u32;
        for position in 0..3u32 {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                let shortest = position == 0 || byte != 0;
                let value = u16::try_from(value).map_err(|_| DecodeError::BadLength)?;
                return if shortest { Ok(usize::from(value)) } else { Err(DecodeError::BadLength) };
            }
        }
        Err(DecodeError::BadLength)
    }
}

impl Transaction {
    /// Decodes a whole transaction, legacy or version 0.
    ///
    /// # Errors
    /// When the bytes are anything but exactly one transaction without lookup tables.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_TRANSACTION_BYTES {
            return Err(DecodeError::TooLarge);
        }
        let mut reader = Reader { rest: bytes };
        let count = reader.length()?;
        let signatures: Vec<Signature> = reader.list(count, 64, Reader::array)?;
        let message_bytes = reader.rest;
        let message = Message::decode(message_bytes)?;
        if signatures.len() != usize::from(message.required_signatures) {
            return Err(DecodeError::Inconsistent);
        }
        Ok(Self { signatures, message, message_bytes: message_bytes.to_vec() })
    }

    /// Returns the transaction's bytes.
    ///
    /// # Errors
    /// When there are more signatures than the format can count.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::with_capacity(MAX_TRANSACTION_BYTES);
        push_length(&mut bytes, self.signatures.len())?;
        for signature in &self.signatures {
            bytes.extend_from_slice(signature);
        }
        bytes.extend_from_slice(&self.message_bytes);
        Ok(bytes)
    }
}

impl Message {
    /// Decodes a whole message.
    ///
    /// # Errors
    /// The same as for [`Transaction::decode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader { rest: bytes };
        let first = reader.byte()?;
        let versioned = first & 0x80 != 0;
        let required_signatures = match (versioned, first) {
            (false, count) => count,
            (true, 0x80) => reader.byte()?,
            (true, _) => return Err(DecodeError::UnknownVersion),
        };
        let [readonly_signed, readonly_unsigned] = reader.array()?;
        let count = reader.length()?;
        let accounts = reader.list(count, 32, |reader| reader.array().map(Address::new))?;
        let blockhash = reader.array()?;
        let count = reader.length()?;
        let instructions = reader.list(count, 3, |reader| {
            let program = reader.byte()?;
            let count = reader.length()?;
            let accounts = reader.bytes(count)?.to_vec();
            let count = reader.length()?;
            let data = reader.bytes(count)?.to_vec();
            Ok(Instruction { program, accounts, data })
        })?;
        if versioned && reader.length()? != 0 {
            return Err(DecodeError::LookupTables);
        }
        if !reader.rest.is_empty() {
            return Err(DecodeError::TrailingBytes);
        }
        let message = Self {
            versioned,
            required_signatures,
            readonly_signed,
            readonly_unsigned,
            accounts,
            blockhash,
            instructions,
        };
        if message.is_consistent() { Ok(message) } else { Err(DecodeError::Inconsistent) }
    }

    /// Makes the checks that every node makes first, which Solana calls `sanitize`, and checks that no
    /// account is listed twice.
    fn is_consistent(&self) -> bool {
        let accounts = self.accounts.len();
        let signers = usize::from(self.required_signatures);
        let readonly_unsigned = usize::from(self.readonly_unsigned);
        let counts_fit = self.readonly_signed < self.required_signatures
            && signers + readonly_unsigned <= accounts
            && accounts <= 256;
        let in_range = |&index: &u8| usize::from(index) < accounts;
        let indices_fit = self.instructions.iter().all(|instruction| {
            // The fee payer can't be a program.
            instruction.program != 0
                && in_range(&instruction.program)
                && instruction.accounts.iter().all(in_range)
        });
        let unique = self
            .accounts
            .iter()
            .enumerate()
            .all(|(at, account)| self.accounts.iter().skip(at + 1).all(|other| other != account));
        counts_fit && indices_fit && unique
    }

    /// Returns the message's bytes.
    ///
    /// # Errors
    /// When there is more of anything than the format can count.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::with_capacity(MAX_TRANSACTION_BYTES);
        if self.versioned {
            bytes.push(0x80);
        }
        bytes.extend([self.required_signatures, self.readonly_signed, self.readonly_unsigned]);
        push_length(&mut bytes, self.accounts.len())?;
        for account in &self.accounts {
            bytes.extend_from_slice(account.as_bytes());
        }
        bytes.extend_from_slice(&self.blockhash);
        push_length(&mut bytes, self.instructions.len())?;
        for instruction in &self.instructions {
            bytes.push(instruction.program);
            push_length(&mut bytes, instruction.accounts.len())?;
            bytes.extend_from_slice(&instruction.accounts);
            push_length(&mut bytes, instruction.data.len())?;
            bytes.extend_from_slice(&instruction.data);
        }
        if self.versioned {
            bytes.push(0);
        }
        Ok(bytes)
    }

    /// Returns the account at an instruction's index.
    #[must_use]
    pub fn account(&self, index: u8) -> Option<&Address> {
        self.accounts.get(usize::from(index))
    }
}

/// Appends a length as a `compact-u16`.
///
/// # Errors
/// When the length is above 65,535. No decoded or built transaction has such a length.
fn push_length(bytes: &mut Vec<u8>, length: usize) -> Result<(), EncodeError> {
    let mut rest = u16::try_from(length).map_err(|_| EncodeError("a transaction's length"))?;
    loop {
        let low = rest.to_le_bytes()[0] & 0x7f;
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return Ok(());
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::vectors;

    #[test]
    fn captured_transactions_are_read_and_written_back_byte_for_byte() {
        let all = vectors::transactions();
        assert!(all.len() >= 6);
        for bytes in all {
            let transaction = Transaction::decode(&bytes).unwrap();
            assert_eq!(transaction.encode().unwrap(), bytes);
            assert_eq!(transaction.message.encode().unwrap(), transaction.message_bytes);
            assert_eq!(transaction.signatures.len(), 2);
        }
    }

    #[test]
    fn every_truncation_and_every_extra_byte_is_refused() {
        let bytes = vectors::transactions().remove(0);
        for end in 0..bytes.len() {
            assert!(Transaction::decode(&bytes[..end]).is_err(), "cut at {end}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert_eq!(Transaction::decode(&longer), Err(DecodeError::TrailingBytes));
        assert_eq!(Transaction::decode(&[0; 1233]), Err(DecodeError::TooLarge));
    }

    #[test]
    fn a_length_has_one_spelling() {
        let read = |bytes: &[u8]| Reader { rest: bytes }.length();
        assert_eq!(read(&[0x7f]), Ok(127));
        assert_eq!(read(&[0x80, 0x01]), Ok(128));
        assert_eq!(read(&[0xff, 0xff, 0x03]), Ok(65_535));
        for bytes in [&[0x80, 0x00][..], &[0xff, 0x80, 0x00], &[0xff, 0xff, 0x04], &[0x80, 0x80, 0x80, 0x01]]
        {
            assert_eq!(read(bytes), Err(DecodeError::BadLength), "{bytes:x?}");
        }
        for length in [0usize, 1, 127, 128, 300, 16_383, 16_384, 65_535] {
            let mut bytes = Vec::new();
            push_length(&mut bytes, length).unwrap();
            assert_eq!(read(&bytes), Ok(length));
        }
        for length in [65_536, usize::MAX] {
            assert!(push_length(&mut Vec::new(), length).is_err(), "{length}");
        }
    }

    #[test]
    fn lookup_tables_unknown_versions_and_repeated_accounts_are_refused() {
        let original = Transaction::decode(&vectors::transactions().remove(0)).unwrap();
        let encode = |message: Message| {
            let message_bytes = message.encode().unwrap();
            Transaction { message, message_bytes, ..original.clone() }.encode().unwrap()
        };
        let mut with_table = encode(original.message.clone());
        *with_table.last_mut().unwrap() = 1;
        with_table.extend([0; 34]);
        assert_eq!(Transaction::decode(&with_table), Err(DecodeError::LookupTables));

        let mut version_1 = encode(original.message.clone());
        version_1[1 + 128] = 0x81;
        assert_eq!(Transaction::decode(&version_1), Err(DecodeError::UnknownVersion));

        let mut twice = original.message.clone();
        twice.accounts[3] = twice.accounts[2];
        assert_eq!(Transaction::decode(&encode(twice)), Err(DecodeError::Inconsistent));

        let mut out_of_range = original.message.clone();
        out_of_range.instructions[2].accounts[0] = 200;
        assert_eq!(Transaction::decode(&encode(out_of_range)), Err(DecodeError::Inconsistent));
    }
}
