//! A signed statement: it holds only as it was signed, under its own key, and as its own kind.

use std::sync::LazyLock;

use coinop_core::grant::{self, GRANT_TYP, Grant, SESSION_TYP, SessionToken, Span};
use coinop_core::{KeyRing, Purpose, Secret, SessionId, StreamId, Timestamp, jws};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::input::Input;
use crate::patched::patched;

static KEYS: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new(&Secret::new([1; 32]), None));

/// The session token and the grant of one session.
static ISSUED: LazyLock<[String; 2]> = LazyLock::new(|| {
    let span = Span {
        starts_at: Timestamp::from_millis(1_000_500),
        ends_at: Timestamp::from_millis(1_060_500),
        epoch: 900,
        sequence: 3,
    };
    let (stream, session) = (StreamId::parse("door-1").unwrap(), SessionId::from_bytes([1; 16]));
    grant::issue(&KEYS, "https://coinop.example", &stream, &session, span).unwrap().into()
});

/// Returns which of the two kinds a text is valid as.
fn valid(token: &str) -> [bool; 2] {
    let key = |purpose| KEYS.signing(purpose).key.verifying_key();
    let session = jws::verify::<SessionToken>(token, SESSION_TYP, &key(Purpose::Session)).is_some();
    let grant = jws::verify::<Grant>(token, GRANT_TYP, &key(Purpose::Grant)).is_some();
    // With the other's key or the other's kind it is nothing.
    assert!(jws::verify::<Value>(token, GRANT_TYP, &key(Purpose::Session)).is_none());
    assert!(jws::verify::<Value>(token, SESSION_TYP, &key(Purpose::Grant)).is_none());
    [session, grant]
}

/// Verifies any text or an issued statement with changes, signs any claims, or looks for a key as a door does.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choice = input.byte();
    let which = usize::from(choice >> 2 & 1);
    let token = match choice & 3 {
        0 if choice & 128 != 0 => return at_a_door(&mut input),
        0 => input.text(),
        1 => return sign(choice, &input.text()),
        _ => String::from_utf8_lossy(&input.altered(ISSUED[which].as_bytes())).into_owned(),
    };
    let _ = jws::header(&token);
    // Whatever is accepted is a text that this key has signed, to the last character.
    let issued = [token == ISSUED[0], token == ISSUED[1]];
    assert_eq!(valid(&token), issued, "{token}");
}

/// Looks for the grant's key in the published set of keys with changes, and verifies the grant with what is found.
fn at_a_door(input: &mut Input<'_>) {
    let published = grant::jwks(&KEYS);
    let set = patched(input, &published);
    let token = &ISSUED[1];
    let found = grant::key(&set, &jws::header(token).unwrap().kid);
    if set == published {
        assert!(found.is_some());
    }
    if let Some(found) = found {
        let is_ours = found == KEYS.signing(Purpose::Grant).key.verifying_key();
        assert_eq!(jws::verify::<Grant>(token, GRANT_TYP, &found).is_some(), is_ours, "{set}");
    }
}

/// Signs a statement, which is then read as it was.
fn sign(choice: u8, claims: &str) {
    let Ok(claims) = serde_json::from_str::<Value>(claims) else { return };
    let (purpose, typ) =
        if choice & 4 == 0 { (Purpose::Session, SESSION_TYP) } else { (Purpose::Grant, GRANT_TYP) };
    let key = KEYS.signing(purpose);
    let token = jws::sign(key, typ, &claims).unwrap();
    assert_eq!(jws::header(&token).unwrap().kid, key.id);
    let read = jws::verify::<Box<RawValue>>(&token, typ, &key.key.verifying_key()).unwrap();
    // As text, because a fraction may be read with another last bit.
    assert_eq!(read.get(), claims.to_string());
    valid_as_its_kind(&token);
}

/// Checks that claims which anybody could have chosen are of one kind at most.
fn valid_as_its_kind(token: &str) {
    assert!(valid(token) != [true, true], "{token}");
}
