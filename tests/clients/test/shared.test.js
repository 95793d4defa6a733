// Shared assets: one asset has many sessions at once, each in its own stream.

import assert from 'node:assert/strict';
import { StorageCopy } from '../harness/storage-copy.js';
import { API_KEY } from '../harness/config.js';
import { ask, each, insist, paymentFor, times } from '../harness/crowd.js';
import { granted, problem } from '../harness/expect.js';
import { sessionsOf } from '../harness/insist.js';
import { minutes } from '../harness/manage.js';
import { until } from '../harness/wait.js';
import { bearer, json } from '../harness/wire.js';
import { world } from '../harness/world.js';

const COUNT = Number(process.env.COINOP_SHARED_SESSIONS ?? 60);
const BUYERS = Math.ceil(COUNT / 10);
const AT_ONCE = 40;
const PRICE = 10_000n;
const SEATS = 3;

const asset = (id, more) => ({ id, name: `The ${id}`, price: '0.01', unit: 'hour', ...more });
const assets = [
  asset('film', { capacity: 'unlimited' }),
  asset('room', { capacity: SEATS, unit: 'session', session_seconds: 8 }),
  asset('hall', { capacity: COUNT }),
];
const w = world({ assets, buyers: BUYERS + 24, limits: { requests_per_second: 0 } });

const access = (id) => w.url(`/api/v1/access/${id}`);
const status = async (id) => (await ask(w.url(`/api/v1/assets/${id}/status`))).json();

for (const id of ['film', 'hall']) {
  w.test(`${COUNT} sessions of one shared asset are bought in parallel: all of them, and the books balance (inv. 1, 2, 5), ${id}`, { timeout: 240_000 }, async (t) => {
    const buyers = w.buyers.slice(0, BUYERS);
    const earlier = id === 'film' ? 0 : 10;
    const began = performance.now();
    const waits = [];
    let sessions;
    const gain = await w.gain(async () => {
      sessions = await each(times(COUNT, (n) => n), AT_ONCE, async (n) => {
        const headers = await paymentFor(w, buyers[n % BUYERS], access(id));
        const sent = performance.now();
        const session = await granted(await insist(access(id), headers));
        waits.push(performance.now() - sent);
        return session;
      });
    });
    waits.sort((a, b) => a - b);
    t.diagnostic(`bought after ${Math.round(performance.now() - began)} ms; the median sale took ${Math.round(waits[waits.length >> 1])} ms, the slowest ${Math.round(waits.at(-1))} ms`);
    assert.deepEqual(gain, { money: PRICE * BigInt(COUNT), landed: COUNT });
    for (const key of ['sessionId', 'transaction', 'grant']) assert.equal(new Set(sessions.map((session) => session[key])).size, COUNT, key);
    // The hall has as many seats as were sold.
    const { now, checkCode, ...seen } = await status(id);
    assert.deepEqual(seen, { id, available: id === 'film', session: null, device: null });

    // A buyer finds the session again, by its token and by signing in.
    for (const n of [0, COUNT - 1]) {
      const shown = await ask(w.url(`/api/v1/sessions/${sessions[n].sessionId}/status`), { headers: bearer(sessions[n].sessionToken) });
      assert.equal((await shown.json()).status, 'active');
      await until('the payer’s history has it', async () => {
        const history = await sessionsOf(w, buyers[n % BUYERS]);
        return history.length > earlier && history.some(({ sessionId }) => sessionId === sessions[n].sessionId);
      }, { within: 30_000, every: 200 });
    }
    if (w.can.objects && id === 'film') {
      const own = await StorageCopy.of(w.gateway, (stored) => stored.count('ASSET', id, 'journal'));
      assert.equal(own, 0, 'nobody asked the object of the asset itself');
    }
  });
}

w.test(`of ${SEATS} seats no more are sold, nobody else is charged, and an end makes room (inv. 1, 2, 5)`, {}, async () => {
  const buyers = times(8, () => w.buyers.pop());
  const headers = await each(buyers, 8, (buyer) => paymentFor(w, buyer, access('room')));
  let answers;
  const gain = await w.gain(async () => (answers = await Promise.all(headers.map((one) => insist(access('room'), one)))));
  const sold = answers.filter(({ status: code }) => code === 200);
  assert.deepEqual([sold.length, gain], [SEATS, { money: PRICE * BigInt(SEATS), landed: SEATS }]);
  const sessions = await Promise.all(sold.map(granted));
  for (const answer of answers.filter((one) => !sold.includes(one))) await problem(answer, 409, 'asset_busy');
  assert.equal((await status('room')).available, false);
  await until('a seat is free', async () => (await status('room')).available, { within: 20_000, every: 200 });
  assert.ok(Date.now() >= Math.min(...sessions.map(({ endsAt }) => Date.parse(endsAt))), 'not before an end');
  const turned = answers.findIndex(({ status: code }) => code === 409);
  await granted(await insist(access('room'), await paymentFor(w, buyers[turned], access('room'))));
});

w.test('more time goes to the session that it is paid for, and a repeat gets its own session (inv. 1)', {}, async () => {
  const buyers = times(2, () => w.buyers.pop());
  const paid = await each(buyers, 2, (buyer) => paymentFor(w, buyer, access('film')));
  const sessions = await each(paid, 2, async (headers) => granted(await insist(access('film'), headers)));
  for (const [n, headers] of paid.entries()) assert.equal((await granted(await insist(access('film'), headers))).sessionId, sessions[n].sessionId);
  const extend = w.url('/api/v1/access/film/extend?quantity=2');
  const own = bearer(sessions[1].sessionToken);
  const price = await ask(extend, { headers: own });
  assert.equal(price.status, 402);
  const longer = await granted(await insist(extend, { ...own, ...(await paymentFor(w, buyers[1], extend, own)) }));
  assert.equal(longer.sessionId, sessions[1].sessionId);
  assert.equal(Date.parse(longer.endsAt) - Date.parse(sessions[1].endsAt), 7_200_000);
});

w.test('a shared asset that is made by API is shared as well (inv. 1)', {}, async () => {
  const made = await ask(w.url('/api/v1/assets'), json(minutes('song', { capacity: 2 }), bearer(API_KEY)));
  const body = await made.json();
  assert.deepEqual([made.status, body.capacity, body.available], [201, 2, true]);
  await until('it is offered', async () => (await ask(access('song'))).status === 402, { within: 90_000, every: 100 });
  const buyers = times(3, () => w.buyers.pop());
  const headers = await each(buyers, 3, (buyer) => paymentFor(w, buyer, access('song')));
  const answers = await Promise.all(headers.map((one) => insist(access('song'), one)));
  assert.deepEqual(answers.map(({ status: code }) => code).sort(), [200, 200, 409]);
});
