// Thousands of requests of all kinds to the worker. Each soon gets an answer in JSON. STRANGE_SEED=... repeats a run.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { challenge, payment, sign } from '../harness/buyers.js';
import { NETWORK_V1 } from '../harness/chain.js';
import { perHour, perMinute, simulated } from '../harness/config.js';
import { numbers } from '../harness/damages.js';
import { granted } from '../harness/expect.js';
import { garbage, requests } from '../harness/fuzz.js';
import { Raw } from '../harness/raw.js';
import { proof, signInChallenge } from '../harness/siwx.js';
import { MARK, SOON } from '../harness/strange.js';
import { world } from '../harness/world.js';

const ids = ['lane-1', 'lane-2'];
const w = world({ needs: ['objects'], assets: [simulated(perMinute('lane-1')), simulated(perHour('lane-2'))], buyers: 2, paupers: 1 });

const ROUNDS = 5_000;
const GARBAGE = 1_000;
const AT_ONCE = 8;
const BROKEN = /panick|unreachable|RuntimeError|Critical|Reinitializ|hung|never generate|exceeded/i;

const seed = Number(process.env.STRANGE_SEED ?? randomInt(2 ** 32 - 1));
const access = (id) => w.url(`/api/v1/access/${id}`);
const earlier = {};

/**
 * Returns what is damaged. The payer has no money, so the chain refuses a payment that is still valid, and nothing
 * else.
 */
async function honest() {
  const [buyer, [pauper]] = [w.buyer(), w.paupers];
  const repeat = await payment(w, buyer, access('lane-2'));
  const { sessionId, sessionToken, endsAt } = await granted(await fetch(access('lane-2'), { headers: repeat }));
  const history = w.url(`/api/v1/payers/${buyer.address}/sessions`);
  const [signedIn] = Object.values(await proof(buyer, await signInChallenge(await fetch(history)), history));
  const v2 = await sign(w, pauper, await challenge(access('lane-1')));
  const v1 = { x402Version: 1, scheme: 'exact', network: NETWORK_V1, payload: v2.payload };
  Object.assign(earlier, { headers: repeat, sessionId, endsAt });
  return { v2, v1, repeat, token: sessionToken, session: sessionId, payer: buyer.address, proof: signedIn };
}

/** Sends each request on its own connection, some at once. `check(answer, one)` sees each answer and its time. */
async function play(all, check, { half = false } = {}) {
  let slowest = 0;
  const rest = all.values();
  const run = async () => {
    for (const one of rest) {
      const raw = await Raw.open(w.gateway);
      const sent = performance.now();
      raw.write(one.bytes);
      if (half) raw.end();
      try {
        check(await raw.answer({ within: SOON, bodiless: one.bodiless }), one);
      } catch (error) {
        throw new Error(`STRANGE_SEED=${seed}: ${error.message}, for\n${one.what}`, { cause: error });
      } finally {
        raw.destroy();
      }
      slowest = Math.max(slowest, performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
  return slowest;
}

const take = (generator, count) => Array.from({ length: count }, () => generator.next().value);

/** Asserts that no money moves, and that the sessions are as before. */
async function nothingSold(action) {
  const logged = w.gateway.logs.length;
  const before = await w.chain.balance(w.paupers[0].address);
  const gain = await w.gain(action);
  assert.deepEqual(gain, { money: 0n, landed: 0 });
  assert.equal(await w.chain.balance(w.paupers[0].address), before);
  const log = w.gateway.logs.slice(logged);
  assert.doesNotMatch(log, BROKEN);
  return log;
}

let material;
w.test(`${ROUNDS} requests of all kinds: each is answered in JSON within ${SOON} ms, nothing breaks, nothing is sold (inv. 1, 8, 9)`, { timeout: 120_000 }, async (t) => {
  t.diagnostic(`STRANGE_SEED=${seed}`);
  material = await honest();
  const statuses = new Map();
  const check = (answer, { bodiless }) => {
    assert.ok(answer, 'closed without an answer');
    const { status, headers, body } = answer;
    const seen = `${status} ${JSON.stringify(headers)} ${body.slice(0, 500)}`;
    assert.ok(status < 500 && status >= 200, seen);
    statuses.set(status, 1 + (statuses.get(status) ?? 0));
    if (status === 204) return assert.equal(body, '', seen);
    // A path that the runtime shortens to `/` is that of the first page.
    if (status === 200 && headers['content-type'] === 'text/html; charset=utf-8') return assert.match(headers['content-security-policy'], /^default-src 'none'/);
    assert.match(headers['content-type'] ?? '', /^application\/(problem\+)?json$/, seen);
    if (bodiless) return;
    const told = JSON.parse(body);
    if (status >= 400 && status !== 402) {
      assert.equal(told.status, status, seen);
      assert.match(told.code, /^[a-z][a-z0-9_]*$/, seen);
    }
  };
  const log = await nothingSold(async () => {
    const slowest = await play(take(requests(numbers(seed), new URL(w.gateway.url).host, material), ROUNDS), check);
    t.diagnostic(`the slowest answer came after ${Math.round(slowest)} ms; ${JSON.stringify(Object.fromEntries([...statuses].sort()))}`);
  });
  assert.ok(!log.includes(MARK), `a stranger’s words in the log: ${log.slice(0, 2_000)}`);
  for (const status of [200, 201, 204, 400, 401, 402, 403, 404, 405, 409, 413]) {
    assert.ok(statuses.get(status), `all kinds of answers come; ${status} did not`);
  }
});

w.test(`${GARBAGE} times bytes that are hardly HTTP: an answer that is no error page, or the end of the connection, within ${SOON} ms (inv. 1, 8)`, { timeout: 60_000 }, async (t) => {
  const all = take(garbage(numbers(seed), new URL(w.gateway.url).host, material), GARBAGE).map((bytes) => ({ bytes, what: bytes.toString('latin1') }));
  let answered = 0;
  const log = await nothingSold(() => play(all, (answer) => {
    if (!answer) return;
    answered += 1;
    // A path such as //%2e%2e is that of our list of assets.
    if (answer.status === 200 && /<main id="main" data-page="list">/.test(answer.body)) return;
    assert.doesNotMatch(`${answer.headers['content-type']} ${answer.body}`, /html/i);
  }, { half: true }));
  t.diagnostic(`${answered} answered; ${log.length} characters of log`);
});

w.test('after all that what was sold is as it was, and an honest sale works (inv. 1)', {}, async () => {
  const repeat = await granted(await fetch(access('lane-2'), { headers: earlier.headers }));
  assert.deepEqual([repeat.sessionId, repeat.endsAt], [earlier.sessionId, earlier.endsAt]);
  const status = await (await fetch(w.url('/api/v1/assets/lane-1/status'))).json();
  assert.equal(status.available, true);
  await granted(await fetch(access('lane-1'), { headers: await payment(w, w.buyer(), access('lane-1')) }));
});
