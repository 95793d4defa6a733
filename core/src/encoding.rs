//! The text encodings of bytes that the protocols use, each in one place.

use std::error::Error;
use std::fmt;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// The name of something that could not be written in the form that it needs.
///
/// It is a bug of this program. Nothing is signed, stored or sent in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeError(pub &'static str);

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} can't be written", self.0)
    }
}

impl Error for EncodeError {}

/// Standard base64 with or without padding, because clients differ.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Returns a value as compact JSON. `what` names it in the error.
///
/// # Errors
/// Returns an error if the value can't be written as JSON.
pub(crate) fn json<T: Serialize + ?Sized>(what: &'static str, value: &T) -> Result<Vec<u8>, EncodeError> {
    serde_json::to_vec(value).map_err(|_| EncodeError(what))
}

/// Parses JSON; `None` if it is malformed.
///
/// The bytes are read as text, so that `serde_json` is compiled for only one kind of input.
pub(crate) fn from_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    serde_json::from_str(std::str::from_utf8(bytes).ok()?).ok()
}

/// Returns standard base64 with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Decodes standard base64, with or without padding and ignoring white space around it; `None` for anything else.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text.trim()).ok()
}

/// Returns URL-safe base64 without padding, as in JOSE (RFC 7515, section 2).
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes what [`base64url`] writes, and nothing else: no padding and no stray bits.
#[must_use]
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Returns base58 of 32 bytes, as Solana writes addresses and hashes.
#[must_use]
pub(crate) fn base58(bytes: &[u8; 32]) -> String {
    let mut text = [0; five8::BASE58_ENCODED_32_MAX_LEN];
    let length = five8::encode_32(bytes, &mut text);
    ascii(&text, length)
}

/// Returns base58 of 64 bytes, as Solana writes signatures.
#[must_use]
pub(crate) fn base58_long(bytes: &[u8; 64]) -> String {
    let mut text = [0; five8::BASE58_ENCODED_64_MAX_LEN];
    let length = five8::encode_64(bytes, &mut text);
    ascii(&text, length)
}

fn ascii(text: &[u8], length: u8) -> String {
    text.iter().take(usize::from(length)).copied().map(char::from).collect()
}

/// Decodes base58 of exactly 32 bytes, and nothing else.
#[must_use]
pub fn from_base58(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    five8::decode_32(text, &mut bytes).ok().map(|()| bytes)
}

/// Decodes what [`base58_long`] writes, and nothing else.
#[must_use]
pub(crate) fn from_base58_long(text: &str) -> Option<[u8; 64]> {
    let mut bytes = [0; 64];
    five8::decode_64(text, &mut bytes).ok().map(|()| bytes)
}

/// Returns lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from);
    let mut text = String::with_capacity(bytes.len() * 2);
    for &byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// Decodes exactly `N` bytes of hexadecimal, in either case.
#[must_use]
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 {
        return None;
    }
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn base58_is_the_usual_one(bytes: [u8; 32], more: [u8; 32], zeros in 0usize..33) {
            let mut bytes = bytes;
            bytes.iter_mut().take(zeros).for_each(|byte| *byte = 0);
            let text = base58(&bytes);
            prop_assert_eq!(&text, &bs58::encode(bytes).into_string());
            prop_assert_eq!(from_base58(&text), Some(bytes));
            let long: [u8; 64] = [bytes, more].concat().try_into().unwrap();
            let text = base58_long(&long);
            prop_assert_eq!(&text, &bs58::encode(long).into_string());
            prop_assert_eq!(from_base58_long(&text), Some(long));
        }

        #[test]
        fn what_is_no_base58_of_that_length_is_refused(text in "[1-9A-Za-z0OIl +é]{0,90}", ones in 0usize..50) {
            for text in [text.clone(), "1".repeat(ones) + &text] {
                let bytes = bs58::decode(&text).into_vec().ok();
                let usual = |length| bytes.clone().filter(|bytes| bytes.len() == length);
                prop_assert_eq!(from_base58(&text).map(Vec::from), usual(32));
                prop_assert_eq!(from_base58_long(&text).map(Vec::from), usual(64));
            }
        }
    }

    #[test]
    fn hexadecimal_is_written_in_lower_case_and_read_back_exactly() {
        assert_eq!(hex(&[0, 0x7f, 0xff]), "007fff");
        assert_eq!(from_hex::<3>("007FfF"), Some([0, 0x7f, 0xff]));
        for text in ["", "00", "007ff", "007fff0", "007f+f", "007fgg", "００"] {
            assert_eq!(from_hex::<3>(text), None, "{text:?}");
        }
    }

    #[test]
    fn base64_is_read_with_or_without_padding_but_url_safe_only_without() {
        assert_eq!(from_base64("AQI="), Some(vec![1, 2]));
        assert_eq!(from_base64("AQI"), Some(vec![1, 2]));
        assert_eq!(from_base64("A?I="), None);
        assert_eq!(from_base64url("AQI"), Some(vec![1, 2]));
        assert_eq!(from_base64url("AQI="), None);
        // The last two bits would be lost, so that one value would have two texts.
        assert_eq!(from_base64url("AQJ"), None);
    }
}
