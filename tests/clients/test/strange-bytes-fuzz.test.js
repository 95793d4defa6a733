// Honest payments with random damage. STRANGE_SEED=... repeats a run.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { challenge, sign } from '../harness/buyers.js';
import { NETWORK_V1 } from '../harness/chain.js';
import { perMinute, simulated } from '../harness/config.js';
import { damages, numbers } from '../harness/damages.js';
import { refused } from '../harness/expect.js';
import { SOON, harmless, sells } from '../harness/strange.js';
import { withDeadline } from '../harness/wait.js';
import { world } from '../harness/world.js';

process.env.COINOP_LOG = 'info,coinop=debug';
// The payer has no money. So the chain refuses a payment that is still valid after the damage, and nothing else.
const w = world({ assets: [simulated(perMinute('lane-1'))], buyers: 1, paupers: 1, limits: { requests_per_second: 0 } });

const access = () => w.url('/api/v1/access/lane-1');
const ROUNDS = 600;
const AT_ONCE = 8;

w.test(`${ROUNDS} honest payments, damaged at random, buy nothing; each is refused with a stable reason (inv. 1, 8)`, {}, async (t) => {
  const seed = Number(process.env.STRANGE_SEED ?? randomInt(2 ** 32 - 1));
  t.diagnostic(`STRANGE_SEED=${seed}`);
  const random = numbers(seed);
  const { payment: damage } = damages(random);

  const v2 = await sign(w, w.paupers[0], await challenge(access()));
  const v1 = { x402Version: 1, scheme: 'exact', network: NETWORK_V1, payload: v2.payload };
  const all = Array.from({ length: ROUNDS }, (_, n) => (n % 3 ? ['PAYMENT-SIGNATURE', damage(v2)] : ['X-PAYMENT', damage(v1)]));
  // Undamaged payments reach the chain, which says that there is no money.
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
