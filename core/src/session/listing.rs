//! Assets that are made, changed and deleted by API, and what their listing means for
//! a sale.

use super::claim::Purchase;
use super::event::Event;
use super::intent::Intent;
use super::reject::{IN_FLIGHT_MS, Reject};
use super::state::AssetState;
use crate::listing::Listing;
use crate::time::Timestamp;

/// Makes the asset: the next one of its id.
pub(super) fn create(state: &AssetState, listing: Listing, now: Timestamp) -> Result<Vec<Event>, Reject> {
    if state.listing.is_some() {
        return Err(Reject::Exists);
    }
    // A configuration may have named this id until today, and sold a session.
    unused(state, now)?;
    let generation = state.generation + 1;
    Ok(vec![Event::AssetCreated { listing: Listing { generation, ..listing }, at: now }])
}

/// Changes the asset from what the caller has seen to what it should be.
pub(super) fn change(
    state: &AssetState,
    base: &Listing,
    next: Listing,
    now: Timestamp,
) -> Result<Vec<Event>, Reject> {
    let listing = state.listing.as_ref().ok_or(Reject::Gone)?;
    if listing != base {
        return Err(Reject::Outdated);
    }
    // A buyer who has it alone is not joined by others.
    if listing.capacity.is_exclusive() != next.capacity.is_exclusive() {
        unused(state, now)?;
    }
    let next = Listing { generation: listing.generation, ..next };
    if next == *listing {
        return Ok(Vec::new());
    }
    Ok(vec![Event::AssetChanged { listing: next, at: now }])
}

/// Deletes the asset: never under a running session, nor while money may be on its way.
pub(super) fn delete(state: &AssetState, now: Timestamp) -> Result<Vec<Event>, Reject> {
    if state.listing.is_none() {
        return Err(Reject::Gone);
    }
    unused(state, now)?;
    Ok(vec![Event::AssetDeleted { at: now }])
}

fn unused(state: &AssetState, now: Timestamp) -> Result<(), Reject> {
    let session = state.session.as_ref().map(|session| session.busy_until(now));
    let payment = (!state.claims.is_empty()).then(|| now.plus_millis(IN_FLIGHT_MS));
    match session.max(payment) {
        None => Ok(()),
        Some(until) => Err(Reject::InUse { until: until.max(now.plus_millis(1000)) }),
    }
}

/// Whether what was checked for the asset of this generation may be claimed on the one
/// that is there. (Of a configured asset, 0, nothing stands in the state.)
///
/// A ticket stays good at its price, as long as it is for this generation: the price may
/// have changed since. A payment without one must be what the asset costs now.
pub(super) fn for_sale(state: &AssetState, intent: &Intent<'_>) -> Result<(), Reject> {
    if intent.generation == 0 {
        return Ok(());
    }
    let listing = state.listing.as_ref().filter(|listing| listing.generation == intent.generation);
    let listing = listing.ok_or(Reject::Gone)?;
    if !listing.enabled {
        return Err(Reject::Disabled);
    }
    let Purchase { quantity, allowance, price } = intent.purchase;
    let present = listing.tariff.quote(Some(*quantity), price.decimals);
    let is_present = present.is_ok_and(|p| p.allowance() == *allowance && p.amount == price.amount);
    if intent.has_ticket || is_present { Ok(()) } else { Err(Reject::PriceChanged) }
}
