//! A blockhash that buyers can sign with, so that they need no node of their own.

use super::Address;
use crate::time::Timestamp;

/// How long a blockhash is offered after it was seen, in milliseconds. It lives for about a minute, and the
/// buyer needs most of that.
const OFFERED_MS: u64 = 20_000;

/// A recent blockhash from a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentBlockhash {
    /// The blockhash's bytes.
    pub blockhash: [u8; 32],
    /// The last block height at which a transaction with this blockhash can land.
    pub last_valid_block_height: u64,
    /// When the node reported it.
    pub seen_at: Timestamp,
}

impl RecentBlockhash {
    /// Returns whether the blockhash may still be offered at `now`.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now >= self.seen_at && now.millis_since(self.seen_at) < OFFERED_MS
    }

    /// Returns the blockhash in base58.
    #[must_use]
    pub fn text(&self) -> String {
        Address::new(self.blockhash).to_string()
    }

    /// Returns the value of an internal header, in which a host passes the blockhash to instances without memory.
    #[must_use]
    pub fn to_header(&self) -> String {
        format!("{} {} {}", self.text(), self.last_valid_block_height, self.seen_at.millis())
    }

    /// Reads what [`Self::to_header`] writes.
    #[must_use]
    pub fn from_header(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let blockhash: Address = parts.next()?.parse().ok()?;
        let last_valid_block_height = parts.next()?.parse().ok()?;
        let seen_at = Timestamp::from_millis(parts.next()?.parse().ok()?);
        let whole = parts.next().is_none();
        whole.then_some(Self { blockhash: *blockhash.as_bytes(), last_valid_block_height, seen_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent() -> RecentBlockhash {
        let seen_at = Timestamp::from_millis(1_000_000);
        RecentBlockhash { blockhash: [7; 32], last_valid_block_height: 412_345_678, seen_at }
    }

    #[test]
    fn a_blockhash_is_offered_for_20_seconds() {
        let at = |ms| recent().is_fresh(Timestamp::from_millis(ms));
        assert!(at(1_000_000) && at(1_019_999));
        // A blockhash from the future is not offered either, because the clock was set back and the age is unknown.
        assert!(!at(1_020_000) && !at(999_999));
    }

    #[test]
    fn a_header_is_read_as_it_was_written_and_nothing_else_is() {
        let header = recent().to_header();
        assert_eq!(RecentBlockhash::from_header(&header), Some(recent()));
        for text in
            ["", " ", "a b c", &format!("{header} "), &header[1..], header.rsplit_once(' ').unwrap().0]
        {
            assert_eq!(RecentBlockhash::from_header(text), None, "{text:?}");
        }
    }
}
