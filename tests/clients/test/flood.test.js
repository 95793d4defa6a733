// Many payments from one balance at once: the balance pays for as many as it covers, and the rest is refused before it
// is sent.

import assert from 'node:assert/strict';
import { payment } from '../harness/buyers.js';
import { PRICE, perMinute, simulated } from '../harness/config.js';
import { granted, refused } from '../harness/expect.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

const COUNT = 12;
const attempts = (prefix) => Array.from({ length: COUNT }, (_, n) => `${prefix}-${n + 1}`);
const [poor, rich] = ['poor', 'rich'].map(attempts);

const w = world({ assets: [...poor, ...rich].map((id) => simulated(perMinute(id))), buyers: 2 });

const access = (id) => w.url(`/api/v1/access/${id}`);

/** Sends until the answer is not "settlement pending". */
const insist = (url, headers) =>
  until('the settlement is known', async () => {
    const response = await fetch(url, { headers });
    if (response.status !== 202) return response;
    await response.body.cancel();
    return false;
  }, { within: 45_000, every: 200 });

/** Signs a payment for each asset, then sends all at once. */
async function flood(buyer, ids) {
  const headers = await Promise.all(ids.map((id) => payment(w, buyer, access(id))));
  return Promise.all(ids.map((id, n) => insist(access(id), headers[n])));
}

w.test(`flood: of ${COUNT} payments from a balance for one, one is sent and the others cost nobody anything (inv. 1, 2)`, {}, async () => {
  const buyer = w.buyer();
  await w.chain.setBalance(buyer.address, PRICE.minute);
  const lamports = () => w.chain.lamports(w.feePayer);
  const before = await lamports();
  let answers;
  const gain = await w.gain(async () => {
    answers = await flood(buyer, poor);
  });
  assert.deepEqual(gain, { money: PRICE.minute, landed: 1 });
  const taken = answers.filter(({ status }) => status === 200);
  assert.equal(taken.length, 1, `statuses ${answers.map(({ status }) => status)}`);
  await granted(taken[0]);
  for (const answer of answers.filter((each) => each !== taken[0])) {
    const outcome = await refused(answer);
    assert.equal(outcome.errorReason, 'insufficient_funds');
  }
  assert.equal(await w.chain.balance(buyer.address), 0n);
  // The fee of one transaction, and not of twelve.
  const cost = before - (await lamports());
  assert.ok(cost > 0 && cost < 20_000, `our fee payer paid ${cost} lamports`);
});

w.test(`flood: ${COUNT} payments from a balance for ${COUNT} are all sold (inv. 1, 2)`, {}, async () => {
  const buyer = w.buyer();
  await w.chain.setBalance(buyer.address, PRICE.minute * BigInt(COUNT));
  let sessions;
  const gain = await w.gain(async () => {
    sessions = await Promise.all((await flood(buyer, rich)).map(granted));
  });
  assert.deepEqual(gain, { money: PRICE.minute * BigInt(COUNT), landed: COUNT });
  assert.equal(new Set(sessions.map(({ sessionId }) => sessionId)).size, COUNT);
  assert.equal(await w.chain.balance(buyer.address), 0n);
});
