//! What `PAYMENT-RESPONSE` and `X-PAYMENT-RESPONSE` say.

use super::*;
use crate::testkit::world::Chain;

const DOOR: &str = "/api/v1/access/door-1";

/// Returns the members of the response to a payment, as they were sent.
fn members(answer: &Answer, name: &str) -> Value {
    serde_json::from_slice(&from_base64(answer.header(name)).unwrap()).unwrap()
}

/// Returns the header of a v1 payment for a minute.
fn payment_v1(world: &World, who: u8) -> String {
    let transaction = base64(world.pay_v1(who, 10_000).transaction());
    let payload = json!({
        "x402Version": 1, "scheme": "exact", "network": "solana-devnet", "payload": {"transaction": transaction},
    });
    base64(payload.to_string().as_bytes())
}

fn pay(world: &World, name: &str, payment: &str) -> Answer {
    ask(world, "POST", DOOR, &[(name, payment)], "")
}

fn wallet(who: u8) -> Value {
    json!(keys::address(&keys::numbered(who)))
}

#[test]
fn a_sale_says_who_was_charged_how_much() {
    let world = World::new();
    let v2 = pay(&world, "payment-signature", &payment(&world, 1, &get(&world, DOOR)));
    assert_eq!(
        members(&v2, "payment-response"),
        json!({
            "success": true, "transaction": v2.body["transaction"], "payer": wallet(1), "amount": "10000",
            "network": "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1",
        })
    );
    world.advance(61_000);
    let v1 = pay(&world, "x-payment", &payment_v1(&world, 2));
    assert_eq!(
        members(&v1, "x-payment-response"),
        json!({
            "success": true, "transaction": v1.body["transaction"], "payer": wallet(2), "amount": "10000",
            "network": "solana-devnet",
        })
    );
}

#[test]
fn a_payment_without_an_outcome_is_never_told_as_served_inv_3() {
    let cases = [
        ("payment-signature", "payment-response", "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1"),
        ("x-payment", "x-payment-response", "solana-devnet"),
    ];
    for (sent, answered, network) in cases {
        let world = World::new();
        world.chain.set(Chain::Drops);
        let payment = match sent {
            "x-payment" => payment_v1(&world, 1),
            _ => payment(&world, 1, &get(&world, DOOR)),
        };
        let answer = pay(&world, sent, &payment);
        assert_eq!((answer.status, answer.header("retry-after")), (202, "5"));
        assert!(!answer.body["transaction"].as_str().unwrap().is_empty());
        // There is no amount, because it is not known yet whether anything is charged.
        assert_eq!(
            members(&answer, answered),
            json!({
                "success": false, "errorReason": "settlement_pending", "errorMessage": answer.body["detail"],
                "transaction": answer.body["transaction"], "network": network, "payer": wallet(1),
            })
        );
    }
}

#[test]
fn a_refusal_says_the_same_in_the_header_as_in_the_body() {
    let world = World::new();
    let offered = get(&world, DOOR);
    let taken = payment(&world, 1, &offered);
    assert_eq!(pay(&world, "payment-signature", &taken).status, 200);
    let mut stripped: Value = serde_json::from_slice(&from_base64(&taken).unwrap()).unwrap();
    stripped["accepted"]["extra"].as_object_mut().unwrap().remove("ticket");
    let stripped = base64(stripped.to_string().as_bytes());
    let late = payment(&world, 2, &get(&world, DOOR));
    let cases = [
        (&stripped, 409, "payment_already_used", wallet(1)),
        (&late, 409, "asset_busy", wallet(2)),
        // It can't be told who sent this.
        (&"x".to_owned(), 400, "invalid_payload", Value::Null),
    ];
    for (payment, status, reason, payer) in cases {
        let answer = pay(&world, "payment-signature", payment);
        let members = members(&answer, "payment-response");
        assert_eq!(
            (answer.status, &answer.body["code"], &members["errorReason"]),
            (status, &json!(reason), &json!(reason))
        );
        assert_eq!((&members["errorMessage"], &members["payer"]), (&answer.body["detail"], &payer));
        assert_eq!((&members["success"], &members["transaction"]), (&json!(false), &json!("")));
        assert!(members.get("amount").is_none(), "{members}");
    }
    // A 402 has its detail in the v1 body, next to the offers.
    world.advance(301_000);
    let answer = pay(&world, "payment-signature", &late);
    let members = members(&answer, "payment-response");
    assert_eq!((answer.status, &members["errorReason"]), (402, &json!("quote_expired")));
    assert_eq!((&members["errorMessage"], &members["payer"]), (&answer.body["detail"], &wallet(2)));
}

/// The payer is read before anything in the payment is believed.
#[test]
fn the_payer_of_a_payment_is_whom_its_transfer_names_or_nobody() {
    let world = World::new();
    let payment = world.pay_v1(3, 10_000);
    assert_eq!(payment.payer(), Some(keys::account(3)));
    for at in 0..payment.transaction().len() {
        let mut altered = payment.clone();
        altered.transaction_mut()[at] ^= 0xff;
        let _ = altered.payer();
        altered.transaction_mut().truncate(at);
        assert_eq!(altered.payer(), None, "cut off at {at}");
    }
}
