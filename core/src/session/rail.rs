//! The rails, and what each has to keep of a payment until its outcome is known.
//!
//! Everything that belongs to one chain is inside its variant. A new rail is a new variant.

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::money::Amount;
use crate::svm::Address;

/// How the money of a claim moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rail {
    /// A transfer on Solana in x402's scheme `exact`, which the gateway's fee payer signs last.
    SvmExact(SvmExact),
    /// A rail that learns a payment's id late. See `rail/sketches/late_id.rs`.
    #[cfg(test)]
    LateId(LateId),
    /// A purchase without a payment. See `rail/sketches/unpaid.rs`.
    #[cfg(test)]
    Unpaid,
}

/// A payment on a rail that learns its id late. See `rail/sketches/late_id.rs`.
#[cfg(test)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateId {
    /// The account that pays.
    pub source: Account,
    /// The order with its payer's signature, in base64.
    pub order: String,
    /// The highest fee that it can cost the gateway.
    pub fee: u64,
    /// The id that the network gave it when it was sent.
    pub id: Option<String>,
}

/// A payment on the rail `svm-exact`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SvmExact {
    /// The token account that pays.
    pub source: Address,
    /// The transaction with all signatures, in base64. Every attempt sends the same bytes.
    pub transaction: String,
    /// The transaction's id, in base58. It is the fee payer's signature, and is therefore known before the transaction
    /// is sent.
    pub signature: String,
    /// A block height that is not below that of the blockhash. More than 150 blocks later, the transaction can no
    /// longer land.
    pub height: u64,
    /// The gateway's wallet that pays the network's fee.
    pub fee_payer: Address,
    /// The highest fee that the payment can cost the fee payer, in lamports.
    pub fee_lamports: u64,
    /// What the payment's wallet guards depend on.
    #[serde(default, skip_serializing_if = "Guarded::is_nothing")]
    pub guarded: Guarded,
}

/// What a payment's wallet guards depend on, as far as other payments could break them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarded {
    /// Whether a guard checks the paying token account, so that no other payment may be in flight from it.
    pub source: bool,
    /// The lowest balance of the fee payer that the guards accept, in lamports; `None` if no guard checks it.
    pub fee_payer_floor: Option<u64>,
}

impl Guarded {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What the rail tells of money that has moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Landing {
    /// The transaction is on the chain.
    SvmExact {
        /// The slot of the transaction's block.
        slot: u64,
    },
    /// The order was carried out.
    #[cfg(test)]
    LateId {
        /// The id that the network gave it.
        id: String,
    },
    /// There was nothing to move.
    #[cfg(test)]
    Unpaid,
}

impl Rail {
    /// Returns the id by which anyone can find the payment on its rail, if it is known yet.
    #[must_use]
    pub fn transaction(&self) -> Option<&str> {
        match self {
            Self::SvmExact(payment) => Some(&payment.signature),
            #[cfg(test)]
            Self::LateId(payment) => payment.id.as_deref(),
            #[cfg(test)]
            Self::Unpaid => None,
        }
    }

    /// Returns the account that the money leaves; `None` if no account pays.
    ///
    /// Two payments in flight from the same account could make each other fail.
    #[must_use]
    pub fn source(&self) -> Option<Account> {
        match self {
            Self::SvmExact(payment) => Some(payment.source.into()),
            #[cfg(test)]
            Self::LateId(payment) => Some(payment.source.clone()),
            #[cfg(test)]
            Self::Unpaid => None,
        }
    }

    /// Returns whether the payment may be sent again after it was sent, or may have been sent.
    ///
    /// The request that has just claimed a payment sends it once in any case.
    #[must_use]
    pub const fn may_be_sent_again(&self) -> bool {
        match self {
            // The chain accepts the same bytes only once, however often they are sent.
            Self::SvmExact(_) => true,
            #[cfg(test)]
            Self::LateId(payment) => payment.id.is_none(),
            #[cfg(test)]
            Self::Unpaid => true,
        }
    }

    /// Returns what the payment holds while it is in flight: `amount` of its source's balance, in atomic units, and the
    /// network's fee.
    #[must_use]
    pub fn holds(&self, amount: Amount) -> Holds {
        match self {
            Self::SvmExact(payment) => Holds {
                source: Some(SourceHold {
                    account: payment.source.into(),
                    amount,
                    exclusive: payment.guarded.source,
                }),
                fee: Some(FeeHold {
                    payer: payment.fee_payer.into(),
                    amount: payment.fee_lamports,
                    guarded: payment.guarded.fee_payer_floor.is_some(),
                }),
            },
            #[cfg(test)]
            Self::LateId(payment) => Holds {
                source: Some(SourceHold { account: payment.source.clone(), amount, exclusive: false }),
                fee: Some(FeeHold { payer: Account::new("relayer"), amount: payment.fee, guarded: false }),
            },
            #[cfg(test)]
            Self::Unpaid => Holds::default(),
        }
    }
}

impl Landing {
    /// Returns the payment's id on its rail, if the rail told it only with the landing.
    #[must_use]
    pub const fn transaction(&self) -> Option<&str> {
        match self {
            Self::SvmExact { .. } => None,
            #[cfg(test)]
            Self::LateId { id } => Some(id.as_str()),
            #[cfg(test)]
            Self::Unpaid => None,
        }
    }
}

/// What a payment holds while it is in flight, so that other payments do not use it too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// Held of the source's balance; `None` if no account pays.
    pub source: Option<SourceHold>,
    /// Held of what bears its fee; `None` if the gateway pays no fee.
    pub fee: Option<FeeHold>,
}

/// What a payment takes from the account that pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceHold {
    pub account: Account,
    /// In atomic units.
    pub amount: Amount,
    /// Whether no other payment may be in flight from the account.
    pub exclusive: bool,
}

/// What a payment costs the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeHold {
    /// The gateway's wallet that pays the fee.
    pub payer: Account,
    /// The highest possible fee, in the smallest unit of the network's own currency.
    pub amount: u64,
    /// Whether a wallet guard checks that wallet's balance.
    pub guarded: bool,
}
