//! Sign-in: a payer proves its wallet by signing a message (x402 extension `sign-in-with-x`, with a message of Sign-In
//! With Solana).
//!
//! The challenge needs no storage, because its nonce is a MAC over its own fields, one of which is random. A proof is good
//! for five minutes and for the one path that its challenge names. Where it fetches a grant it works once: until it
//! expires, the journal remembers the proofs that did.

use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::account::Account;
use crate::encoding::{self, base58_long, from_base58_long, from_base64, from_json, hex};
use crate::error::EncodeError;
use crate::keys::{KeyRing, MacKey};
use crate::svm::{Address, Network};
use crate::time::Timestamp;

/// How long a challenge can be answered, in seconds.
pub(crate) const CHALLENGE_SECONDS: u64 = 300;

/// The extension's name.
pub const EXTENSION: &str = "sign-in-with-x";

const STATEMENT: &str = "Sign in to see the sessions that this wallet has paid for.";

/// The server's part of a challenge, which is the member `info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// The gateway's host and port.
    pub domain: String,
    /// The URI of what will be read with the proof.
    pub uri: String,
    /// Always `1` (CAIP-122).
    pub version: String,
    /// 32 hexadecimal digits: a MAC over the other fields.
    pub nonce: String,
    /// In RFC 3339.
    pub issued_at: String,
    /// In RFC 3339.
    pub expiration_time: String,
    /// The text for the person who signs.
    pub statement: String,
    /// Random, so that every nonce differs.
    pub request_id: String,
}

/// What the client sends back in addition to the challenge's [`Info`]: its address, the signature and more.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    address: String,
    chain_id: String,
    #[serde(rename = "type")]
    kind: String,
    signature: String,
    #[serde(default)]
    not_before: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
}

/// A wallet that has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The wallet.
    pub payer: Account,
    /// The nonce of the challenge that it signed. Other wallets may sign the same challenge.
    pub nonce: String,
    /// When the proof expires.
    pub expires_at: Timestamp,
}

fn nonce(key: &MacKey, info: &Info) -> Result<String, EncodeError> {
    let fields =
        [&info.domain, &info.uri, &info.issued_at, &info.expiration_time, &info.statement, &info.request_id];
    // JSON separates the fields, so that no two lists have the same bytes.
    Ok(hex(&key.code(&[&encoding::json("a challenge", &fields)?])))
}

/// Returns whether this gateway has made the challenge. The nonces are compared in constant time.
fn is_ours(keys: &KeyRing, info: &Info) -> bool {
    let made = |key: &MacKey| nonce(key, info);
    keys.all_sign_in()
        .any(|key| made(key).is_ok_and(|nonce| MacKey::same(nonce.as_bytes(), info.nonce.as_bytes())))
}

/// Returns the host and port of an origin.
fn domain(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, domain)| domain)
}

/// Returns a challenge for reading `uri`, as the extension's value in a 402 or a 401.
///
/// # Errors
/// Returns an error if its fields can't be written. There is no nonce then.
pub fn challenge(
    keys: &KeyRing,
    origin: &str,
    uri: &str,
    network: Network,
    now: Timestamp,
    random: [u8; 16],
) -> Result<Value, EncodeError> {
    let mut info = Info {
        domain: domain(origin).to_owned(),
        uri: uri.to_owned(),
        version: "1".to_owned(),
        nonce: String::new(),
        issued_at: now.to_string(),
        expiration_time: now.plus_seconds(CHALLENGE_SECONDS).to_string(),
        statement: STATEMENT.to_owned(),
        request_id: hex(&random),
    };
    info.nonce = nonce(keys.sign_in(), &info)?;
    Ok(json!({
        "info": info,
        "supportedChains": [{ "chainId": network.caip2(), "type": "ed25519", "signatureScheme": "siws" }],
        "schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "domain": { "type": "string" }, "address": { "type": "string" },
                "uri": { "type": "string", "format": "uri" }, "version": { "type": "string" },
                "chainId": { "type": "string" }, "type": { "type": "string" },
                "nonce": { "type": "string" },
                "issuedAt": { "type": "string", "format": "date-time" },
                "expirationTime": { "type": "string", "format": "date-time" },
                "statement": { "type": "string" }, "requestId": { "type": "string" },
                "signature": { "type": "string" }
            },
            "required": [
                "domain", "address", "uri", "version", "chainId", "type", "nonce", "issuedAt",
                "expirationTime", "statement", "requestId", "signature"
            ]
        }
    }))
}

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// It is not base64 of the expected JSON.
    Malformed,
    /// Its challenge was not made by this gateway, or was altered.
    NotOurs,
    /// Its challenge is for another path.
    Elsewhere,
    /// It is not within the challenge's time.
    Expired,
    /// It is for another chain, or made with another kind of key.
    UnsupportedChain,
    /// The signature does not fit the message and the address.
    Signature,
}

impl ProofError {
    /// Returns what is wrong, for the person who sent the proof.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Malformed => {
                "`SIGN-IN-WITH-X` must be base64 of the JSON that the extension `sign-in-with-x` describes."
            }
            Self::NotOurs => {
                "The sign-in challenge is not from this gateway, or was altered. Request a new one."
            }
            Self::Elsewhere => {
                "The proof is for another path. Request the challenge of this one, and sign it."
            }
            Self::Expired => {
                "The challenge has expired or is not valid yet. Request a new one and sign it within five \
                 minutes."
            }
            Self::UnsupportedChain => {
                "The proof is for another chain or another kind of key. Sign with an ed25519 key on the \
                 chain that the challenge names."
            }
            Self::Signature => {
                "The signature does not match the message and the address. Sign the challenge again."
            }
        }
    }
}

/// Returns the wallet that a `SIGN-IN-WITH-X` header proves to whoever asks for `path`.
///
/// # Errors
/// Returns a [`ProofError`] if the header proves nothing (extension, "Verification Logic").
pub fn verify(
    keys: &KeyRing,
    (origin, path): (&str, &str),
    network: Network,
    now: Timestamp,
    header: &str,
) -> Result<Proven, ProofError> {
    let json = from_base64(header).ok_or(ProofError::Malformed)?;
    // One object contains both. Parsing it twice takes less code than a parser that separates the two.
    let info: Info = from_json(&json).ok_or(ProofError::Malformed)?;
    let proof: Proof = from_json(&json).ok_or(ProofError::Malformed)?;
    let address: Address = proof.address.parse().map_err(|_| ProofError::Malformed)?;
    let signed_path = info.uri.strip_prefix(origin).filter(|path| path.starts_with('/'));
    let signed_path = signed_path.ok_or(ProofError::NotOurs)?;
    if info.domain != domain(origin) || info.version != "1" || !is_ours(keys, &info) {
        return Err(ProofError::NotOurs);
    }
    if signed_path != path {
        return Err(ProofError::Elsewhere);
    }
    // The MAC covers the challenge's times, so they are as this gateway wrote them.
    let parse = |text: &str| Timestamp::parse_rfc3339(text).ok_or(ProofError::Malformed);
    let (issued, expires) = (parse(&info.issued_at)?, parse(&info.expiration_time)?);
    let not_before = proof.not_before.as_deref().map(parse).transpose()?.unwrap_or(issued);
    if now < issued || now < not_before || now >= expires {
        return Err(ProofError::Expired);
    }
    let reference = network.reference();
    if !(proof.chain_id == network.caip2() || proof.chain_id == reference) || proof.kind != "ed25519" {
        return Err(ProofError::UnsupportedChain);
    }
    let message = message(&info, &proof, reference);
    let signature = from_base58_long(&proof.signature).ok_or(ProofError::Malformed)?;
    let signature = Signature::from_bytes(&signature);
    let key = VerifyingKey::from_bytes(address.as_bytes()).map_err(|_| ProofError::Signature)?;
    key.verify_strict(message.as_bytes(), &signature).map_err(|_| ProofError::Signature)?;
    Ok(Proven { payer: address.into(), nonce: info.nonce, expires_at: expires })
}

/// Returns the text that was signed (extension, "Message Format", Solana).
fn message(info: &Info, proof: &Proof, chain: &str) -> String {
    let mut text = format!(
        "{} wants you to sign in with your Solana account:\n{}\n\n{}\n\nURI: {}\nVersion: {}\nChain ID: {chain}\nNonce: {}\nIssued At: {}\nExpiration Time: {}",
        info.domain,
        proof.address,
        info.statement,
        info.uri,
        info.version,
        info.nonce,
        info.issued_at,
        info.expiration_time
    );
    if let Some(not_before) = &proof.not_before {
        text.push_str(&format!("\nNot Before: {not_before}"));
    }
    text.push_str(&format!("\nRequest ID: {}", info.request_id));
    if !proof.resources.is_empty() {
        text.push_str("\nResources:");
        for resource in &proof.resources {
            text.push_str(&format!("\n- {resource}"));
        }
    }
    text
}

/// Signs a challenge as a client does, for `coinop pay` and tests; `None` if the challenge does not have the expected
/// form.
#[must_use]
pub fn prove(challenge: &Value, key: &ed25519_dalek::SigningKey) -> Option<String> {
    use ed25519_dalek::Signer as _;
    let mut proof = challenge.get("info")?.as_object()?.clone();
    let chain = challenge.pointer("/supportedChains/0")?;
    let address = Address::new(key.verifying_key().to_bytes());
    proof.insert("address".to_owned(), json!(address));
    proof.insert("chainId".to_owned(), chain.get("chainId")?.clone());
    proof.insert("type".to_owned(), json!("ed25519"));
    proof.insert("signature".to_owned(), json!(""));
    let info: Info = serde_json::from_value(Value::Object(proof.clone())).ok()?;
    let read: Proof = serde_json::from_value(Value::Object(proof.clone())).ok()?;
    let reference = read.chain_id.rsplit(':').next()?;
    let signature = key.sign(message(&info, &read, reference).as_bytes());
    proof.insert("signature".to_owned(), json!(base58_long(&signature.to_bytes())));
    Some(crate::encoding::base64(&serde_json::to_vec(&proof).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Secret;
    use crate::testkit::keys as known;

    const ORIGIN: &str = "http://127.0.0.1:8402";
    const PATH: &str = "/api/v1/access/door-1";

    fn ring() -> KeyRing {
        KeyRing::new(&Secret::new([1; 32]), None)
    }

    fn offered() -> Value {
        let now = Timestamp::from_millis(1_000_000);
        let uri = format!("{ORIGIN}{PATH}");
        challenge(&ring(), ORIGIN, &uri, Network::Devnet, now, [5; 16]).unwrap()
    }

    fn check(header: &str, at: u64) -> Result<Account, ProofError> {
        let at = Timestamp::from_millis(at);
        verify(&ring(), (ORIGIN, PATH), Network::Devnet, at, header).map(|proven| proven.payer)
    }

    fn altered(header: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut proof: Value = serde_json::from_slice(&from_base64(header).unwrap()).unwrap();
        change(&mut proof);
        crate::encoding::base64(&serde_json::to_vec(&proof).unwrap())
    }

    #[test]
    fn a_signed_challenge_proves_the_address_for_five_minutes() {
        let header = prove(&offered(), &known::payer()).unwrap();
        let payer = Account::from(known::address(&known::payer()));
        assert_eq!(check(&header, 1_000_000), Ok(payer.clone()));
        assert_eq!(check(&header, 1_299_999), Ok(payer));
        assert_eq!(check(&header, 1_300_000), Err(ProofError::Expired));
        assert_eq!(check(&header, 999_999), Err(ProofError::Expired));
    }

    #[test]
    fn an_altered_or_foreign_proof_proves_nothing_inv_9() {
        let header = prove(&offered(), &known::payer()).unwrap();
        let other = known::address(&known::numbered(9));
        let cases: [(fn(&mut Value, Address), ProofError); 8] = [
            (|p, other| p["address"] = json!(other), ProofError::Signature),
            (|p, _| p["domain"] = json!("evil.example"), ProofError::NotOurs),
            (|p, _| p["uri"] = json!("http://127.0.0.1:8402.evil.example/"), ProofError::NotOurs),
            (|p, _| p["expirationTime"] = json!("2036-01-01T00:00:00.000Z"), ProofError::NotOurs),
            (|p, _| p["requestId"] = json!("00"), ProofError::NotOurs),
            (
                |p, _| p["chainId"] = json!("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"),
                ProofError::UnsupportedChain,
            ),
            (|p, _| p["type"] = json!("eip191"), ProofError::UnsupportedChain),
            (|p, _| p["signature"] = json!("1111"), ProofError::Malformed),
        ];
        for (change, expected) in cases {
            assert_eq!(check(&altered(&header, |p| change(p, other)), 1_000_000), Err(expected));
        }
        for text in ["", "%%%", "e30=", "bnVsbA=="] {
            assert_eq!(check(text, 1_000_000), Err(ProofError::Malformed));
        }
        let foreign = KeyRing::new(&Secret::new([2; 32]), None);
        let at = Timestamp::from_millis(1_000_000);
        let elsewhere = (ORIGIN, "/api/v1/access/door-2");
        for (keys, place, expected) in
            [(foreign, (ORIGIN, PATH), ProofError::NotOurs), (ring(), elsewhere, ProofError::Elsewhere)]
        {
            assert_eq!(verify(&keys, place, Network::Devnet, at, &header), Err(expected));
        }
    }
}
