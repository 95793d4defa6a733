//! Gateways in the test world. Each action runs on a gateway that has just been started.

use rusqlite::Connection;

use crate::gateway::{BuyRequest, Gateway, Plan, Sale, SaleError, Sold};
use crate::ids::{AssetId, SessionId};
use crate::quote::Operation;
use crate::session::{LockState, Report, ReportedState};
use crate::testkit::platform::Platform;
use crate::testkit::world::{START, World};
use crate::time::Timestamp;
use crate::x402::PaymentPayload;

impl Default for World {
    /// Returns a world with two doors.
    fn default() -> Self {
        Self::with_doors(2)
    }
}

impl World {
    /// Returns a world with two doors.
    pub fn new() -> Self {
        Self::with_doors(2)
    }

    /// Returns a world with the doors `door-1`, `door-2` and so on, at 10,000 atomic units a minute.
    pub fn with_doors(count: u32) -> Self {
        let world = Self::on(Connection::open_in_memory().unwrap(), START, count);
        let platform = Platform::new(&world);
        world.run(platform.journal.prepare()).unwrap().unwrap();
        world
    }

    /// Runs one round of the host beside the devices: it asks what they should be doing, does it, and reports it.
    ///
    /// Returns `None` if the fuse blew.
    pub fn work_devices(&self) -> Option<()> {
        let platform = Platform::new(self);
        let gateway = Gateway::new(&self.deployment, &platform);
        let round = async {
            let plan = gateway.step(true, Vec::new()).await.unwrap();
            let reports = plan.states.into_iter().map(|planned| {
                let open = planned.state.unlocked_until().is_some();
                let state = if open { LockState::Unlocked } else { LockState::Locked };
                (
                    planned.asset,
                    Report::Seen(ReportedState::of_lock(planned.state.sequence, state, self.now())),
                )
            });
            gateway.step(false, reports.collect()).await.unwrap();
        };
        self.run(round)
    }

    /// Buys with this payment.
    pub fn buy(
        &self,
        asset: &str,
        operation: Operation,
        payment: &PaymentPayload,
    ) -> Option<Result<Sale, SaleError>> {
        let platform = Platform::new(self);
        let gateway = Gateway::new(&self.deployment, &platform);
        let id = AssetId::parse(asset).unwrap();
        let buy = BuyRequest::new(&id, operation, payment);
        self.run(gateway.buy(&buy))
    }

    /// Makes a whole purchase of access, from the quote to the session, which has to succeed.
    pub fn bought(&self, who: u8, asset: &str, quantity: u64) -> (Box<Sold>, PaymentPayload) {
        let (ticket, quote) = self.ticket(asset, Operation::Access, quantity);
        let payment = self.pay(who, &ticket, &quote);
        (sold(self.buy(asset, Operation::Access, &payment)), payment)
    }

    /// Runs one step of recovery.
    pub fn step(&self) -> Option<Plan> {
        let platform = Platform::new(self);
        let gateway = Gateway::new(&self.deployment, &platform);
        self.run(async {
            gateway.settle_due().await?;
            gateway.step(true, Vec::new()).await
        })
        .map(Result::unwrap)
    }

    /// Returns what the doors should do.
    pub fn doors(&self) -> Plan {
        let platform = Platform::new(self);
        let gateway = Gateway::new(&self.deployment, &platform);
        self.run(gateway.step(true, Vec::new())).unwrap().unwrap()
    }

    /// Returns until when the device of an asset should be unlocked, according to a step now.
    pub fn unlocked_until(&self, asset: &str) -> Option<Timestamp> {
        let states = self.step().unwrap().states;
        states.into_iter().find(|o| o.asset.as_str() == asset).unwrap().state.unlocked_until()
    }
}

/// Returns what was sold; any other outcome fails the test.
pub fn sold(outcome: Option<Result<Sale, SaleError>>) -> Box<Sold> {
    match outcome {
        Some(Ok(Sale::Sold(sold))) => sold,
        other => panic!("expected a sale: {other:?}"),
    }
}

/// Returns the operation that extends this session.
pub fn extend(session: &SessionId) -> Operation {
    Operation::Extend { session: session.clone() }
}
