//! States of the chain, what a node reports, and the outcome that has to follow.

use serde_json::{Value, json};

use super::chain::{EPOCH, Landed, SIGNATURES, STATUSES, TRANSACTION, VALID, shown};
use super::node::Reply;
use super::*;
use crate::encoding::from_base64;
use crate::session::Landing;
use crate::svm::transaction::Transaction;

/// The method that reports the latest final height.
pub(super) const FINAL_HEIGHT: &str = EPOCH;

/// Returns its answer with this height.
pub(super) fn final_height(height: u64) -> Reply {
    Reply::Result(json!({ "absoluteSlot": 6_000, "blockHeight": height }))
}

/// The calls of a search that ends with a dead payment.
pub(super) const DEAD_CHECK: [&str; 5] = [FINAL_HEIGHT, VALID, STATUSES, SIGNATURES, TRANSACTION];

pub(super) const LANDED: Outcome = Outcome::Landed(Landing::SvmExact { slot: 5_001 });
pub(super) const FAILED: Outcome = Outcome::Failed { reason: "invalid_exact_svm_transaction_failed" };
pub(super) const EXPIRED: Outcome = Outcome::Failed { reason: "transaction_expired" };
pub(super) const UNCLEAR: Outcome = Outcome::Unclear;

/// The number of blocks until the payment is dead.
///
/// The block of its blockhash has height 3990 (slot 4990), and the latest block had slot 5000 at the claim. It is dead when height
/// 4141 (slot 5141) is final; the latest block is then 5173.
pub(super) const UNTIL_DEAD: u64 = 173;

/// The number of blocks after which nodes have forgotten the payment's status.
pub(super) const LONG: u64 = 400;

/// Returns the payment's bytes as they are sent.
pub(super) fn ours() -> Vec<u8> {
    from_base64(&FIXTURE.claim.rail.exact().transaction).unwrap()
}

/// Returns the answer to `getTransaction` that shows these bytes without an error.
pub(super) fn shows(bytes: Vec<u8>) -> Reply {
    Reply::Result(shown(&Landed { bytes, slot: 5_001, error: None }))
}

/// Returns the answer that shows a changed payment.
fn altered(change: impl FnOnce(&mut Transaction)) -> Reply {
    let mut transaction = Transaction::decode(&ours()).unwrap();
    change(&mut transaction);
    shows(transaction.encode().unwrap())
}

/// Returns the answer to `getSignatureStatuses` with this status of the payment.
pub(super) fn status(confirmation: &str, error: &Value) -> Reply {
    let status =
        json!({ "slot": 5_001, "confirmations": null, "err": error, "confirmationStatus": confirmation });
    Reply::Result(json!({ "context": { "slot": 6_000 }, "value": [status] }))
}

/// Returns the answer of a node that does not know the payment.
pub(super) fn unknown(method: &str) -> Reply {
    Reply::Result(match method {
        STATUSES => json!({ "context": { "slot": 6_000 }, "value": [null] }),
        SIGNATURES => json!([]),
        _ => Value::Null,
    })
}

/// Arranges the state of the chain.
pub(super) type Arrange = fn(&World);
/// A state of the chain, with the outcomes of a quick and a thorough look.
pub(super) type State = (&'static str, Arrange, Outcome, Outcome);

pub(super) const STATES: [State; 16] = [
    ("never sent", |_| (), UNCLEAR, UNCLEAR),
    ("sent, in no block yet", World::send, UNCLEAR, UNCLEAR),
    ("landed, not confirmed", |w| w.landed(0), UNCLEAR, UNCLEAR),
    ("landed, not quite confirmed", |w| w.landed(1), UNCLEAR, UNCLEAR),
    ("landed, confirmed", |w| w.landed(2), LANDED, LANDED),
    ("landed, final", |w| w.landed(32), LANDED, LANDED),
    ("landed, forgotten by nodes without history", |w| w.landed(LONG), UNCLEAR, LANDED),
    ("failed, not confirmed", |w| w.failed(0), UNCLEAR, UNCLEAR),
    ("failed, confirmed", |w| w.failed(2), UNCLEAR, UNCLEAR),
    ("failed, not quite final", |w| w.failed(31), UNCLEAR, UNCLEAR),
    ("failed, final", |w| w.failed(32), FAILED, FAILED),
    ("failed, forgotten by nodes without history", |w| w.failed(LONG), UNCLEAR, FAILED),
    ("151 confirmed blocks later", |w| w.passed(151), UNCLEAR, UNCLEAR),
    ("150 blocks later, and final", |w| w.passed(UNTIL_DEAD - 1), UNCLEAR, UNCLEAR),
    ("151 blocks later, and final", |w| w.passed(UNTIL_DEAD), UNCLEAR, EXPIRED),
    ("sent, and taken by no block", sent_in_vain, UNCLEAR, EXPIRED),
];

fn sent_in_vain(world: &World) {
    world.send();
    world.passed(LONG);
}

/// A state of the chain, and answers that do not tell the truth about it, or not all of it.
pub(super) struct Lie {
    pub(super) name: &'static str,
    pub(super) arrange: Arrange,
    pub(super) answers: Vec<(&'static str, Reply)>,
    /// The outcomes of a quick and a thorough look.
    pub(super) outcomes: [Outcome; 2],
}

pub(super) fn lies() -> Vec<Lie> {
    const NO_ERROR: Value = Value::Null;
    let error = json!("AccountInUse");
    let confirmed: Arrange = |w| w.landed(2);
    let landed: Arrange = |w| w.landed(40);
    let failed: Arrange = |w| w.failed(40);
    let failed_confirmed: Arrange = |w| w.failed(5);
    let landed_long_ago: Arrange = |w| w.landed(LONG);
    let failed_long_ago: Arrange = |w| w.failed(LONG);
    let never: Arrange = |_| ();
    let dead: Arrange = |w| w.passed(LONG);

    let forgets = |methods: &[&'static str]| -> Vec<_> { methods.iter().map(|m| (*m, unknown(m))).collect() };
    let says = |confirmation, error: &Value| vec![(STATUSES, status(confirmation, error))];
    let shown = |reply| vec![(TRANSACTION, reply)];
    let other = || shows(FIXTURE.other.transaction.encode().unwrap());
    let behind = |method, blocks| vec![(method, Reply::Behind(blocks))];
    let null_beside: Vec<_> =
        DEAD_CHECK.map(|m| (m, Reply::Changed(|answer| answer["error"] = Value::Null))).into();
    let other_message = altered(|t| t.message_bytes.clone_from(&FIXTURE.other.transaction.message_bytes));
    let other_bit = altered(|t| *t.message_bytes.last_mut().unwrap() ^= 1);
    let other_payer_signature = altered(|t| t.signatures[1] = [7; 64]);
    let cut = shows(ours()[..ours().len() - 1].to_vec());
    let others = Reply::Result(json!([{ "signature": "1".repeat(88) }, { "signature": "" }]));

    let nothing = || [UNCLEAR, UNCLEAR];
    let cases = [
        ("confirmed, and can't be shown", confirmed, forgets(&[TRANSACTION]), nothing()),
        ("final, and can't be shown", landed, forgets(&[TRANSACTION]), nothing()),
        ("final and old, and can't be shown", landed_long_ago, forgets(&[TRANSACTION]), nothing()),
        ("final, shown by a node that lags", landed, behind(TRANSACTION, 20), nothing()),
        ("said to be confirmed, never sent", never, says("confirmed", &NO_ERROR), nothing()),
        ("said to be final, never sent", never, says("finalized", &NO_ERROR), nothing()),
        ("said to be processed, dead", dead, says("processed", &NO_ERROR), nothing()),
        ("said to be confirmed, dead", dead, says("confirmed", &NO_ERROR), nothing()),
        ("said to be final, dead", dead, says("finalized", &NO_ERROR), nothing()),
        ("said to have failed for good, never sent", never, says("finalized", &error), nothing()),
        ("said to have failed for good, dead", dead, says("finalized", &error), nothing()),
        ("said to have failed for good, landed", landed, says("finalized", &error), [LANDED; 2]),
        ("said to have failed, confirmed, landed", landed, says("confirmed", &error), [LANDED; 2]),
        ("said to have no error, failed", failed_confirmed, says("confirmed", &NO_ERROR), nothing()),
        ("said to have no error, failed for good", failed, says("finalized", &NO_ERROR), [FAILED; 2]),
        ("failed for good, said to be confirmed", failed, says("confirmed", &error), nothing()),
        ("failed, said to be final", failed_confirmed, says("finalized", &error), nothing()),
        ("final, said to be processed", landed, says("processed", &NO_ERROR), nothing()),
        ("another payment is shown", landed, shown(other()), nothing()),
        ("another payment is shown, failed", failed, shown(other()), nothing()),
        ("another payment is shown, dead", dead, shown(other()), nothing()),
        (
            "another payment is shown, never sent",
            never,
            [says("finalized", &NO_ERROR), shown(other())].concat(),
            nothing(),
        ),
        ("another message with our signatures is shown", landed, shown(other_message), nothing()),
        ("the message with one bit changed is shown", landed, shown(other_bit), nothing()),
        (
            "our message with another signature of the payer",
            landed,
            shown(other_payer_signature),
            [LANDED; 2],
        ),
        ("a transaction with a byte behind it", landed, shown(shows([ours(), vec![0]].concat())), nothing()),
        ("a transaction that ends early", landed, shown(cut), nothing()),
        ("no bytes", landed, shown(shows(vec![])), nothing()),
        (
            "the message without signatures",
            landed,
            shown(shows(FIXTURE.payment.transaction.message_bytes.clone())),
            nothing(),
        ),
        ("statuses are forgotten", landed, forgets(&[STATUSES]), nothing()),
        ("statuses are forgotten, dead", dead, forgets(&[STATUSES]), [UNCLEAR, EXPIRED]),
        (
            "only the list and the transaction are left",
            landed_long_ago,
            forgets(&[STATUSES]),
            [UNCLEAR, LANDED],
        ),
        ("only they are left, failed", failed_long_ago, forgets(&[STATUSES]), [UNCLEAR, FAILED]),
        ("only the list is left", landed_long_ago, forgets(&[STATUSES, TRANSACTION]), nothing()),
        ("only the list is left, failed", failed_long_ago, forgets(&[STATUSES, TRANSACTION]), nothing()),
        (
            "only the list is left, another is shown",
            landed_long_ago,
            [forgets(&[STATUSES]), shown(other())].concat(),
            nothing(),
        ),
        (
            "only the transaction is left",
            landed_long_ago,
            forgets(&[STATUSES, SIGNATURES]),
            [UNCLEAR, LANDED],
        ),
        (
            "only the transaction is left, failed",
            failed_long_ago,
            forgets(&[STATUSES, SIGNATURES]),
            [UNCLEAR, FAILED],
        ),
        ("the list names others only", dead, vec![(SIGNATURES, others)], [UNCLEAR, EXPIRED]),
        ("the height goes back, dead", dead, behind(FINAL_HEIGHT, LONG - 100), nothing()),
        ("the height goes back, landed", landed, behind(FINAL_HEIGHT, 60), [LANDED; 2]),
        ("an error of null beside each result, landed", landed, null_beside.clone(), [LANDED; 2]),
        ("an error of null beside each result, dead", dead, null_beside, [UNCLEAR, EXPIRED]),
    ];
    let lie = |(name, arrange, answers, outcomes)| Lie { name, arrange, answers, outcomes };
    cases.into_iter().map(lie).collect()
}
