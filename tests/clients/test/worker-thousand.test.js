// A thousand assets, each its own object, bought at the same time.

import assert from 'node:assert/strict';
import { API_KEY } from '../harness/config.js';
import { ask, each, insist, paymentFor, times } from '../harness/crowd.js';
import { granted } from '../harness/expect.js';
import { sessionsOf } from '../harness/insist.js';
import { minutes } from '../harness/manage.js';
import { until } from '../harness/wait.js';
import { bearer, json } from '../harness/wire.js';
import { world } from '../harness/world.js';

const COUNT = 1_000;
const BUYERS = 100;
const AT_ONCE = 100;
const PRICE = 10_000n;

const w = world({ needs: ['objects'], assets: [], buyers: BUYERS });

const ids = times(COUNT, (n) => `room-${n}`);
const access = (id) => w.url(`/api/v1/access/${id}`);

/** Makes an asset, sold for longer than a slow machine needs to buy all, and waits until its readers offer it. */
async function make(id) {
  const response = await ask(w.url('/api/v1/assets'), json(minutes(id, { unit: 'hour' }), bearer(API_KEY)));
  assert.equal(response.status, 201, await response.text());
  await until(`${id} is offered`, async () => (await ask(access(id))).status === 402, { within: 90_000, every: 100 });
}

w.test(`${COUNT} assets that were made by API are all bought in parallel, by ${BUYERS} payers (inv. 1, 2, 5)`, { timeout: 240_000 }, async (t) => {
  const buyers = times(BUYERS, () => w.buyer());
  const began = performance.now();
  await each(ids, 32, make);
  t.diagnostic(`made after ${Math.round(performance.now() - began)} ms`);
  const waits = [];
  let sessions;
  const gain = await w.gain(async () => {
    sessions = await each(ids, AT_ONCE, async (id, n) => {
      const headers = await paymentFor(w, buyers[n % BUYERS], access(id));
      const sent = performance.now();
      const session = await granted(await insist(access(id), headers));
      waits.push(performance.now() - sent);
      return session;
    });
  });
  waits.sort((a, b) => a - b);
  t.diagnostic(`bought after ${Math.round(performance.now() - began)} ms; the median sale took ${Math.round(waits[COUNT / 2])} ms, the slowest ${Math.round(waits.at(-1))} ms`);
  assert.deepEqual(gain, { money: PRICE * BigInt(COUNT), landed: COUNT });
  for (const key of ['sessionId', 'transaction', 'grant']) assert.equal(new Set(sessions.map((session) => session[key])).size, COUNT, key);
  for (const { address } of buyers) assert.equal(await w.chain.balance(address), 5_000_000n - PRICE * BigInt(COUNT / BUYERS));

  // The merchant's object knows all of them, and each payer's object knows the payer's own.
  let next = '';
  for (const listed = []; next !== null;) {
    const page = await until('a page of the list has all that was sold', async () => {
      const body = await (await ask(w.url(`/api/v1/assets?limit=100${next && `&after=${next}`}`))).json();
      return body.assets.every(({ available }) => !available) && body;
    }, { within: 30_000, every: 200 });
    listed.push(...page.assets);
    next = page.next;
    if (next === null) assert.equal(listed.length, COUNT);
  }
  for (const buyer of [buyers[0], buyers.at(-1)]) {
    const ofBuyer = ids.map((_, n) => sessions[n].sessionId).filter((_, n) => buyers[n % BUYERS] === buyer);
    await until('the payer’s history has all that was bought', async () => {
      const history = await sessionsOf(w, buyer);
      return history.length === ofBuyer.length && ofBuyer.every((id) => history.some(({ sessionId }) => sessionId === id));
    }, { within: 30_000, every: 200 });
  }
});
