//! A rail that learns a payment's id after sending it.
//!
//! The payer signs an order to pay. The gateway's relayer hands the order in to the network and pays its fee. Only then
//! does the network tell the id under which it carries the order out. The network carries each order out once. Until
//! the id is known, the order may therefore be handed in again. Afterwards that would only cost another fee.
//!
//! What was added for it:
//!
//! * In `x402/`: `Method::LateId`, the scheme and the network by which a 402 offers it and a payment names it, which
//!   `Method::all` lists; `Extra::LateId` and its JSON, the nonce that the order has to name; `Payload::LateId` and its
//!   member in `Members`, the bytes that arrive.
//! * `rail::Offered::LateId`: what its quotes ask for. Here that is always the same, otherwise it would be written into
//!   the ticket. `Offered::all` lists it where it is offered.
//! * `rail::Presented`, `Expected` and `Verified`: one variant each, with an arm in each method, and this file.
//! * `session::Rail::LateId` and `Landing::LateId`: what is kept of a claimed payment. `Rail::may_be_sent_again` says
//!   when the order may be handed in again, and `Rail::holds` says what it holds.
//! * A `Settlement`, which is [`Network`] here. Its `submit` returns `Submitted::As` with the id, which the gateway
//!   stores at once.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use ed25519_dalek::{Signature, Signer as _, VerifyingKey};

use serde_json::{Value, json};

use super::{NO_TICKET, Platform, accepted, names, quoted};
use crate::encoding::{base64, from_base64, from_hex};
use crate::error::{SettleError, TransportError, TransportFault};
use crate::gateway::{Sale, SaleError};
use crate::ids::{AssetId, PaymentId};
use crate::money::Amount;
use crate::ports::{
    Balances, Claim, Effort, Outcome, PrepareError, Prepared, Settlement, Streams as _, Submitted, Verified,
};
use crate::quote::{Nonce, Operation, Quote, Ticket};
use crate::rail::{Offered, Priced, Refusal};
use crate::session::index::PaymentRecord;
use crate::session::{Command, Landing, LateId, Rail, decide};
use crate::svm::{Address, RecentBlockhash};
use crate::testkit::keys;
use crate::testkit::world::{Chain, START, World};
use crate::time::{Now, Timestamp};
use crate::x402::{self, Extra, Method, Payload, PaymentPayload, PaymentRequirements, SettlementResponse};

/// The rail's number in tickets.
pub(crate) const NUMBER: u8 = 14;

/// The network's identifier.
pub(crate) const NETWORK: &str = "test:late";

/// The highest fee that the relayer pays for an order.
pub(crate) const FEE: u64 = 700;

/// How long after the claim the network accepts an order, in milliseconds.
const VALID_MS: u64 = 60_000;

/// Refuses an order that its payer has not signed.
pub(crate) const UNSIGNED: Refusal = Refusal::of_no_payment(
    "late_signature",
    "The order is not signed by its payer. You were not charged. Sign the order.",
);

/// An order to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The payer's address, which is also the account.
    pub payer: Address,
    /// In atomic units.
    amount: Amount,
    /// The nonce of the quote that it answers.
    nonce: Nonce,
    /// The payer's signature over all of the above.
    signature: [u8; 64],
}

impl Order {
    fn sign(who: u8, amount: Amount, nonce: Nonce) -> Self {
        let key = keys::numbered(who);
        let mut order = Self { payer: keys::address(&key), amount, nonce, signature: [0; 64] };
        order.signature = key.sign(&order.message()).to_bytes();
        order
    }

    fn message(&self) -> Vec<u8> {
        [self.payer.as_bytes().as_slice(), &self.amount.atomic().to_le_bytes(), &self.nonce].concat()
    }

    fn bytes(&self) -> Vec<u8> {
        [self.message(), self.signature.to_vec()].concat()
    }

    /// Reads an order; refuses it unless all of its bytes fit the format.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        const UNREADABLE: Refusal = Refusal::of_no_payment(
            "late_order",
            "This is not an order. You were not charged. Send an order.",
        );
        let read = || {
            let (payer, rest) = bytes.split_first_chunk::<32>()?;
            let (amount, rest) = rest.split_first_chunk::<8>()?;
            let (nonce, rest) = rest.split_first_chunk::<12>()?;
            let signature = rest.try_into().ok()?;
            let amount = Amount::new(u64::from_le_bytes(*amount));
            Some(Self { payer: Address::new(*payer), amount, nonce: *nonce, signature })
        };
        read().ok_or(UNREADABLE)
    }

    /// Returns the hash of what is signed, so that an order with another signature is the same payment.
    pub(crate) fn id(&self) -> PaymentId {
        PaymentId::of_message(&self.message())
    }
}

/// Returns the offer as a 402 writes it.
pub(crate) fn offer(priced: Priced<'_>) -> PaymentRequirements {
    let [asset, pay_to] = names(&Offered::LateId);
    let Priced { amount, nonce, ticket } = priced;
    PaymentRequirements {
        method: Method::LateId,
        amount,
        asset,
        pay_to,
        ticket,
        extra: Extra::LateId(*nonce),
    }
}

/// An order, and the nonce that it has to name.
#[derive(Debug)]
pub(crate) struct Expected {
    order: Order,
    nonce: Nonce,
}

impl Expected {
    pub(crate) fn of(order: &Order, nonce: Option<&Nonce>) -> Result<Self, Refusal> {
        Ok(Self { order: order.clone(), nonce: *nonce.ok_or(NO_TICKET)? })
    }

    pub(crate) fn verify(self, amount: Amount) -> Result<Order, Refusal> {
        let Self { order, nonce } = self;
        if order.amount != amount || order.nonce != nonce {
            return Err(Refusal::new(
                "late_order_mismatch",
                "The order differs from what was offered. You were not charged. Sign the offer.",
            ));
        }
        let key = VerifyingKey::from_bytes(order.payer.as_bytes()).map_err(|_| UNSIGNED)?;
        key.verify_strict(&order.message(), &Signature::from_bytes(&order.signature))
            .map_err(|_| UNSIGNED)?;
        Ok(order)
    }
}

/// The network, which outlives every gateway.
struct Network<'w> {
    world: &'w World,
    /// The id of each order that was carried out.
    ids: RefCell<BTreeMap<PaymentId, String>>,
    /// How often an order was handed in, and how often of these its id was known already.
    handed_in: Cell<u32>,
    handed_in_in_vain: Cell<u32>,
}

impl<'w> Network<'w> {
    fn new(world: &'w World) -> Self {
        let (handed_in, handed_in_in_vain) = (Cell::new(0), Cell::new(0));
        Self { world, ids: RefCell::default(), handed_in, handed_in_in_vain }
    }

    /// Carries an order out once. The id contains the number of orders before it, so that it can't be known earlier.
    fn run_due(&self, order: &Order) -> String {
        let id = format!("late-{}-{}", self.handed_in.get(), order.id().as_str());
        self.world.ledger.put(order.id(), order.amount.atomic());
        self.ids.borrow_mut().entry(order.id()).or_insert(id).clone()
    }
}

fn kept(claim: &Claim) -> &LateId {
    let Rail::LateId(payment) = &claim.rail else { panic!("{claim:?}") };
    payment
}

impl Settlement for Network<'_> {
    fn fee_payers(&self) -> &[Address] {
        &self.world.fee_payers
    }

    fn recent_blockhash(&self, _: Timestamp) -> Option<RecentBlockhash> {
        None
    }

    async fn prepare(&self, verified: &Verified, _: Timestamp) -> Result<Prepared, PrepareError> {
        self.world.point().await;
        let Verified::LateId(order) = verified else { panic!("{verified:?}") };
        let balance = self.world.ledger.balance(&order.payer);
        let too_little = PrepareError::Refused { reason: "insufficient_funds", detail: "too little" };
        let left = balance.checked_sub(order.amount.atomic()).map(Amount::new).ok_or(too_little)?;
        Ok(Prepared {
            rail: Rail::LateId(LateId {
                source: order.payer.into(),
                order: base64(&order.bytes()),
                fee: FEE,
                id: None,
            }),
            balances: Some(Balances { remaining: left, shared: false, fee_payer: 1_000_000 }),
        })
    }

    async fn submit(&self, claim: &Claim) -> Result<Submitted, SettleError> {
        self.world.point().await;
        let payment = kept(claim);
        self.handed_in.set(self.handed_in.get() + 1);
        self.handed_in_in_vain.set(self.handed_in_in_vain.get() + u32::from(payment.id.is_some()));
        let journalled = format!(
            "head, json_each(state, '$.claims') AS claim WHERE claim.value ->> '$.rail.late_id.order' = '{}'",
            payment.order
        );
        assert_eq!(self.world.count(&journalled), 1, "sent before it was journalled");
        let order = Order::read(&from_base64(&payment.order).unwrap()).unwrap();
        if self.world.chain.get() == Chain::Drops {
            return Ok(Submitted::AsClaimed);
        }
        let id = self.run_due(&order);
        self.world.point().await;
        if self.world.chain.get() == Chain::LandsButErrs {
            let fault = TransportError::new("the relayer", TransportFault::Timeout(1));
            return Err(SettleError::Rpc(fault.into()));
        }
        Ok(Submitted::As(Rail::LateId(LateId { id: Some(id), ..payment.clone() })))
    }

    fn first_look_ms(&self) -> u64 {
        150
    }

    /// Finds an order by what its payer has signed, and tells its id.
    async fn outcome(&self, claim: &Claim, effort: Effort) -> Outcome {
        self.world.point().await;
        let now = self.world.now();
        let is_shown = !matches!(self.world.chain.get(), Chain::ShownFrom(at) if now.millis() < at);
        let is_dead = effort == Effort::Thorough && now.millis_since(claim.at) > VALID_MS;
        let outcome = match self.ids.borrow().get(&claim.payment) {
            Some(id) if is_shown => Outcome::Landed(Landing::LateId { id: id.clone() }),
            None if is_dead => Outcome::Failed { reason: "transaction_expired" },
            _ => Outcome::Unclear,
        };
        self.world.point().await;
        outcome
    }

    async fn health(&self) -> Result<(), SettleError> {
        Ok(())
    }
}

fn payment(who: u8, ticket: &Ticket, quote: &Quote) -> PaymentPayload {
    accepted(ticket, quote, Payload::LateId(Order::sign(who, quote.amount, quote.nonce).bytes()))
}

/// Returns a payment for one minute at the first door, in a world with this chain.
fn offered(chain: Chain) -> (World, PaymentPayload) {
    let world = World::new();
    world.chain.set(chain);
    let (ticket, quote) = quoted(&world, Offered::LateId);
    let payment = payment(1, &ticket, &quote);
    (world, payment)
}

/// Returns the payment's record, as the journal has it.
fn record(world: &World) -> PaymentRecord {
    let text = world.database.query_row("SELECT record FROM payment", [], |row| row.get::<_, String>(0));
    serde_json::from_str(&text.unwrap()).unwrap()
}

/// Runs recovery alone, until nothing is in flight.
fn recover(world: &World, network: &Network<'_>) {
    for _ in 0..40 {
        Platform::new(world, network).recover();
        world.audit();
        if world.count("head WHERE unsettled IS NOT NULL") == 0 {
            return world.audit_settled();
        }
        world.advance(3_000);
    }
    panic!("a payment stays in flight for ever");
}

#[test]
fn killed_anywhere_a_sale_whose_id_comes_late_is_one_charge_one_grant_and_keeps_its_id_inv_1_2_3() {
    for chain in [Chain::Prompt, Chain::LandsButErrs, Chain::ShownFrom(START + 9_000)] {
        for n in 0.. {
            let (world, payment) = offered(chain);
            let network = Network::new(&world);
            world.blow_at(n);
            let done = Platform::new(&world, &network).buy(&payment);
            world.audit();
            // Recovery runs first, so that the buyer's repeat finds what was finished without it.
            let was_claimed = world.count("payment") == 1;
            recover(&world, &network);
            assert_eq!(world.charged(), usize::from(was_claimed), "{chain:?}, killed at {n}");
            let Some(Ok(Sale::Sold(sold))) = Platform::new(&world, &network).buy(&payment) else {
                panic!("{chain:?}, killed at {n}")
            };
            world.audit_settled();
            assert_eq!((world.charged(), world.count("session")), (1, 1), "{chain:?}, killed at {n}");
            let id = network.ids.borrow().values().next().cloned();
            assert!(id.is_some(), "{chain:?}, killed at {n}");
            assert_eq!(record(&world).transaction, id, "{chain:?}, killed at {n}");
            assert_eq!(sold.session.session.transaction, id, "{chain:?}, killed at {n}");
            assert_eq!(network.handed_in_in_vain.get(), 0, "{chain:?}, killed at {n}");
            if done.is_some() {
                assert!(n >= 8, "a sale does more than {n} things");
                break;
            }
        }
    }
}

#[test]
fn an_id_that_comes_late_is_kept_before_anything_is_known_of_the_outcome_inv_2() {
    let (world, payment) = offered(Chain::ShownFrom(START + 50_000));
    let network = Network::new(&world);
    let outcome = Platform::new(&world, &network).buy(&payment).unwrap().unwrap();
    let Sale::Pending(pending) = outcome else { panic!("{outcome:?}") };
    let id = network.ids.borrow().values().next().cloned();
    assert_eq!((&pending.transaction, &record(&world).transaction), (&id, &id));
    assert_eq!((network.handed_in.get(), network.handed_in_in_vain.get()), (1, 0), "30 s, handed in once");
    // The payment stays in flight, and what it holds stays held.
    world.audit();
    assert_eq!((world.count("in_flight"), world.fees_today()), (1, FEE));
    world.advance(30_000);
    recover(&world, &network);
    let kinds: Vec<_> = world.events("door-1").iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds[..4], ["payment_claimed", "payment_submitted", "payment_landed", "session_started"]);
    assert_eq!((network.handed_in.get(), world.count("in_flight")), (1, 0));
}

#[test]
fn without_an_id_an_order_is_handed_in_again_until_it_can_not_be_carried_out_any_more_inv_3() {
    let (world, payment) = offered(Chain::Drops);
    let network = Network::new(&world);
    assert!(matches!(Platform::new(&world, &network).buy(&payment), Some(Ok(Sale::Pending(_)))));
    assert!(network.handed_in.get() > 10, "{}", network.handed_in.get());
    world.advance(VALID_MS);
    recover(&world, &network);
    assert_eq!((world.charged(), world.count("payment"), world.fees_today()), (0, 0, 0));
}

#[test]
fn from_the_402_to_the_session_it_is_bought_over_http_and_the_repeat_gets_the_same_inv_1() {
    let mut world = World::new();
    world.deployment.config.merchant.sketches = true;
    let network = Network::new(&world);
    let offered = Platform::new(&world, &network).ask(&[]);
    let body: Value = serde_json::from_slice(&offered.body).unwrap();
    assert!(!body.to_string().contains("late"), "x402 v1 has no name for the network");
    let entry = Platform::new(&world, &network).offer_on(NETWORK);
    assert_eq!((&entry["scheme"], &entry["asset"]), (&json!("late"), &json!("LATE")));
    let amount = Amount::parse_atomic(entry["amount"].as_str().unwrap()).unwrap();
    let nonce = from_hex(entry["extra"]["nonce"].as_str().unwrap()).unwrap();
    let order = base64(&Order::sign(1, amount, nonce).bytes());
    let paid = json!({"x402Version": 2, "accepted": entry, "payload": {"order": order}});
    let header = base64(paid.to_string().as_bytes());
    let buy = || {
        let answer = Platform::new(&world, &network).ask(&[(x402::PAYMENT_SIGNATURE, &header)]);
        let response =
            SettlementResponse::from_header(answer.header(x402::PAYMENT_RESPONSE).unwrap()).unwrap();
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        (answer.status, response, body["sessionId"].clone())
    };
    let (status, response, session) = buy();
    assert_eq!((status, response.success, response.network.as_str()), (200, true, NETWORK));
    assert_eq!(Some(&response.transaction), network.ids.borrow().values().next());
    assert_eq!(buy(), (200, response, session));
    assert_eq!((world.charged(), world.count("session"), network.handed_in.get()), (1, 1, 1));
}

#[test]
fn a_payment_of_another_rail_than_the_quoted_one_buys_nothing_inv_1() {
    let world = World::new();
    let network = Network::new(&world);
    let buy = |payment: &PaymentPayload| match Platform::new(&world, &network).buy(payment) {
        Some(Err(SaleError::Refused { reason, .. })) => reason,
        other => panic!("{other:?}"),
    };
    // An order for a ticket that is paid on Solana, and a transaction for a ticket that is paid by an order.
    let (ticket, quote) = world.ticket("door-1", Operation::Access, 1);
    let order = Order::sign(1, quote.amount, quote.nonce).bytes();
    let on_solana = world.pay(1, &ticket, &quote);
    assert_eq!(
        buy(&PaymentPayload { payload: Payload::LateId(order), ..on_solana.clone() }),
        "ticket_mismatch"
    );
    let (ticket, quote) = quoted(&world, Offered::LateId);
    assert_eq!(buy(&accepted(&ticket, &quote, on_solana.payload)), "ticket_mismatch");
    assert_eq!((world.charged(), world.count("journal"), network.handed_in.get()), (0, 0, 0));
}

#[test]
fn an_order_of_another_amount_quote_or_payer_buys_nothing_inv_1() {
    let (world, _) = offered(Chain::Prompt);
    let network = Network::new(&world);
    let (ticket, quote) = quoted(&world, Offered::LateId);
    let refused = |payment: &PaymentPayload| match Platform::new(&world, &network).buy(payment) {
        Some(Err(SaleError::Refused { reason, .. })) => reason,
        other => panic!("{other:?}"),
    };
    let with = |order: Order| PaymentPayload {
        payload: Payload::LateId(order.bytes()),
        ..payment(1, &ticket, &quote)
    };
    let less = Order::sign(1, Amount::new(1), quote.nonce);
    assert_eq!(refused(&with(less)), "late_order_mismatch");
    let other = Order::sign(1, quote.amount, [9; 12]);
    assert_eq!(refused(&with(other)), "late_order_mismatch");
    let forged =
        Order { payer: keys::address(&keys::numbered(2)), ..Order::sign(1, quote.amount, quote.nonce) };
    assert_eq!(refused(&with(forged)), UNSIGNED.reason);
    assert_eq!((world.charged(), world.count("journal"), network.handed_in.get()), (0, 0, 0));
}

#[test]
fn an_id_that_is_known_is_handed_in_by_nobody_again() {
    let (world, payment) = offered(Chain::ShownFrom(START + 100_000));
    let network = Network::new(&world);
    let buy = || Platform::new(&world, &network).buy(&payment);
    assert!(matches!(buy(), Some(Ok(Sale::Pending(_)))));
    // Neither recovery nor a waiting repeat hands it in again.
    Platform::new(&world, &network).recover().unwrap();
    assert!(matches!(buy(), Some(Ok(Sale::Pending(_)))));
    assert_eq!(network.handed_in.get(), 1);
    world.advance(60_000);
    assert!(matches!(buy(), Some(Ok(Sale::Sold(_)))));
    assert_eq!((network.handed_in.get(), world.charged()), (1, 1));
}

#[test]
fn what_a_rail_tells_of_a_payment_changes_nothing_of_what_is_held_inv_5() {
    let (world, payment) = offered(Chain::Drops);
    let network = Network::new(&world);
    let platform = Platform::new(&world, &network);
    assert!(matches!(platform.buy(&payment), Some(Ok(Sale::Pending(_)))));
    let stream = AssetId::parse("door-1").unwrap().into();
    let state = world.run(platform.ports.journal.load(&stream)).unwrap().unwrap().state;
    let (claimed, now) = (kept(&state.claims[0]), Now::at(world.now()));
    let payment = &state.claims[0].payment;
    let events = |payment: &PaymentId, rail: LateId| {
        let rail = Box::new(Rail::LateId(rail));
        decide(&state, Command::Submitted { payment: payment.clone(), rail }, &now).unwrap().len()
    };
    let told = LateId { id: Some("late".to_owned()), ..claimed.clone() };
    assert_eq!(events(payment, told.clone()), 1);
    assert_eq!(events(payment, claimed.clone()), 0, "nothing new");
    assert_eq!(events(payment, LateId { fee: FEE + 1, ..told.clone() }), 0, "another fee");
    assert_eq!(events(payment, LateId { source: keys::account(9), ..told.clone() }), 0, "another account");
    assert_eq!(events(&PaymentId::of_message(b"another"), told), 0, "a payment that is not in flight");
}
