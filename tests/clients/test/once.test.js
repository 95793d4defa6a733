// One payment, sent many times at once.

import assert from 'node:assert/strict';
import { payment, paymentV1 } from '../harness/buyers.js';
import { PRICE, perMinute, simulated } from '../harness/config.js';
import { granted, refused } from '../harness/expect.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

const w = world({ assets: ['lane-1', 'lane-2', 'lane-3', 'lane-4'].map((id) => simulated(perMinute(id))), buyers: 3 });

const access = (id) => w.url(`/api/v1/access/${id}`);

/** Sends until the answer is not "settlement pending". */
const insist = (url, headers) =>
  until('the settlement is known', async () => {
    const response = await fetch(url, { method: 'POST', headers });
    if (response.status !== 202) return response;
    assert.ok(response.headers.get('retry-after'), 'a 202 says when to come back');
    await response.body.cancel();
    return false;
  }, { within: 45_000, every: 200 });

w.test('50 simultaneous sends of one v2 payment: one transaction, one session, 50 answers that name it (inv. 1, 3)', {}, async () => {
  const headers = await payment(w, w.buyer(), access('lane-1'), { method: 'POST' });
  let sessions;
  const gain = await w.gain(async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => insist(access('lane-1'), headers)));
    sessions = await Promise.all(answers.map(granted));
  });
  assert.deepEqual(gain, { money: PRICE.minute, landed: 1 });
  assert.equal(new Set(sessions.map(({ sessionId }) => sessionId)).size, 1);
  assert.equal(new Set(sessions.map(({ transaction }) => transaction)).size, 1);
  assert.equal(new Set(sessions.map(({ endsAt }) => endsAt)).size, 1);
});

w.test('one v2 payment sent to its own and to another asset at once is taken by its own only (inv. 1)', {}, async () => {
  const headers = await payment(w, w.buyer(), access('lane-2'), { method: 'POST' });
  const gain = await w.gain(async () => {
    const sends = Array.from({ length: 12 }, async (_, n) => {
      if (n % 2) await refused(await insist(access('lane-3'), headers), 'another asset:');
      else return (await granted(await insist(access('lane-2'), headers))).sessionId;
    });
    const sessions = (await Promise.all(sends)).filter(Boolean);
    assert.equal(new Set(sessions).size, 1);
  });
  assert.deepEqual(gain, { money: PRICE.minute, landed: 1 });
});

w.test('one v1 payment sent to two assets of one price at once is taken by one of them, once (inv. 1)', {}, async () => {
  const headers = await paymentV1(w, w.buyer(), access('lane-3'), { method: 'POST' });
  const gain = await w.gain(async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => insist(access(n % 2 ? 'lane-3' : 'lane-4'), headers)),
    );
    const taken = answers.filter(({ status }) => status === 200);
    assert.equal(taken.length, 1, `statuses ${answers.map(({ status }) => status)}`);
    await granted(taken[0]);
    for (const answer of answers) if (answer !== taken[0]) await refused(answer);
  });
  assert.deepEqual(gain, { money: PRICE.minute, landed: 1 });
});
