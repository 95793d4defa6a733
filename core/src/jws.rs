//! Compact JWS with EdDSA (RFC 7515, RFC 8037), as small as it can be: one
//! algorithm, one key for each purpose, and a `typ` that must fit.

use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::encoding::{base64url, from_base64url, from_json, json};
use crate::error::EncodeError;
use crate::keys::SignatureKey;

/// A JWS header. There is no choice of algorithm: `alg` must be `EdDSA`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    alg: String,
    /// What kind of statement it is; none stands in for another.
    pub typ: String,
    /// The key's name.
    pub kid: String,
}

/// Signs a statement.
///
/// The same statement and key give the same text: EdDSA is deterministic.
///
/// # Errors
/// When the statement can't be written as JSON. Nothing is signed then.
pub fn sign<T: Serialize>(key: &SignatureKey, typ: &str, claims: &T) -> Result<String, EncodeError> {
    let header = Header { alg: "EdDSA".to_owned(), typ: typ.to_owned(), kid: key.id.clone() };
    let (header, claims) = (json("a token's header", &header)?, json("a token's claims", claims)?);
    let signed = format!("{}.{}", base64url(&header), base64url(&claims));
    let signature = key.key.sign(signed.as_bytes());
    Ok(format!("{signed}.{}", base64url(&signature.to_bytes())))
}

/// The header of a JWS, unverified: to find the key.
#[must_use]
pub fn header(token: &str) -> Option<Header> {
    let (header, _) = token.split_once('.')?;
    from_json(&from_base64url(header)?)
}

/// The claims of a JWS of kind `typ` that this key signed. `None` for anything else.
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
