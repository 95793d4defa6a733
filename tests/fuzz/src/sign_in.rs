//! A proof of a wallet: it holds only for a challenge of this gateway, in its time, at its path, and for the wallet that
//! signed it.

use std::sync::LazyLock;

use coinop_core::encoding::{base64, from_base64};
use coinop_core::sign_in::{self, Proven};
use coinop_core::svm::Network;
use coinop_core::testkit::keys;
use coinop_core::{KeyRing, Secret, Timestamp};
use ed25519_dalek::SigningKey;
use serde_json::Value;

use crate::input::Input;
use crate::patched::patched;

const ORIGIN: &str = "http://127.0.0.1:8402";
/// The path that the challenge names, and others.
const PATHS: [&str; 4] =
    ["/api/v1/access/door-1", "/api/v1/access/door-1/", "/api/v1/access/door", "/api/v1/access/door-10"];
/// When the challenge is made, in milliseconds.
const ISSUED: u64 = 1_795_165_429_123;
/// How long it can be answered, in milliseconds.
const LIFE: u64 = 300_000;
/// What the gateway's code covers: nobody may change it.
const COVERED: [&str; 8] =
    ["domain", "uri", "version", "nonce", "issuedAt", "expirationTime", "statement", "requestId"];

static KEYS: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new(&Secret::new([1; 32]), None));

static CHALLENGE: LazyLock<Value> = LazyLock::new(|| {
    let uri = format!("{ORIGIN}{}", PATHS[0]);
    let now = Timestamp::from_millis(ISSUED);
    sign_in::challenge(&KEYS, ORIGIN, &uri, Network::Devnet, now, [5; 16]).unwrap()
});

static SIGNERS: LazyLock<[SigningKey; 2]> = LazyLock::new(|| [keys::payer(), keys::numbered(9)]);

/// The honest proof of each signer.
static PROOFS: LazyLock<[String; 2]> =
    LazyLock::new(|| [0, 1].map(|who| sign_in::prove(&CHALLENGE, &SIGNERS[who]).unwrap()));

/// Verifies any header, any JSON, an honest proof with changes, or a signature under a changed challenge.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choice = input.byte();
    let who = usize::from(choice >> 2 & 1);
    let since = if choice & 8 == 0 { LIFE / 2 } else { input.number() % (LIFE * 2) };
    let now = Timestamp::from_millis(ISSUED - LIFE / 2 + since);
    let header = match choice & 3 {
        0 => input.text(),
        1 => base64(input.rest()),
        2 if choice & 16 != 0 => {
            let proof = serde_json::from_slice(&from_base64(&PROOFS[who]).unwrap()).unwrap();
            base64(patched(&mut input, &proof).to_string().as_bytes())
        }
        2 => base64(&input.altered(&from_base64(&PROOFS[who]).unwrap())),
        _ => {
            let challenge =
                if choice & 16 == 0 { with_members(&input.text()) } else { with_changes(&mut input) };
            match challenge.and_then(|challenge| sign_in::prove(&challenge, &SIGNERS[who])) {
                Some(header) => header,
                None => return,
            }
        }
    };
    let in_time = now >= Timestamp::from_millis(ISSUED) && now < Timestamp::from_millis(ISSUED + LIFE);
    let path = PATHS[usize::from(choice >> 6)];
    let in_place = path == PATHS[0];
    match sign_in::verify(&KEYS, (ORIGIN, path), Network::Devnet, now, &header) {
        Ok(proven) => {
            assert!(in_time && in_place);
            holds(&header, &proven);
        }
        Err(error) => {
            assert!(!error.detail().is_empty());
            let is_honest = in_time && in_place && PROOFS.contains(&header);
            assert!(!is_honest, "an honest proof is refused: {error:?}");
        }
    }
}

/// Returns the challenge with changes in its members.
fn with_changes(input: &mut Input<'_>) -> Option<Value> {
    let mut challenge = CHALLENGE.clone();
    challenge["info"] = patched(input, &challenge["info"]);
    challenge["info"].is_object().then_some(challenge)
}

/// Returns the challenge with other members.
fn with_members(members: &str) -> Option<Value> {
    let Value::Object(members) = serde_json::from_str(members).ok()? else { return None };
    let mut challenge = CHALLENGE.clone();
    challenge["info"].as_object_mut()?.extend(members);
    Some(challenge)
}

/// Checks that a proof that was taken is for our challenge, and by one of those who sign here.
fn holds(header: &str, proven: &Proven) {
    let proof: Value = serde_json::from_slice(&from_base64(header).unwrap()).unwrap();
    for name in COVERED {
        assert_eq!(proof[name], CHALLENGE["info"][name], "{name} was changed");
    }
    assert_eq!(proof["nonce"], proven.nonce);
    assert_eq!(proven.expires_at, Timestamp::from_millis(ISSUED + LIFE));
    assert_eq!(proof["address"], proven.payer.as_str());
    let mut signers = SIGNERS.iter().map(|key| keys::address(key).to_string());
    assert!(
        signers.any(|signer| signer == proven.payer.as_str()),
        "{} has signed nothing",
        proven.payer.as_str()
    );
}
