//! What a payment has to be, and whether it is that: everything that needs neither
//! storage nor the chain.

use super::Deployment;
use super::sale::{Buy, SaleError, refused};
use crate::config::{AcceptedToken, Asset};
use crate::money::Amount;
use crate::quote::{Quote, Ticket};
use crate::session::Paid;
use crate::svm::exact::{self, Refusal, Requirement, VerifiedPayment};
use crate::svm::transaction::Transaction;
use crate::svm::{Address, Token, associated_token_account};
use crate::time::Timestamp;
use crate::x402::Envelope;

/// A payment that is what was asked for, as far as its bytes can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it buys.
    pub paid: Paid,
    /// With which token.
    pub token: Token,
    /// The memo that binds it to its ticket; `None` where there is no ticket (x402 v1).
    pub memo: Option<String>,
    /// The payment.
    pub payment: VerifiedPayment,
}

/// What a payment has to be, and what it buys.
struct Terms {
    paid: Paid,
    token: Token,
    memo: Option<String>,
    destination: Address,
}

impl Deployment {
    /// Checks a payment at `now` against the quote that it answers (v2), or against the
    /// present price of `asset` (v1, whose clients echo nothing). `transaction` is what
    /// `buy.payment` holds, decoded; `fee_payer` is ours.
    ///
    /// # Errors
    /// [`SaleError::Refused`], [`SaleError::QuantityMismatch`] or [`SaleError::Unpriced`].
    /// Nothing was charged.
    pub fn verify(
        &self,
        asset: &Asset,
        buy: &Buy<'_>,
        transaction: Transaction,
        fee_payer: Address,
        now: Timestamp,
    ) -> Result<Verified, SaleError> {
        let terms = match &buy.payment.envelope {
            Envelope::V1 => self.present_terms(asset, buy, &transaction)?,
            Envelope::V2 { ticket, .. } => {
                let ticket = ticket.as_ref().ok_or(refused(
                    "ticket_missing",
                    "`accepted.extra.ticket` must come back as it was offered",
                ))?;
                self.quoted_terms(asset, buy, ticket, now)?
            }
        };
        let Terms { paid, token, memo, destination } = terms;
        let requirement = Requirement {
            amount: paid.amount,
            mint: token.mint,
            decimals: token.decimals,
            program: token.program,
            destination,
            fee_payer,
            memo,
            max_fee_lamports: self.config.settlement.max_fee_lamports,
        };
        let payment = exact::verify_decoded(transaction, &requirement)?;
        Ok(Verified { paid, token, memo: requirement.memo, payment })
    }

    /// The terms of the quote that the payment answers (v2).
    fn quoted_terms(
        &self,
        asset: &Asset,
        buy: &Buy<'_>,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Result<Terms, SaleError> {
        let config = &self.config;
        let quote = ticket
            .open(&self.keys)
            .ok_or(refused("ticket_invalid", "the ticket was not made here, or was altered"))?;
        let for_this = quote.merchant == config.merchant.id
            && quote.network == config.network
            && quote.asset == asset.id
            && quote.incarnation == asset.incarnation
            && quote.operation == buy.operation;
        if !for_this {
            return Err(refused(
                "ticket_mismatch",
                "the ticket is for something else: ask for a new 402 here",
            ));
        }
        if let Some(asked) = buy.quantity.filter(|asked| *asked != quote.quantity) {
            return Err(match asset.tariff.price(asked, quote.decimals) {
                Ok(_) => SaleError::QuantityMismatch { quoted: quote.quantity },
                Err(_) => SaleError::Unpriced(Box::new(asset.tariff.clone())),
            });
        }
        if let Envelope::V2 { amount, mint, pay_to, .. } = buy.payment.envelope {
            let mismatch = if amount != quote.amount {
                Some(Refusal::Amount)
            } else if mint != quote.mint {
                Some(Refusal::Mint)
            } else if pay_to != quote.pay_to {
                Some(Refusal::Recipient)
            } else {
                None
            };
            if let Some(refusal) = mismatch {
                return Err(refused(refusal.reason(), "`accepted` is not what was offered"));
            }
        }
        if now >= quote.expires_at {
            return Err(refused("quote_expired", "the quote has expired: ask for a new 402"));
        }
        Ok(Terms {
            destination: self.destination(&quote)?,
            token: self.token_of(&quote),
            memo: Some(ticket.memo()),
            paid: Paid {
                quantity: quote.quantity,
                seconds: quote.seconds,
                amount: quote.amount,
                mint: quote.mint,
                decimals: quote.decimals,
            },
        })
    }

    /// The quote's token as the configuration knows it, if it still does.
    fn accepted(&self, quote: &Quote) -> Option<&AcceptedToken> {
        self.config.merchant.tokens.iter().find(|accepted| accepted.token.mint == quote.mint)
    }

    fn token_of(&self, quote: &Quote) -> Token {
        let symbol = self.accepted(quote).map(|accepted| accepted.token.symbol.clone());
        Token {
            symbol: symbol.unwrap_or_default(),
            mint: quote.mint,
            decimals: quote.decimals,
            program: quote.program,
        }
    }

    /// The token account that the quote is paid to: the merchant's, which is known,
    /// unless the configuration has changed since.
    fn destination(&self, quote: &Quote) -> Result<Address, Refusal> {
        let same = |accepted: &&AcceptedToken| {
            accepted.token.program == quote.program && self.config.merchant.pay_to == quote.pay_to
        };
        match self.accepted(quote).filter(same) {
            Some(accepted) => Ok(accepted.account),
            None => {
                associated_token_account(&quote.pay_to, &quote.mint, quote.program).ok_or(Refusal::Recipient)
            }
        }
    }

    /// The terms at the present price (v1).
    fn present_terms(
        &self,
        asset: &Asset,
        buy: &Buy<'_>,
        transaction: &Transaction,
    ) -> Result<Terms, SaleError> {
        let tariff = &asset.tariff;
        let tokens = &self.config.merchant.tokens;
        let pays_with = |t: &&AcceptedToken| transaction.message.accounts.contains(&t.token.mint);
        let AcceptedToken { token, account } = tokens.iter().find(pays_with).ok_or(Refusal::Mint)?;
        let quantity = buy.quantity.unwrap_or(tariff.min_quantity);
        let unpriced = || SaleError::Unpriced(Box::new(tariff.clone()));
        let amount: Amount = tariff.price(quantity, token.decimals).map_err(|_| unpriced())?;
        let seconds = tariff.seconds(quantity).ok_or_else(unpriced)?;
        let paid = Paid { quantity, seconds, amount, mint: token.mint, decimals: token.decimals };
        Ok(Terms { paid, token: token.clone(), memo: None, destination: *account })
    }
}
