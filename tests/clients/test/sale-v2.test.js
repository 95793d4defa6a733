// The first sale: the current client, x402 v2.

import assert from 'node:assert/strict';
import { decodePaymentResponseHeader } from '@x402/fetch';
import { pays } from '../harness/buyers.js';
import { NETWORK } from '../harness/chain.js';
import { PRICE, door1, perMinute, simulated } from '../harness/config.js';
import { opens } from '../harness/device.js';
import { bought, granted, time } from '../harness/expect.js';
import { json } from '../harness/wire.js';
import { world } from '../harness/world.js';

const w = world({ assets: [door1, simulated(perMinute('lane-1')), simulated(perMinute('lane-2'))], buyers: 3 });

w.test('v2: one minute of the front door costs exactly its price and opens it (inv. 1, 2, 6)', {}, async () => {
  const buyer = w.buyer();
  if (w.can.devices) assert.ok(!w.gateway.isOpen('door-1.open'), 'it is locked before it is paid');
  let response;
  const gain = await w.gain(async () => {
    response = await pays.v2(w, buyer)(w.url('/api/v1/access/door-1'), json({ quantity: 1 }));
    if (w.can.devices) await opens(w.gateway, 'door-1.open');
  });
  const body = await granted(response);
  assert.deepEqual(gain, { money: PRICE.minute, landed: 1 });
  assert.equal(bought(body), 60_000);
  assert.ok(Math.abs(time(body.startsAt) - Date.now()) < 5_000, 'it starts when it is granted');
  assert.equal(body.quantity, 1);
  assert.equal(body.amount, '10000');
  assert.equal(body.decimals, 6);
  assert.equal(body.display, '0.01 USDC');

  const settled = decodePaymentResponseHeader(response.headers.get('payment-response'));
  assert.equal(settled.success, true);
  assert.equal(settled.network, NETWORK);
  assert.equal(settled.payer, buyer.address);
  assert.equal(settled.transaction, body.transaction);
  const landed = await w.chain.transaction(body.transaction);
  assert.ok(landed, 'the chain knows the transaction that was named');
  assert.equal(landed.meta.err, null);
});

w.test('v2: GET with the quantity in the query buys as much, priced by the same rule (inv. 6)', {}, async () => {
  let body;
  const gain = await w.gain(async () => {
    body = await granted(await pays.v2(w, w.buyer())(w.url('/api/v1/access/lane-1?quantity=3')));
  });
  assert.deepEqual(gain, { money: 3n * PRICE.minute, landed: 1 });
  assert.equal(bought(body), 180_000);
  assert.equal(body.quantity, 3);
  assert.equal(body.amount, '30000');
});

w.test('v2: who names no quantity buys the least that is sold (inv. 6)', {}, async () => {
  const body = await granted(await pays.v2(w, w.buyer())(w.url('/api/v1/access/lane-2'), { method: 'POST' }));
  assert.equal(body.quantity, 1);
  assert.equal(bought(body), 60_000);
});
