//! Compact JWS with EdDSA (RFC 7515, RFC 8037), as small as possible: one algorithm, one key for each purpose, and a
//! `typ` that must match.

use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::encoding::{base64url, from_base64url, from_json, json};
use crate::error::EncodeError;
use crate::keys::SignatureKey;

/// The header of a JWS. The algorithm can't be chosen: `alg` must be `EdDSA`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    alg: String,
    /// The kind of the statement. No kind can be used as another.
    pub typ: String,
    /// The key's id.
    pub kid: String,
}

/// Signs a statement.
///
/// The same statement and key give the same text, because EdDSA is deterministic.
///
/// # Errors
/// Returns an error if the statement can't be written as JSON. Nothing is signed then.
pub fn sign<T: Serialize>(key: &SignatureKey, typ: &str, claims: &T) -> Result<String, EncodeError> {
    let header = Header { alg: "EdDSA".to_owned(), typ: typ.to_owned(), kid: key.id.clone() };
    let (header, claims) = (json("a token's header", &header)?, json("a token's claims", claims)?);
    let signed = format!("{}.{}", base64url(&header), base64url(&claims));
    let signature = key.key.sign(signed.as_bytes());
    Ok(format!("{signed}.{}", base64url(&signature.to_bytes())))
}

/// Returns the header of a JWS without verifying it, so that the key can be found.
#[must_use]
pub fn header(token: &str) -> Option<Header> {
    let (header, _) = token.split_once('.')?;
    from_json(&from_base64url(header)?)
}

/// Returns the claims of a JWS; `None` unless it is of the kind `typ` and this key signed it.
#[must_use]
pub fn verify<T: DeserializeOwned>(token: &str, typ: &str, key: &VerifyingKey) -> Option<T> {
    let (signed, signature) = token.rsplit_once('.')?;
    let header = header(token)?;
    if header.alg != "EdDSA" || header.typ != typ {
        return None;
    }
    let signature = Signature::from_slice(&from_base64url(signature)?).ok()?;
    key.verify_strict(signed.as_bytes(), &signature).ok()?;
    let (_, claims) = signed.split_once('.')?;
    from_json(&from_base64url(claims)?)
}
