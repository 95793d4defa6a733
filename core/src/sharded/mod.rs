//! One merchant's journal on many databases: one for each asset, where one database for
//! all would be too slow or too far away (Durable Objects).
//!
//! What an append holds against *one* asset stays what it is, in that asset's own tables
//! ([`store`](crate::store)). What it holds against all of them is kept elsewhere, and
//! agreed **before** the append:
//!
//! * one shard for each payer ([`PayerShard`]): what is in flight from a balance, the failures, the
//!   payer's sessions;
//! * one for the merchant ([`MerchantShard`]): the fee budget of the day, and a copy of each asset's
//!   head for lists;
//! * one for each payment ([`PaymentShard`]): which asset has it.
//!
//! **A reservation** is made there by each attempt to append, under a name of its own. A
//! failed attempt takes back its own and nobody else's: another attempt for the same payment may
//! be about to append because of the same reservation. An append without a clear answer keeps its
//! reservation, because it may be written. An attempt that was cut off leaves
//! its reservation behind; it is cleared away when it is `STALE_MS` old and the asset
//! knows nothing of the payment. The asset can't claim it any more then: its
//! blockhash died long before.
//!
//! **News** of what has become of it goes the other way, out of the asset's own journal
//! (`Outbox`): delivered again until it is received, and harmless when received twice.
//!
//! [`ShardedJournal`] is the journal port of one shard, and asks the others before an append.
//! [`StreamShard`] tells them afterwards, and [`ShardServer`] answers for one of them, whose [`ShardHandler`]
//! is its book. The platform gives each shard its [`ShardPorts`]: a database, an alarm, and a
//! [`Transport`] to the others. A message may be lost, come late or come twice.

mod attempt;
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
mod tick;
mod transport;
mod updates;

pub use crate::listing::Listing;
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
pub use tick::tick_streams;
pub use transport::{ShardKey, Transport};
#[cfg(test)]
pub(crate) use updates::{
    Ended, Failed, Fee, Head, MerchantUpdate, PayerUpdate, PaymentUpdate, Release, Reservation, Reserved,
    SessionRow,
};

#[cfg(test)]
mod tests;
