//! What buyers and the owner are promised, checked against what they were told and what they have paid.

use std::collections::BTreeMap;

use coinop_core::sharded::ShardKey;
use coinop_core::testkit::books::Books;
use coinop_core::{PaymentId, StreamId};

use crate::chain::Transaction;
use crate::plan::{Fault, Keeping};
use crate::world::{World, doors};

/// By how much a session may be longer or shorter than what was paid for, in milliseconds: a decision is written a moment
/// after it was made.
const SAME_MS: u64 = 2_000;
/// After how long at the latest a door is open that was paid for, in milliseconds.
const OPENS_MS: u64 = 5_000;
/// After how long at the latest nothing is held any more for a payment that is over, in milliseconds.
const RELEASED_MS: u64 = 30_000;

/// How old what the catalogue shows of an asset may be, in milliseconds, with the time until it is published.
pub(crate) const CATALOGUE_LAG_MS: u64 = 75_000;

/// What is known of an asset that the owner has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// It is not there.
    Gone,
    /// The owner was told that it is for sale at this price of a minute, in atomic units, or that it is not.
    There { price: u64, is_enabled: bool },
}

/// What buyers have paid for, and what the owner was told.
#[derive(Default)]
pub(crate) struct Promises {
    /// Until when each stream is paid for, by the world's own time.
    paid_until: BTreeMap<String, u64>,
    /// Since when each stream has its session.
    alone_since: BTreeMap<String, u64>,
    /// What the last answer has told the owner of each asset. There is none while a change is under way.
    listed: BTreeMap<String, Listed>,
    /// When the outcome of each payment was written, in milliseconds since the world began.
    over_at: BTreeMap<PaymentId, u64>,
    /// When each asset was deleted last, in milliseconds since the world began.
    deletions: BTreeMap<String, u64>,
}

/// A claim, as far as a promise speaks of it.
pub(crate) struct Claimed<'a> {
    pub(crate) transaction: &'a Transaction,
    /// The price in atomic units, and for how many units.
    pub(crate) price: (u64, u64),
    pub(crate) has_ticket: bool,
    /// Whether the wallet has bought something before.
    pub(crate) has_bought: bool,
}

impl Promises {
    /// Forgets what the owner knows of an asset, and returns it: the owner is about to change it.
    pub(crate) fn changes(&mut self, asset: &str) -> Option<Listed> {
        self.listed.remove(asset)
    }

    /// Notes that the owner still knows of an asset what it has known before.
    pub(crate) fn knows(&mut self, asset: &str, known: Option<Listed>) {
        if let Some(listed) = known {
            self.listed.insert(asset.to_owned(), listed);
        }
    }

    /// Notes what the owner was told of an asset.
    pub(crate) fn told(&mut self, asset: &str, listed: Listed, now: u64) {
        if listed == Listed::Gone {
            self.deletions.insert(asset.to_owned(), now);
        }
        self.listed.insert(asset.to_owned(), listed);
    }

    /// Returns when the owner was told that the asset is deleted, in milliseconds since the world began.
    pub(crate) fn deleted_at(&self, asset: &str) -> Option<u64> {
        self.deletions.get(asset).copied()
    }

    /// Notes that the outcome of a payment was written.
    pub(crate) fn over(&mut self, payment: PaymentId, now: u64) {
        self.over_at.insert(payment, now);
    }

    /// Tells whether the owner knows that the asset is for sale.
    pub(crate) fn is_offered(&self, asset: &str) -> bool {
        matches!(self.listed.get(asset), Some(Listed::There { is_enabled: true, .. }))
    }
}

impl World {
    /// Checks that a sale is as the owner wants it: what it is for, at which price and at which fee.
    pub(crate) fn check_claim(&self, stream: &StreamId, claimed: &Claimed<'_>) {
        let most = self.deployment.config.settlement.max_fee_lamports;
        let most = if claimed.has_bought { most } else { most / 5 * 3 };
        let fee = claimed.transaction.fee;
        assert!(fee <= most, "a payment costs the owner {fee} lamports of {most} (inv. 5)");
        let asset = stream.asset().to_string();
        let promises = self.promises.borrow();
        let Some(listed) = promises.listed.get(&asset).filter(|_| !stream.is_shared()) else { return };
        let Listed::There { price, is_enabled } = *listed else {
            panic!("{asset} is sold after the owner was told that it is deleted (inv. 2)");
        };
        assert!(is_enabled, "{asset} is sold after the owner has taken it off sale (inv. 1)");
        let (paid, quantity) = claimed.price;
        assert!(
            claimed.has_ticket || paid == price * quantity,
            "{asset} is sold without an offer for {paid}, and {quantity} cost {price} each (inv. 6)"
        );
    }

    /// Checks that a stream's session lasts as long as what was paid for, and neither shorter nor longer (invariants 2, 4).
    ///
    /// `bought` is what a payment has just bought, in seconds, and `undelivered_ms` what has just become owed back.
    pub(crate) fn check_length(
        &self,
        books: &Books,
        stream: &StreamId,
        bought: Option<u64>,
        undelivered_ms: Option<u64>,
    ) {
        let (key, now) = (stream.to_string(), self.exec.now());
        let mut promises = self.promises.borrow_mut();
        let before = promises.paid_until.get(&key).copied().unwrap_or_default();
        let Some(ends_at) = books.open_until(stream) else {
            promises.paid_until.remove(&key);
            promises.alone_since.remove(&key);
            // Who stops, or whose device does not work, has what is left owed back.
            let left = before.saturating_sub(now).saturating_sub(undelivered_ms.unwrap_or_default());
            assert!(
                left <= SAME_MS,
                "{key} has ended {left} ms before it was over, and is not owed that (inv. 2)"
            );
            return;
        };
        let Some(seconds) = bought else { return };
        promises.alone_since.entry(key.clone()).or_insert(now);
        let until = now + ends_at.millis_since(self.wall());
        let paid = before.max(now) + seconds * 1_000;
        assert!(
            until.abs_diff(paid) <= SAME_MS,
            "{key} is paid for until {paid} and lasts until {until} (inv. 2, 4)"
        );
        promises.paid_until.insert(key, until);
    }

    /// Tells whether the clocks of this world say how long a session has lasted.
    pub(crate) fn can_tell_time(&self) -> bool {
        let is_set = self.plan.rate(Fault::ClockStep) > 0;
        let has_monotonic = self.plan.keeping == Keeping::Serve && self.plan.rate(Fault::Reboot) == 0;
        !is_set || has_monotonic
    }

    /// Checks that nobody joins who has an asset alone (invariant 1). `stream` is where a payment was claimed.
    ///
    /// Who came while the asset was shared may stay and extend. The catalogue may show for a minute that it still is.
    pub(crate) fn check_alone(&self, books: &Books, stream: &StreamId) {
        let Some(alone) = StreamId::parse(stream.asset().as_str()) else { return };
        let joins = stream.is_shared() && books.open_until(stream).is_none();
        if !joins || self.plan.rate(Fault::ClockStep) > 0 {
            return;
        }
        let promises = self.promises.borrow();
        let until = books.open_until(&alone).map_or(0, |end| end.millis_since(self.wall()));
        let since = promises.alone_since.get(&alone.to_string()).copied();
        assert!(
            until == 0 || since.is_none_or(|since| since + CATALOGUE_LAG_MS > self.exec.now()),
            "{stream} joins one who has the asset alone (inv. 1)"
        );
    }

    /// Has the door of an asset looked at while it is paid for, if nothing in this world excuses that it is locked.
    pub(crate) fn expect_open(&self, asset: &str, until: u64) {
        let excuses = [
            Fault::Crash,
            Fault::StorageFails,
            Fault::StorageDoesAndFails,
            Fault::StorageForgets,
            Fault::StorageRestored,
            Fault::DeviceFails,
            Fault::DeviceHangs,
            Fault::DeviceLies,
        ];
        if excuses.iter().any(|fault| self.plan.rate(*fault) > 0) {
            return;
        }
        let Some(world) = self.handle() else { return };
        let now = self.exec.now();
        for at in [now + OPENS_MS, until.saturating_sub(SAME_MS)] {
            if (now + OPENS_MS..until).contains(&at) {
                self.devices.watch_open(&world, asset, at);
            }
        }
    }

    /// Checks that shards hold nothing for a payment that is over, if all messages arrive.
    pub(crate) fn check_released(&self) {
        if self.plan.keeping != Keeping::Sharded || self.plan.faults.iter().any(|(fault, _)| is_felt(*fault))
        {
            return;
        }
        let audit = self.audit.borrow();
        let late = self.wall().millis().saturating_sub(RELEASED_MS);
        let over_at = &self.promises.borrow().over_at;
        self.gateways.each_shard(|key, file| {
            // The shard of a payment keeps whose it is for ever.
            if !matches!(key, ShardKey::Payer(_) | ShardKey::Merchant) {
                return;
            }
            for (payment, at) in file.held() {
                let in_flight =
                    audit.books.payment(&payment).is_some_and(|paid| !paid.is_granted && !paid.is_owed);
                let over_at = over_at.get(&payment).copied().unwrap_or_default();
                let is_told = over_at + RELEASED_MS < self.exec.now();
                assert!(
                    in_flight || at > late || !is_told,
                    "{key:?} still holds what {payment:?} has reserved (inv. 3)"
                );
            }
        });
    }

    /// Checks that the merchant has what buyers were charged (invariant 5).
    pub(crate) fn check_gain(&self) {
        let audit = self.audit.borrow();
        if audit.is_impaired() {
            return;
        }
        let charged: u64 = audit
            .books
            .payments()
            .filter(|paid| paid.is_granted || paid.is_owed)
            .map(|paid| paid.amount)
            .sum();
        let account = self.token_account(&self.merchant());
        let gained = self.chain.borrow().account(&account).map_or(0, |account| account.amount);
        assert_eq!(gained, charged, "the merchant's account has gained what buyers were charged (inv. 5)");
    }

    /// Tells whether a door of this id is on the machine.
    pub(crate) fn has_door(&self, asset: &str) -> bool {
        self.plan.keeping == Keeping::Serve && doors(&self.plan).iter().any(|door| door == asset)
    }
}

/// Tells whether a fault keeps a shard from what it is told.
const fn is_felt(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Crash
            | Fault::StorageFails
            | Fault::StorageDoesAndFails
            | Fault::StorageForgets
            | Fault::MessageLost
            | Fault::MessageAnswerLost
            | Fault::MessageTwice
            | Fault::MessageLate
            | Fault::ClockStep
    )
}
