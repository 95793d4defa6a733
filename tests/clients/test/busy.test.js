// An asset that is taken is not sold twice.

import assert from 'node:assert/strict';
import { payment } from '../harness/buyers.js';
import { PRICE, perMinute, simulated } from '../harness/config.js';
import { granted, problem } from '../harness/expect.js';
import { world } from '../harness/world.js';

const w = world({ assets: [simulated(perMinute('lane-1')), simulated(perMinute('lane-2'))], buyers: 8 });

const access = (id) => w.url(`/api/v1/access/${id}`);

/** Asserts a 409 that says when to come back: not before now, and not after the session's end. */
async function busy(response) {
  await problem(response.clone(), 409, 'asset_busy');
  const after = Number(response.headers.get('retry-after'));
  assert.ok(Number.isInteger(after) && after >= 1 && after <= 61, `Retry-After: ${response.headers.get('retry-after')}`);
}

w.test('busy: a second payer is refused before any money moves, and told when it is free (inv. 1, 2)', {}, async () => {
  const [first, second] = [w.buyer(), w.buyer()];
  const [one, two] = await Promise.all([first, second].map((buyer) => payment(w, buyer, access('lane-1'))));
  await granted(await fetch(access('lane-1'), { headers: one }));
  const before = await w.chain.balance(second.address);
  const gain = await w.gain(async () => busy(await fetch(access('lane-1'), { headers: two })));
  assert.deepEqual(gain, { money: 0n, landed: 0 });
  assert.equal(await w.chain.balance(second.address), before);
});

w.test('busy: of several payers at the same moment one pays and gets it (inv. 1, 2)', {}, async () => {
  const headers = await Promise.all([...Array(6)].map(() => payment(w, w.buyer(), access('lane-2'))));
  let answers;
  const gain = await w.gain(async () => {
    answers = await Promise.all(headers.map((each) => fetch(access('lane-2'), { headers: each })));
  });
  assert.deepEqual(gain, { money: PRICE.minute, landed: 1 });
  const [taken, ...others] = answers.sort((a, b) => a.status - b.status);
  await granted(taken);
  for (const other of others) await busy(other);
});
