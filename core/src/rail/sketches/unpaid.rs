//! A purchase without a payment: nothing is charged, and a session is granted once for each ticket.
//!
//! The buyer is given a ticket with the price zero, and gets the session by showing it. There is no payer, no account,
//! no fee, and nothing to wait for.
//!
//! What was added for it:
//!
//! * In `x402/`: `Method::Unpaid`, which `Method::all` lists; `Extra::Unpaid`; `Payload::Unpaid`. Nothing arrives
//!   except the ticket, which is in the envelope.
//! * `rail::Offered::Unpaid`: a quote that names no payee. `Offered::all` lists it where it is offered.
//! * `rail::Presented`, `Expected` and `Verified`: one variant each, with an arm in each method, and this file. The
//!   payment's id follows from the ticket, so the claim takes each ticket once. `source` and `fee` are `None`.
//! * `session::Rail::Unpaid` and `Landing::Unpaid`: nothing is kept. It holds nothing, so nothing has to cover it.
//! * A `Settlement`, which is [`Gift`] here. It knows the outcome at once.

use serde_json::{Value, json};

use super::{NO_TICKET, Platform, accepted, names, quoted, seal};
use crate::encoding::base64;
use crate::error::SettleError;
use crate::gateway::{Sale, SaleError};
use crate::ids::PaymentId;
use crate::money::Amount;
use crate::ports::{Claim, Effort, Found, Outcome, PrepareError, Prepared, Settlement, Submitted, Verified};
use crate::quote::{Quote, Ticket};
use crate::rail::{Offered, Priced, Refusal};
use crate::session::{Landing, Rail};
use crate::svm::{Address, RecentBlockhash};
use crate::testkit::world::World;
use crate::time::Timestamp;
use crate::x402::{self, Accepted, Extra, Method, Payload, PaymentPayload, PaymentRequirements};

/// Returns the ticket that a payment shows.
pub(crate) fn read(payment: &PaymentPayload) -> Result<Ticket, Refusal> {
    match &payment.accepted {
        Accepted::V2 { ticket: Some(ticket), .. } => Ok(ticket.clone()),
        _ => Err(NO_TICKET),
    }
}

/// Returns the id of the payment of nothing for this ticket. The text that is hashed is not a transaction's message.
pub(crate) fn id_of(ticket: &Ticket) -> PaymentId {
    PaymentId::of_message(format!("unpaid {}", ticket.as_str()).as_bytes())
}

/// The rail's number in tickets.
pub(crate) const NUMBER: u8 = 15;

/// The identifier of the network, although there is none.
pub(crate) const NETWORK: &str = "test:nothing";

/// Returns the offer as a 402 writes it.
pub(crate) fn offer(priced: Priced<'_>) -> PaymentRequirements {
    let [asset, pay_to] = names(&Offered::Unpaid);
    let Priced { amount, ticket, .. } = priced;
    PaymentRequirements { method: Method::Unpaid, amount, asset, pay_to, ticket, extra: Extra::Unpaid }
}

/// Accepts a ticket with the price zero, and no other.
pub(crate) fn verify(ticket: Ticket, amount: Amount) -> Result<Ticket, Refusal> {
    if amount == Amount::ZERO {
        return Ok(ticket);
    }
    Err(Refusal::new("not_for_nothing", "This ticket has a price. You were not charged. Pay the price."))
}

/// The settlement of purchases without a payment.
struct Gift<'w>(&'w World);

impl Settlement for Gift<'_> {
    fn fee_payers(&self) -> &[Address] {
        &self.0.fee_payers
    }

    fn recent_blockhash(&self, _: Timestamp) -> Option<RecentBlockhash> {
        None
    }

    async fn fetch_blockhash(&self, _: Timestamp) -> Result<RecentBlockhash, SettleError> {
        panic!("no blockhash is needed here")
    }

    async fn prepare(&self, _: &Verified, _: Timestamp) -> Result<Prepared, PrepareError> {
        Ok(Prepared { rail: Rail::Unpaid, balances: None })
    }

    async fn submit(&self, claim: &Claim) -> Result<Submitted, SettleError> {
        panic!("there is nothing to send: {claim:?}")
    }

    fn first_look_ms(&self) -> u64 {
        0
    }

    async fn outcome(&self, _: &Claim, _: Effort) -> Outcome {
        self.0.point().await;
        Outcome::Landed(Landing::Unpaid)
    }

    async fn find(&self, _: &Verified, _: Timestamp) -> Result<Option<Found>, SettleError> {
        Ok(None)
    }

    async fn health(&self) -> Result<(), SettleError> {
        Ok(())
    }
}

/// Returns a ticket for one minute at the first door at this price, shown as a payment of nothing.
fn shown(world: &World, amount: u64) -> PaymentPayload {
    let (_, quote) = quoted(world, Offered::Unpaid);
    let quote = Quote { amount: Amount::new(amount), ..quote };
    accepted(&seal(world, &quote), &quote, Payload::Unpaid)
}

#[test]
fn killed_anywhere_a_ticket_of_price_zero_is_one_session_and_charges_nobody_inv_1_2() {
    for n in 0.. {
        let world = World::new();
        let gift = Gift(&world);
        let payment = shown(&world, 0);
        world.blow_at(n);
        let done = Platform::new(&world, &gift).buy(&payment);
        let was_claimed = world.count("payment");
        world.advance(6_000);
        Platform::new(&world, &gift).recover().unwrap();
        assert_eq!(world.count("session"), was_claimed, "killed at {n}");
        let mut sessions = Vec::new();
        for _ in 0..3 {
            let Some(Ok(Sale::Sold(sold))) = Platform::new(&world, &gift).buy(&payment) else {
                panic!("killed at {n}")
            };
            assert_eq!((sold.payment.transaction, &sold.session.session.transaction), (None, &None));
            sessions.push(sold.session.session.id);
        }
        sessions.dedup();
        assert_eq!(
            (sessions.len(), world.count("session"), world.count("payment")),
            (1, 1, 1),
            "killed at {n}"
        );
        assert_eq!(
            (world.charged(), world.spent_of("newcomers"), world.count("in_flight")),
            (0, 0, 0),
            "killed at {n}"
        );
        if done.is_some() {
            assert!(n >= 5, "two appends have each a before and a behind: {n}");
            break;
        }
    }
}

#[test]
fn a_ticket_with_a_price_buys_nothing_without_a_payment_inv_1() {
    let world = World::new();
    let gift = Gift(&world);
    let outcome = Platform::new(&world, &gift).buy(&shown(&world, 1));
    let Some(Err(SaleError::Refused { reason, .. })) = outcome else { panic!("{outcome:?}") };
    assert_eq!((reason, world.count("journal")), ("not_for_nothing", 0));
}

#[test]
fn over_http_a_ticket_of_price_zero_is_bought_with_once_and_one_with_a_price_not_inv_1() {
    let mut world = World::new();
    world.deployment.config.merchant.sketches = true;
    let gift = Gift(&world);
    let show = |entry: &Value| {
        let paid = json!({"x402Version": 2, "accepted": entry, "payload": {}});
        let header = base64(paid.to_string().as_bytes());
        let answer = Platform::new(&world, &gift).ask(&[(x402::PAYMENT_SIGNATURE, &header)]);
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        (answer.status, body["error"].clone(), body["sessionId"].clone())
    };
    // What a 402 offers has a price. This buyer was given the same for nothing.
    let mut entry = Platform::new(&world, &gift).offer_on(NETWORK);
    assert_eq!(show(&entry), (402, json!("not_for_nothing"), Value::Null));
    let Accepted::V2 { ticket: Some(ticket), .. } = shown(&world, 0).accepted else { panic!("no ticket") };
    (entry["amount"], entry["extra"]["ticket"]) = (json!("0"), json!(ticket.as_str()));
    let first = show(&entry);
    assert_eq!((first.0, show(&entry)), (200, first.clone()));
    assert_eq!((world.charged(), world.count("session")), (0, 1));
}

#[test]
fn a_ticket_that_was_used_lets_nobody_in_after_its_session_inv_1() {
    let world = World::new();
    let gift = Gift(&world);
    let payment = shown(&world, 0);
    assert!(matches!(Platform::new(&world, &gift).buy(&payment), Some(Ok(Sale::Sold(_)))));
    world.advance(60_000);
    world.work_devices();
    // The repeat shows the session that is over, and nothing new.
    let Some(Ok(Sale::Sold(sold))) = Platform::new(&world, &gift).buy(&payment) else { panic!("a repeat") };
    assert!(sold.session.ended);
    assert_eq!((world.count("session"), world.unlocked_until("door-1")), (1, None));
}
