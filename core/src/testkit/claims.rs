//! A payment on its way to the chain.

use std::sync::Arc;

use crate::ids::SessionId;
use crate::money::{Amount, Money};
use crate::ports::{Claim, Verified};
use crate::quote::Operation;
use crate::rail::svm_exact;
use crate::session::{Allowance, Fulfilment, Purchase, Refund};
use crate::settlement::signed;
use crate::svm::build::Transfer;
use crate::svm::exact::{Requirement, verify_decoded};
use crate::svm::{Network, Token, TokenProgram, associated_token_account};
use crate::testkit::keys;
use crate::time::Timestamp;

/// Returns a payment of 10,000 atomic units to the known merchant, with this blockhash, as its rail passes it on.
pub fn verified(program: TokenProgram, blockhash: [u8; 32]) -> Verified {
    let mint = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU".parse().unwrap();
    let transfer = Transfer {
        fee_payer: keys::address(&keys::fee_payer()),
        pay_to: keys::address(&keys::merchant()),
        mint,
        decimals: 6,
        program,
        amount: Amount::new(10_000),
        blockhash,
        memo: Some("q0123456789abcdef0123456789abcdef"),
    };
    let requirement = Requirement {
        amount: transfer.amount,
        mint,
        decimals: transfer.decimals,
        program,
        destination: associated_token_account(&transfer.pay_to, &mint, program).unwrap(),
        fee_payer: transfer.fee_payer,
        max_fee_lamports: 20_000,
    };
    let transaction = transfer.sign(&keys::payer()).unwrap();
    let payment = verify_decoded(Arc::new(transaction), &requirement).unwrap();
    let token = Token { symbol: "USDC".to_owned(), mint, decimals: transfer.decimals, program };
    Verified::SvmExact(svm_exact::Verified { payment, token, is_bound: true })
}

/// Returns the claim of such a payment, whose blockhash was seen valid at this height.
pub fn claim(verified: &Verified, height: u64, at: Timestamp) -> Claim {
    let svm_exact::Verified { payment, token, .. } = verified.exact();
    let network = Network::Devnet.caip2().to_owned();
    let price =
        Money { network, token: token.mint.into(), amount: Amount::new(10_000), decimals: token.decimals };
    Claim {
        payment: payment.id.clone(),
        operation: Operation::Access,
        session: SessionId::from_bytes([1; 16]),
        purchase: Purchase { quantity: 1, allowance: Allowance::Time { seconds: 60 }, price },
        ticket: None,
        payer: payment.payer.into(),
        rail: signed(&keys::fee_payer(), payment, height).unwrap(),
        fulfilment: Fulfilment::Lock,
        seats: None,
        refund: Refund::default(),
        at,
    }
}
