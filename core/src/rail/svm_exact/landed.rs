//! Recognises a payment for this gateway on the chain, with the secret alone.

use super::memo::Memo;
use super::offered::Offered;
use crate::config::{AcceptedToken, Config};
use crate::ids::PaymentId;
use crate::keys::KeyRing;
use crate::money::Amount;
use crate::svm::programs::{MEMO, TRANSFER_CHECKED};
use crate::svm::{Address, Message, TokenProgram, Transaction};

/// A transaction that pays this gateway and carries a memo that only this gateway can have made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// The payment's id.
    pub payment: PaymentId,
    /// The wallet that has signed the transfer.
    pub payer: Address,
    /// In atomic units.
    pub amount: Amount,
}

/// Returns the payment in a transaction's bytes, if it was signed for a quote of this gateway in the token `accepted`.
///
/// The memo's code covers the amount, the token and the payee. It says nothing of who has sent the transaction: whoever
/// copies a memo from the chain has to pay the same amount for it.
#[must_use]
pub fn recognise(
    keys: &KeyRing,
    config: &Config,
    accepted: &AcceptedToken,
    transaction: &[u8],
) -> Option<Recognised> {
    let Transaction { message, message_bytes, .. } = Transaction::decode(transaction).ok()?;
    let (payer, amount) = only_transfer(&message, accepted)?;
    let offered = Offered {
        token: accepted.token.clone(),
        pay_to: config.merchant.pay_to,
        fee_payer: *message.account(0)?,
    };
    let of_memo = |program: u8| message.account(program) == Some(&MEMO);
    let mut memos = message.instructions.iter().filter(|instruction| of_memo(instruction.program));
    let is_ours = memos.any(|memo| Memo::is_ours(keys, &memo.data, amount, &offered));
    is_ours.then(|| Recognised { payment: PaymentId::of_message(&message_bytes), payer, amount })
}

/// Returns who pays and how much, if exactly one transfer of the message pays the merchant's account.
fn only_transfer(message: &Message, accepted: &AcceptedToken) -> Option<(Address, Amount)> {
    let mut transfers = message.instructions.iter().filter_map(|instruction| {
        message.account(instruction.program).and_then(TokenProgram::at)?;
        let [TRANSFER_CHECKED, ref amount @ .., _] = *instruction.data.as_slice() else { return None };
        let [_, mint, destination, payer, ..] = *instruction.accounts.as_slice() else { return None };
        let is_paid = message.account(destination) == Some(&accepted.account)
            && message.account(mint) == Some(&accepted.token.mint);
        let amount = Amount::new(u64::from_le_bytes(amount.try_into().ok()?));
        is_paid.then(|| message.account(payer).map(|payer| (*payer, amount)))?
    });
    let first = transfers.next()?;
    transfers.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Secret;
    use crate::quote::Operation;
    use crate::testkit::world::World;

    #[test]
    fn a_payment_is_recognised_by_its_memo_and_by_nothing_else_inv_5() {
        let world = World::new();
        let (keys, config) = (&world.deployment.keys, &world.deployment.config);
        let accepted = &config.merchant.tokens[0];
        let (ticket, quote) = world.ticket("door-1", Operation::Access, 3);
        let payment = world.pay(1, &ticket, &quote);
        let found = recognise(keys, config, accepted, payment.transaction()).unwrap();
        assert_eq!(
            (found.amount, found.payer),
            (quote.amount, crate::testkit::keys::address(&crate::testkit::keys::numbered(1)))
        );
        let transaction = Transaction::decode(payment.transaction()).unwrap();
        assert_eq!(found.payment, PaymentId::of_message(&transaction.message_bytes));

        let other = KeyRing::new(&Secret::new([99; 32]), None);
        assert_eq!(recognise(&other, config, accepted, payment.transaction()), None, "another secret");
        for memo in [None, Some("q"), Some("thank you")] {
            let payment = world.pay_with_memo(1, &ticket, &quote, memo);
            assert_eq!(recognise(keys, config, accepted, payment.transaction()), None, "{memo:?}");
        }
        // A memo that was copied to a transfer of another amount.
        let (dearer, its) = world.ticket("door-1", Operation::Access, 4);
        let memo = quote.memo(keys);
        let copied = world.pay_with_memo(1, &dearer, &its, Some(memo.as_str()));
        assert_eq!(recognise(keys, config, accepted, copied.transaction()), None);
        for end in 0..payment.transaction().len() {
            assert_eq!(recognise(keys, config, accepted, &payment.transaction()[..end]), None);
        }
    }
}
