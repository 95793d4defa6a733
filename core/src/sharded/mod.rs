//! Keeps one merchant's journal in many databases, such as Durable Objects: each stream has its own.
//!
//! This is for deployments in which one database for everything would be too slow or too far away.
//!
//! An append checks the rules that concern only its own stream in that stream's own tables
//! ([`store`](crate::store)). Rules that concern several streams are checked in other shards **before** the append:
//!
//! * each payer has a shard ([`PayerShard`]): what is in flight from each balance, the payer's trust and failures, and
//!   the payer's sessions;
//! * the merchant has a shard ([`MerchantShard`]): the budgets for fees, the seats of shared assets, and
//!   copies of each stream's head and of all sessions for lists;
//! * each payment has a shard ([`PaymentShard`]): which stream has claimed the payment.
//!
//! **Reservations.** Each attempt to append makes its own reservations in these shards, under a random name.
//! An attempt that fails takes back its own reservations and no others, because another attempt for the same
//! payment may be about to append. An append without a clear answer keeps its reservations, because the
//! append may have been written. An attempt that was cut off leaves its reservations behind. They are cleared
//! away once they are `STALE_MS` old and the stream knows nothing of the payment. By then the stream can no
//! longer claim the payment, because the payment's blockhash died long before.
//!
//! All sales share the merchant's shard. Where it has nothing to check of a payment (`Reservation::is_only_told`), it is
//! told of the reservation after the append, and nobody waits for that.
//!
//! **Updates** about what became of a payment go the other way, from the stream's own journal (`Outbox`) to
//! the other shards. An update is sent until it is received, and receiving it twice is harmless.
//!
//! [`ShardedJournal`] is the journal port of one shard; it asks the other shards before an append. [`StreamShard`]
//! sends the updates afterwards. [`ShardServer`] answers for a payer's, a payment's or the merchant's shard, and
//! its [`ShardHandler`] keeps that shard's tables. The platform gives each shard its [`ShardPorts`]: a database,
//! an alarm, and a [`Transport`] to the other shards. A message may be lost, arrive late or arrive twice.

mod attempt;
mod due;
mod history;
mod hold;
mod join;
mod journal;
mod merchant;
mod outbox;
mod payer;
mod payment;
mod ports;
mod request;
mod server;
mod shard;
mod stale;
mod stream;
mod transport;
mod updates;

pub use crate::listing::Listing;
pub use due::run_due_streams;
#[cfg(test)]
pub(crate) use hold::STALE_MS;
pub use join::Boxed;
pub use journal::ShardedJournal;
pub use merchant::MerchantShard;
#[cfg(test)]
pub(crate) use outbox::Outbox;
pub use payer::PayerShard;
pub use payment::PaymentShard;
pub use ports::{AGAIN_MS, Alarm, Publication, ShardPorts};
pub use server::ShardServer;
pub use shard::ShardHandler;
pub use stream::StreamShard;
pub use transport::{ShardKey, Transport};
#[cfg(test)]
pub(crate) use updates::{
    Ended, Failed, Fee, Head, MerchantUpdate, OwedRow, PayerUpdate, PaymentUpdate, Release, Reservation,
    Reserved, SessionRow,
};

#[cfg(test)]
mod tests;
