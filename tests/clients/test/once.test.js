// One payment, sent many times at once.

import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { payment, paymentV1 } from '../harness/buyers.js';
import { PRICE, perMinute, simulated } from '../harness/config.js';
import { ask, times } from '../harness/crowd.js';
import { granted, refused } from '../harness/expect.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

const attempts = times(7, (n) => `lane-${n + 1}`);
const limits = { requests_per_second: 0 }; // these tests send more than one client may
const w = world({ assets: attempts.map((id) => simulated(perMinute(id))), buyers: 6, limits });

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

/** How long the chain delays each transaction before it lands, in milliseconds. */
const SLOW = 4_000;
const slowly = (method) => (method === 'sendTransaction' ? async (pass) => (await delay(SLOW), pass()) : null);

/** Sends one payment `count` times at once while the chain is slow. `meanwhile` runs before any of them is answered. */
async function sendMany(count, url, headers, meanwhile) {
  w.relay.spoil = slowly;
  const begun = performance.now();
  const sends = times(count, () => ask(url, { method: 'POST', headers }));
  await meanwhile?.();
  const answers = await Promise.all(sends);
  assert.ok(performance.now() - begun >= SLOW, 'the chain was slow');
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  const sessions = await Promise.all(answers.map(granted));
  assert.equal(new Set(sessions.map(({ sessionId, transaction, endsAt }) => `${sessionId} ${transaction} ${endsAt}`)).size, 1);
}

w.test('20 sends of one payment at once are all answered with its session, however slow the chain is (inv. 1, 3)', {}, async () => {
  const headers = await payment(w, w.buyer(), access('lane-5'), { method: 'POST' });
  const gain = await w.gain(() => sendMany(20, access('lane-5'), headers));
  assert.deepEqual(gain, { money: PRICE.minute, landed: 1 });
});

w.test('200 sends of one payment that wait for the chain keep nobody else from buying (inv. 1, 3)', {}, async () => {
  const headers = await payment(w, w.buyer(), access('lane-6'), { method: 'POST' });
  const gain = await w.gain(() => sendMany(200, access('lane-6'), headers, async () => {
    const others = await payment(w, w.buyer(), access('lane-7'), { method: 'POST' });
    await granted(await ask(access('lane-7'), { method: 'POST', headers: others }));
  }));
  assert.deepEqual(gain, { money: 2n * PRICE.minute, landed: 2 });
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
