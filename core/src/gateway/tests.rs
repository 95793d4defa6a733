//! A gateway in a test world: sales, theft, crashes and clocks.

mod clocks;
mod crashes;
mod fees;
mod flood;
mod held;
mod logged;
mod lost;
mod sales;
mod shared;
mod theft;
mod theft_transactions;
mod wallets;

use std::pin::Pin;

use super::{BuyRequest, Gateway, Sale, SaleError};
use crate::ports::Clock as _;
use crate::quote::Operation;
use crate::testkit::platform::Platform;
use crate::testkit::world::World;
use crate::x402::PaymentPayload;

type Outcome = Result<Sale, SaleError>;
type Future<'a> = Pin<Box<dyn std::future::Future<Output = Outcome> + 'a>>;

/// Returns a request that pays, and is sent after `after` milliseconds.
fn request<'a>(
    world: &'a World,
    gateway: &'a Gateway<'a, Platform<'a>>,
    asset: &'a str,
    operation: Operation,
    payment: &'a PaymentPayload,
    after: u64,
) -> Future<'a> {
    let asset = &world.asset(asset).id;
    let buy = BuyRequest::new(asset, operation, payment);
    Box::pin(async move {
        if after > 0 {
            world.sleep(after).await;
        }
        gateway.buy(&buy).await
    })
}

/// Sends all these payments at once, each for what it is paired with.
fn at_once(world: &World, buys: &[(&str, Operation, &PaymentPayload)]) -> Vec<Outcome> {
    let platform = Platform::new(world);
    let gateway = Gateway::new(&world.deployment, &platform);
    let requests = buys.iter().map(|&(asset, ref operation, payment)| {
        request(world, &gateway, asset, operation.clone(), payment, 0)
    });
    world.run_all(requests.collect()).into_iter().map(Option::unwrap).collect()
}
