//! Buyers whose wallets and clients do not send the plain payment: no memo, their own memo, or guards.

use ed25519_dalek::Signer as _;

use super::at_once;
use super::sales::{ACCESS, refusal, without_ticket};
use crate::gateway::{Sale, SaleError};
use crate::ids::PaymentId;
use crate::svm::programs::LIGHTHOUSE;
use crate::svm::transaction::{Instruction, Transaction};
use crate::testkit::gateway::sold;
use crate::testkit::keys;
use crate::testkit::world::{Chain, World};
use crate::x402::{Payload, PaymentPayload};

/// What another payment in flight costs the fee payer, in lamports.
const FEE: u64 = 10_001;
/// The fee payer's balance in the test world after the payment's own fee, in lamports.
const BALANCE: u64 = 1_000_000_000;
/// The positions at which the builder puts these accounts.
const FEE_PAYER: u8 = 0;
const SOURCE: u8 = 2;

/// Returns a guard: the payer's token account has at least this amount.
fn amount_at_least(amount: u64) -> (u8, Vec<u8>) {
    (SOURCE, [&[10, 4, 1, 2][..], &amount.to_le_bytes(), &[4]].concat())
}

/// Returns a guard: the fee payer has at least this balance.
fn fee_payer_at_least(lamports: u64) -> (u8, Vec<u8>) {
    (FEE_PAYER, [&[6, 4, 1, 0][..], &lamports.to_le_bytes(), &[4]].concat())
}

/// Returns the payment with a guard after it, signed again by its payer.
fn guarded(payment: &PaymentPayload, who: u8, (account, data): (u8, Vec<u8>)) -> PaymentPayload {
    let mut transaction = Transaction::decode(payment.transaction()).unwrap();
    let message = &mut transaction.message;
    message.accounts.push(LIGHTHOUSE);
    message.readonly_unsigned += 1;
    let program = u8::try_from(message.accounts.len() - 1).unwrap();
    message.instructions.push(Instruction { program, accounts: vec![account], data });
    transaction.message_bytes = message.encode().unwrap();
    transaction.signatures[1] = keys::numbered(who).sign(&transaction.message_bytes).to_bytes();
    PaymentPayload { payload: Payload::SvmExact(transaction.encode().unwrap()), ..payment.clone() }
}

/// Returns a payment of `who` for a minute at this door, with this guard.
fn pay(world: &World, who: u8, door: &str, guard: (u8, Vec<u8>)) -> PaymentPayload {
    let (ticket, quote) = world.ticket(door, ACCESS, 1);
    guarded(&world.pay(who, &ticket, &quote), who, guard)
}

fn is_used(outcome: &Option<Result<Sale, SaleError>>) -> bool {
    matches!(outcome, Some(Err(SaleError::AlreadyUsed)))
}

fn signs_again(outcome: &Result<Sale, SaleError>) -> bool {
    matches!(outcome, Err(SaleError::Refused { reason: "sign_again", detail, .. }) if detail.contains("You were not charged."))
}

#[test]
fn a_payment_without_our_memo_buys_and_its_own_ticket_brings_it_back_inv_1() {
    for memo in [None, Some("a memo of the client's own"), Some("q")] {
        let world = World::new();
        let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
        let payment = world.pay_with_memo(1, &ticket, &quote, memo);
        let bought = sold(world.buy("door-1", ACCESS, &payment));
        for _ in 0..2 {
            world.advance(70_000);
            let again = sold(world.buy("door-1", ACCESS, &payment));
            assert_eq!(again.session.session.id, bought.session.session.id);
        }
        // The bytes are public by now. Only the ticket that was claimed with them is the buyer's.
        let (fresh, _) = world.ticket("door-1", ACCESS, 1);
        let with_fresh = PaymentPayload {
            payload: payment.payload.clone(),
            ..world.pay_with_memo(1, &fresh, &quote, memo)
        };
        assert!(is_used(&world.buy("door-1", ACCESS, &with_fresh)), "{memo:?}");
        assert!(is_used(&world.buy("door-1", ACCESS, &without_ticket(&payment))), "{memo:?}");
        assert_eq!((world.charged(), world.count("session")), (1, 1));
        world.audit_settled();
    }
}

#[test]
fn a_payment_without_our_memo_at_two_doors_at_once_opens_one_inv_1() {
    let world = World::new();
    let (first, quote) = world.ticket("door-1", ACCESS, 1);
    let (second, _) = world.ticket("door-2", ACCESS, 1);
    let at_first = world.pay_with_memo(1, &first, &quote, None);
    let at_second =
        PaymentPayload { payload: at_first.payload.clone(), ..world.pay_with_memo(1, &second, &quote, None) };
    let outcomes = at_once(&world, &[("door-1", ACCESS, &at_first), ("door-2", ACCESS, &at_second)]);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(SaleError::AlreadyUsed))), "{outcomes:?}");
    assert_eq!((world.charged(), world.count("session")), (1, 1));
    world.audit_settled();
}

#[test]
fn one_ticket_answers_one_payment_with_or_without_its_memo_inv_1() {
    for memos in [[None, None], [None, Some("own")]] {
        let world = World::new();
        let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
        let [one, other] = memos.map(|memo| world.pay_with_memo(1, &ticket, &quote, memo));
        sold(world.buy("door-1", ACCESS, &one));
        world.advance(70_000);
        assert!(matches!(world.buy("door-1", ACCESS, &other), Some(Err(SaleError::QuoteUsed))));
        let bound = world.pay(1, &ticket, &quote);
        assert!(matches!(world.buy("door-1", ACCESS, &bound), Some(Err(SaleError::QuoteUsed))));
        assert_eq!((world.charged(), world.count("session")), (1, 1));
    }
}

#[test]
fn a_session_is_named_by_its_payment_and_by_nobody_without_the_secret() {
    let world = World::new();
    let (bought, payment) = world.bought(1, "door-1", 1);
    let transaction = Transaction::decode(payment.transaction()).unwrap();
    let id = PaymentId::of_message(&transaction.message_bytes);
    assert_eq!(bought.session.session.id, world.deployment.keys.session_id(&id));
    assert!(!bought.session.session.id.as_str().contains(&id.as_str()[..32]));
}

#[test]
fn while_a_payment_with_a_guard_on_its_account_is_in_flight_no_other_leaves_that_account_inv_3() {
    let world = World::new();
    let plain = |door: &str| {
        let (ticket, quote) = world.ticket(door, ACCESS, 1);
        world.pay(1, &ticket, &quote)
    };
    let guarded = |door| pay(&world, 1, door, amount_at_least(1));
    let cases: [[PaymentPayload; 2]; 3] = [
        [guarded("door-1"), guarded("door-2")],
        [guarded("door-1"), plain("door-2")],
        [plain("door-1"), guarded("door-2")],
    ];
    for [one, other] in cases {
        let outcomes = at_once(&world, &[("door-1", ACCESS, &one), ("door-2", ACCESS, &other)]);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| signs_again(outcome)).count(), 1, "{outcomes:?}");
        // When it is signed again, it is accepted, and nothing of it counts against the payer.
        let free = if outcomes[0].is_ok() { "door-2" } else { "door-1" };
        sold(world.buy(free, ACCESS, &guarded(free)));
        assert_eq!((world.count("failure"), world.count("in_flight")), (0, 0));
        world.advance(70_000);
        world.step();
    }
    // Two payments without guards are sold at the same time, as before.
    let [one, other] = ["door-1", "door-2"].map(plain);
    let outcomes = at_once(&world, &[("door-1", ACCESS, &one), ("door-2", ACCESS, &other)]);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(world.bounced(), 0);
    world.audit_settled();
}

#[test]
fn one_payment_with_a_guard_on_the_fee_payer_is_in_flight_at_a_time_inv_3() {
    let world = World::with_doors(3);
    let floor = |who, door| pay(&world, who, door, fee_payer_at_least(BALANCE - FEE));
    let [one, other] = [floor(1, "door-1"), floor(2, "door-2")];
    let outcomes = at_once(&world, &[("door-1", ACCESS, &one), ("door-2", ACCESS, &other)]);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| signs_again(outcome)).count(), 1, "{outcomes:?}");
    let (who, door) = if outcomes[0].is_ok() { (2, "door-2") } else { (1, "door-1") };
    sold(world.buy(door, ACCESS, &floor(who, door)));
    assert_eq!((world.count("failure"), world.bounced()), (0, 0));
}

#[test]
fn a_guard_on_the_fee_payer_leaves_room_for_the_fees_in_flight_or_is_refused_inv_3() {
    let world = World::with_doors(3);
    world.chain.set(Chain::Drops);
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let pending = world.pay(1, &ticket, &quote);
    assert!(matches!(world.buy("door-1", ACCESS, &pending), Some(Ok(Sale::Pending(_)))));
    world.chain.set(Chain::Prompt);
    // One fee is in flight. A floor that leaves less than this fee is refused, to the last lamport.
    for floor in [BALANCE - FEE + 1, BALANCE, BALANCE + 1, u64::MAX] {
        let refused = world.buy("door-2", ACCESS, &pay(&world, 2, "door-2", fee_payer_at_least(floor)));
        assert!(signs_again(&refused.unwrap()), "{floor}");
    }
    assert_eq!((world.count("payment"), world.count("failure")), (1, 0), "nothing was claimed");
    sold(world.buy("door-2", ACCESS, &pay(&world, 2, "door-2", fee_payer_at_least(BALANCE - FEE))));
    // A payment without such a guard does not wait for another's guard.
    world.chain.set(Chain::Drops);
    let holds = pay(&world, 3, "door-3", fee_payer_at_least(BALANCE - FEE));
    assert!(matches!(world.buy("door-3", ACCESS, &holds), Some(Ok(Sale::Pending(_)))));
    world.advance(70_000);
    world.step();
    world.chain.set(Chain::Prompt);
    world.bought(4, "door-2", 1);
}

#[test]
fn a_guard_that_asks_for_more_than_the_fee_payer_has_is_refused_with_nothing_in_flight_inv_3() {
    let world = World::new();
    for floor in [BALANCE + 1, u64::MAX] {
        let refused = world.buy("door-1", ACCESS, &pay(&world, 1, "door-1", fee_payer_at_least(floor)));
        assert!(signs_again(&refused.unwrap()), "{floor}");
    }
    assert_eq!((world.count("journal"), world.sends.get()), (0, 0));
    sold(world.buy("door-1", ACCESS, &pay(&world, 1, "door-1", fee_payer_at_least(BALANCE))));
}

#[test]
fn each_fee_payer_of_several_is_taken_as_the_ticket_names_it_inv_1() {
    let mut world = World::new();
    let second = keys::address(&keys::numbered(100));
    world.fee_payers.insert(0, second);
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    assert_eq!(quote.exact().fee_payer, second);
    // The fee payer may be at another position than before.
    world.fee_payers.insert(0, keys::address(&keys::numbered(101)));
    // The builder of the test world signs with the other one.
    let wrong = world.pay(1, &ticket, &quote);
    let reason = refusal(world.buy("door-1", ACCESS, &wrong));
    assert_eq!(reason, "invalid_exact_svm_fee_payer_not_managed_by_facilitator");
    let mut transaction = Transaction::decode(wrong.transaction()).unwrap();
    transaction.message.accounts[0] = second;
    transaction.message_bytes = transaction.message.encode().unwrap();
    transaction.signatures[1] = keys::numbered(1).sign(&transaction.message_bytes).to_bytes();
    let right = PaymentPayload { payload: Payload::SvmExact(transaction.encode().unwrap()), ..wrong };
    sold(world.buy("door-1", ACCESS, &right));
    assert_eq!(world.texts("SELECT address FROM fee_payer"), [format!("Text(\"{second}\")")]);
    // x402 v1 does not name a fee payer, so any of the gateway's will do.
    world.advance(70_000);
    sold(world.buy("door-2", ACCESS, &world.pay_v1(2, 10_000)));
    assert_eq!(world.count("fee_payer"), 2);
}

#[test]
fn a_payment_without_a_ticket_has_one_of_our_fee_payers_or_is_refused_inv_1() {
    let world = World::new();
    let mut payment = world.pay_v1(1, 10_000);
    let mut transaction = Transaction::decode(payment.transaction()).unwrap();
    transaction.message.accounts[0] = keys::address(&keys::numbered(100));
    transaction.message_bytes = transaction.message.encode().unwrap();
    transaction.signatures[1] = keys::numbered(1).sign(&transaction.message_bytes).to_bytes();
    *payment.transaction_mut() = transaction.encode().unwrap();
    let reason = refusal(world.buy("door-1", ACCESS, &payment));
    assert_eq!(reason, "invalid_exact_svm_fee_payer_not_managed_by_facilitator");
    assert_eq!((world.prepares.get(), world.count("journal")), (0, 0), "the chain is not asked");
}

#[test]
fn an_account_that_others_may_spend_from_pays_only_for_who_has_bought_here_before() {
    let world = World::new();
    world.shared.set(true);
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(1, &ticket, &quote);
    assert_eq!(refusal(world.buy("door-1", ACCESS, &payment)), "source_not_exclusive");
    assert_eq!((world.count("journal"), world.sends.get()), (0, 0));
    world.shared.set(false);
    sold(world.buy("door-1", ACCESS, &payment));
    world.shared.set(true);
    world.bought(1, "door-2", 1);
}
