//! Honest payments, tokens and proofs, altered: they buy and prove what the honest ones did, or nothing.

use proptest::prelude::*;
use proptest::sample::Index;

use super::strange::{WORLD, check, config, handle, nothing_happened};
use super::*;
use crate::grant::{self, Span};
use crate::ids::{PaymentId, SessionId, StreamId};
use crate::svm::transaction::Transaction;
use crate::x402::{Accepted, PaymentPayload, Version};

/// A change of an honest payment, in any of its layers.
#[derive(Clone, Debug)]
enum Change {
    Text(Index, char),
    Cut(Index),
    Member(Index, Option<i64>),
    Transaction(Index, u8),
    TransactionCut(Index),
    Ticket(Index, char),
    /// Unknown members are ignored.
    Unknown,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any::<char>()).prop_map(|(at, c)| Change::Text(at, c)),
        any::<Index>().prop_map(Change::Cut),
        (any::<Index>(), any::<Option<i64>>()).prop_map(|(at, value)| Change::Member(at, value)),
        (any::<Index>(), 1u8..).prop_map(|(at, mask)| Change::Transaction(at, mask)),
        any::<Index>().prop_map(Change::TransactionCut),
        (any::<Index>(), any::<char>()).prop_map(|(at, c)| Change::Ticket(at, c)),
        Just(Change::Unknown),
    ]
}

fn with_char(text: &str, at: &Index, c: char) -> Option<String> {
    let mut chars: Vec<char> = text.chars().collect();
    let at = at.index(chars.len().max(1));
    *chars.get_mut(at)? = c;
    Some(chars.into_iter().collect())
}

/// Returns the altered header; `None` if an earlier change has left nothing to change there.
fn apply(change: &Change, header: &str) -> Option<String> {
    const MEMBERS: [&str; 10] = [
        "/x402Version",
        "/accepted",
        "/accepted/scheme",
        "/accepted/network",
        "/accepted/amount",
        "/accepted/asset",
        "/accepted/payTo",
        "/accepted/extra",
        "/payload",
        "/payload/transaction",
    ];
    match change {
        Change::Text(at, c) => return with_char(header, at, *c),
        Change::Cut(at) => return Some(header.chars().take(at.index(header.len().max(1))).collect()),
        _ => {}
    }
    let mut value: Value = serde_json::from_slice(&from_base64(header)?).ok()?;
    let mut bytes = from_base64(value.pointer("/payload/transaction")?.as_str()?)?;
    let at_byte = |at: &Index| at.index(bytes.len().max(1));
    match change {
        Change::Transaction(at, mask) => {
            let at = at_byte(at);
            *bytes.get_mut(at)? ^= mask;
            value["payload"]["transaction"] = json!(base64(&bytes));
        }
        Change::TransactionCut(at) => {
            bytes.truncate(at_byte(at));
            value["payload"]["transaction"] = json!(base64(&bytes));
        }
        Change::Member(at, to) => *value.pointer_mut(MEMBERS[at.index(MEMBERS.len())])? = json!(to),
        Change::Ticket(at, c) => {
            let ticket = value.pointer_mut("/accepted/extra/ticket")?;
            *ticket = json!(with_char(ticket.as_str()?, at, *c)?);
        }
        Change::Unknown => {
            value.pointer_mut("/accepted/extra")?.as_object_mut()?.insert("unheardOf".to_owned(), json!([1]));
        }
        Change::Text(..) | Change::Cut(_) => {}
    }
    Some(base64(value.to_string().as_bytes()))
}

/// Returns everything in a payment that matters.
fn meaning(world: &World, header: &str) -> Option<(Accepted, PaymentId, Vec<[u8; 64]>)> {
    let payment = PaymentPayload::read(Version::V2, header, world.deployment.config.network).ok()?;
    let transaction = Transaction::decode(payment.transaction()).ok()?;
    // The first signature is the fee payer's to make.
    let signatures = transaction.signatures.get(1..)?.to_vec();
    Some((payment.accepted, PaymentId::of_message(&transaction.message_bytes), signatures))
}

proptest! {
    #![proptest_config(config(1_500))]

    #[test]
    fn an_altered_payment_buys_only_what_the_honest_one_said_inv_1(
        changes in proptest::collection::vec(change(), 1..4)
    ) {
        let world = World::new();
        let honest = payment(&world, 1, &get(&world, "/api/v1/access/door-1"));
        let mut altered = honest.clone();
        for change in &changes {
            altered = apply(change, &altered).unwrap_or(altered);
        }
        let request = Request {
            method: "POST".to_owned(),
            path: "/api/v1/access/door-1".to_owned(),
            headers: vec![("payment-signature".to_owned(), altered.clone())],
            ..Request::default()
        };
        let response = handle(&world, &request);
        if meaning(&world, &altered) == meaning(&world, &honest) {
            prop_assert_eq!((response.status, world.charged()), (200, 1));
        } else {
            check(&response)?;
            prop_assert_ne!(response.status, 200);
            prop_assert!(nothing_happened(&world));
        }
    }

    #[test]
    fn an_altered_token_or_proof_proves_nothing_inv_1_9(at in any::<Index>(), c in any::<char>()) {
        let world = WORLD.with(std::rc::Rc::clone);
        let deployment = &world.deployment;
        let (keys, origin) = (&deployment.keys, &deployment.config.public_url);
        let (starts_at, ends_at) = (world.now(), world.now().plus_seconds(60));
        let span = Span { starts_at, ends_at, epoch: 1, sequence: 1 };
        let session = SessionId::from_bytes([1; 16]);
        let door = StreamId::parse("door-1").unwrap();
        let (token, _) = grant::issue(keys, origin, &door, &session, span).unwrap();
        let altered = with_char(&token, &at, c).unwrap();
        let read = grant::session_token(keys, origin, &altered, world.now());
        prop_assert_eq!(read.is_some(), altered == token);

        let challenge = sign_in_challenge(&world);
        let proof = sign_in::prove(&challenge, &keys::numbered(1)).unwrap();
        let altered = with_char(&proof, &at, c).unwrap();
        let (network, place) = (deployment.config.network, (origin.as_str(), "/api/v1/access/door-1"));
        if let Ok(proven) = sign_in::verify(keys, place, network, world.now(), &altered) {
            // Some characters do not matter, but the proof is always for the same wallet.
            prop_assert_eq!(proven.payer, keys::address(&keys::numbered(1)).into());
        }
    }
}
