//! Honest sales, repeats, and ways to get a session without paying for it.

use super::{at_once, request};
use crate::gateway::{BuyRequest, Gateway, Sale, SaleError};
use crate::ports::Clock as _;
use crate::quote::{Operation, Quote, Ticket};
use crate::session::Reject;
use crate::testkit::gateway::{extend, sold};
use crate::testkit::platform::Platform;
use crate::testkit::world::{Chain, START, World};
use crate::time::Timestamp;
use crate::x402::{Accepted, PaymentPayload};

pub(super) const ACCESS: Operation = Operation::Access;

pub(super) fn refusal(outcome: Option<Result<Sale, SaleError>>) -> &'static str {
    match outcome {
        Some(Err(SaleError::Refused { reason, .. })) => reason,
        other => panic!("expected a refusal: {other:?}"),
    }
}

/// Returns a v2 payment without its ticket, which anyone can make from a landed transaction.
pub(super) fn without_ticket(payment: &PaymentPayload) -> PaymentPayload {
    let mut stripped = payment.clone();
    if let Accepted::V2 { ticket, .. } = &mut stripped.accepted {
        *ticket = None;
    }
    stripped
}

#[test]
fn a_payment_becomes_a_session_and_an_order_to_unlock_inv_1_2() {
    let world = World::new();
    let (sold, _) = world.bought(1, "door-1", 3);
    let session = &sold.session.session;
    assert_eq!(session.ends_at().unwrap().millis_since(session.starts_at), 180_000);
    assert_eq!(world.unlocked_until("door-1"), session.ends_at());
    assert_eq!(world.unlocked_until("door-2"), None);
    assert_eq!((world.charged(), world.count("session"), world.count("payment")), (1, 1, 1));
}

#[test]
fn a_repeat_with_the_ticket_gets_the_same_session_even_after_its_end_inv_1() {
    let world = World::new();
    let (_, payment) = world.bought(1, "door-1", 1);
    world.work_devices();
    let first = sold(world.buy("door-1", ACCESS, &payment));
    for wait in [0, 30_000, 60_000, 400_000] {
        world.advance(wait);
        world.step();
        let again = sold(world.buy("door-1", ACCESS, &payment));
        assert_eq!(again.session.session, first.session.session);
    }
    assert_eq!((world.charged(), world.sends.get(), world.count("session")), (1, 1, 1));
}

#[test]
fn the_bytes_of_a_landed_payment_fetch_nothing_inv_1() {
    let world = World::new();
    let (_, payment) = world.bought(1, "door-1", 1);
    let (fresh, quote) = world.ticket("door-1", ACCESS, 1);
    let with_fresh_ticket = PaymentPayload { accepted: quote.accepted(&fresh), ..payment.clone() };
    let as_v1 = PaymentPayload { accepted: Accepted::V1, ..payment.clone() };
    for thief in [&without_ticket(&payment), &with_fresh_ticket, &as_v1] {
        for asset in ["door-1", "door-2"] {
            let outcome = world.buy(asset, ACCESS, thief);
            assert!(matches!(outcome, Some(Err(SaleError::AlreadyUsed))), "{outcome:?}");
        }
    }
    // The ticket itself is of no use elsewhere.
    let session = crate::ids::SessionId::from_bytes([1; 16]);
    for (asset, operation) in [("door-2", ACCESS), ("door-1", extend(&session))] {
        let outcome = world.buy(asset, operation, &payment);
        assert!(matches!(outcome, Some(Err(SaleError::AlreadyUsed))), "{outcome:?}");
    }
    assert_eq!((world.charged(), world.count("session")), (1, 1));
}

#[test]
fn a_transaction_settled_elsewhere_buys_nothing_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(1, &ticket, &quote);
    world.land(&payment);
    let outcome = world.buy("door-1", ACCESS, &payment);
    assert!(matches!(outcome, Some(Err(SaleError::AlreadyUsed))), "{outcome:?}");
    assert_eq!((world.count("journal"), world.sends.get()), (0, 0));
}

#[test]
fn what_lands_while_it_is_made_ready_is_found_and_not_sent_again_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(1, &ticket, &quote);
    let platform = Platform::new(&world);
    let gateway = Gateway::new(&world.deployment, &platform);
    // The node has answered that the chain would accept the payment, and the answer is on its way.
    world.slow_first.set(Some(100));
    let repeat = async {
        world.sleep(50).await;
        world.land(&payment);
        request(&world, &gateway, "door-1", ACCESS, &payment, 100).await
    };
    let outcomes =
        world.run_all(vec![request(&world, &gateway, "door-1", ACCESS, &payment, 0), Box::pin(repeat)]);
    let [first, again] = <[_; 2]>::try_from(outcomes).unwrap().map(sold);
    assert_eq!(first.session.session.id, again.session.session.id);
    assert_eq!((world.charged(), world.count("session"), world.sends.get()), (1, 1, 0));
}

#[test]
fn two_payments_for_one_ticket_charge_one_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    sold(world.buy("door-1", ACCESS, &world.pay(1, &ticket, &quote)));
    world.advance(61_000);
    world.step();
    for who in [1, 2] {
        let outcome = world.buy("door-1", ACCESS, &world.pay(who, &ticket, &quote));
        assert!(matches!(outcome, Some(Err(SaleError::QuoteUsed))), "{outcome:?}");
    }
    assert_eq!((world.charged(), world.prepares.get()), (1, 1), "the chain is asked for nobody else");
}

#[test]
fn fifty_sends_of_one_payment_at_once_make_one_session_and_fifty_same_answers_inv_1() {
    for chain in [Chain::Prompt, Chain::LandsButErrs, Chain::ShownFrom(START + 12_000)] {
        let world = World::new();
        world.chain.set(chain);
        let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
        let payment = world.pay(1, &ticket, &quote);
        let outcomes = at_once(&world, &vec![("door-1", ACCESS, &payment); 50]);
        let sessions: Vec<_> =
            outcomes.into_iter().map(|outcome| sold(Some(outcome)).session.session.id).collect();
        assert!(sessions.iter().all(|id| *id == sessions[0]));
        assert_eq!((world.charged(), world.count("session"), world.count("payment")), (1, 1, 1));
    }
}

#[test]
fn what_has_bought_something_is_not_brought_before_the_chain_again_inv_1() {
    let world = World::new();
    let payment = world.pay_v1(1, 10_000);
    sold(world.buy("door-1", ACCESS, &payment));
    // The door is free again, and no ticket tells that the payment was used.
    world.advance(61_000);
    world.step();
    let outcome = world.buy("door-1", ACCESS, &payment);
    assert!(matches!(outcome, Some(Err(SaleError::AlreadyUsed))), "{outcome:?}");
    assert_eq!((world.charged(), world.prepares.get()), (1, 1));
}

#[test]
fn a_repeat_that_the_chain_has_refused_meanwhile_gets_the_session_all_the_same_inv_1() {
    let world = World::new();
    world.fund(1, 10_000);
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(1, &ticket, &quote);
    // Neither is claimed when both arrive. One of them learns of the balance only after the other has spent it.
    world.slow_first.set(Some(5_000));
    let outcomes = at_once(&world, &vec![("door-1", ACCESS, &payment); 2]);
    let sessions: Vec<_> =
        outcomes.into_iter().map(|outcome| sold(Some(outcome)).session.session.id).collect();
    assert_eq!(sessions[0], sessions[1]);
    assert_eq!((world.charged(), world.prepares.get(), world.count("session")), (1, 2, 1));
}

#[test]
fn a_hundred_payers_of_one_door_at_once_charge_one_inv_1() {
    let world = World::new();
    let payments: Vec<_> = (1..=100)
        .map(|who| {
            let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
            world.pay(who, &ticket, &quote)
        })
        .collect();
    let outcomes = at_once(&world, &payments.iter().map(|p| ("door-1", ACCESS, p)).collect::<Vec<_>>());
    let (sold, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((sold.len(), refused.len(), world.charged()), (1, 99, 1));
    assert!(refused.iter().all(|r| matches!(r, Err(SaleError::Rejected(Reject::Busy { .. })))));
}

#[test]
fn a_v1_payment_sent_to_two_doors_at_once_opens_one_inv_1() {
    let world = World::new();
    let payment = world.pay_v1(1, 10_000);
    let outcomes = at_once(&world, &[("door-1", ACCESS, &payment), ("door-2", ACCESS, &payment)]);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!((world.charged(), world.count("session")), (1, 1));
    // Its repeats are public bytes, which bring nobody the session.
    for asset in ["door-1", "door-2"] {
        let outcome = world.buy(asset, ACCESS, &payment);
        assert!(matches!(outcome, Some(Err(SaleError::AlreadyUsed))), "{outcome:?}");
    }
}

#[test]
fn a_v1_payment_must_be_the_present_price_inv_6() {
    let world = World::new();
    let reason = refusal(world.buy("door-1", ACCESS, &world.pay_v1(1, 9_999)));
    assert_eq!(reason, "invalid_exact_svm_payload_amount_mismatch");
    assert_eq!(world.count("journal"), 0);
}

#[test]
fn what_accepted_says_has_to_be_what_was_offered_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let other = crate::testkit::keys::address(&crate::testkit::keys::numbered(9));
    let changes: [fn(&mut Quote, crate::svm::Address); 3] = [
        |q, _| q.amount = crate::money::Amount::new(1),
        |q, other| q.exact_mut().token.mint = other,
        |q, other| q.exact_mut().pay_to = other,
    ];
    for change in changes {
        let mut echoed = quote.clone();
        change(&mut echoed, other);
        let mut payment = world.pay(1, &ticket, &quote);
        payment.accepted = echoed.accepted(&ticket);
        assert!(refusal(world.buy("door-1", ACCESS, &payment)).ends_with("_mismatch"));
    }
    assert_eq!(world.count("journal"), 0);
}

#[test]
fn tickets_are_worth_nothing_for_anything_else_or_after_their_time_inv_1() {
    let world = World::new();
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(1, &ticket, &quote);
    assert_eq!(refusal(world.buy("door-2", ACCESS, &payment)), "ticket_mismatch");
    let session = crate::ids::SessionId::from_bytes([1; 16]);
    assert_eq!(refusal(world.buy("door-1", extend(&session), &payment)), "ticket_mismatch");
    assert_eq!(refusal(world.buy("door-1", ACCESS, &without_ticket(&payment))), "ticket_missing");
    let forged = PaymentPayload { accepted: quote.accepted(&Ticket::from_text("a.b.c")), ..payment.clone() };
    assert_eq!(refusal(world.buy("door-1", ACCESS, &forged)), "ticket_invalid");
    world.advance(300_000);
    assert_eq!(refusal(world.buy("door-1", ACCESS, &payment)), "quote_expired");
    assert_eq!((world.count("journal"), world.charged()), (0, 0));
}

#[test]
fn an_extension_moves_the_end_by_exactly_what_was_bought_inv_6() {
    let world = World::new();
    let (first, _) = world.bought(1, "door-1", 1);
    let id = first.session.session.id.clone();
    world.advance(10_000);
    let (ticket, quote) = world.ticket("door-1", extend(&id), 2);
    let payment = world.pay(1, &ticket, &quote);
    let longer = sold(world.buy("door-1", extend(&id), &payment));
    let (before, after) = (&first.session.session, &longer.session.session);
    assert_eq!(
        (&after.id, after.ends_at().unwrap().millis_since(before.ends_at().unwrap())),
        (&before.id, 120_000)
    );
    assert_eq!((after.purchase.quantity, after.purchase.price.amount.atomic()), (3, 30_000));
    assert!(longer.session.session.grant > first.session.session.grant);
    assert_eq!(world.unlocked_until("door-1"), after.ends_at());
    // A repeat moves no money again.
    assert_eq!(sold(world.buy("door-1", extend(&id), &payment)).session.session, *after);
    // An extension of a session that is over is refused before any money moves.
    world.advance(300_000);
    let (ticket, quote) = world.ticket("door-1", extend(&id), 1);
    let outcome = world.buy("door-1", extend(&id), &world.pay(1, &ticket, &quote));
    assert!(matches!(outcome, Some(Err(SaleError::Rejected(Reject::SessionOver)))), "{outcome:?}");
    assert_eq!(world.charged(), 2);
}

#[test]
fn a_payment_without_an_answer_is_pending_and_never_given_up_before_it_is_dead_inv_3() {
    let world = World::new();
    world.chain.set(Chain::ShownFrom(START + 50_000));
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(1, &ticket, &quote);
    let outcome = world.buy("door-1", ACCESS, &payment);
    assert!(matches!(outcome, Some(Ok(Sale::Pending(_)))), "{outcome:?}");
    let waited = world.now().millis_since(Timestamp::from_millis(START));
    assert!((30_000..33_000).contains(&waited), "{waited}");
    // No other buyer gets the door in the meantime, and in the end the repeat gets it.
    let (other, price) = world.ticket("door-1", ACCESS, 1);
    let outcome = world.buy("door-1", ACCESS, &world.pay(2, &other, &price));
    assert!(matches!(outcome, Some(Err(SaleError::Rejected(Reject::Busy { .. })))), "{outcome:?}");
    let session = sold(world.buy("door-1", ACCESS, &payment)).session.session;
    assert!(session.starts_at >= Timestamp::from_millis(START + 50_000), "paid time begins with the grant");
    assert_eq!(world.charged(), 1);
}

#[test]
fn a_payment_that_can_not_land_any_more_is_purged_and_nobody_was_charged_inv_2_3() {
    let world = World::new();
    world.chain.set(Chain::Drops);
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(1, &ticket, &quote);
    assert!(matches!(world.buy("door-1", ACCESS, &payment), Some(Ok(Sale::Pending(_)))));
    while world.count("payment") == 1 {
        world.step();
        world.advance(2_000);
        assert!(world.now() < Timestamp::from_millis(START + 200_000), "it is given up in the end");
    }
    // A block takes 0.4 s here. The payment is dead only after 150 blocks and the finality lag.
    assert!(world.now() > Timestamp::from_millis(START + 182 * 400));
    assert_eq!((world.charged(), world.count("session")), (0, 0));
    assert!(world.sends.get() > 10, "the same bytes were sent again and again");
    // A payment that never landed has cost the fee payer nothing.
    assert_eq!([world.spent_of("newcomers"), world.spent_of("unprofitable")], [0, 0]);
    world.chain.set(Chain::Prompt);
    world.bought(2, "door-1", 1);
}

#[test]
fn a_no_wait_repeat_of_a_pending_payment_is_answered_at_once_inv_3() {
    let world = World::new();
    world.chain.set(Chain::ShownFrom(START + 60_000));
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let payment = world.pay(1, &ticket, &quote);
    assert!(matches!(world.buy("door-1", ACCESS, &payment), Some(Ok(Sale::Pending(_)))));
    let platform = Platform::new(&world);
    let gateway = Gateway::new(&world.deployment, &platform);
    let asset = &world.asset("door-1").id;
    let buy = BuyRequest { no_wait: true, ..BuyRequest::new(asset, ACCESS, &payment) };
    let before = world.now();
    let outcome = world.run(gateway.buy(&buy)).unwrap();
    assert!(matches!(outcome, Ok(Sale::Pending(_))), "{outcome:?}");
    assert_eq!(world.now(), before);
}

#[test]
fn extensions_come_one_at_a_time_and_only_while_the_session_runs() {
    let world = World::new();
    let (first, _) = world.bought(1, "door-1", 2);
    let id = first.session.session.id;
    world.advance(45_000);
    world.chain.set(Chain::Drops);
    let try_extend = |who| {
        let (ticket, quote) = world.ticket("door-1", extend(&id), 1);
        world.buy("door-1", extend(&id), &world.pay(who, &ticket, &quote)).unwrap()
    };
    assert!(matches!(try_extend(1), Ok(Sale::Pending(_))));
    let outcome = try_extend(2);
    assert!(matches!(outcome, Err(SaleError::Rejected(Reject::Busy { .. }))), "{outcome:?}");
    // The paid time is over now, and the first extension is still in flight.
    world.advance(60_000);
    let outcome = try_extend(3);
    assert!(matches!(outcome, Err(SaleError::Rejected(Reject::SessionOver))), "{outcome:?}");
}

#[test]
fn a_payer_whose_payments_keep_failing_has_to_wait() {
    let world = World::new();
    world.chain.set(Chain::Drops);
    for _ in 0..3 {
        let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
        assert!(world.buy("door-1", ACCESS, &world.pay(1, &ticket, &quote)).unwrap().is_ok());
        world.advance(60_000);
        world.step();
        assert_eq!(world.count("payment"), 0, "it is dead and forgotten");
    }
    let (ticket, quote) = world.ticket("door-1", ACCESS, 1);
    let outcome = world.buy("door-1", ACCESS, &world.pay(1, &ticket, &quote));
    assert!(matches!(outcome, Some(Err(SaleError::Rejected(Reject::BackOff { .. })))), "{outcome:?}");
    // Others do not have to wait.
    world.chain.set(Chain::Prompt);
    world.bought(2, "door-1", 1);
}
