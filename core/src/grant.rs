//! The two statements that a buyer gets: the session token, which is the bearer's proof to the session's API, and the
//! grant, which a device checks without a network.
//!
//! Their `typ` and their keys differ, so that neither can be used as the other.

use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::encoding::{base64url, from_base64url};
use crate::error::EncodeError;
use crate::ids::{AssetId, SessionId, StreamId};
use crate::jws;
use crate::keys::{KeyRing, Purpose};
use crate::session::MAX_SECONDS;
use crate::time::Timestamp;

/// The `typ` of session tokens.
pub const SESSION_TYP: &str = "coinop-session+jwt";
/// The `typ` of grants.
pub const GRANT_TYP: &str = "coinop-grant+jwt";

/// How long a session token works after the session's end, in seconds. Until then its bearer may still read what became
/// of the session.
const TOKEN_GRACE_SECONDS: u64 = 7 * 86_400;

/// The claims of a session token. Their names are from RFC 7519, and times are in seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionToken {
    /// The gateway's origin.
    pub iss: String,
    /// The session's id.
    pub sub: SessionId,
    /// The asset's id.
    pub asset: AssetId,
    /// Whether it is a session of a shared asset.
    #[serde(default, skip_serializing_if = "is_not")]
    pub shared: bool,
    /// When the session was granted.
    pub iat: u64,
    /// When the token stops working.
    pub exp: u64,
}

const fn is_not(flag: &bool) -> bool {
    !*flag
}

impl SessionToken {
    /// Returns the stream of the session.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        if self.shared {
            StreamId::of_session(self.asset.clone(), self.sub.clone())
        } else {
            StreamId::of_asset(self.asset.clone())
        }
    }
}

/// The claims of a grant. It does not name the payer, because a device need not know the payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// The gateway's origin.
    pub iss: String,
    /// The id of the asset that may be opened.
    pub aud: AssetId,
    /// The session's id.
    pub sub: SessionId,
    /// The grant is not valid before this time, in seconds since the epoch.
    pub nbf: u64,
    /// The grant is not valid after this time, in seconds since the epoch, rounded down.
    pub exp: u64,
    /// The exact end of the grant, in milliseconds since the epoch.
    pub ends_at_ms: u64,
    /// Rises when the journal that counts `seq` is made or restored, in seconds since the epoch. Of two grants of an
    /// asset, the one with the higher epoch is later, and of one epoch the one with the higher `seq`.
    #[serde(default)]
    pub epoch: u64,
    /// Counts the grants of an asset. A later grant replaces an earlier one.
    pub seq: u64,
}

/// When a session begins and ends, with the number of its grant.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// When the session was granted.
    pub starts_at: Timestamp,
    /// When the paid time ends.
    pub ends_at: Timestamp,
    /// The epoch of the journal that counts `sequence`.
    pub epoch: u64,
    /// The grant's sequence, which it shares with the desired state of the device.
    pub sequence: u64,
}

/// Returns the session token and the grant of a session, in this order. The same session gives the same texts, so that
/// a repeat gets the first answer.
///
/// # Errors
/// Returns an error if one of them can't be written. Nothing is signed then.
pub fn issue(
    keys: &KeyRing,
    issuer: &str,
    stream: &StreamId,
    session: &SessionId,
    span: Span,
) -> Result<(String, String), EncodeError> {
    let token = signed_token(keys, issuer, stream, session, (span.starts_at, span.ends_at))?;
    let grant = Grant {
        iss: issuer.to_owned(),
        aud: stream.asset().clone(),
        sub: session.clone(),
        nbf: span.starts_at.seconds(),
        exp: span.ends_at.seconds(),
        ends_at_ms: span.ends_at.millis(),
        epoch: span.epoch,
        seq: span.sequence,
    };
    Ok((token, jws::sign(keys.signing(Purpose::Grant), GRANT_TYP, &grant)?))
}

/// Returns the session token of a session whose end is not known yet. It works as long as the token of the longest
/// possible session.
///
/// # Errors
/// Returns an error if it can't be written. Nothing is signed then.
pub(crate) fn issue_token_without_end(
    keys: &KeyRing,
    issuer: &str,
    stream: &StreamId,
    session: &SessionId,
    starts_at: Timestamp,
) -> Result<String, EncodeError> {
    let longest = starts_at.plus_seconds(MAX_SECONDS);
    signed_token(keys, issuer, stream, session, (starts_at, longest))
}

/// Signs the token of a session that begins and ends at these times.
fn signed_token(
    keys: &KeyRing,
    issuer: &str,
    stream: &StreamId,
    session: &SessionId,
    (starts_at, ends_at): (Timestamp, Timestamp),
) -> Result<String, EncodeError> {
    let token = SessionToken {
        iss: issuer.to_owned(),
        sub: session.clone(),
        asset: stream.asset().clone(),
        shared: stream.is_shared(),
        iat: starts_at.seconds(),
        exp: ends_at.plus_seconds(TOKEN_GRACE_SECONDS).seconds(),
    };
    jws::sign(keys.signing(Purpose::Session), SESSION_TYP, &token)
}

/// Verifies a session token and returns its claims; `None` if none of `keys` signed it, another gateway issued it, or it
/// has expired.
#[must_use]
pub(crate) fn session_token(
    keys: &KeyRing,
    issuer: &str,
    token: &str,
    now: Timestamp,
) -> Option<SessionToken> {
    let key = keys.signing_by_id(Purpose::Session, &jws::header(token)?.kid)?;
    let claims: SessionToken = jws::verify(token, SESSION_TYP, &key.key.verifying_key())?;
    (claims.iss == issuer && now.seconds() < claims.exp).then_some(claims)
}

/// Returns the public keys of grants as a JWK set (RFC 7517).
#[must_use]
pub fn jwks(keys: &KeyRing) -> Value {
    // The keys of session tokens are left out, because only the gateway itself checks these tokens.
    let jwk = |key: &crate::keys::SignatureKey| {
        json!({
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key.id,
            "x": base64url(key.key.verifying_key().as_bytes()),
        })
    };
    json!({ "keys": keys.public(Purpose::Grant).map(jwk).collect::<Vec<_>>() })
}

/// Returns the key of this name in a JWK set, for a grant that names it (RFC 7517, RFC 8037).
#[must_use]
pub fn key(jwks: &Value, kid: &str) -> Option<VerifyingKey> {
    let is = |key: &Value, name: &str, value: &str| key.get(name).and_then(Value::as_str) == Some(value);
    let mut keys = jwks.get("keys")?.as_array()?.iter();
    let key = keys.find(|key| is(key, "kid", kid) && is(key, "kty", "OKP") && is(key, "crv", "Ed25519"))?;
    let x = from_base64url(key.get("x")?.as_str()?)?;
    VerifyingKey::from_bytes(&x.try_into().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Secret;

    const ISSUER: &str = "https://coinop.example";

    fn issued(keys: &KeyRing) -> (String, String) {
        let span = Span {
            starts_at: Timestamp::from_millis(1_000_500),
            ends_at: Timestamp::from_millis(1_060_500),
            epoch: 900,
            sequence: 3,
        };
        issue(keys, ISSUER, &StreamId::parse("door-1").unwrap(), &SessionId::from_bytes([1; 16]), span)
            .unwrap()
    }

    #[test]
    fn a_session_token_works_for_its_issuer_until_it_expires() {
        let keys = KeyRing::new(&Secret::new([1; 32]), None);
        let (token, _) = issued(&keys);
        let at = |ms| session_token(&keys, ISSUER, &token, Timestamp::from_millis(ms));
        assert_eq!(at(0).unwrap().sub, SessionId::from_bytes([1; 16]));
        assert!(at(1_060_500 + 7 * 86_400_000).is_none());
        assert!(session_token(&keys, "https://other.example", &token, Timestamp::default()).is_none());
    }

    #[test]
    fn a_grant_is_no_session_token_and_the_other_way_round_inv_1() {
        let keys = KeyRing::new(&Secret::new([1; 32]), None);
        let (token, grant) = issued(&keys);
        assert!(session_token(&keys, ISSUER, &grant, Timestamp::default()).is_none());
        let grant_key = keys.signing(Purpose::Grant).key.verifying_key();
        assert!(jws::verify::<Grant>(&token, GRANT_TYP, &grant_key).is_none());
        assert_eq!(jws::verify::<Grant>(&grant, GRANT_TYP, &grant_key).unwrap().ends_at_ms, 1_060_500);
        // Not even if the grant's key has signed the right claims.
        let forged = jws::sign(
            keys.signing(Purpose::Grant),
            SESSION_TYP,
            &session_token(&keys, ISSUER, &token, Timestamp::default()).unwrap(),
        )
        .unwrap();
        assert!(session_token(&keys, ISSUER, &forged, Timestamp::default()).is_none());
    }

    #[test]
    fn every_altered_character_is_refused_inv_1() {
        let keys = KeyRing::new(&Secret::new([1; 32]), None);
        let (token, _) = issued(&keys);
        for position in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(bytes).unwrap();
            assert!(session_token(&keys, ISSUER, &altered, Timestamp::default()).is_none(), "{position}");
        }
    }

    #[test]
    fn tokens_outlive_a_change_of_the_secret() {
        let (old, new) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let (token, _) = issued(&KeyRing::new(&old, None));
        let works = |keys: KeyRing| session_token(&keys, ISSUER, &token, Timestamp::default()).is_some();
        assert!(works(KeyRing::new(&new, Some(&old))));
        assert!(!works(KeyRing::new(&new, None)));
    }
}
