//! What tests look at or change inside a payment on `svm-exact`.

use crate::keys::KeyRing;
use crate::quote::{Quote, Ticket};
use crate::rail::{Offered, Verified, svm_exact};
use crate::session::{Rail, SvmExact};
use crate::x402::{Accepted, Payload, PaymentPayload};

impl Rail {
    /// Returns what `svm-exact` keeps of the payment.
    pub fn exact(&self) -> &SvmExact {
        match self {
            Self::SvmExact(payment) => payment,
            #[cfg(test)]
            other => panic!("{other:?}"),
        }
    }

    /// Returns the same, to be changed.
    pub fn exact_mut(&mut self) -> &mut SvmExact {
        match self {
            Self::SvmExact(payment) => payment,
            #[cfg(test)]
            other => panic!("{other:?}"),
        }
    }
}

impl Quote {
    /// Returns what it asks for on `svm-exact`.
    pub fn exact(&self) -> &svm_exact::Offered {
        match &self.offered {
            Offered::SvmExact(offered) => offered,
            #[cfg(test)]
            other => panic!("{other:?}"),
        }
    }

    /// Returns the same, to be changed.
    pub fn exact_mut(&mut self) -> &mut svm_exact::Offered {
        match &mut self.offered {
            Offered::SvmExact(offered) => offered,
            #[cfg(test)]
            other => panic!("{other:?}"),
        }
    }

    /// Returns what a client that accepts it says.
    pub fn accepted(&self, ticket: &Ticket) -> Accepted {
        Accepted::V2 {
            ticket: Some(ticket.clone()),
            amount: self.amount,
            asset: self.exact().token.mint.into(),
            pay_to: self.exact().pay_to.into(),
        }
    }

    /// Returns the memo of its payment.
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
    /// Returns the bytes of its transaction on Solana.
    pub fn transaction(&self) -> &Vec<u8> {
        match &self.payload {
            Payload::SvmExact(transaction) => transaction,
            #[cfg(test)]
            other => panic!("{other:?}"),
        }
    }

    /// Returns the same, to be changed.
    pub fn transaction_mut(&mut self) -> &mut Vec<u8> {
        match &mut self.payload {
            Payload::SvmExact(transaction) => transaction,
            #[cfg(test)]
            other => panic!("{other:?}"),
        }
    }
}
