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

mod tests;

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
    Balances, Claim, Effort, Found, Outcome, PrepareError, Prepared, Settlement, Streams as _, Submitted,
    Verified,
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
    fn execute(&self, order: &Order) -> String {
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

    async fn fetch_blockhash(&self, _: Timestamp) -> Result<RecentBlockhash, SettleError> {
        panic!("no blockhash is needed here")
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
        let id = self.execute(&order);
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

    async fn find(&self, _: &Verified, _: Timestamp) -> Result<Option<Found>, SettleError> {
        Ok(None)
    }

    async fn health(&self) -> Result<(), SettleError> {
        Ok(())
    }
}
