//! Settlement that moves no money: every payment lands at once. It replaces the chain in benchmarks of everything else.
//!
//! It works under only one secret, which anybody can read below. A gateway that sells to buyers has 32 random bytes for
//! its secret, so there this settlement takes no payment and reports that it is not ready.

use coinop_core::encoding::base64;
use coinop_core::error::SettleError;
use coinop_core::ports::{
    Balances, Claim, Effort, Found, Http, Landing, Outcome, PrepareError, Prepared, Settlement, Submitted,
    Verified,
};
use coinop_core::settlement::{LocalSettlement, signed};
use coinop_core::svm::{Address, RecentBlockhash};
use coinop_core::{Amount, Timestamp};

/// The secret of the benchmarks (`tests/bench/src/payments.rs`).
const BENCH_SECRET: &[u8; 32] = b"coinop bench: money never moves.";

/// Replaces the settlement that would ask the chain, and wraps it.
pub struct StubSettlement<H> {
    real: LocalSettlement<H>,
    in_bench: bool,
}

impl<H: Http> StubSettlement<H> {
    /// Wraps the platform's settlement, and works if `secret` is that of the benchmarks, in base64.
    #[must_use]
    pub fn new(real: LocalSettlement<H>, secret: &str) -> Self {
        Self { real, in_bench: secret == base64(BENCH_SECRET) }
    }

    /// Returns an error outside of a benchmark.
    fn allowed(&self) -> Result<(), SettleError> {
        if self.in_bench {
            return Ok(());
        }
        Err(SettleError::Stub(
            "settlement is a stub and sells nothing here: build the component with `cargo xtask build spin`",
        ))
    }
}

impl<H: Http> Settlement for StubSettlement<H> {
    fn fee_payers(&self) -> &[Address] {
        self.real.fee_payers()
    }

    fn recent_blockhash(&self, _: Timestamp) -> Option<RecentBlockhash> {
        None
    }

    async fn fetch_blockhash(&self, now: Timestamp) -> Result<RecentBlockhash, SettleError> {
        self.real.fetch_blockhash(now).await
    }

    async fn prepare(&self, verified: &Verified, _: Timestamp) -> Result<Prepared, PrepareError> {
        let Verified::SvmExact(verified) = verified;
        let payment = &verified.payment;
        self.allowed().map_err(PrepareError::Unavailable)?;
        let key = self.real.fee_payer_keys().key(&payment.fee_payer);
        let unavailable = |error: SettleError| PrepareError::Unavailable(error);
        let key = key.ok_or_else(|| unavailable(SettleError::NoKey(payment.fee_payer)))?;
        Ok(Prepared {
            rail: signed(key, payment, 1).map_err(|error| unavailable(error.into()))?,
            balances: Some(Balances { remaining: Amount::new(u64::MAX), shared: false, fee_payer: u64::MAX }),
        })
    }

    async fn submit(&self, _: &Claim) -> Result<Submitted, SettleError> {
        self.allowed()?;
        Ok(Submitted::AsClaimed)
    }

    fn first_look_ms(&self) -> u64 {
        0
    }

    /// Outside of a benchmark, a payment that a real component has claimed stays unclear.
    async fn outcome(&self, _: &Claim, _: Effort) -> Outcome {
        match self.allowed() {
            Ok(()) => Outcome::Landed(Landing::SvmExact { slot: 1 }),
            Err(_) => Outcome::Unclear,
        }
    }

    async fn find(&self, _: &Verified, _: Timestamp) -> Result<Option<Found>, SettleError> {
        Ok(None)
    }

    async fn health(&self) -> Result<(), SettleError> {
        self.allowed()?;
        Err(SettleError::Stub("settlement is a stub: no money moves"))
    }
}
