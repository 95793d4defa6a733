// The chain's answers are lost, wrong or missing: unknown is not failed.

import assert from 'node:assert/strict';
import { payment } from '../harness/buyers.js';
import { PRICE, perMinute, simulated } from '../harness/config.js';
import { granted, problem } from '../harness/expect.js';
import { spoiled } from '../harness/relay.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

const ways = Object.entries(spoiled);
const attempts = ['offline', ...ways.map(([way]) => way)];
const w = world({ assets: attempts.map((id) => simulated(perMinute(id))), buyers: attempts.length });

const access = (id) => w.url(`/api/v1/access/${id}`);

for (const [way, how] of ways) {
  w.test(`sending to the chain: ${way}. The buyer is charged once and gets the session (inv. 1, 2, 3)`, {}, async () => {
    const headers = await payment(w, w.buyer(), access(way));
    const gain = await w.gain(async () => {
      w.relay.spoilNext('sendTransaction', how);
      const answer = await until('the settlement is known', async () => {
        const response = await fetch(access(way), { headers });
        return response.status !== 202 && response;
      }, { within: 45_000, every: 200 });
      await granted(answer);
    });
    assert.deepEqual(gain, { money: PRICE.minute, landed: 1 });
  });
}

w.test('with the chain out of reach nothing is charged, and the same payment is good afterwards (inv. 2, 3)', {}, async () => {
  const headers = await payment(w, w.buyer(), access('offline'));
  const gain = await w.gain(async () => {
    w.relay.spoilAll(spoiled.neverArrives);
    const response = await fetch(access('offline'), { headers });
    await problem(response.clone(), 503);
    assert.ok(Number(response.headers.get('retry-after')) >= 1, 'it says when to try again');
  });
  assert.deepEqual(gain, { money: 0n, landed: 0 });

  w.relay.mend();
  const later = await w.gain(async () => {
    const answer = await until('the gateway settles again', async () => {
      const response = await fetch(access('offline'), { headers });
      return ![202, 503].includes(response.status) && response;
    }, { within: 30_000, every: 200 });
    await granted(answer);
  });
  assert.deepEqual(later, { money: PRICE.minute, landed: 1 });
});
