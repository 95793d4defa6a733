//! Settlement that moves no money: every payment lands at once. It takes the chain's
//! place in benchmarks of everything else, and is in no component that is shipped.

use coinop_core::encoding::base64;
use coinop_core::money::Amount;
use coinop_core::ports::{Effort, Outcome, PortError, PrepareError, Prepared, Settlement};
use coinop_core::session::Claim;
use coinop_core::settlement::co_sign;
use coinop_core::svm::exact::VerifiedPayment;
use coinop_core::svm::{Address, SigningKey, Token};

/// Stands before the settlement that would ask the chain.
pub(crate) struct Stub<S> {
    real: S,
    fee_payer: SigningKey,
}

impl<S> Stub<S> {
    pub(crate) const fn new(real: S, fee_payer: SigningKey) -> Self {
        Self { real, fee_payer }
    }
}

impl<S: Settlement> Settlement for Stub<S> {
    fn fee_payer(&self) -> Address {
        self.real.fee_payer()
    }

    async fn prepare(&self, payment: &VerifiedPayment, _: &Token) -> Result<Prepared, PrepareError> {
        let (signed, signature) = co_sign(&self.fee_payer, &payment.transaction);
        Ok(Prepared { transaction: base64(&signed), signature, height: 1, left: Amount::new(u64::MAX) })
    }

    async fn send(&self, _: &Claim) -> Result<(), PortError> {
        Ok(())
    }

    fn first_look_ms(&self) -> u64 {
        0
    }

    async fn outcome(&self, _: &Claim, _: Effort) -> Outcome {
        Outcome::Landed { slot: 1 }
    }

    async fn health(&self) -> Result<(), PortError> {
        Err(PortError("settlement is a stub: no money moves".to_owned()))
    }
}
