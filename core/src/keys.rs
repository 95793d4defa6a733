//! The gateway's keys, all derived by label from one secret.
//!
//! Each purpose has its own keys, so that a text made for one purpose can't be used for another. Two secrets can be in
//! force at a time: texts made with the previous one are still accepted, and new ones are made with the current one.
//!
//! What is kept of a key is overwritten when it is dropped. So a MAC key is kept as its bytes and not as the hash's
//! state, which can't be overwritten.

use std::sync::OnceLock;

use ed25519_dalek::SigningKey;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::encoding::{base64url, from_base64};
use crate::ids::{PaymentId, SessionId};

/// The secret from which all keys are derived: 32 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// Takes these bytes as the secret.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Parses base64 of exactly 32 bytes.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(from_base64(text)?);
        bytes.as_slice().try_into().ok().map(Self::new)
    }

    fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(mac(&self.0, &[b"coinop/1/", label.as_bytes()]))
    }
}

/// Never prints the secret (invariant 9).
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Returns HMAC-SHA256 over the parts, one after the other.
fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC pads a shorter key with zeros to the block's length.
    let mut block = Zeroizing::new([0; 64]);
    block.split_at_mut(32).0.copy_from_slice(key);
    let mut keyed = Hmac::<Sha256>::new((&*block).into());
    for part in parts {
        keyed.update(part);
    }
    keyed.finalize().into_bytes().into()
}

/// A key for message authentication codes of 128 bits.
#[derive(Clone)]
pub struct MacKey {
    key: Zeroizing<[u8; 32]>,
    /// The key's id, which says nothing about the key.
    pub id: String,
    /// The same id as bytes.
    pub short_id: [u8; 4],
}

impl MacKey {
    fn new(key: Zeroizing<[u8; 32]>) -> Self {
        let [a, b, c, d, ..] = mac(&key, &[b"key id"]);
        let short_id = [a, b, c, d];
        Self { key, id: base64url(&short_id), short_id }
    }

    /// Returns the authentication code over the parts, joined without separators. The caller must separate them, so that
    /// different lists of parts never join to the same bytes.
    #[must_use]
    pub fn code(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut code = [0; 16];
        code.copy_from_slice(mac(&self.key, parts).split_at(16).0);
        code
    }

    /// Returns whether the code is that of the parts, in constant time.
    #[must_use]
    pub(crate) fn verifies(&self, parts: &[&[u8]], code: &[u8]) -> bool {
        Self::same(&self.code(parts), code)
    }

    /// Returns whether two codes are the same, in constant time.
    #[must_use]
    pub fn same(one: &[u8], other: &[u8]) -> bool {
        one.ct_eq(other).into()
    }
}

/// A key for signatures, with its id.
#[derive(Clone)]
pub struct SignatureKey {
    pub key: SigningKey,
    /// The key's JWK thumbprint (RFC 7638), which is its `kid`.
    pub id: String,
}

impl SignatureKey {
    /// Computes the id of a key.
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
    /// Session tokens, which are the bearer's proof to the session's API.
    Session,
    /// Grants, which a device checks without a network.
    Grant,
}

/// The keys of one secret.
#[derive(Clone)]
struct KeySet {
    ticket: MacKey,
    memo: MacKey,
    session_id: MacKey,
    sign_in: MacKey,
    one_time_code: MacKey,
    check_code: MacKey,
    session: UnmadeKey,
    grant: UnmadeKey,
}

/// A key for signatures that is made when it is first needed. Most requests need none, and making one takes longer than
/// answering them.
#[derive(Clone)]
struct UnmadeKey {
    seed: Zeroizing<[u8; 32]>,
    made: OnceLock<SignatureKey>,
}

impl UnmadeKey {
    const fn new(seed: Zeroizing<[u8; 32]>) -> Self {
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
            one_time_code: MacKey::new(secret.derive("one-time code")),
            check_code: MacKey::new(secret.derive("check code")),
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
    /// Derives the keys. `previous` is the secret before the current one, which is kept for longer than any quote is
    /// valid.
    #[must_use]
    pub fn new(current: &Secret, previous: Option<&Secret>) -> Self {
        Self { current: KeySet::derive(current), previous: previous.map(KeySet::derive) }
    }

    fn sets(&self) -> impl Iterator<Item = &KeySet> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// Returns the key for new tickets.
    #[must_use]
    pub const fn ticket(&self) -> &MacKey {
        &self.current.ticket
    }

    /// Returns the ticket key with this id, if it is in force.
    #[must_use]
    pub(crate) fn ticket_by_short_id(&self, id: &[u8; 4]) -> Option<&MacKey> {
        self.sets().map(|set| &set.ticket).find(|key| key.short_id == *id)
    }

    /// Returns the key for new memos.
    #[must_use]
    pub const fn memo(&self) -> &MacKey {
        &self.current.memo
    }

    /// Returns every key whose memos are accepted: the current one and the previous ones.
    pub(crate) fn all_memo(&self) -> impl Iterator<Item = &MacKey> {
        self.sets().map(|set| &set.memo)
    }

    /// Derives the id of the session that a payment starts.
    ///
    /// The id follows from the payment and the secret, so that a purchase, its repeat and recovery name the same
    /// session without a look-up. Without the secret it can't be derived from the payment.
    #[must_use]
    pub(crate) fn session_id(&self, payment: &PaymentId) -> SessionId {
        SessionId::from_bytes(self.current.session_id.code(&[payment.as_str().as_bytes()]))
    }

    /// Returns the key for new sign-in challenges.
    #[must_use]
    pub const fn sign_in(&self) -> &MacKey {
        &self.current.sign_in
    }

    /// Returns all keys with which valid sign-in challenges were made.
    pub(crate) fn all_sign_in(&self) -> impl Iterator<Item = &MacKey> {
        self.sets().map(|set| &set.sign_in)
    }

    /// Returns the key for new one-time codes.
    #[must_use]
    pub(crate) const fn one_time_code(&self) -> &MacKey {
        &self.current.one_time_code
    }

    /// Returns all keys with which valid one-time codes were made.
    pub(crate) fn all_one_time_code(&self) -> impl Iterator<Item = &MacKey> {
        self.sets().map(|set| &set.one_time_code)
    }

    /// Returns the key of the check codes.
    #[must_use]
    pub(crate) const fn check_code(&self) -> &MacKey {
        &self.current.check_code
    }

    /// Returns the key for new statements of this purpose.
    #[must_use]
    pub fn signing(&self, purpose: Purpose) -> &SignatureKey {
        self.current.signing(purpose)
    }

    /// Returns the key of this purpose with this id, if it is in force.
    #[must_use]
    pub(crate) fn signing_by_id(&self, purpose: Purpose, id: &str) -> Option<&SignatureKey> {
        self.sets().map(|set| set.signing(purpose)).find(|key| key.id == id)
    }

    /// Returns the keys of this purpose whose public parts are published, the current one first.
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
    fn every_key_is_overwritten_when_it_is_dropped_inv_9() {
        fn overwritten<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let secret = Secret::new([1; 32]);
        let KeySet { ticket, memo, session_id, sign_in, one_time_code, check_code, session, grant } =
            KeySet::derive(&secret);
        overwritten(&secret.0);
        for mac_key in [ticket, memo, session_id, sign_in, one_time_code, check_code] {
            overwritten(&mac_key.key);
        }
        for unmade in [session, grant] {
            overwritten(&unmade.seed);
            overwritten(&unmade.get().key);
        }
    }

    #[test]
    fn nothing_secret_is_printed_inv_9() {
        let secret = Secret::new([65; 32]);
        assert_eq!(format!("{secret:?} {:?}", KeyRing::new(&secret, None)), "Secret KeyRing");
    }
}
