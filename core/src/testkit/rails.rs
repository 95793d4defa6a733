//! Access to the inside of a payment on `svm-exact`, for tests.

use crate::keys::KeyRing;
use crate::quote::{Quote, Ticket};
use crate::rail::{Offered, Verified, svm_exact};
use crate::session::{Rail, SvmExact};
use crate::x402::{Accepted, Payload, PaymentPayload};

impl Rail {
    /// Returns what `svm-exact` stores of the payment.
    pub fn exact(&self) -> &SvmExact {
        match self {
            Self::SvmExact(payment) => payment,
            #[cfg(test)]
            other => panic!("{other:?}"),
        }
    }

    /// Returns what `svm-exact` stores of the payment, for changes.
    pub fn exact_mut(&mut self) -> &mut SvmExact {
        match self {
            Self::SvmExact(payment) => payment,
            #[cfg(test)]
            other => panic!("{other:?}"),
        }
    }
}

impl Quote {
    /// Returns what the quote offers on `svm-exact`.
    pub fn exact(&self) -> &svm_exact::Offered {
        match &self.offered {
            Offered::SvmExact(offered) => offered,
            #[cfg(test)]
            other => panic!("{other:?}"),
        }
    }

    /// Returns what the quote offers on `svm-exact`, for changes.
    pub fn exact_mut(&mut self) -> &mut svm_exact::Offered {
        match &mut self.offered {
            Offered::SvmExact(offered) => offered,
            #[cfg(test)]
            other => panic!("{other:?}"),
        }
    }

    /// Returns what a client sends back when it accepts the quote.
    pub fn accepted(&self, ticket: &Ticket) -> Accepted {
        Accepted::V2 {
            ticket: Some(ticket.clone()),
            amount: self.amount,
            asset: self.exact().token.mint.into(),
            pay_to: self.exact().pay_to.into(),
        }
    }

    /// Returns the memo of the quote's payment.
    pub fn memo(&self, keys: &KeyRing) -> svm_exact::Memo {
        svm_exact::Memo::of(keys, &self.nonce, self.amount, self.exact())
    }
}

impl Verified {
    /// Returns what `svm-exact` has verified.
    pub fn exact(&self) -> &svm_exact::Verified {
        match self {
            Self::SvmExact(verified) => verified,
            #[cfg(test)]
            other => panic!("{other:?}"),
        }
    }
}

impl PaymentPayload {
    /// Returns the bytes of the Solana transaction.
    pub fn transaction(&self) -> &Vec<u8> {
        match &self.payload {
            Payload::SvmExact(transaction) => transaction,
            #[cfg(test)]
            other => panic!("{other:?}"),
        }
    }

    /// Returns the bytes of the Solana transaction, for changes.
    pub fn transaction_mut(&mut self) -> &mut Vec<u8> {
        match &mut self.payload {
            Payload::SvmExact(transaction) => transaction,
            #[cfg(test)]
            other => panic!("{other:?}"),
        }
    }
}
