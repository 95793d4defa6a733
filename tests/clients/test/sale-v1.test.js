// The same sale by clients that speak x402 v1: the current library's v1 support, and x402-fetch.

import assert from 'node:assert/strict';
import { decodePaymentResponseHeader } from '@x402/fetch';
import { pays } from '../harness/buyers.js';
import { NETWORK_V1 } from '../harness/chain.js';
import { PRICE, perMinute } from '../harness/config.js';
import { opens } from '../harness/device.js';
import { bought, granted } from '../harness/expect.js';
import { json } from '../harness/wire.js';
import { world } from '../harness/world.js';

const w = world({ assets: [perMinute('lane-1'), perMinute('lane-2')], buyers: 2 });

for (const [client, name, id] of [
  ['v1', '@x402/svm, v1', 'lane-1'],
  ['legacy', 'x402-fetch 1.2.0', 'lane-2'],
]) {
  w.test(`${name}: two minutes cost exactly their price and open the door (inv. 1, 2, 6)`, {}, async () => {
    const buyer = w.buyer();
    const pay = await pays[client](w, buyer);
    let response;
    const gain = await w.gain(async () => {
      response = await pay(w.url(`/api/v1/access/${id}`), json({ quantity: 2 }));
      if (w.can.devices) await opens(w.gateway, `${id}.open`);
    });
    const body = await granted(response);
    assert.deepEqual(gain, { money: 2n * PRICE.minute, landed: 1 });
    assert.equal(bought(body), 120_000);
    assert.equal(body.quantity, 2);

    const settled = decodePaymentResponseHeader(response.headers.get('x-payment-response'));
    assert.equal(settled.success, true);
    assert.equal(settled.network, NETWORK_V1);
    assert.equal(settled.payer, buyer.address);
    assert.equal(settled.transaction, body.transaction);
    const landed = await w.chain.transaction(body.transaction);
    assert.ok(landed, 'the chain knows the transaction that was named');
    assert.equal(landed.meta.err, null);
  });
}
