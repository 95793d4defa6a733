// The RPC lies after a payment was sent, and tells the truth before its buyer has waited for long: the payment is
// charged once and granted, or it was never charged.

import assert from 'node:assert/strict';
import { perMinute, simulated } from '../harness/config.js';
import { answerTo, byTurns, changed, error, inTurn, passes, result, times } from '../harness/lies.js';
import { sideBySide } from '../harness/play.js';
import { SYSTEM_PROGRAM } from '../harness/transactions.js';
import { world } from '../harness/world.js';

const SEND = 'sendTransaction';
const STATUS = 'getSignatureStatuses';
const SHOW = 'getTransaction';

const OTHER = '5'.repeat(87);
const ITS_OWN = ({ attempt }) => attempt.signature;
const ANOTHER_CALL = answerTo(() => ({ method: 'getEpochInfo', params: [] }));
const context = { slot: 5_000, apiVersion: '3.0.0' };
const status = (confirmationStatus, err = null) =>
  result({ context, value: [{ slot: 5_000, confirmations: null, err, confirmationStatus }] });
const unknown = changed(({ result }) => (result.value = [null]));
const hidden = result(null);

/** A simulation that passes: the payer has plenty, and so has the fee payer, whose account is asked for too. */
const sponsor = { data: ['', 'base64'], owner: SYSTEM_PROGRAM, lamports: 1_000_000_000 };
const fine = (pass, http) => changed(({ result }) => result.value.accounts.push(sponsor))(() => passes(pass, http));

/** Lies after which the payment is charged once and granted. */
const GRANTED = {
  'sent: an error, and it landed': { [SEND]: times(3, error(-32603, { done: true })) },
  'sent: the node is behind, and it was dropped': { [SEND]: times(1, error(-32005)) },
  'sent: the blockhash is unknown, and it was dropped twice': { [SEND]: times(2, error(-32002)) },
  'sent: it was processed already, and it landed': { [SEND]: times(3, error(-32002, { done: true })) },
  'sent: it was processed already, and it was dropped': { [SEND]: times(1, error(-32002)) },
  'sent: its signature is wrong, and it landed': { [SEND]: times(3, error(-32003, { done: true })) },
  'sent: success, and it was dropped': { [SEND]: times(1, result(ITS_OWN)) },
  'sent: success with another signature, and it landed': { [SEND]: changed((answer) => (answer.result = OTHER)) },
  'sent: success with another signature, and it was dropped': { [SEND]: times(1, result(OTHER)) },
  'sent: null, and it landed': { [SEND]: changed((answer) => (answer.result = null)) },
  'sent: the answer to another call, and it was dropped': { [SEND]: times(1, ANOTHER_CALL) },

  'status: null at first': { [STATUS]: times(3, unknown) },
  'status: null, then success, then null, and the transaction is shown at the second success': {
    [STATUS]: inTurn(unknown, status('confirmed'), unknown),
    [SHOW]: times(1, hidden),
  },
  'status: an error first, then success': {
    [STATUS]: inTurn(status('confirmed', 'AccountInUse')),
    [SHOW]: times(1, hidden),
  },
  'status: success first, then an error': {
    [STATUS]: inTurn(status('confirmed'), status('finalized', 'AccountInUse')),
    [SHOW]: times(2, hidden), // on a slow machine it would be final by then
  },
  'status: an error for ever, and the chain shows it without one': { [STATUS]: status('finalized', { InstructionError: [2, { Custom: 1 }] }) },
  'status: less than confirmed at first': { [STATUS]: times(3, status('processed')) },
  'status: success for another payment in its place': { [STATUS]: times(2, result({ context, value: [null, { slot: 1, err: null, confirmationStatus: 'finalized' }] })) },
  'status: without its slot and its error': { [STATUS]: times(2, result({ context, value: [{ confirmationStatus: 'confirmed' }] })) },
  'status: the answer to another call': { [STATUS]: times(2, ANOTHER_CALL) },

  'shown: null at first': { [SHOW]: times(3, hidden) },
  'shown: no meta': { [SHOW]: times(2, changed(({ result }) => (result.meta = null))) },
  'shown: no slot': { [SHOW]: times(2, changed(({ result }) => delete result.slot)) },
  'shown: a slot as a string': { [SHOW]: times(2, changed(({ result }) => (result.slot = String(result.slot)))) },
  'shown: a negative slot': { [SHOW]: times(2, changed(({ result }) => (result.slot *= -1))) },
  'shown: no bytes': { [SHOW]: times(2, changed(({ result }) => (result.transaction = ['', 'base64']))) },
  'shown: in another encoding': { [SHOW]: times(2, changed(({ result }) => (result.transaction = { signatures: [], message: {} }))) },
  'shown: the answer to another call': { [SHOW]: times(2, ANOTHER_CALL) },
  'shown: an error that is not final, and then none': { [SHOW]: times(2, changed(({ result }) => (result.meta.err = 'AccountInUse'))), [STATUS]: times(2, status('confirmed')) },

  'everything lies in turns': {
    [SEND]: byTurns(error(-32603, { done: true }), result(OTHER), error(-32005)),
    [STATUS]: inTurn(status('finalized'), unknown, status('finalized', 'AccountInUse'), error(-32005), status('processed')),
    [SHOW]: inTurn(hidden, error(-32603), changed(({ result }) => (result.meta = null))),
  },
};

const granted = Object.entries(GRANTED).map(([what, after], n) => ({
  id: `granted-${n}`,
  name: `${what}: charged once and granted (inv. 1, 2, 3, 9)`,
  lies: { after },
  async play(attempt) {
    await attempt.isGranted(await attempt.send());
    assert.equal(attempt.answers[0], 200, 'told while the buyer waits');
    for (const method of [STATUS, SHOW]) {
      const lies = after[method]?.lies ?? 0;
      assert.ok(attempt.counts[method] > lies, `${attempt} heard ${lies} lies of ${method}, and then the truth`);
    }
  },
}));

/** The payment lands with an error, and the gateway pays its fee. */
const broke = {
  id: 'broke',
  name: 'simulated: fine, and the payer has nothing: it lands with an error, and once that is final the buyer is told uncharged (inv. 2, 3, 9)',
  lies: { before: { simulateTransaction: fine } },
  pauper: true,
  async play(attempt) {
    await attempt.isRefused(await attempt.known(), 402, 'invalid_exact_svm_transaction_failed');
    const history = await attempt.world.chain.history(attempt.buyer.address);
    assert.deepEqual(history.map(({ signature, err }) => [signature, err !== null]), [[attempt.signature, true]]);
    assert.equal(await attempt.isFree(), true);
    await attempt.isRefused(await attempt.send(), 429, 'payer_backoff'); // its payer has to wait, and it is on the chain
  },
};

const scenes = [...granted, broke];
const w = world({
  assets: scenes.map(({ id }) => simulated(perMinute(id))),
  buyers: granted.length,
  paupers: 1,
  chainOptions: ['--finality-lag', '5'],
});

sideBySide(w, scenes);
