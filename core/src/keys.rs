//! The gateway's keys, all derived by label from one secret.
//!
//! Different purposes have different keys, so that nothing made for one can be
//! passed off as another. Two secrets can be in force: what the previous one made
//! is still accepted, what is new is made with the current one.

use std::sync::OnceLock;

use ed25519_dalek::SigningKey;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::encoding::{base64url, from_base64};
use crate::ids::{PaymentId, SessionId};

/// The secret from which all keys are derived: 32 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// The secret of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads base64 of exactly 32 bytes.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        from_base64(text)?.try_into().ok().map(Self)
    }

    fn derive(&self, label: &str) -> [u8; 32] {
        mac(keyed(&self.0), &[b"coinop/1/", label.as_bytes()])
    }
}

/// Never prints the secret (invariant 9).
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// HMAC-SHA256 over the parts, one behind the other.
fn mac(mut keyed: Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    for part in parts {
        keyed.update(part);
    }
    keyed.finalize().into_bytes().into()
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // A key of the block's length, which is what padding makes of a shorter one.
    let mut block = [0; 64];
    block.split_at_mut(32).0.copy_from_slice(key);
    Hmac::new(&block.into())
}

/// A key for message authentication codes of 128 bits.
#[derive(Clone)]
pub struct MacKey {
    /// Keyed once; each code begins with a copy.
    keyed: Hmac<Sha256>,
    /// Names the key; says nothing about it.
    pub id: String,
    /// The same name as bytes.
    pub short_id: [u8; 4],
}

impl MacKey {
    fn new(key: [u8; 32]) -> Self {
        let keyed = keyed(&key);
        let [a, b, c, d, ..] = mac(keyed.clone(), &[b"key id"]);
        let short_id = [a, b, c, d];
        Self { keyed, id: base64url(&short_id), short_id }
    }

    /// The code over the parts. Callers separate them so that no two lists of
    /// parts are the same bytes.
    #[must_use]
    pub fn code(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut code = [0; 16];
        code.copy_from_slice(mac(self.keyed.clone(), parts).split_at(16).0);
        code
    }

    /// Whether the code fits, in constant time.
    #[must_use]
    pub(crate) fn verifies(&self, parts: &[&[u8]], code: &[u8]) -> bool {
        Self::same(&self.code(parts), code)
    }

    /// Compares two codes in constant time.
    #[must_use]
    pub fn same(one: &[u8], other: &[u8]) -> bool {
        one.ct_eq(other).into()
    }
}

/// A key for signatures, and its name.
#[derive(Clone)]
pub struct SignatureKey {
    /// The key.
    pub key: SigningKey,
    /// Its JWK thumbprint (RFC 7638), which is its `kid`.
    pub id: String,
}

impl SignatureKey {
    /// Names a key.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        let x = base64url(key.verifying_key().as_bytes());
        let thumbprint = Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
        Self { key, id: base64url(&thumbprint) }
    }
}

/// What a signature key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Session tokens: the bearer's proof towards the session's API.
    Session,
    /// Grants: what a device checks with no network.
    Grant,
}

/// The keys of one secret.
#[derive(Clone)]
struct KeySet {
    ticket: MacKey,
    memo: MacKey,
    session_id: MacKey,
    sign_in: MacKey,
    session: UnmadeKey,
    grant: UnmadeKey,
}

/// A key for signatures that is made when it is first needed: most requests need none, and making one costs more than
/// answering them.
#[derive(Clone)]
struct UnmadeKey {
    seed: [u8; 32],
    made: OnceLock<SignatureKey>,
}

impl UnmadeKey {
    const fn new(seed: [u8; 32]) -> Self {
        Self { seed, made: OnceLock::new() }
    }

    fn get(&self) -> &SignatureKey {
        self.made.get_or_init(|| SignatureKey::new(SigningKey::from_bytes(&self.seed)))
    }
}

impl KeySet {
    fn derive(secret: &Secret) -> Self {
        Self {
            ticket: MacKey::new(secret.derive("ticket")),
            memo: MacKey::new(secret.derive("memo")),
            session_id: MacKey::new(secret.derive("session id")),
            sign_in: MacKey::new(secret.derive("sign-in-with-x")),
            session: UnmadeKey::new(secret.derive("session token")),
            grant: UnmadeKey::new(secret.derive("grant")),
        }
    }

    fn signing(&self, purpose: Purpose) -> &SignatureKey {
        match purpose {
            Purpose::Session => self.session.get(),
            Purpose::Grant => self.grant.get(),
        }
    }
}

/// All keys in force.
#[derive(Clone)]
pub struct KeyRing {
    current: KeySet,
    previous: Option<KeySet>,
}

/// Never prints a key (invariant 9).
impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyRing")
    }
}

impl KeyRing {
    /// Derives the keys. `previous` is the secret before the current one, kept
    /// for longer than any quote lives.
    #[must_use]
    pub fn new(current: &Secret, previous: Option<&Secret>) -> Self {
        Self { current: KeySet::derive(current), previous: previous.map(KeySet::derive) }
    }

    fn sets(&self) -> impl Iterator<Item = &KeySet> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// The key that new tickets are made with.
    #[must_use]
    pub const fn ticket(&self) -> &MacKey {
        &self.current.ticket
    }

    /// The ticket key of this id, if it is in force.
    #[must_use]
    pub(crate) fn ticket_by_short_id(&self, id: &[u8; 4]) -> Option<&MacKey> {
        self.sets().map(|set| &set.ticket).find(|key| key.short_id == *id)
    }

    /// Returns the key that new memos are made with.
    #[must_use]
    pub const fn memo(&self) -> &MacKey {
        &self.current.memo
    }

    /// Returns all keys that memos in force were made with.
    pub(crate) fn all_memo(&self) -> impl Iterator<Item = &MacKey> {
        self.sets().map(|set| &set.memo)
    }

    /// Derives the id of the session that a payment starts.
    ///
    /// It follows from the payment alone, so that a purchase, its repeat and recovery name the same session
    /// without a look-up; nobody without the secret can tell it from the payment.
    #[must_use]
    pub(crate) fn session_id(&self, payment: &PaymentId) -> SessionId {
        SessionId::from_bytes(self.current.session_id.code(&[payment.as_str().as_bytes()]))
    }

    /// The key that new sign-in challenges are made with.
    #[must_use]
    pub const fn sign_in(&self) -> &MacKey {
        &self.current.sign_in
    }

    /// All keys that sign-in challenges in force were made with.
    pub(crate) fn all_sign_in(&self) -> impl Iterator<Item = &MacKey> {
        self.sets().map(|set| &set.sign_in)
    }

    /// The key that new statements of this purpose are signed with.
    #[must_use]
    pub fn signing(&self, purpose: Purpose) -> &SignatureKey {
        self.current.signing(purpose)
    }

    /// The key of this purpose and id, if it is in force.
    #[must_use]
    pub(crate) fn signing_by_id(&self, purpose: Purpose, id: &str) -> Option<&SignatureKey> {
        self.sets().map(|set| set.signing(purpose)).find(|key| key.id == id)
    }

    /// The public keys of this purpose, current first.
    pub(crate) fn public(&self, purpose: Purpose) -> impl Iterator<Item = &SignatureKey> {
        self.sets().map(move |set| set.signing(purpose))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_its_own_key_inv_9() {
        let ring = KeyRing::new(&Secret::new([1; 32]), Some(&Secret::new([2; 32])));
        let mut ids: Vec<_> = [Purpose::Session, Purpose::Grant]
            .into_iter()
            .flat_map(|purpose| ring.public(purpose))
            .map(|key| key.id.clone())
            .collect();
        ids.extend(
            ring.sets().flat_map(|set| [&set.ticket, &set.memo, &set.session_id]).map(|key| key.id.clone()),
        );
        ids.extend(ring.all_sign_in().map(|key| key.id.clone()));
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!((count, ids.len()), (12, 12));
    }

    #[test]
    fn a_sessions_id_follows_from_payment_and_secret_and_from_neither_alone_inv_9() {
        let id = |secret, payment: &[u8]| {
            let ring = KeyRing::new(&Secret::new([secret; 32]), None);
            ring.session_id(&PaymentId::of_message(payment))
        };
        assert_eq!(id(1, b"one"), id(1, b"one"));
        assert_ne!(id(1, b"one"), id(1, b"other"));
        assert_ne!(id(1, b"one"), id(2, b"one"));
    }

    #[test]
    fn nothing_secret_is_printed_inv_9() {
        let secret = Secret::new([65; 32]);
        assert_eq!(format!("{secret:?} {:?}", KeyRing::new(&secret, None)), "Secret KeyRing");
    }
}
