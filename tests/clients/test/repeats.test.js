// A sender who shows the ticket is the buyer. A landed transaction is public, so its bytes alone fetch nothing.

import assert from 'node:assert/strict';
import { challenge, paymentHeaders, paymentV1, sign } from '../harness/buyers.js';
import { NETWORK_V1 } from '../harness/chain.js';
import { perMinute, simulated } from '../harness/config.js';
import { granted, problem, refused } from '../harness/expect.js';
import { encode } from '../harness/wire.js';
import { world } from '../harness/world.js';

const w = world({ assets: ['lane-1', 'lane-2', 'lane-3'].map((id) => simulated(perMinute(id))), buyers: 3 });

const access = (id) => w.url(`/api/v1/access/${id}`);
const nothing = { money: 0n, landed: 0 };

w.test('v2: the same payment again gets the same session, and is charged once (inv. 1)', {}, async () => {
  const headers = paymentHeaders(await sign(w, w.buyer(), await challenge(access('lane-1'))));
  const first = await granted(await fetch(access('lane-1'), { headers }));
  const gain = await w.gain(async () => {
    for (const method of ['GET', 'POST']) {
      const repeat = await granted(await fetch(access('lane-1'), { method, headers }));
      for (const key of ['sessionId', 'startsAt', 'endsAt', 'quantity', 'amount', 'transaction']) {
        assert.equal(repeat[key], first[key], key);
      }
    }
  });
  assert.deepEqual(gain, nothing);
});

w.test('v2: the same transaction without its ticket is refused as used, in either version and at any asset (inv. 1, 9)', {}, async () => {
  const paid = await sign(w, w.buyer(), await challenge(access('lane-2')));
  await granted(await fetch(access('lane-2'), { headers: paymentHeaders(paid) }));

  const stolen = structuredClone(paid);
  delete stolen.accepted.extra.ticket;
  const asV1 = { x402Version: 1, scheme: 'exact', network: NETWORK_V1, payload: paid.payload };
  const gain = await w.gain(async () => {
    for (const id of ['lane-2', 'lane-3']) {
      for (const headers of [paymentHeaders(stolen), { 'X-PAYMENT': encode(asV1) }]) {
        const response = await fetch(access(id), { headers });
        await refused(response.clone(), `${Object.keys(headers)} at ${id}:`);
        await problem(response, 409, 'payment_already_used');
      }
    }
    // A thief's own ticket does not help. The reason of the refusal is left open.
    const own = await challenge(access('lane-3'));
    const dressed = { ...paid, accepted: own.accepts[0] };
    await refused(await fetch(access('lane-3'), { headers: paymentHeaders(dressed) }), 'with a fresh ticket:');
  });
  assert.deepEqual(gain, nothing);
});

w.test('v1: the same payment again is refused as used (inv. 1)', {}, async () => {
  const headers = await paymentV1(w, w.buyer(), access('lane-3'));
  await granted(await fetch(access('lane-3'), { headers }));
  const gain = await w.gain(async () => {
    await problem(await fetch(access('lane-3'), { headers }), 409, 'payment_already_used');
  });
  assert.deepEqual(gain, nothing);
});
