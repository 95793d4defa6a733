// The RPC lies before a payment is sent: nobody is charged, and the same payment is valid when the lies stop.

import { perMinute, simulated } from '../harness/config.js';
import { answerTo, changed, error, result } from '../harness/lies.js';
import { Attempt } from '../harness/attempt.js';
import { sideBySide } from '../harness/play.js';
import { world } from '../harness/world.js';

const STATUS = 'getSignatureStatuses';
const VALID = 'isBlockhashValid';
const SIMULATE = 'simulateTransaction';
const LATEST = 'getLatestBlockhash';
const FAILED = 'invalid_exact_svm_transaction_simulation_failed';

const context = { slot: 5_000, apiVersion: '3.0.0' };
const landed = { slot: 5_000, confirmations: null, err: null, status: { Ok: null }, confirmationStatus: 'finalized' };
const simulation = (err) => result({ context, value: { err, logs: [], unitsConsumed: 1 } });
const ANOTHER_CALL = answerTo(() => ({ method: 'getEpochInfo', params: [] }));
const height = (change) => changed(({ result: { value } }) => change(value));
const slot = (value) => changed(({ result: { context } }) => (context.slot = value));

/** Answers without the documented form, or without content. No decision is based on them. */
const UNCLEAR = [
  [VALID, 'a result of null', result(null)],
  [VALID, 'a value of null', changed((answer) => (answer.result.value = null))],
  [VALID, 'a value as a string', changed((answer) => (answer.result.value = 'true'))],
  [VALID, 'no slot', changed((answer) => delete answer.result.context.slot)],
  [VALID, 'a slot as a string', slot('5000')],
  [VALID, 'a negative slot', slot(-5)],
  [VALID, 'a fractional slot', slot(5000.5)],
  [VALID, 'a huge slot', slot(1e30)],
  [VALID, 'a slot that no other node has seen', changed(({ result: { context } }) => (context.slot += 1_000))],
  [VALID, 'the answer to another call', ANOTHER_CALL],
  [SIMULATE, 'a result of null', result(null)],
  [SIMULATE, 'a value of null', result({ context, value: null })],
  [SIMULATE, 'no word about an error', result({ context, value: { logs: [] } })],
  [SIMULATE, 'the answer to another call', ANOTHER_CALL],
  [SIMULATE, 'an error of its own', error(-32603)],
  [SIMULATE, 'our fee payer is said to have nothing', simulation('InsufficientFundsForFee')],
];

/** Calls after the claim is durable and before anything is sent. No answer keeps the payment from being sent, once. */
const AFTER_THE_CLAIM = [
  [STATUS, 'a result of null', result(null)],
  [STATUS, 'no value', result({ context })],
  [STATUS, 'an empty list', result({ context, value: [] })],
  [STATUS, 'two statuses', result({ context, value: [null, null] })],
  [STATUS, 'a status without its fields', result({ context, value: [{}] })],
  [STATUS, 'a status of a kind that does not exist', result({ context, value: [{ ...landed, confirmationStatus: 'rooted' }] })],
  [STATUS, 'no context', result({ value: [null] })],
  [STATUS, 'a slot as a string', slot('5000')],
  [STATUS, 'a negative slot', slot(-1)],
  [STATUS, 'the answer to another call', ANOTHER_CALL],
  [STATUS, 'the node is behind', error(-32005)],
  [STATUS, 'a new payment is said to have landed', result({ context, value: [landed] })],
  [STATUS, 'a new payment is said to have failed', result({ context, value: [{ ...landed, err: 'AccountInUse' }] })],
];

/** Clear but untrue answers. */
const REFUSED = [
  [VALID, 'a good blockhash is said to be too old', changed((answer) => (answer.result.value = false)), 402, FAILED],
  [SIMULATE, 'a good blockhash is said to be unknown', simulation('BlockhashNotFound'), 402, FAILED],
  [SIMULATE, 'a payer with funds is said to have none', simulation({ InstructionError: [2, { Custom: 1 }] }), 402, 'insufficient_funds'],
  [SIMULATE, 'a good payment is said to fail', simulation({ InstructionError: [2, 'InvalidAccountData'] }), 402, FAILED],
  [SIMULATE, 'a new payment is said to be processed', simulation('AlreadyProcessed'), 409, 'payment_already_used'],
];

const unclear = UNCLEAR.map(([method, what, lie], n) => ({
  id: `unclear-${n}`,
  name: `${method}, ${what}: unavailable and uncharged, and the same payment is good afterwards (inv. 2, 3, 9)`,
  lies: { before: { [method]: lie } },
  async play(attempt) {
    await attempt.isUnavailable(await attempt.send());
    attempt.truth();
    await attempt.isGranted(await attempt.send());
  },
}));

const refused = REFUSED.map(([method, what, lie, status, reason], n) => ({
  id: `refused-${n}`,
  name: `${method}, ${what}: refused uncharged (${status} ${reason}), and the same payment is good afterwards (inv. 1, 2, 9)`,
  lies: { before: { [method]: lie } },
  async play(attempt) {
    await attempt.isRefused(await attempt.send(), status, reason);
    attempt.truth();
    await attempt.isGranted(await attempt.send());
  },
}));

const granted = AFTER_THE_CLAIM.map(([method, what, lie], n) => ({
  id: `granted-${n}`,
  name: `${method}, ${what}: sent all the same, charged once and granted (inv. 1, 2, 3)`,
  lies: { before: { [method]: lie } },
  play: async (attempt) => attempt.isGranted(await attempt.send()),
}));

const dead = {
  id: 'dead',
  name: `${VALID}, a dead blockhash is said to live: the simulation refuses it, uncharged (402 ${FAILED}) (inv. 2)`,
  lies: { before: { [VALID]: changed((answer) => (answer.result.value = true)) } },
  prepare: (attempt) => attempt.world.chain.advanceBlocks(200), // before the others get theirs
  play: async (attempt) => attempt.isRefused(await attempt.send(), 402, FAILED),
};

const scenes = [dead, ...unclear, ...refused, ...granted];

/** One after the other, because nothing in this call tells which payment it is about. */
const HEIGHTS = {
  'a result of null': result(null),
  'no blockhash': height((value) => delete value.blockhash),
  'a height as a string': height((value) => (value.lastValidBlockHeight = String(value.lastValidBlockHeight))),
  'a negative height': height((value) => (value.lastValidBlockHeight *= -1)),
  'a fractional height': height((value) => (value.lastValidBlockHeight += 0.5)),
  'a huge height': height((value) => (value.lastValidBlockHeight = 1e30)),
  'the answer to another call': ANOTHER_CALL,
  'the node has not seen the slot': error(-32016),
};
const heights = Object.keys(HEIGHTS).map((_, n) => `height-${n}`);

const assets = [...scenes.map(({ id }) => id), ...heights].map((id) => simulated(perMinute(id)));
const w = world({ assets, buyers: assets.length });

sideBySide(w, scenes);

for (const [n, [what, lie]] of Object.entries(HEIGHTS).entries()) {
  w.test(`${LATEST}, ${what}: unavailable and uncharged, and the same payment is good afterwards (inv. 2, 3, 9)`, {}, async () => {
    const attempt = await Attempt.ready(w, heights[n]);
    w.relay.spoilNext(LATEST, lie);
    await attempt.isUnavailable(await attempt.send());
    await attempt.isGranted(await attempt.send());
  });
}
