//! Those who use the gateway: buyers, thieves, those who only want to harm, and the owner.

mod besieged;
mod besieger;
mod cheat;
pub(crate) mod client;
mod crowd;
mod drainer;
mod holder;
mod honest;
mod owner;
mod spendthrift;
mod swindle;
mod thief;
mod trespass;

use std::rc::Rc;

use crate::executor::OUTSIDE;
use crate::plan::Actor;
use crate::world::{World, doors, shared};

/// How long after the faults have ended honest buyers go on asking, in milliseconds.
pub(crate) const HEALING_MS: u64 = 420_000;

/// Starts all actors of a world.
pub(crate) fn start(world: &Rc<World>) {
    for (number, actor) in world.plan.actors.iter().enumerate() {
        let inside = Rc::clone(world);
        let number = number + 1;
        match actor {
            Actor::Honest => world.exec.spawn(OUTSIDE, honest::act(inside, number, false)),
            Actor::HonestV1 => world.exec.spawn(OUTSIDE, honest::act(inside, number, true)),
            Actor::Thief => world.exec.spawn(OUTSIDE, thief::act(inside, number)),
            Actor::Drainer => world.exec.spawn(OUTSIDE, drainer::act(inside, number)),
            Actor::Holder => world.exec.spawn(OUTSIDE, holder::act(inside, number)),
            Actor::Spendthrift => world.exec.spawn(OUTSIDE, spendthrift::act(inside, number)),
            Actor::Crowd => world.exec.spawn(OUTSIDE, crowd::act(inside, number)),
            Actor::Owner => world.exec.spawn(OUTSIDE, owner::act(inside)),
            Actor::Besieger => world.exec.spawn(OUTSIDE, besieger::act(inside, number)),
            Actor::Newcomers => world.exec.spawn(OUTSIDE, besieged::newcomers(inside, number)),
            Actor::Regular => world.exec.spawn(OUTSIDE, besieged::regular(inside, number)),
        }
    }
}

/// Returns where a siege's shared asset is sold. It has no limit of seats, so nobody is kept out by a sale.
fn siege_path() -> String {
    "/api/v1/access/api-1?quantity=1".to_owned()
}

/// Returns the ids of all assets that may be for sale.
pub(crate) fn assets(world: &World) -> Vec<String> {
    let mut assets = doors(&world.plan);
    assets.extend(shared(&world.plan));
    if world.plan.actors.contains(&Actor::Owner) {
        assets.extend(owner::made());
    }
    assets
}

/// Returns one of the assets.
pub(crate) fn any_asset(world: &World) -> String {
    world.draws.one_of(&assets(world)).cloned().unwrap_or_default()
}
