//! Coinop's core: it decides, and does nothing else.
//!
//! It has prices, x402 payments on Solana, sessions, grants, the desired states of devices and the HTTP interface. It
//! has no clock, no I/O, no randomness and no threads of its own. It compiles natively, for `wasm32-unknown-unknown`
//! without any imports, and for `wasm32-wasip2`. What it needs from a platform is in [`ports`].
//!
//! `docs/architecture.md` lists the invariants, says what is trusted, and says where a change goes. The names of tests
//! contain the numbers of invariants (`..._inv_1`).
//!
//! # What other crates may use
//!
//! Other crates use the names that this file lists with `pub use`, and its public modules. All other modules are
//! private. A name that another crate needs is added to one of these lists.
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
pub use session::fee::USD_PER_SOL;
pub use time::{Monotonic, Now, Timestamp};

/// Recognises payments for this gateway on the chain.
pub mod reconcile {
    pub use crate::rail::svm_exact::{Recognised, recognise};
}

/// What a host reports about its devices.
pub mod device {
    pub use crate::session::{LockState, Report, ReportedState};
}

/// What is owed to buyers, and what the owner says about it.
pub mod owed {
    pub use crate::gateway::{DecideError, decide_about};
    pub use crate::ids::OwedId;
    pub use crate::session::index::OwedRecord;
    pub use crate::session::{Decision, NOTE_BYTES, Owed, OwedReason, OwedStatus, Refund, is_note};
}

/// What this repository's benchmarks measure separately. It changes without notice.
#[doc(hidden)]
pub mod bench {
    pub use crate::gateway::{BuyRequest, Wait};
    pub use crate::quote::{Nonce, Operation, Quote, Ticket};
    pub use crate::rail::svm_exact::{Memo, Offered as SvmExactOffered};
    pub use crate::rail::{Offered, Presented};
    pub use crate::session::{
        Allowance, ClaimRequest, Command, Fulfilment, Guarded, Purchase, Rail, StreamState, SvmExact, decide,
    };
    pub use crate::svm::exact::Refusal;
}
