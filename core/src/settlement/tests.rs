//! What each answer of a node, or the lack of one, means for a payment.

mod age;
mod chain;
mod faults;
mod found;
mod left;
mod node;
mod outcome;
mod prepare;
mod property;
mod scenarios;
mod send;

use std::sync::Arc;

use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use self::node::{Node, URL};
use super::*;
use crate::ids::SessionId;
use crate::money::{Amount, Money};
use crate::ports::{Effort, Outcome, PrepareError, Prepared, Settlement as _, Verified};
use crate::quote::{Operation, Ticket};
use crate::rail::svm_exact;
use crate::session::{Allowance, Claim, Fulfilment, Purchase, Refund, SvmExact};
use crate::svm::build::Transfer;
use crate::svm::exact::{Requirement, VerifiedPayment, verify};
use crate::svm::programs::LIGHTHOUSE;
use crate::svm::transaction::Instruction;
use crate::svm::{Token, TokenProgram, associated_token_account};
use crate::testkit::keys;
use crate::time::Timestamp;

const MEMO_TEXT: &str = "q0123456789abcdef0123456789abcdef";

/// Runs a future that never waits, because the node answers at once.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the node answers at once"),
    }
}

fn token(program: TokenProgram) -> Token {
    let mint = "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU".parse().unwrap();
    Token { symbol: "USDC".to_owned(), mint, decimals: 6, program }
}

/// Returns a payment with this memo and blockhash, in the mint of this program.
fn signed(memo: &str, program: TokenProgram) -> VerifiedPayment {
    let Token { mint, decimals, .. } = token(program);
    let transfer = Transfer {
        fee_payer: keys::address(&keys::fee_payer()),
        pay_to: keys::address(&keys::merchant()),
        mint,
        decimals,
        program,
        amount: Amount::new(10_000),
        blockhash: [9; 32],
        memo: Some(memo),
    };
    let requirement = Requirement {
        amount: transfer.amount,
        mint,
        decimals,
        program,
        destination: associated_token_account(&transfer.pay_to, &mint, program).unwrap(),
        fee_payer: transfer.fee_payer,
        max_fee_lamports: 20_000,
    };
    verify(&transfer.sign(&keys::payer()).unwrap().encode().unwrap(), &requirement).unwrap()
}

/// Returns the payment as its rail passes it on, with a token of this program.
fn verified(payment: &VerifiedPayment, program: TokenProgram) -> Verified {
    let payment = payment.clone();
    Verified::SvmExact(svm_exact::Verified { payment, token: token(program), is_bound: true })
}

/// The payment, and what an honest node makes of it.
struct Fixture {
    payment: VerifiedPayment,
    /// A different payment by the same payer.
    other: VerifiedPayment,
    prepared: Prepared,
    claim: Claim,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let payment = signed(MEMO_TEXT, TokenProgram::Spl);
    let world = World::new();
    let prepared = world.prepare(&payment).unwrap();
    let claim = claim_of(&payment, &prepared);
    Fixture { other: signed("another", TokenProgram::Spl), payment, prepared, claim }
});

/// Returns the payment with a guard as instruction 4.
fn guarded() -> VerifiedPayment {
    let mut payment = FIXTURE.payment.clone();
    let guard = Instruction { program: 8, accounts: vec![2], data: vec![10, 4, 1, 8] };
    let transaction = Arc::make_mut(&mut payment.transaction);
    transaction.message.accounts.push(LIGHTHOUSE);
    transaction.message.readonly_unsigned += 1;
    transaction.message.instructions.push(guard);
    transaction.message_bytes = transaction.message.encode().unwrap();
    payment
}

/// Returns the claim with a change in what its rail stores.
fn altered_claim(change: impl FnOnce(&mut SvmExact)) -> Claim {
    let mut claim = FIXTURE.claim.clone();
    change(claim.rail.exact_mut());
    claim
}

fn claim_of(payment: &VerifiedPayment, prepared: &Prepared) -> Claim {
    let Token { mint, decimals, .. } = token(TokenProgram::Spl);
    let network = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1".to_owned();
    let price = Money { network, token: mint.into(), amount: Amount::new(10_000), decimals };
    Claim {
        payment: payment.id.clone(),
        operation: Operation::Access,
        session: SessionId::from_bytes([1; 16]),
        purchase: Purchase { quantity: 1, allowance: Allowance::Time { seconds: 60 }, price },
        ticket: Some(Ticket::from_text(MEMO_TEXT).id()),
        payer: payment.payer.into(),
        rail: prepared.rail.clone(),
        fulfilment: Fulfilment::Lock,
        seats: None,
        refund: Refund::default(),
        at: Timestamp::from_millis(1_700_000_000_000),
    }
}

/// The moment at which payments are prepared.
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A node, and the gateway in front of it.
struct World {
    node: Node,
}

impl World {
    fn new() -> Self {
        Self { node: Node::new([9; 32]) }
    }

    fn settlement(&self) -> LocalSettlement<&Node> {
        let fee_payers = FeePayers::new(vec![keys::fee_payer()], &keys::address(&keys::merchant()));
        LocalSettlement::new(Rpc::new(&self.node, URL.to_owned()), fee_payers.unwrap())
    }

    fn prepare(&self, payment: &VerifiedPayment) -> Result<Prepared, PrepareError> {
        block_on(self.settlement().prepare(&verified(payment, TokenProgram::Spl), NOW))
    }

    fn send(&self) {
        block_on(self.settlement().submit(&FIXTURE.claim)).unwrap();
    }

    fn outcome(&self, effort: Effort) -> Outcome {
        block_on(self.settlement().outcome(&FIXTURE.claim, effort))
    }

    /// Sends the payment, lands it in slot 5001, and advances `blocks` blocks.
    fn landed(&self, blocks: u64) {
        self.send();
        let mut chain = self.node.chain();
        chain.land();
        chain.pass(blocks);
    }

    /// Sends the payment, lands it with an error, and advances `blocks` blocks.
    fn failed(&self, blocks: u64) {
        self.node.chain().fails_with = Some(serde_json::json!({ "InstructionError": [2, { "Custom": 1 }] }));
        self.landed(blocks);
    }

    /// Advances this many blocks without the payment.
    fn passed(&self, blocks: u64) {
        self.node.chain().pass(blocks);
    }
}
