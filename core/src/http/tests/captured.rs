//! What real clients sent and real servers answered, and what this gateway answers.

use ed25519_dalek::Signer as _;

use super::*;
use crate::encoding::hex;
use crate::money::Decimal;
use crate::svm::Network;
use crate::svm::exact::{self, Requirement};
use crate::svm::transaction::Transaction;
use crate::svm::{TokenProgram, associated_token_account};
use crate::testkit::vectors::{self, ERROR_PATHS, SUPPORTED, V1_PURCHASE, V2_PURCHASE, VERDICTS};
use crate::x402::{Accepted, PayloadError, PaymentPayload, Version};

const DOOR: &str = "/api/v1/access/door-1";

/// Returns a world in which a minute of the first door costs what the captured payments paid.
fn cheap_world() -> World {
    let mut world = World::new();
    world.deployment.config.assets[0].tariff.price = Decimal::parse("0.001").unwrap();
    world
}

fn header_of(purchase: &str, name: &str) -> String {
    vectors::json(purchase)["http"][1]["request"]["headers"][name].as_str().unwrap().to_owned()
}

/// Returns a captured payload as the header that carried it.
fn header(payload: &Value) -> String {
    base64(payload.to_string().as_bytes())
}

fn pay(world: &World, name: &str, header: &str) -> Answer {
    ask(world, "GET", DOOR, &[(name, header)], "")
}

fn version_of(payload: &Value) -> Version {
    if payload["x402Version"] == 1 { Version::V1 } else { Version::V2 }
}

#[test]
fn a_captured_v1_purchase_is_a_sale_here_too_inv_1() {
    let world = cheap_world();
    let payment = header_of(V1_PURCHASE, "x-payment");
    let answer = pay(&world, "x-payment", &payment);
    assert_eq!((answer.status, world.charged()), (200, 1));
    let captured = &vectors::json(V1_PURCHASE)["decoded"]["paymentResponse"];
    let settlement = answer.settlement();
    assert_eq!(json!(settlement.payer), captured["payer"]);
    assert_eq!(json!(settlement.network), captured["network"]);
    assert!(settlement.success);
    // At another price the payment is refused.
    let answer = pay(&World::new(), "x-payment", &payment);
    assert_eq!(answer.settlement().error_reason.unwrap(), "invalid_exact_svm_payload_amount_mismatch");
}

#[test]
fn a_captured_v2_purchase_without_our_ticket_is_refused_uncharged_inv_1() {
    let world = cheap_world();
    // This is stricter than the server that the payment was made for, which offered no ticket. Without a ticket nothing
    // says what the payment is for.
    let answer = pay(&world, "payment-signature", &header_of(V2_PURCHASE, "payment-signature"));
    assert_eq!((answer.status, answer.settlement().error_reason.unwrap().as_str()), (402, "ticket_missing"));
    assert_eq!((world.charged(), world.count("journal")), (0, 0));
}

#[test]
fn our_co_signature_makes_the_transaction_that_the_facilitator_sent_inv_7() {
    for purchase in [V1_PURCHASE, V2_PURCHASE] {
        let captured = vectors::json(purchase);
        let bytes = captured["decoded"]["payment"]["payload"]["transaction"].as_str().unwrap();
        let mut transaction = Transaction::decode(&from_base64(bytes).unwrap()).unwrap();
        let ours = keys::fee_payer().sign(&transaction.message_bytes).to_bytes();
        transaction.signatures[0] = ours;
        let fee_payer = keys::address(&keys::fee_payer()).to_string();
        assert_eq!(captured["settledTransaction"]["signatures"][&fee_payer], hex(&ours));
        let id = bs58::encode(ours).into_string();
        assert_eq!(captured["decoded"]["paymentResponse"]["transaction"], id);
        let calls = captured["rpc"].as_array().unwrap();
        let sent = calls.iter().find(|call| call["method"] == "sendTransaction").unwrap();
        assert_eq!(sent["params"][0], base64(&transaction.encode().unwrap()));
    }
}

#[test]
fn our_offers_are_of_kinds_that_the_captured_facilitator_settles() {
    let answer = get(&World::new(), DOOR);
    let supported = vectors::json(SUPPORTED);
    let offers = [(2, answer.required()["accepts"][0].clone()), (1, answer.body["accepts"][0].clone())];
    for (version, offer) in offers {
        let kind = json!({
            "x402Version": version, "scheme": offer["scheme"], "network": offer["network"],
            "extra": { "feePayer": offer["extra"]["feePayer"] },
        });
        assert!(supported["kinds"].as_array().unwrap().contains(&kind), "{kind}");
    }
    // Each kind in the list is a network that is known here by the same name.
    for kind in supported["kinds"].as_array().unwrap() {
        let name = kind["network"].as_str().unwrap();
        let known = Network::ALL.into_iter().any(|n| n.caip2() == name || n.v1_name() == name);
        assert!(known && kind["scheme"] == "exact", "{kind}");
    }
}

/// Returns this gateway's verdict on a captured case, by the envelope or by the rules.
fn verdict(case: &Value) -> Result<crate::ids::PaymentId, &'static str> {
    let payload = &case["request"]["paymentPayload"];
    let asked = &case["request"]["paymentRequirements"];
    let payment = PaymentPayload::read(version_of(payload), &header(payload), Network::Devnet);
    let payment = payment.map_err(PayloadError::reason)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mint = text(&asked["asset"]).parse().unwrap();
    let pay_to = text(&asked["payTo"]).parse().unwrap();
    let amount = [text(&asked["amount"]), text(&asked["maxAmountRequired"])].concat();
    let requirement = Requirement {
        amount: crate::money::Amount::parse_atomic(&amount).unwrap(),
        mint,
        decimals: 6,
        program: TokenProgram::Spl,
        destination: associated_token_account(&pay_to, &mint, TokenProgram::Spl).unwrap(),
        fee_payer: text(&asked["extra"]["feePayer"]).parse().unwrap(),
        max_fee_lamports: 20_000,
    };
    let verified = exact::verify(payment.transaction(), &requirement).map_err(exact::Refusal::reason)?;
    if let Some(memo) = asked["extra"]["memo"].as_str()
        && verified.memo.as_deref() != Some(memo.as_bytes())
    {
        return Err(exact::Refusal::Memo.reason());
    }
    assert_eq!(json!(verified.payer), case["response"]["body"]["payer"]);
    Ok(verified.id)
}

#[test]
fn every_captured_verdict_is_ours_inv_1() {
    let cases = vectors::json(VERDICTS);
    let mut settled = std::collections::BTreeSet::new();
    let mut count = 0;
    for case in cases.as_array().unwrap() {
        let (name, body) = (case["name"].as_str().unwrap(), &case["response"]["body"]);
        let ours = verdict(case);
        match case["path"].as_str().unwrap() {
            "/verify" => {
                assert_eq!(ours.is_ok(), body["isValid"] == true, "{name}");
                assert_eq!(ours.err().map(Value::from).unwrap_or_default(), body["invalidReason"], "{name}");
            }
            // Of two payments that are the same, the first is settled. The id does not depend on the signatures' bytes,
            // so the second is recognised as a duplicate.
            _ => assert_eq!(settled.insert(ours.unwrap()), body["success"] == true, "{name}"),
        }
        count += 1;
    }
    assert_eq!((count, settled.len()), (11, 1));
}

#[test]
fn captured_error_paths_have_an_answer_here_that_charges_nobody_twice_inv_1() {
    let world = World::new();
    let offered = get(&world, DOOR);
    let honest = payment(&world, 1, &offered);
    let payload: Value = serde_json::from_slice(&from_base64(&honest).unwrap()).unwrap();
    let altered = |change: fn(&mut Value)| {
        let mut value = payload.clone();
        change(&mut value);
        header(&value)
    };
    let mut bad_signature = payload.clone();
    let mut transaction = from_base64(payload["payload"]["transaction"].as_str().unwrap()).unwrap();
    transaction[70] ^= 1;
    bad_signature["payload"]["transaction"] = json!(base64(&transaction));
    let without_ticket = altered(|v| drop(v["accepted"]["extra"].as_object_mut().unwrap().remove("ticket")));
    let tampered = altered(|v| v["accepted"]["amount"] = json!("1"));

    let captured = vectors::json(ERROR_PATHS);
    let theirs = |name: &str| {
        let case = captured.as_array().unwrap().iter().find(|case| case["name"] == name).unwrap();
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        (status, case["decoded"]["payment-required"]["error"].as_str().map(str::to_owned))
    };
    let mine = |header: &str| {
        let answer = pay(&world, "payment-signature", header);
        (answer.status, answer.settlement().error_reason)
    };
    let same = |reason: &str| (402, Some(reason.to_owned()));

    // With signatures that do not fit, both answer with the same status and the same reason.
    assert_eq!(mine(&header(&bad_signature)), same("invalid_exact_svm_payload_signature_invalid"));
    assert_eq!(theirs("bad_sig"), same("invalid_exact_svm_payload_signature_invalid"));
    // With another amount in `accepted`, both answer with a 402. Here its reason says what differs.
    assert_eq!(mine(&tampered), same("invalid_exact_svm_payload_amount_mismatch"));
    assert_eq!(theirs("accepted_tampered"), same("No matching payment requirements"));
    // With garbage, they ask for payment as if none had been sent. But the sender believes to have paid, so the 400
    // here says that the payment can't be read.
    assert_eq!(mine("not-base64!"), (400, Some("invalid_payload".to_owned())));
    assert_eq!(theirs("garbage_header"), same("Payment required"));
    assert_eq!((world.charged(), world.count("journal")), (0, 0));

    assert_eq!((mine(&honest), theirs("first")), ((200, None), (200, None)));
    // A replay: they let the chain refuse it, and its buyer has lost the answer. Here the buyer shows the ticket and
    // gets the first answer again, and anyone else gets a 409.
    assert_eq!(theirs("replay_same_payment"), same("invalid_exact_svm_transaction_simulation_failed"));
    assert_eq!(mine(&honest), (200, None));
    assert_eq!(mine(&without_ticket), (409, Some("payment_already_used".to_owned())));
    assert_eq!((world.charged(), world.count("session")), (1, 1));
    assert_eq!(captured.as_array().unwrap().len(), 5, "each has its answer above");
}

#[test]
fn captured_headers_say_what_their_envelopes_hold() {
    let v2 = vectors::json(V2_PURCHASE);
    let payment =
        PaymentPayload::read(Version::V2, &header_of(V2_PURCHASE, "payment-signature"), Network::Devnet)
            .unwrap();
    let accepted = &v2["decoded"]["payment"]["accepted"];
    let Accepted::V2 { ticket: None, amount, asset, pay_to } = payment.accepted else {
        panic!("{payment:?}")
    };
    assert_eq!(
        (json!(amount), json!(asset), json!(pay_to)),
        (accepted["amount"].clone(), accepted["asset"].clone(), accepted["payTo"].clone())
    );
}
