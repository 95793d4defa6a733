//! A code that shows a session on another device. It works once, and for two minutes.
//!
//! The code names the session and how many codes the session has used so far. Using it counts one up, in the session's
//! own stream. So it works once without any list of codes, and every older code of the session stops working.

use crate::encoding::{base64url, from_base64url};
use crate::error::EncodeError;
use crate::ids::{AssetId, SessionId, StreamId};
use crate::keys::KeyRing;
use crate::time::Timestamp;

/// What a code names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OneTimeCode {
    /// The stream of the session.
    pub(super) stream: StreamId,
    pub(super) session: SessionId,
    /// How many codes the session had used when this one was made.
    pub(super) used: u32,
}

impl OneTimeCode {
    /// Returns the code's text.
    pub(super) fn seal(&self, keys: &KeyRing, expires_at: Timestamp) -> Result<String, EncodeError> {
        let mut bytes = vec![u8::from(self.stream.is_shared())];
        bytes.extend(self.session.to_bytes()?);
        bytes.extend(self.used.to_be_bytes());
        bytes.extend(expires_at.millis().to_be_bytes());
        let mac = keys.one_time_code().code(&[&bytes, self.stream.asset().as_str().as_bytes()]);
        bytes.extend(mac);
        Ok(base64url(&bytes))
    }

    /// Reads a code for this asset; `None` if it was not made here, or is too old.
    pub(super) fn open(keys: &KeyRing, asset: &AssetId, text: &str, now: Timestamp) -> Option<Self> {
        let bytes = from_base64url(text)?;
        let (content, mac) = bytes.split_at_checked(bytes.len().checked_sub(16)?)?;
        let parts = [content, asset.as_str().as_bytes()];
        if !keys.all_one_time_code().any(|key| key.verifies(&parts, mac)) {
            return None;
        }
        let (is_shared, rest) = content.split_first_chunk::<1>()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let (used, rest) = rest.split_first_chunk::<4>()?;
        let expires_at = Timestamp::from_millis(u64::from_be_bytes(*<&[u8; 8]>::try_from(rest).ok()?));
        let session = SessionId::from_bytes(*session);
        let stream = match is_shared {
            [0] => StreamId::of_asset(asset.clone()),
            _ => StreamId::of_session(asset.clone(), session.clone()),
        };
        let code = Self { stream, session, used: u32::from_be_bytes(*used) };
        (now < expires_at).then_some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Secret;

    fn keys() -> KeyRing {
        KeyRing::new(&Secret::new([7; 32]), None)
    }

    fn code(is_shared: bool) -> OneTimeCode {
        let (asset, session) = (AssetId::parse("lamp").unwrap(), SessionId::from_bytes([9; 16]));
        let stream = match is_shared {
            true => StreamId::of_session(asset, session.clone()),
            false => StreamId::of_asset(asset),
        };
        OneTimeCode { stream, session, used: 3 }
    }

    #[test]
    fn a_code_names_its_session_until_it_is_too_old() {
        let at = Timestamp::from_millis;
        for code in [code(true), code(false)] {
            let text = code.seal(&keys(), at(5_000)).unwrap();
            let lamp = code.stream.asset();
            assert_eq!(OneTimeCode::open(&keys(), lamp, &text, at(4_999)).as_ref(), Some(&code));
            assert_eq!(OneTimeCode::open(&keys(), lamp, &text, at(5_000)), None);
            let other = AssetId::parse("door").unwrap();
            assert_eq!(OneTimeCode::open(&keys(), &other, &text, at(0)), None);
            let others = KeyRing::new(&Secret::new([8; 32]), None);
            assert_eq!(OneTimeCode::open(&others, lamp, &text, at(0)), None);
            let next = KeyRing::new(&Secret::new([8; 32]), Some(&Secret::new([7; 32])));
            assert_eq!(OneTimeCode::open(&next, lamp, &text, at(0)), Some(code.clone()));
        }
    }

    #[test]
    fn no_altered_code_opens_inv_1() {
        let code = code(true);
        let (lamp, now) = (code.stream.asset(), Timestamp::default());
        let sealed = from_base64url(&code.seal(&keys(), Timestamp::from_millis(5_000)).unwrap()).unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut altered = sealed.clone();
                altered[at] ^= 1 << bit;
                assert_eq!(OneTimeCode::open(&keys(), lamp, &base64url(&altered), now), None, "{at} {bit}");
            }
            assert_eq!(OneTimeCode::open(&keys(), lamp, &base64url(&sealed[..at]), now), None);
        }
        for text in ["", "=", "é", &"A".repeat(1_000)] {
            assert_eq!(OneTimeCode::open(&keys(), lamp, text, now), None);
        }
    }
}
