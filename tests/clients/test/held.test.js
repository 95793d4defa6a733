// Buyers whose payments the chain has not shown yet wait in the host, and not in the component. So they keep nobody from
// buying something else.

import assert from 'node:assert/strict';
import { payment, paymentV1 } from '../harness/buyers.js';
import { PRICE, perHour, simulated } from '../harness/config.js';
import { each, insist, times } from '../harness/crowd.js';
import { granted, problem } from '../harness/expect.js';
import { HeldBack } from '../harness/held-back.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

/** More than the component may have instances for payments. */
const MANY = 100;
const slow = times(MANY, (n) => `slow-${n + 1}`);
const others = ['free', 'left', 'old', 'forged', 'vouched', ...times(5, (n) => `cut-${n + 1}`)];

const w = world({
  assets: [...slow, ...others].map((id) => simulated(perHour(id))),
  buyers: MANY + others.length + 1,
  needs: ['metrics'],
});

const access = (id) => w.url(`/api/v1/access/${id}`);

/** Returns how many requests wait for their payment's outcome in the host. */
async function held() {
  const metrics = await (await fetch(w.url('/metrics'))).text();
  return Number(/^coinop_http_requests_held (\d+)$/m.exec(metrics)[1]);
}

/** Waits until exactly so many requests are held. */
const untilHeld = (count, within = 20_000) =>
  until(`${count} requests are held`, async () => (await held()) === count, { within, every: 25 });

/** Returns a buyer's payment for each of these assets. */
const payments = (buyers, ids) => each(ids, 8, (id, n) => payment(w, buyers[n], access(id)));

w.test(`held: ${MANY} payments wait for the chain, and a free asset is sold meanwhile (inv. 1, 2)`, { timeout: 180_000 }, async () => {
  const buyers = slow.map(() => w.buyer());
  const headers = await payments(buyers, slow);
  const free = await payment(w, w.buyer(), access('free'));
  const back = new HeldBack(w, buyers);
  const gain = await w.gain(async () => {
    const answers = Promise.all(slow.map((id, n) => fetch(access(id), { headers: headers[n] })));
    await untilHeld(MANY, 25_000);
    const asked = performance.now();
    await granted(await fetch(access('free'), { headers: free }));
    const took = performance.now() - asked;
    assert.ok(took < 3_000, `it took ${took} ms`);
    assert.equal(await held(), MANY, 'they wait still');
    await back.letGo();
    const sessions = await each(await answers, MANY, granted);
    assert.equal(new Set(sessions.map(({ sessionId }) => sessionId)).size, MANY);
  });
  assert.deepEqual(gain, { money: PRICE.hour * BigInt(MANY + 1), landed: MANY + 1 });
  await untilHeld(0);
});

w.test('held: a buyer who leaves frees the place, and the payment is not lost (inv. 2)', {}, async () => {
  const buyer = w.buyer();
  const headers = await payment(w, buyer, access('left'));
  const back = new HeldBack(w, [buyer]);
  const leaving = new AbortController();
  const answer = fetch(access('left'), { headers, signal: leaving.signal });
  await untilHeld(1);
  leaving.abort();
  await assert.rejects(answer, { name: 'AbortError' });
  await untilHeld(0, 2_000);
  const gain = await w.gain(async () => {
    await back.letGo();
    await granted(await insist(access('left'), headers));
  });
  assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
});

w.test('held: a power cut while buyers wait loses none of their payments (inv. 1, 2)', {}, async () => {
  const cut = others.filter((id) => id.startsWith('cut-'));
  const buyers = cut.map(() => w.buyer());
  const headers = await payments(buyers, cut);
  const back = new HeldBack(w, buyers);
  const gain = await w.gain(async () => {
    const answers = cut.map((id, n) => assert.rejects(fetch(access(id), { headers: headers[n] })));
    await untilHeld(cut.length);
    await w.gateway.kill();
    await Promise.all(answers);
    await w.gateway.restart();
    await back.letGo();
    const sessions = await each(cut, cut.length, async (id, n) => granted(await insist(access(id), headers[n])));
    assert.equal(new Set(sessions.map(({ sessionId }) => sessionId)).size, cut.length);
  });
  assert.deepEqual(gain, { money: PRICE.hour * BigInt(cut.length), landed: cut.length });
});

w.test('held: a buyer whose payment shows no ticket gets the session as well (inv. 1, 2)', {}, async () => {
  const buyer = w.buyer();
  const headers = await paymentV1(w, buyer, access('old'));
  const back = new HeldBack(w, [buyer]);
  const answer = fetch(access('old'), { headers });
  await untilHeld(1);
  await back.letGo();
  const landed = performance.now();
  await granted(await answer);
  const took = performance.now() - landed;
  assert.ok(took < 5_000, `it is told ${took} ms after the landing`);
});

w.test('held: what the host tells the component about waiting has no effect when a client says it (inv. 1)', {}, async () => {
  const buyer = w.buyer();
  const impatient = { ...(await payment(w, buyer, access('forged'))), 'coinop-wait': '0', 'coinop-no-wait': '1' };
  const back = new HeldBack(w, [buyer]);
  const answer = fetch(access('forged'), { headers: impatient });
  await untilHeld(1);
  await back.letGo();
  await granted(await answer);
  // Who has the bytes of a landed payment, and not its ticket, can't vouch for being the buyer.
  const landed = await paymentV1(w, w.buyer(), access('vouched'));
  await granted(await fetch(access('vouched'), { headers: landed }));
  const stolen = await fetch(access('vouched'), { headers: { ...landed, 'coinop-wait': 'again' } });
  await problem(stolen, 409, 'payment_already_used');
});
