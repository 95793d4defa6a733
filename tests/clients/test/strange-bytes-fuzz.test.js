// Honest payments with random damage. STRANGE_SEED=... repeats a run.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { challenge, sign } from '../harness/buyers.js';
import { NETWORK_V1 } from '../harness/chain.js';
import { perMinute, simulated } from '../harness/config.js';
import { refused } from '../harness/expect.js';
import { SOON, harmless, sells } from '../harness/strange.js';
import { withDeadline } from '../harness/wait.js';
import { world } from '../harness/world.js';

process.env.COINOP_LOG = 'info,coinop=debug';
// The payer has nothing: what is still a good payment after the damage is refused by the chain, and nothing else is.
const w = world({ assets: [simulated(perMinute('lane-1'))], buyers: 1, paupers: 1, limits: { requests_per_second: 0 } });

const access = () => w.url('/api/v1/access/lane-1');
const ROUNDS = 600;
const AT_ONCE = 8;

/** Numbers below 1, the same for the same seed (mulberry32). */
function numbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const odd = [
  null, true, false, 0, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER, [], [[]], {}, { length: 1 },
  '', ' ', '\0', '\u202e', '\ud800', '𝕏'.repeat(50), '0', '-1', '10000', '18446744073709551616', 'exact', 'solana:', '../../etc/passwd',
  '<script>', '%00', "' OR 1=1 --", '11111111111111111111111111111111', 'AAAA', '====', 'A'.repeat(3_000), '['.repeat(3_000),
];

/** Damages: of bytes, of a JSON value, of a header. Each takes random numbers and answers something damaged. */
function damages(random) {
  const below = (n) => Math.floor(random() * n);
  const pick = (list) => list[below(list.length)];

  const inBytes = (data) => {
    const [a, b] = [below(data.length + 1), below(data.length + 1)].sort((x, y) => x - y);
    return pick([
      () => Buffer.from(data.map((byte, n) => (n === a ? byte ^ (1 << below(8)) : byte))),
      () => Buffer.from(data.map((byte) => (random() < 0.02 ? below(256) : byte))),
      () => Buffer.concat([data.subarray(0, a), data.subarray(b)]),
      () => Buffer.concat([data.subarray(0, b), data.subarray(a)]),
      () => Buffer.concat([data.subarray(0, a), Buffer.from(Array.from({ length: 1 + below(40) }, () => below(256))), data.subarray(a)]),
      () => data.subarray(0, a),
      () => Buffer.from(data.map((byte, n) => (n >= a && n < b ? 0 : byte))),
    ])();
  };

  const inJson = (value) => {
    const copy = structuredClone(value);
    let [holder, key] = [{ copy }, 'copy'];
    while (holder[key] !== null && typeof holder[key] === 'object' && Object.keys(holder[key]).length > 0 && random() < 0.85) {
      holder = holder[key];
      key = pick(Object.keys(holder));
    }
    const was = holder[key];
    pick([
      () => (holder[key] = pick(odd)),
      () => delete holder[key],
      () => (holder[key] = typeof was === 'string' ? inBytes(Buffer.from(was)).toString('latin1') : [was]),
      () => (holder[`${key}x`] = was),
      () => (holder[key] = { [key]: was }),
    ])();
    return 'copy' in holder ? holder.copy ?? null : copy;
  };

  const base64 = (data) => Buffer.from(data).toString('base64');
  const transaction = (value) => {
    const data = inBytes(Buffer.from(value.payload.transaction, 'base64'));
    return { ...value, payload: { transaction: base64(data) } };
  };
  const printable = (text) => Array.from(text, (letter) => (/[\x20-\x7e]/.test(letter) ? letter : '?')).join('');

  return (value) => {
    const json = (one) => JSON.stringify(one) ?? '';
    return pick([
      () => base64(json(transaction(value))),
      () => base64(json(transaction(transaction(value)))),
      () => base64(json(inJson(value))),
      () => base64(json(inJson(inJson(inJson(value))))),
      () => base64(inBytes(Buffer.from(json(value)))),
      () => printable(inBytes(Buffer.from(base64(json(value)))).toString('latin1')),
    ])();
  };
}

w.test(`${ROUNDS} honest payments, damaged at random, buy nothing; each is refused with a stable reason (inv. 1, 8)`, {}, async (t) => {
  const seed = Number(process.env.STRANGE_SEED ?? randomInt(2 ** 32 - 1));
  t.diagnostic(`STRANGE_SEED=${seed}`);
  const random = numbers(seed);
  const damage = damages(random);

  const v2 = await sign(w, w.paupers[0], await challenge(access()));
  const v1 = { x402Version: 1, scheme: 'exact', network: NETWORK_V1, payload: v2.payload };
  const all = Array.from({ length: ROUNDS }, (_, n) => (n % 3 ? ['PAYMENT-SIGNATURE', damage(v2)] : ['X-PAYMENT', damage(v1)]));
  // As they are they come as far as the chain, which says that there is no money.
  all.push(...[v2, v1].map((whole, n) => [['PAYMENT-SIGNATURE', 'X-PAYMENT'][n], Buffer.from(JSON.stringify(whole)).toString('base64')]));

  const reasons = new Map();
  await harmless(w, async () => {
    const rest = all.values();
    const run = async () => {
      for (const [name, value] of rest) {
        const what = `STRANGE_SEED=${seed} ${name}: ${value}`;
        const response = await withDeadline(what, fetch(access(), { headers: { [name]: value } }), SOON);
        const { errorReason } = await refused(response, what);
        reasons.set(errorReason, 1 + (reasons.get(errorReason) ?? 0));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, run));
  });
  t.diagnostic(JSON.stringify(Object.fromEntries(reasons)));
  assert.ok(reasons.get('insufficient_funds') >= 2, 'the whole ones');
  assert.ok(reasons.size >= 8, `it damages in many ways: ${[...reasons.keys()]}`);
});

w.test('after all that an honest sale works', {}, async () => {
  await sells(w, access());
});
