// KV does not answer, or fails: clients are told so in time, nothing is sold on a guess, and a failed write is made
// later without any request.

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { payment, paymentHeaders, pays, sign } from '../harness/buyers.js';
import { perHour, perMinute, simulated } from '../harness/config.js';
import { granted, problem } from '../harness/expect.js';
import { published } from '../harness/kv.js';
import { ask, change, create, minutes, offered } from '../harness/manage.js';
import { Probe } from '../harness/probe.js';
import { until, withDeadline } from '../harness/wait.js';
import { bearer } from '../harness/wire.js';
import { world } from '../harness/world.js';

/** When a client must have heard that KV does not answer, in milliseconds: KV's 5 s, and a rest for a busy machine. */
const TOLD_WITHIN = 7_000;
/** When a write that KV does not answer has been given up, in milliseconds: after its 5 s. */
const GIVEN_UP = 5_500;
/** When the merchant's object must have tried the write again, in milliseconds: its 15 s, and the same rest. */
const AGAIN_WITHIN = 18_000;

const fails = () => ({ fails: true });
const hangs = () => new Promise(() => {});
const probe = () => new Probe({ kv: true, objects: true });
const [reading, writing, overtaking] = [6, 1, 1].map((buyers) =>
  world({ needs: ['objects'], assets: [simulated(perMinute('lane-1')), simulated(perHour('lane-2'))], buyers, probe: probe() }));

/** Returns how many times the alarm of the merchant's object has gone off. */
const alarms = (w) => w.probe.messages.filter(({ object, what, at }) => object === 'MERCHANT' && what === 'alarm' && at === 'after').length;

/** Asserts that the asset costs what is expected, and is sold at that price. */
async function sells(w, id, amount) {
  const url = w.url(`/api/v1/access/${id}`);
  const { required } = await offered(url, amount);
  await granted(await fetch(url, { headers: paymentHeaders(await sign(w, w.buyer(), required)) }));
}

describe('KV does not answer', { concurrency: true }, () => {
  describe('to readers', { concurrency: 1 }, () => {
    const w = reading;
    const access = (id) => w.url(`/api/v1/access/${id}`);

    for (const [what, how, attempt] of [['fails', fails, 'lane-1'], ['hangs', hangs, 'lane-2']]) {
      w.test(`reading ${what}: an answer in time, nothing is sold, what the configuration names is sold as ever; then the same payment buys (inv. 1, 2)`, {}, async () => {
        const id = `room-${what}`;
        await create(w, minutes(id));
        const open = paymentHeaders(await sign(w, w.buyer(), (await offered(access(id), 10_000)).required));
        w.probe.onCatalogue = ({ kv, key }) => kv === 'get' && key === `main/${id}` && how();
        const asks = [[access(id), {}], [access(id), open], [w.url(`/api/v1/assets/${id}`), {}], [w.url(`/api/v1/assets/${id}/status`), {}]];
        const gain = await w.gain(() => Promise.all(asks.map(async ([url, headers]) => {
          const response = await withDeadline(url, fetch(url, { headers }), TOLD_WITHIN);
          assert.ok(Number(response.headers.get('retry-after')) >= 1, 'it says when to try again');
          await problem(response, 503, 'unavailable');
        })));
        assert.deepEqual(gain, { money: 0n, landed: 0 });

        const sold = await granted(await pays.v2(w, w.buyer())(access(attempt)));
        const status = await fetch(w.url(`/api/v1/sessions/${sold.sessionId}/status`), { headers: bearer(sold.sessionToken) });
        assert.equal((await status.json()).status, 'active');
        assert.equal((await ask(w, 'PATCH', `assets/${id}`, {})).status, 200, 'the merchant sees it');

        w.probe.mend();
        const later = await w.gain(async () => granted(await fetch(access(id), { headers: open })));
        assert.deepEqual(later, { money: 10_000n, landed: 1 });
      });
    }
  });

  writing.test('writing fails and hangs: the merchant is answered in time, and the readers have it before long without anybody asking', { timeout: 120_000 }, async () => {
    const w = writing;
    let how = fails;
    let begun; // the last write
    w.probe.onCatalogue = ({ kv }) => kv === 'put' && ((begun = performance.now()), how());
    await create(w, minutes('fails'));
    how = hangs;
    await Promise.all(['first', 'second'].map((id) => withDeadline(id, create(w, minutes(id)), 2 * TOLD_WITHIN)));
    await until('no writing is under way', () => performance.now() - begun > GIVEN_UP, { within: 3 * GIVEN_UP, every: 50 });
    w.probe.mend();
    for (const id of ['fails', 'first', 'second']) {
      await published(w, id, (listing) => listing?.price === '0.01', { within: AGAIN_WITHIN });
    }
    assert.ok(alarms(w) >= 1, 'by the alarm');
    await sells(w, 'second', 10_000);
  });

  overtaking.test('the alarm goes off while another writing is under way, which fails: it goes off again', { timeout: 120_000 }, async () => {
    const w = overtaking;
    w.probe.onCatalogue = ({ kv }) => kv === 'put' && fails();
    const asked = performance.now();
    await create(w, minutes('early'));
    await until('the alarm is about to go off', () => performance.now() > asked + 13_000, { within: 14_000, every: 50 });
    let fail;
    const held = new Promise((resolve) => (fail = () => resolve({ fails: true })));
    w.probe.onCatalogue = ({ kv }) => kv === 'put' && held;
    const creating = create(w, minutes('late'));
    await until('the alarm has gone off', () => alarms(w) === 1, { every: 50 });
    fail();
    await creating;
    w.probe.mend();
    for (const id of ['early', 'late']) await published(w, id, (listing) => listing !== null, { within: AGAIN_WITHIN });
    await sells(w, 'early', 10_000);
  });
});
