//! A node's answers: one that is altered never turns a payment's outcome into one that contradicts the chain.

mod node;

use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use coinop_core::Timestamp;
use coinop_core::ports::{Claim, Effort, Landing, Outcome, Prepared, Settlement as _, Verified};
use coinop_core::settlement::{FeePayers, LocalSettlement, Rpc, is_plain_token_2022};
use coinop_core::svm::TokenProgram;
use coinop_core::testkit::{claims, keys};

use self::node::{Alteration, BLOCKHASH_HEIGHT, BLOCKHASH_SLOT, CONFIRMED_LAG, LIFE, Node, Truth};
use crate::input::Input;

/// How many blocks a payment's blockhash must still live.
const LEAST_BLOCKS: u64 = 30;
const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// What a look must say when all answers are honest, first a quick look and then a thorough one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Says {
    Nothing,
    Landed,
    Failed,
}

/// States of the chain. None is at an edge, where an answer of a moment later would be honest too.
const STATES: [(Truth, [Says; 2]); 9] = [
    (Truth::never(5_000), [Says::Nothing; 2]),
    (Truth::never(5_100), [Says::Nothing; 2]),
    (Truth::never(5_400), [Says::Nothing, Says::Failed]),
    (Truth::never(16_000), [Says::Nothing, Says::Failed]),
    (Truth::landed(5_001, 5_001), [Says::Nothing; 2]),
    (Truth::landed(5_001, 5_041), [Says::Landed; 2]),
    (Truth::landed(5_001, 16_000), [Says::Nothing, Says::Landed]),
    (Truth::failed(5_001, 5_011), [Says::Nothing; 2]),
    (Truth::failed(5_001, 5_041), [Says::Failed; 2]),
];

/// The blockhash's height as a payment's claim has it: right, too low, and so high that it is never taken for dead.
const HEIGHTS: [u64; 4] = [BLOCKHASH_HEIGHT, 0, BLOCKHASH_HEIGHT - 500, u64::MAX - 10];

struct Fixture {
    verified: [Verified; 2],
    /// Claims of one payment, by [`HEIGHTS`].
    claims: [Claim; 4],
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let programs = [TokenProgram::Spl, TokenProgram::Token2022];
    let verified = programs.map(|program| claims::verified(program, node::BLOCKHASH));
    Fixture { claims: HEIGHTS.map(|height| claims::claim(&verified[0], height, AT)), verified }
});

/// Runs a future that never waits, because the node answers at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the node answers at once"),
    }
}

fn settlement(node: &Node) -> LocalSettlement<&Node> {
    let fee_payers = FeePayers::new(vec![keys::fee_payer()], &keys::address(&keys::merchant()));
    LocalSettlement::new(Rpc::new(node, node::URL.to_owned()), fee_payers.unwrap())
}

/// Asks for an outcome, or prepares a payment, with one answer altered.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choice = input.byte();
    if choice & 1 == 0 { outcome(&mut input, usize::from(choice >> 1 & 3)) } else { prepare(&mut input) }
}

fn outcome(input: &mut Input<'_>, height: usize) {
    let choice = usize::from(input.byte());
    let (truth, honest) = STATES[choice % STATES.len()];
    let thorough = usize::from(choice >= 128);
    let effort = [Effort::Quick, Effort::Thorough][thorough];
    // A wrong height is an altered answer already, from when the payment was prepared.
    let alteration = Alteration::read(input).filter(|_| height == 0);
    let claim = &FIXTURE.claims[height];
    let node = Node::new(truth, claim, alteration);
    let outcome = now(settlement(&node).outcome(claim, effort));
    let says = match &outcome {
        Outcome::Unclear => Says::Nothing,
        Outcome::Landed(Landing::SvmExact { .. }) => Says::Landed,
        Outcome::Failed { .. } => Says::Failed,
    };
    // A quick look that says more than it would, but the truth, is fine.
    let allowed = [Says::Nothing, honest[1]];
    assert!(allowed.contains(&says), "{truth:?}, {effort:?}: {outcome:?}");
    if !node.has_altered() && HEIGHTS[height] <= BLOCKHASH_HEIGHT {
        assert_eq!(says, honest[thorough], "{truth:?}, {effort:?}, {}", HEIGHTS[height]);
    }
    assert!(!node.was_sent(), "looking sends nothing");
}

fn prepare(input: &mut Input<'_>) {
    let choice = input.byte();
    let token_2022 = usize::from(choice & 1);
    let mint = (choice & 2 != 0).then(|| input.take(400).to_vec());
    let is_plain = mint.as_ref().is_none_or(|data| is_plain_token_2022(data));
    // Up to 186 blocks after the one of the blockhash, which is too late.
    let passed = u64::from(choice >> 3) * 6;
    let truth = Truth::never(BLOCKHASH_SLOT + CONFIRMED_LAG + passed);
    let mut node = Node::new(truth, &FIXTURE.claims[0], Alteration::read(input));
    if let Some(mint) = mint {
        node.set_mint(mint);
    }
    let keeps_list = choice & 4 == 0;
    if !keeps_list {
        node.keep_no_list();
    }
    let is_young = passed <= if keeps_list { LIFE - LEAST_BLOCKS } else { LIFE };
    let settlement = settlement(&node);
    let verified = &FIXTURE.verified[token_2022];
    let prepared = now(settlement.prepare(verified, AT));
    if !node.has_altered() {
        let is_fine = is_young && (token_2022 == 0 || is_plain);
        assert_eq!(prepared.is_ok(), is_fine, "{passed} blocks: {prepared:?}");
    }
    if let Ok(Prepared { rail, .. }) = prepared {
        // What is claimed is the payment that was verified, whatever the node says.
        let rail = rail.exact();
        if !node.has_altered() {
            // Without the list, the blockhash is taken for new.
            let height = BLOCKHASH_HEIGHT + if keeps_list { 0 } else { passed };
            assert_eq!(rail.height, height);
        }
        let expected = claims::claim(verified, rail.height, AT);
        assert_eq!(rail, expected.rail.exact());
    }
    let _ = now(settlement.fetch_blockhash(AT));
    let _ = now(settlement.health());
    assert!(!node.was_sent(), "nothing is sent before the claim");
}
