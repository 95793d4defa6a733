//! A gateway in a small world: sales, thieves, crashes and clocks.

mod clocks;
mod crashes;
mod flood;
mod sales;

use std::pin::Pin;

use super::{Buy, Gateway, Sale, SaleError};
use crate::ports::Clock as _;
use crate::quote::Operation;
use crate::testkit::world::{Platform, World};
use crate::x402::Payment;

type Outcome = Result<Sale, SaleError>;
type Future<'a> = Pin<Box<dyn std::future::Future<Output = Outcome> + 'a>>;

/// A request that pays for access, and comes so many milliseconds from now.
fn request<'a>(
    world: &'a World,
    gateway: &'a Gateway<'a, Platform<'a>>,
    asset: &'a str,
    payment: &'a Payment,
    after: u64,
) -> Future<'a> {
    let asset = world.asset(asset);
    let buy = Buy { asset, operation: Operation::Access, quantity: None, payment, impatient: false };
    Box::pin(async move {
        if after > 0 {
            world.sleep(after).await;
        }
        gateway.buy(&buy).await
    })
}

/// All at once: payments and the asset each is for.
fn at_once(world: &World, buys: &[(&str, &Payment)]) -> Vec<Outcome> {
    let platform = Platform::new(world);
    let gateway = Gateway::new(&world.deployment, &platform);
    let requests = buys.iter().map(|&(asset, payment)| request(world, &gateway, asset, payment, 0));
    world.run_all(requests.collect()).into_iter().map(Option::unwrap).collect()
}
