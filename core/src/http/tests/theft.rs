//! One statement in the place of another, another buyer's session, and yesterday's proof.

use ed25519_dalek::Signer as _;

use super::proofs::{challenge_at, history};
use super::*;
use crate::encoding::{base64url, from_base64url};
use crate::grant::{GRANT_TYP, SESSION_TYP, SessionToken};
use crate::jws;
use crate::keys::Purpose;
use crate::svm::transaction::{Message, Transaction};
use crate::testkit::{guards, keys};

/// Returns the response to a purchase by buyer `who`.
fn buy(world: &World, who: u8, door: &str) -> Value {
    let path = format!("/api/v1/access/{door}?quantity=5");
    let header = payment(world, who, &get(world, &path));
    let answer = ask(world, "POST", &path, &[("payment-signature", &header)], "");
    assert_eq!(answer.status, 200);
    answer.body
}

/// Returns a payment header for the first door whose message was changed, and which its payer has signed again.
fn doctored(world: &World, who: u8, change: impl FnOnce(&mut Message)) -> String {
    let header = payment(world, who, &get(world, "/api/v1/access/door-1"));
    let mut value: Value = serde_json::from_slice(&from_base64(&header).unwrap()).unwrap();
    let bytes = from_base64(value["payload"]["transaction"].as_str().unwrap()).unwrap();
    let mut transaction = Transaction::decode(&bytes).unwrap();
    change(&mut transaction.message);
    transaction.message_bytes = transaction.message.encode().unwrap();
    transaction.signatures[1] = keys::numbered(who).sign(&transaction.message_bytes).to_bytes();
    value["payload"]["transaction"] = json!(base64(&transaction.encode().unwrap()));
    base64(value.to_string().as_bytes())
}

#[test]
fn what_is_refused_about_a_guard_is_in_the_log_in_one_line_and_not_in_the_answer_inv_9() {
    let world = World::new();
    let amount_of_the_merchant = guards::multi(guards::TOKEN_ACCOUNT_MULTI, &[guards::number(2, 0, 4)]);
    let header = doctored(&world, 1, |message| guards::insert(message, 4, 3, amount_of_the_merchant));
    let answer = ask(&world, "GET", "/api/v1/access/door-1", &[("payment-signature", &header)], "");
    assert_eq!(answer.status, 402);
    let words =
        "kind 10 AssertTokenAccountMulti, of the merchant's token account: assertion 2 Amount is not allowed";
    assert!(!answer.body.to_string().contains("kind 10"), "{}", answer.body);
    let logged = world.logged.borrow().clone();
    let [line] = logged.as_slice() else { panic!("{logged:?}") };
    let start = "a payment for door-1 was refused (invalid_exact_svm_payload_wallet_guard): ";
    assert!(line.starts_with(start) && line.contains(words), "{line}");
}

fn with_token(world: &World, method: &str, path: &str, token: &str) -> (u16, Value) {
    let bearer = format!("Bearer {token}");
    let answer = ask(world, method, path, &[("authorization", &bearer)], "");
    (answer.status, answer.body["code"].clone())
}

fn refused_as_no_token(world: &World, session: &str, token: &str) {
    let status = format!("/api/v1/sessions/{session}/status");
    for (method, path) in [("GET", status.as_str()), ("POST", "/api/v1/access/door-1/extend")] {
        let told = with_token(world, method, path, token);
        assert_eq!(told, (401, json!("session_token_required")), "{path} {token}");
    }
}

#[test]
fn only_a_session_token_is_a_session_token_inv_1() {
    let world = World::new();
    let bought = buy(&world, 1, "door-1");
    let text = |name: &str| bought[name].as_str().unwrap().to_owned();
    let (session, token, grant) = (text("sessionId"), text("sessionToken"), text("grant"));
    let keys = &world.deployment.keys;
    let origin = &world.deployment.config.public_url;
    let claims = crate::grant::session_token(keys, origin, &token, world.now()).unwrap();
    assert_eq!(with_token(&world, "GET", &format!("/api/v1/sessions/{session}/status"), &token).0, 200);

    refused_as_no_token(&world, &session, &grant);
    let sign = |purpose, typ, claims: &SessionToken| jws::sign(keys.signing(purpose), typ, claims).unwrap();
    // The right claims and key with another type, from now or from the future, and the right type with another key.
    for typ in [GRANT_TYP, "coinop-receipt+jwt", "coinop-command+jwt", "JWT", "", "COINOP-SESSION+JWT"] {
        refused_as_no_token(&world, &session, &sign(Purpose::Session, typ, &claims));
    }
    refused_as_no_token(&world, &session, &sign(Purpose::Grant, SESSION_TYP, &claims));
    let strange = crate::keys::KeyRing::new(&crate::keys::Secret::new([8; 32]), None);
    refused_as_no_token(
        &world,
        &session,
        &jws::sign(strange.signing(Purpose::Session), SESSION_TYP, &claims).unwrap(),
    );
    // A token of another issuer, and one that has expired.
    let other = SessionToken { iss: "https://other.example".to_owned(), ..claims.clone() };
    refused_as_no_token(&world, &session, &sign(Purpose::Session, SESSION_TYP, &other));
    let old = SessionToken { exp: world.now().seconds(), ..claims.clone() };
    refused_as_no_token(&world, &session, &sign(Purpose::Session, SESSION_TYP, &old));
    // Another algorithm, with no signature, with the old one, and with one that fits.
    let parts: Vec<&str> = token.split('.').collect();
    let header: Value = serde_json::from_slice(&from_base64url(parts[0]).unwrap()).unwrap();
    for alg in ["none", "HS256", "ES256", "eddsa"] {
        let mut header = header.clone();
        header["alg"] = json!(alg);
        let signed = format!("{}.{}", base64url(header.to_string().as_bytes()), parts[1]);
        let key = &keys.signing(Purpose::Session).key;
        let fitting = base64url(&key.sign(signed.as_bytes()).to_bytes());
        for signature in ["", parts[2], &fitting] {
            refused_as_no_token(&world, &session, &format!("{signed}.{signature}"));
        }
    }
    // A token with more text in front or at the end is another token.
    for text in
        [format!("{token}.{}", parts[2]), format!(".{token}"), format!("{token}="), parts[..2].join(".")]
    {
        refused_as_no_token(&world, &session, &text);
    }
}

#[test]
fn a_session_token_is_no_grant_and_devices_know_only_the_grants_key_inv_1() {
    let world = World::new();
    let bought = buy(&world, 1, "door-1");
    let keys = &world.deployment.keys;
    let published = get(&world, "/.well-known/jwks.json").body["keys"].as_array().unwrap().clone();
    let ids: Vec<_> = published.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, [keys.signing(Purpose::Grant).id.clone()]);
    let key = keys.signing(Purpose::Grant).key.verifying_key();
    let opens = |text: &str| jws::verify::<Value>(text, GRANT_TYP, &key).is_some();
    assert!(opens(bought["grant"].as_str().unwrap()));
    assert!(!opens(bought["sessionToken"].as_str().unwrap()));
    // A statement with the key of grants but another type opens nothing.
    assert!(!opens(&jws::sign(keys.signing(Purpose::Grant), "coinop-receipt+jwt", &json!({})).unwrap()));
}

#[test]
fn a_payment_buys_the_quantity_that_was_quoted_and_no_other_inv_6() {
    let world = World::new();
    let door = |query: &str| format!("/api/v1/access/door-1{query}");
    let bought = payment(&world, 1, &get(&world, &door("?quantity=2")));
    let send = |query: &str| {
        let answer = ask(&world, "POST", &door(query), &[("payment-signature", &bought)], "");
        (answer.status, answer.body["code"].clone(), answer.body["quantity"].clone())
    };
    let other = (400, json!("quantity_mismatch"), Value::Null);
    for asked in ["?quantity=1", "?quantity=3", "?quantity=240"] {
        assert_eq!(send(asked), other);
    }
    assert_eq!((world.charged(), world.count("journal")), (0, 0));
    assert_eq!(send(""), (200, Value::Null, json!(2)));
    // Nor does its repeat.
    assert_eq!((send("?quantity=3"), send("?quantity=2")), (other, (200, Value::Null, json!(2))));
    assert_eq!((world.charged(), world.count("session")), (1, 1));
}

#[test]
fn a_session_token_opens_no_other_session_inv_9() {
    let world = World::new();
    let (mine, theirs) = (buy(&world, 1, "door-1"), buy(&world, 2, "door-2"));
    let token = mine["sessionToken"].as_str().unwrap();
    let status = format!("/api/v1/sessions/{}/status", theirs["sessionId"].as_str().unwrap());
    assert_eq!(with_token(&world, "GET", &status, token), (403, json!("other_session")));
    let extend = "/api/v1/access/door-2/extend";
    assert_eq!(with_token(&world, "POST", extend, token), (403, json!("other_session")));
    // The refusal tells nothing else about the session: an unknown one is refused in the same way.
    let unknown = format!("/api/v1/sessions/s_{}/status", "0".repeat(32));
    assert_eq!(with_token(&world, "GET", &unknown, token), (403, json!("other_session")));
    // The bearer of the last session does not extend the next one of the same door.
    world.advance(300_000);
    world.step();
    buy(&world, 2, "door-1");
    let (code, charged) = (json!("session_over"), world.charged());
    assert_eq!(with_token(&world, "POST", "/api/v1/access/door-1/extend", token), (409, code));
    assert_eq!(world.charged(), charged);
}

#[test]
fn a_proof_shows_its_own_wallets_sessions_for_five_minutes_and_no_others_inv_1_9() {
    let world = World::new();
    buy(&world, 1, "door-1");
    let door = "/api/v1/access/door-1";
    let status = |path: &str, proof: &str| ask(&world, "GET", path, &[("sign-in-with-x", proof)], "").status;
    // A nonce that another wallet has signed too proves each wallet for its own signer only.
    let both = |path: &str| {
        let challenge = challenge_at(&world, path);
        [1, 2].map(|who| sign_in::prove(&challenge, &keys::numbered(who)).unwrap())
    };
    let [mine, thief] = both("/api/v1/access/door-1?signin");
    assert_eq!((status(door, &mine), status(door, &thief)), (200, 402));
    let [of_mine, of_thief] = both(&history(1));
    assert_eq!((status(&history(1), &of_mine), status(&history(1), &of_thief)), (200, 401));
    assert_eq!(status(&history(2), &both(&history(2))[1]), 200);

    // Named by one wallet and signed by another, or with a nonce, time or place that the sender made up.
    let read = |proof: &str| serde_json::from_slice::<Value>(&from_base64(proof).unwrap()).unwrap();
    let mut forged = Vec::new();
    for (member, value) in [
        ("address", json!(keys::address(&keys::numbered(1)))),
        ("signature", read(&mine)["signature"].clone()),
        ("nonce", json!("00000000000000000000000000000000")),
        ("requestId", json!("0")),
        ("issuedAt", json!("2020-01-01T00:00:00.000Z")),
        ("expirationTime", json!("2036-01-01T00:00:00.000Z")),
        ("uri", json!("http://evil.example/")),
        ("statement", json!("Nothing to see here")),
    ] {
        let mut altered = read(&thief);
        altered[member] = value;
        forged.push(base64(altered.to_string().as_bytes()));
    }
    for forged in &forged {
        assert_eq!(status(door, forged), 401);
    }

    // A proof that was overheard is worth nothing after its time, and never brings a charge or a grant.
    let written = world.count("journal");
    world.advance(299_999);
    assert_eq!(status(&history(1), &of_mine), 200);
    world.advance(1);
    assert_eq!((status(&history(1), &of_mine), status(door, &mine)), (401, 401));
    assert_eq!((world.charged(), world.count("session"), world.count("journal")), (1, 1, written));
}

#[test]
fn a_proof_beside_a_payment_changes_nothing_about_the_payment_inv_1() {
    let world = World::new();
    let door = "/api/v1/access/door-1";
    let offered = get(&world, door);
    let bought = payment(&world, 1, &offered);
    assert_eq!(ask(&world, "POST", door, &[("payment-signature", &bought)], "").status, 200);
    let mut stripped: Value = serde_json::from_slice(&from_base64(&bought).unwrap()).unwrap();
    stripped["accepted"]["extra"].as_object_mut().unwrap().remove("ticket");
    let stripped = base64(stripped.to_string().as_bytes());
    let challenge = sign_in_challenge(&world);
    let thief = sign_in::prove(&challenge, &keys::numbered(2)).unwrap();
    let answer =
        ask(&world, "POST", door, &[("payment-signature", &stripped), ("sign-in-with-x", &thief)], "");
    assert_eq!((answer.status, &answer.body["code"]), (409, &json!("payment_already_used")));
    let both = [("payment-signature", bought.as_str()), ("x-payment", bought.as_str())];
    assert_eq!(ask(&world, "POST", door, &both, "").body["code"], json!("several_payments"));
    assert_eq!((world.charged(), world.count("session")), (1, 1));
}
