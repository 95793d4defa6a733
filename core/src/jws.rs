//! Compact JWS with EdDSA (RFC 7515, RFC 8037), as small as possible: one algorithm, one key for each purpose, a `typ`
//! that must match, and no `crit`.

use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};

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
    /// Never present: no extension is known here, so none may be demanded (RFC 7515, section 4.1.11).
    #[serde(default, skip_serializing, deserialize_with = "refuse")]
    crit: (),
}

/// Refuses whatever stands there.
fn refuse<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    Err(D::Error::custom("no critical extension is known"))
}

/// Signs a statement.
///
/// The same statement and key give the same text, because EdDSA is deterministic.
///
/// # Errors
/// Returns an error if the statement can't be written as JSON. Nothing is signed then.
pub fn sign<T: Serialize>(key: &SignatureKey, typ: &str, claims: &T) -> Result<String, EncodeError> {
    let header = Header { alg: "EdDSA".to_owned(), typ: typ.to_owned(), kid: key.id.clone(), crit: () };
    let (header, claims) = (json("a token's header", &header)?, json("a token's claims", claims)?);
    let signed = format!("{}.{}", base64url(&header), base64url(&claims));
    let signature = key.key.sign(signed.as_bytes());
    Ok(format!("{signed}.{}", base64url(&signature.to_bytes())))
}

/// Returns the header of a JWS without verifying it, so that the key can be found; `None` if it has a `crit`.
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

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use serde_json::{Value, json};

    use super::*;

    fn key() -> SignatureKey {
        SignatureKey::new(SigningKey::from_bytes(&[1; 32]))
    }

    /// Signs claims under any header.
    fn signed(header: &Value) -> String {
        let part = |value: &Value| base64url(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(&json!({ "sub": "me" })));
        let signature = key().key.sign(signed.as_bytes());
        format!("{signed}.{}", base64url(&signature.to_bytes()))
    }

    fn is_verified(header: &Value) -> bool {
        verify::<Value>(&signed(header), "a+jwt", &key().key.verifying_key()).is_some()
    }

    #[test]
    fn a_header_that_demands_an_extension_is_refused_inv_1() {
        let plain = json!({ "alg": "EdDSA", "typ": "a+jwt", "kid": "k" });
        assert!(is_verified(&plain));
        // What is not critical may be ignored.
        let mut ignored = plain.clone();
        ignored["exp"] = json!(1);
        assert!(is_verified(&ignored));
        for critical in [json!(["exp"]), json!(["b64"]), json!([]), json!("exp"), Value::Null] {
            let mut header = ignored.clone();
            header["crit"] = critical;
            assert!(!is_verified(&header), "{header}");
        }
    }
}
