//! Coinop's core: it decides, and does nothing else.
//!
//! Prices, x402 payments on Solana, sessions, grants, device orders and the HTTP
//! interface, with no clock, no I/O, no randomness and no threads of its own. It
//! compiles natively, for `wasm32-unknown-unknown` (importing nothing) and for
//! `wasm32-wasip2`; what it needs from a platform stands in [`ports`].
//!
//! # What always holds
//!
//! Each test that a promise hangs on names its number.
//!
//! 1. **One payment, one grant.** A payment is claimed durably before it is
//!    settled. However often and however concurrently it is sent, to whichever
//!    asset or endpoint, it settles once and grants once. Its buyer's repeat gets
//!    the same session; bytes without the ticket get nothing, because a landed
//!    transaction is public.
//! 2. **Money never vanishes.** Once a settlement may have landed it ends as a
//!    session, whatever crashes in between. (Credits and refunds come later.)
//! 3. **Unknown is not failed.** A settlement without a clear answer is looked up
//!    until it can provably no longer land. Until then it is neither charged again
//!    nor given up.
//! 4. **Nothing stays open unpaid.** No device is unlocked past its paid time: not
//!    after a crash, a reboot, or a clock that jumps.
//! 5. **The books balance.** What is taken is what the payee's account gains:
//!    mints that take a fee on the way are refused.
//! 6. **One price.** One pure function prices a thing (`Tariff::price`).
//! 7. **The same decision everywhere.** The same journal and the same command give
//!    the same bytes on every platform.
//! 8. **An unpaid request leaves nothing behind.** A 402 writes nothing and calls
//!    nobody.
//! 9. **Nothing secret leaves.** Keys, other payers' sessions and upstream errors
//!    never reach a response, a log or the chain.
//!
//! # What other crates may use
//!
//! Other crates use the names that this file lists with `pub use`, and its public modules. All other modules are private;
//! a name that another crate needs is added to one of these lists.
//!
//! # What is trusted
//!
//! The configured Solana RPC, the gateway's keys, and the merchant's
//! configuration. Not the buyer, and not the channel to a device.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]
#![cfg_attr(test, allow(clippy::type_complexity, reason = "tables of cases"))]

mod account;
mod capacity;
pub mod config;
pub mod encoding;
pub mod error;
mod gateway;
pub mod grant;
pub mod http;
mod ids;
pub mod jws;
mod keys;
mod leb128;
mod listing;
mod money;
pub mod ports;
mod pricing;
mod quote;
mod rail;
mod session;
pub mod settlement;
pub mod sharded;
pub mod sign_in;
pub mod store;
pub mod svm;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
mod time;
pub mod x402;

pub use account::Account;
pub use capacity::Capacity;
pub use gateway::{Deployment, Gateway};
pub use ids::{AssetId, PaymentId, SessionId, StreamId};
pub use keys::{KeyRing, Purpose, Secret};
pub use money::{Amount, Decimal, Money};
pub use time::{Monotonic, Now, Timestamp};

/// What a host reports about its devices.
pub mod device {
    pub use crate::session::{LockState, ReportedState};
}

/// What the benchmarks of this repository measure on its own. It changes without notice.
#[doc(hidden)]
pub mod bench {
    pub use crate::gateway::BuyRequest;
    pub use crate::quote::{Nonce, Operation, Quote, Ticket};
    pub use crate::rail::svm_exact::{Memo, Offered as SvmExactOffered};
    pub use crate::rail::{Offered, Presented};
    pub use crate::session::{
        Allowance, AssetState, ClaimRequest, Command, Fulfilment, Guarded, Purchase, Rail, SvmExact, decide,
    };
    pub use crate::svm::exact::Refusal;
}
