//! Text encodings of bytes: the few that the protocols name, each in one place.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Standard base64 that does not care about padding: clients differ in it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Standard base64, padded.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads standard base64, padded or not. `None` for anything else.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text.trim()).ok()
}

/// URL-safe base64 without padding, as JOSE uses it (RFC 7515, section 2).
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads what [`base64url`] writes, and nothing else: no padding, no stray bits.
#[must_use]
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reads exactly `N` bytes of hexadecimal, in either case.
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
    use super::*;

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
        // The last two bits would be lost: two texts for one value.
        assert_eq!(from_base64url("AQJ"), None);
    }
}
