//! How an asset's listing is created, changed and deleted by API, and what it means for a sale.

use super::claim::Purchase;
use super::event::Event;
use super::intent::Intent;
use super::reject::{IN_FLIGHT_MS, Reject};
use super::state::StreamState;
use crate::listing::Listing;
use crate::time::Timestamp;

/// Creates the asset, as the next generation of its id.
pub(super) fn create(state: &StreamState, listing: Listing, now: Timestamp) -> Result<Vec<Event>, Reject> {
    if state.listing.is_some() {
        return Err(Reject::Exists);
    }
    // The configuration may have named this id before, and a session that it sold may still run.
    unused(state, now)?;
    let generation = state.generation + 1;
    Ok(vec![Event::AssetCreated { listing: Listing { generation, ..listing }, at: now }])
}

/// Changes the asset's listing from `base`, which the caller has seen, to `next`.
pub(super) fn change(
    state: &StreamState,
    base: &Listing,
    next: Listing,
    now: Timestamp,
) -> Result<Vec<Event>, Reject> {
    let listing = state.listing.as_ref().ok_or(Reject::Gone)?;
    if listing != base {
        return Err(Reject::Outdated);
    }
    // Others must not join a buyer who has the asset alone.
    if listing.capacity.is_exclusive() != next.capacity.is_exclusive() {
        unused(state, now)?;
    }
    let next = Listing { generation: listing.generation, ..next };
    if next == *listing {
        return Ok(Vec::new());
    }
    Ok(vec![Event::AssetChanged { listing: next, at: now }])
}

/// Deletes the asset, unless a session is running or a payment is in flight.
pub(super) fn delete(state: &StreamState, now: Timestamp) -> Result<Vec<Event>, Reject> {
    if state.listing.is_none() {
        return Err(Reject::Gone);
    }
    unused(state, now)?;
    Ok(vec![Event::AssetDeleted { at: now }])
}

fn unused(state: &StreamState, now: Timestamp) -> Result<(), Reject> {
    let session = state.session.as_ref().map(|session| session.busy_until(now));
    let payment = (!state.claims.is_empty()).then(|| now.plus_millis(IN_FLIGHT_MS));
    match session.max(payment) {
        None => Ok(()),
        Some(until) => Err(Reject::InUse { until: until.max(now.plus_millis(1000)) }),
    }
}

/// Refuses a purchase that the asset's listing does not allow.
///
/// Generation 0 is always allowed, because configured and shared assets are sold without this listing. A ticket for
/// the listing's generation keeps its price, even if the asset's price has changed since. A payment without a ticket
/// has to pay the present price.
pub(super) fn for_sale(state: &StreamState, intent: &Intent<'_>) -> Result<(), Reject> {
    if intent.generation == 0 {
        return Ok(());
    }
    let listing = state.listing.as_ref().filter(|listing| listing.generation == intent.generation);
    // Who was quoted the asset alone does not get it once others may join.
    let listing = listing.filter(|listing| listing.capacity.is_exclusive()).ok_or(Reject::Gone)?;
    if !listing.enabled {
        return Err(Reject::Disabled);
    }
    let Purchase { quantity, allowance, price } = intent.purchase;
    let present = listing.tariff.quote(Some(*quantity), price.decimals);
    let is_present = present.is_ok_and(|p| p.allowance() == *allowance && p.amount == price.amount);
    if intent.has_ticket || is_present { Ok(()) } else { Err(Reject::PriceChanged) }
}
