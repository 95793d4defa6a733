//! The ids of assets, streams, sessions and payments.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::encoding;
use crate::error::EncodeError;

/// The id of an asset: 1 to 64 letters, digits, `-` and `_`. It starts with a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AssetId(String);

impl AssetId {
    /// The form of an id, for error messages.
    pub(crate) const SHAPE: &'static str =
        "must be 1 to 64 letters (a-z, A-Z), digits, - or _, and start with a letter or digit";

    /// Parses an id; `None` if it has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let starts_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let fits = text.len() <= 64 && text.bytes().all(allowed);
        (starts_well && fits).then(|| Self(text.to_owned()))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AssetId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an asset's id"))
    }
}

/// The id of a stream, which is one journal with its own revisions. An exclusive asset is one stream, and so is each
/// session of a shared asset. The listing of a shared asset that was created by API has one too.
///
/// Its text is the asset's id, followed by a slash and the session's id if it is a session of a shared asset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    asset: AssetId,
    session: Option<SessionId>,
}

impl StreamId {
    /// Returns the stream of an asset. It has the asset's listing, and the sessions of an exclusive asset.
    #[must_use]
    pub(crate) const fn of_asset(asset: AssetId) -> Self {
        Self { asset, session: None }
    }

    /// Returns the stream of one session of a shared asset.
    #[must_use]
    pub(crate) const fn of_session(asset: AssetId, session: SessionId) -> Self {
        Self { asset, session: Some(session) }
    }

    /// Parses a stream's id; `None` if it has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('/') {
            None => AssetId::parse(text).map(Self::of_asset),
            Some((asset, session)) => {
                Some(Self::of_session(AssetId::parse(asset)?, SessionId::parse(session)?))
            }
        }
    }

    /// Returns the asset's id.
    #[must_use]
    pub const fn asset(&self) -> &AssetId {
        &self.asset
    }

    /// Returns the session's id if this is the stream of a session of a shared asset; `None` for the asset's own
    /// stream.
    #[must_use]
    pub const fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }

    /// Returns whether this is the stream of a session of a shared asset.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.session.is_some()
    }
}

impl From<AssetId> for StreamId {
    fn from(asset: AssetId) -> Self {
        Self::of_asset(asset)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.session {
            None => f.write_str(self.asset.as_str()),
            Some(session) => write!(f, "{}/{}", self.asset.as_str(), session.as_str()),
        }
    }
}

impl Serialize for StreamId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StreamId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a stream's name"))
    }
}

/// The id of a session: `s_` and 128 bits in hexadecimal. It can't be guessed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SessionId(String);

impl SessionId {
    /// Creates the id with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(format!("s_{}", encoding::hex(&bytes)))
    }

    /// Returns the bytes of the id.
    ///
    /// # Errors
    /// There is no error today, because the text is only ever made from 16 bytes.
    pub fn to_bytes(&self) -> Result<[u8; 16], EncodeError> {
        self.0.strip_prefix("s_").and_then(encoding::from_hex).ok_or(EncodeError("a session's id"))
    }

    /// Parses an id; `None` if it has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = encoding::from_hex(text.strip_prefix("s_")?)?;
        Some(Self::from_bytes(bytes)).filter(|id| id.0 == text)
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a session's id"))
    }
}

/// The id of a payment: the SHA-256 of its transaction's message, in hexadecimal.
///
/// The message is hashed without the signatures, because their bytes may vary for one payment. A sender who varies them
/// must not get a second grant (invariant 1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PaymentId(String);

impl PaymentId {
    /// Returns the id of the payment with this message.
    #[must_use]
    pub fn of_message(message: &[u8]) -> Self {
        Self(encoding::hex(&Sha256::digest(message)))
    }

    /// Parses an id; `None` if it has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let shaped = encoding::from_hex::<32>(text).map(|bytes| encoding::hex(&bytes));
        shaped.filter(|hex| hex == text).map(Self)
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for PaymentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a payment's id"))
    }
}

/// The id of money that is owed: `o_` and 128 bits in hexadecimal.
///
/// It stands in the memo of a refund, so it tells nobody which session it was. It follows from the session's id, which
/// nobody can guess.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct OwedId(String);

impl OwedId {
    /// Returns the id of what is owed of a session for the time with this number.
    #[must_use]
    pub(crate) fn of_session(session: &SessionId, number: u32) -> Self {
        Self::of(&[b"session", session.as_str().as_bytes(), &number.to_be_bytes()])
    }

    /// Returns the id of a whole payment that is owed.
    #[must_use]
    pub(crate) fn of_payment(payment: &PaymentId, session: &SessionId) -> Self {
        Self::of(&[b"payment", session.as_str().as_bytes(), payment.as_str().as_bytes()])
    }

    fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
            hash.update([0]);
        }
        let hash = encoding::hex(&hash.finalize());
        Self(format!("o_{}", hash.get(..32).unwrap_or_default()))
    }

    /// Parses an id; `None` if it has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 16] = encoding::from_hex(text.strip_prefix("o_")?)?;
        Some(Self(format!("o_{}", encoding::hex(&bytes)))).filter(|id| id.0 == text)
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OwedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OwedId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not the id of what is owed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_shape() {
        for good in ["door-1", "a", "0", "gpu_node-7", "Door"] {
            assert_eq!(AssetId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-door", "_x", "door 1", "../x", "tür", &"a".repeat(65)] {
            assert_eq!(AssetId::parse(bad), None, "{bad:?}");
        }
        let id = SessionId::from_bytes([7; 16]);
        assert_eq!(SessionId::parse(id.as_str()), Some(id));
        assert_eq!(SessionId::parse("s_07"), None);
        assert_eq!(SessionId::parse(&format!("s_{}", "AB".repeat(16))), None);
    }
}
