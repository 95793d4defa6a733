//! Two rails that are not part of the product. They show what a new rail needs, and tests sell with them.
//!
//! Each consists of variants behind `#[cfg(test)]` and of its file here. The documentation of that file says what was
//! added where. The code that decides about a sale does not ask which rail it is on. A product with two rails has one
//! `Settlement` that does.

pub(crate) mod late_id;
pub(crate) mod unpaid;

use serde_json::Value;

use super::{Offered, Refusal};
use crate::account::Account;
use crate::config::Config;
use crate::encoding::from_base64;
use crate::gateway::{BuyRequest, Gateway, Sale, SaleError};
use crate::http::{Context, Request, Response, handle};
use crate::ids::AssetId;
use crate::money::{Amount, Money};
use crate::ports::Settlement;
use crate::quote::{Nonce, Operation, Quote, Ticket};
use crate::store::SqlJournal;
use crate::testkit;
use crate::testkit::platform::Tables;
use crate::testkit::world::World;
use crate::x402::{self, Accepted, Payload, PaymentPayload, Version};

/// Refuses a payment that shows no ticket, because neither rail is offered without one.
pub(super) const NO_TICKET: Refusal = Refusal::new(
    "ticket_missing",
    "The payment includes no ticket. You were not charged. Send the ticket back.",
);

/// How many decimals the money of both rails has.
pub(super) const DECIMALS: u8 = 6;

/// Returns what both rails offer, with a nonce for each quote, if the configuration enables them.
pub(super) fn all(config: &Config, mut draw: impl FnMut() -> [u8; 16]) -> Vec<(Offered, Nonce)> {
    let offered = [Offered::LateId, Offered::Unpaid].into_iter().filter(|_| config.merchant.sketches);
    offered.map(|offered| (offered, draw()[4..].try_into().unwrap())).collect()
}

/// Returns the token and the payee that a 402 names.
fn names(offered: &Offered) -> [Account; 2] {
    match offered {
        Offered::LateId => ["LATE", "the merchant"].map(Account::new),
        Offered::Unpaid => ["nothing", "nobody"].map(Account::new),
        Offered::SvmExact(_) => panic!("no sketch"),
    }
}

/// Returns this amount of the money that is offered.
pub(super) fn money(offered: &Offered, config: &Config, amount: Amount) -> Money {
    let network = offered.method(config).network(Version::V2).unwrap().to_owned();
    let [token, _] = names(offered);
    Money { network, token, amount, decimals: DECIMALS }
}

/// Refuses a payment if the client's `accepted` differs from the quote.
pub(super) fn same_as_offered(accepted: &Accepted, offered: &Offered, quoted: Amount) -> Result<(), Refusal> {
    let Accepted::V2 { amount, asset, pay_to, .. } = accepted else { return Err(NO_TICKET) };
    if (*amount, [asset, pay_to]) == (quoted, names(offered).each_ref()) {
        return Ok(());
    }
    Err(Refusal::new(
        "accepted_mismatch",
        "`accepted` differs from what was offered. You were not charged. Send the offer back.",
    ))
}

/// Returns a ticket for one minute at the first door, paid in this way.
fn quoted(world: &World, offered: Offered) -> (Ticket, Quote) {
    let (_, quote) = world.ticket("door-1", Operation::Access, 1);
    let quote = Quote { offered, ..quote };
    (seal(world, &quote), quote)
}

fn seal(world: &World, quote: &Quote) -> Ticket {
    quote.seal(&world.deployment.keys, &world.deployment.config).unwrap()
}

/// Returns what a client sends that accepted this quote and pays with `payload`.
fn accepted(ticket: &Ticket, quote: &Quote, payload: Payload) -> PaymentPayload {
    let [asset, pay_to] = names(&quote.offered);
    let accepted = Accepted::V2 { ticket: Some(ticket.clone()), amount: quote.amount, asset, pay_to };
    PaymentPayload { accepted, payload }
}

/// The test world with another settlement. It is created for each run, as after a start.
struct Platform<'w, S> {
    world: &'w World,
    ports: testkit::platform::Platform<'w, SqlJournal<Tables<'w>>, S>,
}

impl<'w, S: Settlement> Platform<'w, S> {
    fn new(world: &'w World, settlement: &'w S) -> Self {
        Self { world, ports: testkit::platform::Platform::settling(world, settlement) }
    }

    /// Buys access to the first door from a gateway that has just started; `None` if the fuse blew.
    fn buy(&self, payment: &PaymentPayload) -> Option<Result<Sale, SaleError>> {
        let gateway = Gateway::new(&self.world.deployment, &self.ports);
        let asset = AssetId::parse("door-1").unwrap();
        let operation = Operation::Access;
        let buy = BuyRequest::new(&asset, operation, payment);
        self.world.run(gateway.buy(&buy))
    }

    /// Returns what the 402 of the first door offers on this network.
    fn offer_on(&self, network: &str) -> Value {
        let answer = self.ask(&[]);
        let required = from_base64(answer.header(x402::PAYMENT_REQUIRED).unwrap()).unwrap();
        let mut required: Value = serde_json::from_slice(&required).unwrap();
        let accepts = required["accepts"].as_array_mut().unwrap();
        accepts.iter_mut().find(|entry| entry["network"] == network).unwrap().take()
    }

    /// Asks for access to the first door over HTTP, with these headers.
    fn ask(&self, headers: &[(&str, &str)]) -> Response {
        let request = Request {
            method: "GET".to_owned(),
            path: "/api/v1/access/door-1".to_owned(),
            query: None,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Vec::new(),
        };
        let context = Context::new(&self.world.deployment, &self.ports);
        self.world.run(handle(&context, &request)).unwrap()
    }

    /// Looks after payments without an answer, with a gateway that has just started; `None` if the fuse blew.
    fn recover(&self) -> Option<()> {
        let gateway = Gateway::new(&self.world.deployment, &self.ports);
        self.world.run(gateway.settle_due()).map(|done| assert!(done.is_ok(), "{done:?}"))
    }
}
