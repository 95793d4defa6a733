//! All known ways to get a session without paying for it, or to make the fee payer pay for something else. None works,
//! and what has to be charged is charged once.

use ed25519_dalek::Signer as _;

use super::at_once;
use super::sales::{ACCESS, refusal, without_ticket};
use crate::gateway::{Sale, SaleError};
use crate::keys::{KeyRing, Secret};
use crate::money::Amount;
use crate::quote::{Operation, Quote, Ticket};
use crate::svm::build::Transfer;
use crate::svm::transaction::{Message, Transaction};
use crate::svm::{Network, TokenProgram};
use crate::testkit::gateway::{extend, sold};
use crate::testkit::keys;
use crate::testkit::world::{Chain, START, World};
use crate::x402::{Accepted, Payload, PaymentPayload};

pub(super) const VICTIM: u8 = 1;
pub(super) const THIEF: u8 = 2;

fn used(outcome: &Option<Result<Sale, SaleError>>) -> bool {
    matches!(outcome, Some(Err(SaleError::AlreadyUsed)))
}

/// Returns the same bytes with another ticket, which says what they pay for.
fn with_ticket(payment: &PaymentPayload, (ticket, quote): &(Ticket, Quote)) -> PaymentPayload {
    PaymentPayload { accepted: quote.accepted(ticket), payload: payment.payload.clone() }
}

fn as_v1(payment: &PaymentPayload) -> PaymentPayload {
    PaymentPayload { accepted: Accepted::V1, payload: payment.payload.clone() }
}

/// Returns the bytes with another signature of the fee payer: another transaction with the same message.
fn resigned_by_fee_payer(payment: &PaymentPayload) -> PaymentPayload {
    let mut transaction = Transaction::decode(payment.transaction()).unwrap();
    transaction.signatures[0] = [7; 64];
    PaymentPayload { payload: Payload::SvmExact(transaction.encode().unwrap()), ..payment.clone() }
}

/// Returns an honest payment whose message was changed, and which its payer has signed again.
pub(super) fn doctored(world: &World, who: u8, change: impl FnOnce(&mut Message)) -> PaymentPayload {
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let honest = world.pay(who, &ticket, &quote);
    let mut transaction = Transaction::decode(honest.transaction()).unwrap();
    change(&mut transaction.message);
    transaction.message_bytes = transaction.message.encode().unwrap();
    transaction.signatures[1] = keys::numbered(who).sign(&transaction.message_bytes).to_bytes();
    PaymentPayload { payload: Payload::SvmExact(transaction.encode().unwrap()), ..honest }
}

/// Checks that a payment is refused with this reason before anything was written or sent.
pub(super) fn assert_refused(payment: &PaymentPayload, world: &World, reason: &str) {
    assert_eq!(refusal(world.buy("door-1", ACCESS, payment)), reason);
    assert_eq!((world.count("journal"), world.sends.get(), world.charged()), (0, 0, 0), "{reason}");
}

/// Returns all that a thief can make of another buyer's bytes, and where it can show them.
fn disguises(world: &World, bytes: &PaymentPayload, own: &Operation) -> Vec<PaymentPayload> {
    let fresh = |asset, operation: &Operation| world.ticket(asset, operation.clone(), 1);
    let mut all = vec![
        without_ticket(bytes),
        without_ticket(&resigned_by_fee_payer(bytes)),
        as_v1(bytes),
        as_v1(&resigned_by_fee_payer(bytes)),
    ];
    for ticket in [fresh("door-1", &ACCESS), fresh("door-2", &ACCESS), fresh("door-2", own)] {
        all.push(with_ticket(bytes, &ticket));
    }
    all
}

pub(super) fn assert_nothing_to_steal(world: &World, bytes: &PaymentPayload, own: &Operation) {
    let before = (world.charged(), world.count("session"), world.count("journal"));
    for disguise in disguises(world, bytes, own) {
        for (asset, operation) in [("door-1", ACCESS), ("door-2", ACCESS), ("door-2", own.clone())] {
            let outcome = world.buy(asset, operation.clone(), &disguise);
            assert!(used(&outcome), "{asset} {operation:?} {:?}: {outcome:?}", disguise.accepted);
        }
    }
    assert_eq!((world.charged(), world.count("session"), world.count("journal")), before);
}

/// Returns a world in which the thief has its own session in the second door.
pub(super) fn with_thief() -> (World, Operation) {
    let world = World::new();
    let (own, _) = world.bought(THIEF, "door-2", 100);
    let own = extend(&own.session.session.id);
    (world, own)
}

#[test]
fn landed_bytes_are_worth_nothing_in_any_disguise_inv_1() {
    let (world, own) = with_thief();
    let (bought, access) = world.bought(VICTIM, "door-1", 1);
    let operation = extend(&bought.session.session.id);
    let (ticket, quote) = world.ticket("door-1", operation.clone(), 1);
    let extension = world.pay(VICTIM, &ticket, &quote);
    sold(world.buy("door-1", operation, &extension));
    assert_nothing_to_steal(&world, &access, &own);
    assert_nothing_to_steal(&world, &extension, &own);
    // Nor after the session's end.
    world.advance(600_000);
    world.step();
    assert_nothing_to_steal(&world, &access, &own);
}

#[test]
fn landed_v1_bytes_are_worth_nothing_in_any_disguise_inv_1() {
    let (world, own) = with_thief();
    let payment = world.pay_v1(VICTIM, 10_000);
    sold(world.buy("door-1", ACCESS, &payment));
    assert_nothing_to_steal(&world, &payment, &own);
}

#[test]
fn a_payment_signed_for_a_ticket_buys_nothing_from_who_shows_it_without_one_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(VICTIM, &ticket, &quote);
    for door in ["door-1", "door-2"] {
        let stolen = world.buy(door, ACCESS, &as_v1(&payment));
        assert_eq!(refusal(stolen), "invalid_exact_svm_payload_memo_mismatch", "{door}");
    }
    assert_eq!((world.charged(), world.count("journal")), (0, 0));
    sold(world.buy("door-1", ACCESS, &payment));
}

#[test]
fn bytes_in_flight_are_worth_nothing_in_any_disguise_inv_1_3() {
    let (world, own) = with_thief();
    world.chain.set(Chain::ShownFrom(START + 100_000));
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(VICTIM, &ticket, &quote);
    assert!(matches!(world.buy("door-1", ACCESS, &payment), Some(Ok(Sale::Pending(_)))));
    assert_nothing_to_steal(&world, &payment, &own);
    world.advance(100_000);
    sold(world.buy("door-1", ACCESS, &payment));
}

#[test]
fn what_was_settled_elsewhere_first_buys_nothing_of_any_kind_inv_1() {
    let (world, own) = with_thief();
    let charged = world.charged();
    let (ticket, quote) = world.ticket("door-2", own.clone(), 1);
    let cases = [
        ("door-1", ACCESS, world.pay_v1(THIEF, 10_000)),
        ("door-2", own.clone(), world.pay(THIEF, &ticket, &quote)),
        ("door-2", own, world.pay_v1(THIEF, 10_000)),
    ];
    for (asset, operation, payment) in cases {
        world.land(&payment);
        let before = (world.count("journal"), world.sends.get());
        assert!(used(&world.buy(asset, operation.clone(), &payment)), "{operation:?}");
        assert_eq!((world.count("journal"), world.sends.get()), before);
    }
    assert_eq!(world.charged(), charged + 3, "what was landed behind our back");
}

#[test]
fn two_payments_for_one_ticket_at_the_same_moment_charge_one_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payments = [1, 2, 1].map(|who| world.pay(who, &ticket, &quote));
    let outcomes = at_once(&world, &payments.each_ref().map(|payment| ("door-1", ACCESS, payment)));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!((world.charged(), world.count("session"), world.count("payment")), (1, 1, 1));

    // For an extension a session is running, so its claim does not keep others out.
    let (own, _) = world.bought(3, "door-2", 5);
    let operation = extend(&own.session.session.id);
    let (ticket, quote) = world.ticket("door-2", operation.clone(), 1);
    let payments = [4, 5].map(|who| world.pay(who, &ticket, &quote));
    let outcomes = at_once(&world, &payments.each_ref().map(|p| ("door-2", operation.clone(), p)));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!((world.charged(), world.count("session"), world.count("payment")), (3, 2, 3));
}

#[test]
fn a_quote_answered_while_another_payment_for_it_is_made_ready_charges_one_inv_1() {
    let (world, own) = with_thief();
    let (ticket, quote) = world.ticket("door-2", own.clone(), 1);
    let payments = [THIEF, VICTIM].map(|who| world.pay(who, &ticket, &quote));
    // The query for the first payment takes so long that the second one is sold in the meantime.
    world.slow_first.set(Some(8_000));
    let outcomes = at_once(&world, &payments.each_ref().map(|p| ("door-2", own.clone(), p)));
    assert!(matches!(outcomes.as_slice(), [Err(SaleError::QuoteUsed), Ok(Sale::Sold(_))]), "{outcomes:?}");
    assert_eq!((world.charged(), world.count("payment")), (2, 2));
}

#[test]
fn a_v1_payment_for_a_door_and_an_extension_at_once_buys_one_inv_1() {
    let (world, own) = with_thief();
    let payment = world.pay_v1(THIEF, 10_000);
    let outcomes = at_once(&world, &[("door-1", ACCESS, &payment), ("door-2", own, &payment)]);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!((world.charged(), world.count("payment")), (2, 2));
}

#[test]
fn a_ticket_altered_in_any_bit_buys_nothing_before_and_fetches_nothing_after_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(VICTIM, &ticket, &quote);
    let altered: Vec<PaymentPayload> = (0..ticket.as_str().len() * 8)
        .filter_map(|bit| {
            let mut bytes = ticket.as_str().as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            String::from_utf8(bytes).ok()
        })
        .map(|text| with_ticket(&payment, &(Ticket::from_text(&text), quote.clone())))
        .collect();
    assert_eq!(altered.len(), ticket.as_str().len() * 7, "all but what is no text");
    for payment in &altered {
        assert_refused(payment, &world, "ticket_invalid");
    }
    sold(world.buy("door-1", ACCESS, &payment));
    for payment in &altered {
        assert!(used(&world.buy("door-1", ACCESS, payment)));
    }
    assert_eq!((world.charged(), world.count("session")), (1, 1));
}

#[test]
fn a_ticket_of_another_merchant_network_generation_asset_or_key_buys_nothing_inv_1() {
    let world = World::new();
    let config = &world.deployment.config;
    let changes: [fn(&mut Quote); 2] =
        [|q| q.generation = 1, |q| q.asset = crate::ids::AssetId::parse("door-2").unwrap()];
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let pay = |ticket: Ticket| world.pay(THIEF, &ticket, &quote);
    for change in changes {
        let mut other = quote.clone();
        change(&mut other);
        let ticket = other.seal(&world.deployment.keys, config).unwrap();
        assert_refused(&pay(ticket), &world, "ticket_mismatch");
    }
    let elsewhere: [fn(&mut crate::config::Config); 2] =
        [|c| c.merchant.id = "other".to_owned(), |c| c.network = Network::Mainnet];
    for change in elsewhere {
        let mut other = config.clone();
        change(&mut other);
        let ticket = quote.seal(&world.deployment.keys, &other).unwrap();
        assert_refused(&pay(ticket), &world, "ticket_invalid");
    }
    let strange = KeyRing::new(&Secret::new([8; 32]), None);
    assert_refused(&pay(quote.seal(&strange, config).unwrap()), &world, "ticket_invalid");
    // A code made with another key of this gateway is not valid either.
    let keys = &world.deployment.keys;
    let bytes = crate::encoding::from_base64url(ticket.as_str()).unwrap();
    let (signed, _) = bytes.split_at(bytes.len() - 16);
    let code = keys.sign_in().code(&[signed]);
    let forged = crate::encoding::base64url(&[signed, &code].concat());
    assert_refused(&pay(Ticket::from_text(forged)), &world, "ticket_invalid");
}

#[test]
fn a_transaction_that_pays_somebody_else_buys_nothing_whatever_accepted_says_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let memo = quote.memo(&world.deployment.keys);
    let honest = Transfer {
        fee_payer: keys::address(&keys::fee_payer()),
        pay_to: quote.exact().pay_to,
        mint: quote.exact().token.mint,
        decimals: 6,
        program: TokenProgram::Spl,
        amount: quote.amount,
        blockhash: [3; 32],
        memo: Some(memo.as_str()),
    };
    let stranger = keys::address(&keys::numbered(9));
    let reason = |end: &str| format!("invalid_exact_svm_payload_{end}");
    // The memo of another quote of the same price: its payer has signed for that one.
    let other = Quote { nonce: [9; 12], ..quote.clone() };
    let other_memo = other.memo(&world.deployment.keys);
    let one = Amount::new(1);
    let cases = [
        (Transfer { pay_to: stranger, ..honest.clone() }, reason("recipient_mismatch")),
        (Transfer { mint: stranger, ..honest.clone() }, reason("mint_mismatch")),
        (Transfer { program: TokenProgram::Token2022, ..honest.clone() }, reason("mint_mismatch")),
        (Transfer { amount: one, ..honest.clone() }, reason("amount_mismatch")),
        (Transfer { memo: Some(other_memo.as_str()), ..honest.clone() }, reason("memo_mismatch")),
        (
            Transfer { fee_payer: stranger, ..honest.clone() },
            "invalid_exact_svm_fee_payer_not_managed_by_facilitator".to_owned(),
        ),
    ];
    for (transfer, reason) in cases {
        let transaction = transfer.sign(&keys::numbered(THIEF)).unwrap().encode().unwrap();
        let payment =
            PaymentPayload { payload: Payload::SvmExact(transaction), ..world.pay(THIEF, &ticket, &quote) };
        assert_refused(&payment, &world, &reason);
    }
}

#[test]
fn a_quote_cheaper_by_its_echo_is_still_the_ticket_s_price_inv_6() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 100);
    let cheap = Quote { amount: Amount::new(10_000), ..quote.clone() };
    // The price of one minute is paid and echoed, but the ticket is for a hundred.
    let payment = world.pay(THIEF, &ticket, &cheap);
    assert_refused(&payment, &world, "invalid_exact_svm_payload_amount_mismatch");
    // The ticket's price is echoed, but that of one minute is paid.
    let payment = with_ticket(&payment, &(ticket, quote));
    assert_refused(&payment, &world, "invalid_exact_svm_payload_amount_mismatch");
}
