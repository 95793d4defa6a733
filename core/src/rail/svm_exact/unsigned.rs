//! The transaction that pays an offer, for a wallet to sign.

use crate::account::Account;
use crate::encoding::EncodeError;
use crate::rail::refusal::Unsigned;
use crate::svm::build::Transfer;
use crate::svm::{Address, TokenProgram};
use crate::x402::{PaymentRequirements, SvmExactExtra};

/// Returns the bytes of the transaction, with zeros in place of both signatures.
///
/// # Errors
/// Returns why there is none.
pub(in crate::rail) fn unsigned(
    offer: &PaymentRequirements,
    extra: &SvmExactExtra,
    payer: Address,
) -> Result<Vec<u8>, Unsigned> {
    let address = |account: &Account| {
        account.as_str().parse().map_err(|_| EncodeError("an account that is no address of Solana"))
    };
    let transfer = Transfer {
        fee_payer: extra.fee_payer,
        pay_to: address(&offer.pay_to)?,
        mint: address(&offer.asset)?,
        decimals: extra.decimals,
        program: TokenProgram::at(&extra.token_program).ok_or(EncodeError("an unknown token program"))?,
        amount: offer.amount,
        blockhash: extra.recent.ok_or(EncodeError("a transaction without a blockhash"))?.blockhash,
        memo: Some(&extra.memo),
    };
    let transaction = transfer.unsigned(payer)?.ok_or(Unsigned::OwnWallet)?;
    Ok(transaction.encode()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quote::Operation;
    use crate::rail::{self, Priced};
    use crate::svm::{RecentBlockhash, Transaction};
    use crate::testkit::keys;
    use crate::testkit::world::World;
    use crate::x402::Extra;

    /// Returns what one minute at the first door costs.
    fn offer() -> PaymentRequirements {
        let world = World::new();
        let (ticket, quote) = world.ticket("door-1", Operation::Access, 1);
        let priced = Priced { amount: quote.amount, nonce: &quote.nonce, ticket };
        let recent = RecentBlockhash { blockhash: [5; 32], last_valid_block_height: 7, seen_at: world.now() };
        quote.offered.offer(&world.deployment.keys, &world.deployment.config, priced, Some(recent))
    }

    fn svm_exact(offer: &mut PaymentRequirements) -> &mut SvmExactExtra {
        let Extra::SvmExact(extra) = &mut offer.extra else { panic!("another rail") };
        extra
    }

    #[test]
    fn a_wallet_that_the_transaction_has_already_gets_none() {
        let offer = offer();
        let buyer = keys::address(&keys::numbered(1));
        let bytes = rail::unsigned(&offer, &buyer).unwrap();
        assert_eq!(Transaction::decode(&bytes).unwrap().message.accounts[1], buyer);
        let fee_payer = svm_exact(&mut offer.clone()).fee_payer;
        let token = TokenProgram::Spl.address();
        for (own, what) in [
            (offer.pay_to.as_str().parse().unwrap(), "the payee"),
            (fee_payer, "the fee payer"),
            (offer.asset.as_str().parse().unwrap(), "the mint"),
            (token, "the token program"),
        ] {
            assert_eq!(rail::unsigned(&offer, &own), Err(Unsigned::OwnWallet), "{what}");
        }
    }

    #[test]
    fn an_offer_that_makes_no_transaction_is_not_the_fault_of_the_wallet() {
        let buyer = keys::address(&keys::numbered(1));
        let broken: [fn(&mut PaymentRequirements); 4] = [
            |offer| svm_exact(offer).recent = None,
            |offer| offer.pay_to = Account::new("0x0"),
            |offer| offer.asset = Account::new(""),
            |offer| svm_exact(offer).token_program = svm_exact(offer).fee_payer,
        ];
        for break_it in broken {
            let mut offer = offer();
            break_it(&mut offer);
            let refused = rail::unsigned(&offer, &buyer);
            assert!(matches!(refused, Err(Unsigned::Encode(_))), "{refused:?}");
        }
    }
}
