//! Two ways to pay that are no part of the product: they show what a new one needs, and are sold by in tests.
//!
//! Each is made of variants behind `#[cfg(test)]` and of its file here; its module says what was added where. What decides
//! about a sale does not ask which rail it is of. A product with two rails has one `Settlement` that does.

pub(crate) mod late_id;
pub(crate) mod unpaid;

use super::{Offered, Refusal};
use crate::account::Account;
use crate::gateway::{Buy, Gateway, Sale, SaleError};
use crate::http::{Context, Request, Response, handle};
use crate::ids::AssetId;
use crate::money::Amount;
use crate::ports::{Ports, Settlement};
use crate::quote::{Operation, Quote, Ticket};
use crate::store::SqlJournal;
use crate::testkit::platform::Tables;
use crate::testkit::world::World;
use crate::x402::{Envelope, Payload, Payment};

/// Refuses a payment that shows no ticket: neither rail is offered without one.
pub(super) const NO_TICKET: Refusal = Refusal::new("ticket_missing", "nothing was charged: show the ticket");

/// Refuses a payment in another way than the one that was quoted.
pub(super) const OTHER_RAIL: Refusal =
    Refusal::new("ticket_mismatch", "nothing was charged: pay in the way for which the ticket is");

/// How many decimals the money of both has.
pub(super) const DECIMALS: u8 = 6;

/// Refuses a payment whose client says that it accepted another amount.
pub(super) fn same_as_offered(envelope: &Envelope, quoted: Amount) -> Result<(), Refusal> {
    match envelope {
        Envelope::V2 { amount, .. } if *amount != quoted => {
            Err(Refusal::new("amount_mismatch", "nothing was charged: pay what is offered"))
        }
        _ => Ok(()),
    }
}

/// A ticket for one minute at the first door, paid in this way.
fn quoted(world: &World, offered: Offered) -> (Ticket, Quote) {
    let (_, quote) = world.ticket("door-1", Operation::Access, 1);
    let quote = Quote { offered, ..quote };
    (seal(world, &quote), quote)
}

fn seal(world: &World, quote: &Quote) -> Ticket {
    quote.seal(&world.deployment.keys, &world.deployment.config).unwrap()
}

/// What a client sends that has accepted this quote and pays with `payload`.
fn accepted(ticket: &Ticket, quote: &Quote, payload: Payload) -> Payment {
    let [asset, pay_to] = [Account::new("a token"), Account::new("a payee")];
    let envelope = Envelope::V2 { ticket: Some(ticket.clone()), amount: quote.amount, asset, pay_to };
    Payment { envelope, payload }
}

/// The small world with another settlement. Made anew for each run, as after a start.
struct Platform<'w, S> {
    world: &'w World,
    journal: SqlJournal<Tables<'w>>,
    settlement: &'w S,
}

impl<'w, S: Settlement> Platform<'w, S> {
    fn new(world: &'w World, settlement: &'w S) -> Self {
        Self { world, journal: SqlJournal::new(Tables(world), "main".to_owned()), settlement }
    }

    /// Buys an access to the first door on a gateway that was just started. `None` if the fuse blew.
    fn buy(&self, payment: &Payment) -> Option<Result<Sale, SaleError>> {
        let gateway = Gateway::new(&self.world.deployment, self);
        let asset = AssetId::parse("door-1").unwrap();
        let operation = Operation::Access;
        let buy = Buy { asset: &asset, operation, stream: None, quantity: None, payment, impatient: false };
        self.world.run(gateway.buy(&buy))
    }

    /// Asks for an access to the first door over HTTP, with these headers.
    fn ask(&self, headers: &[(&str, &str)]) -> Response {
        let request = Request {
            method: "GET".to_owned(),
            path: "/api/v1/access/door-1".to_owned(),
            query: None,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Vec::new(),
        };
        let context = Context::new(&self.world.deployment, self);
        self.world.run(handle(&context, &request)).unwrap()
    }

    /// Looks after payments without an answer, on a gateway that was just started. `None` if the fuse blew.
    fn recover(&self) -> Option<()> {
        let gateway = Gateway::new(&self.world.deployment, self);
        self.world.run(gateway.settle_due()).map(|done| assert!(done.is_ok(), "{done:?}"))
    }
}

impl<'w, S: Settlement> Ports for Platform<'w, S> {
    type Clock = World;
    type Entropy = World;
    type Journal = SqlJournal<Tables<'w>>;
    type Catalogue = SqlJournal<Tables<'w>>;
    type Settlement = S;

    fn clock(&self) -> &World {
        self.world
    }
    fn entropy(&self) -> &World {
        self.world
    }
    fn journal(&self) -> &Self::Journal {
        &self.journal
    }
    fn catalogue(&self) -> &Self::Catalogue {
        &self.journal
    }
    fn settlement(&self) -> &S {
        self.settlement
    }
    fn log(&self, line: &str) {
        self.world.logged.borrow_mut().push(line.to_owned());
    }
}
