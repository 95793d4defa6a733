// Limits over all assets together, although each asset is its own object: newcomers' fees, and a payer's failures.

import assert from 'node:assert/strict';
import { paymentV1 } from '../harness/buyers.js';
import { usdcAccount } from '../harness/chain.js';
import { PRICE, perHour, simulated } from '../harness/config.js';
import { each, insist, paymentFor, times } from '../harness/crowd.js';
import { granted, problem, refusedAs } from '../harness/expect.js';
import { does, transaction } from '../harness/transactions.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

const FEE = 10_001; // two signatures, and a lamport of priority
const SALES = 5;

const attempts = times(30, (n) => `lane-${n}`);
const assets = attempts.map((id) => simulated(perHour(id)));
// Newcomers may cost five fees at once, which is a 52nd of what is allowed in a day.
const settlement = { max_fee_lamports: FEE, max_fee_lamports_per_day: 52 * (SALES * FEE + 1) };
const thrifty = world({ needs: ['objects'], assets, buyers: 30, settlement });
const patient = world({ needs: ['objects'], assets, buyers: 2, paupers: 1 });

const access = (w, id) => w.url(`/api/v1/access/${id}`);

thrifty.test(`a budget for ${SALES} newcomers: of ${attempts.length} payments of different payers for different assets at once no more than ${SALES} are in flight (inv. 2, 5)`, {}, async () => {
  const w = thrifty;
  const buyers = attempts.map(() => w.buyer());
  const headers = await each(attempts, 8, (id, n) => (n % 2 ? paymentV1 : paymentFor)(w, buyers[n], access(w, id)));
  const before = await w.chain.lamports(w.feePayer);
  const answers = [];
  // No payment lands before all others were refused.
  let release;
  const released = new Promise((resolve) => { release = resolve; });
  w.relay.spoil = (method) =>
    method === 'sendTransaction'
      ? async (pass) => {
          await released;
          return pass();
        }
      : null;
  const gain = await w.gain(async () => {
    const asked = attempts.map(async (id, n) => { answers[n] = await insist(access(w, id), headers[n]); });
    await until('all others are refused', () => answers.filter(Boolean).length === attempts.length - SALES, { within: 30_000 });
    w.relay.mend();
    release();
    await Promise.all(asked);
  });
  assert.deepEqual(gain, { money: BigInt(SALES) * PRICE.hour, landed: SALES }, `statuses ${answers.map(({ status }) => status)}`);
  assert.equal(before - (await w.chain.lamports(w.feePayer)), SALES * FEE);
  for (const [n, answer] of answers.entries()) {
    const paid = 5_000_000n - (await w.chain.balance(buyers[n].address));
    if (answer.status === 200) {
      await granted(answer);
      assert.equal(paid, PRICE.hour);
    } else {
      assert.ok(Number(answer.headers.get('retry-after')) >= 1);
      await problem(answer, 503, 'fee_budget_spent');
      assert.equal(paid, 0n);
    }
  }
});

/**
 * Empties the wallet's account between the simulation and the landing of the next payment, so that it fails on chain.
 */
function emptiesInBetween(w, wallet) {
  let emptied = false;
  w.relay.spoil = (method) =>
    method === 'sendTransaction' && !emptied
      ? async (pass) => {
          emptied = true;
          const [source, destination] = await Promise.all([wallet, w.paupers[0]].map(({ address }) => usdcAccount(address)));
          const all = does.transferChecked({ source, destination, authority: wallet.address, amount: await w.chain.held(source) });
          await w.chain.send(await transaction(w, { feePayer: wallet.address, instructions: [all], signers: [wallet] }));
          const answer = await pass();
          await w.chain.advanceBlocks(40); // so that it is final
          return answer;
        }
      : null;
}

patient.test('who has failed at an asset has to wait at all others, and costs nothing more; others do not wait (inv. 2)', {}, async () => {
  const w = patient;
  const [thief, other] = [w.buyer(), w.buyer()];
  for (const id of attempts.slice(0, 1)) {
    const headers = await paymentFor(w, thief, access(w, id));
    emptiesInBetween(w, thief);
    await refusedAs(await insist(access(w, id), headers), [402, 'invalid_exact_svm_transaction_failed']);
    w.relay.mend();
    await w.chain.setBalance(thief.address, 5_000_000n);
  }
  const before = await w.chain.lamports(w.feePayer);
  for (const [id, pay] of [[attempts[3], paymentFor], [attempts[4], paymentV1], [attempts[0], paymentFor]]) {
    const headers = await pay(w, thief, access(w, id));
    const gain = await w.gain(async () => {
      const response = await insist(access(w, id), headers);
      const after = Number(response.headers.get('retry-after'));
      assert.ok(after >= 1 && after <= 60, `Retry-After: ${after}`);
      await problem(response, 429, 'payer_backoff');
    });
    assert.deepEqual(gain, { money: 0n, landed: 0 });
  }
  assert.equal(await w.chain.lamports(w.feePayer), before);
  await granted(await insist(access(w, attempts[3]), await paymentFor(w, other, access(w, attempts[3]))));
});
