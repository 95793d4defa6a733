// The 402 itself: it serves both versions, and leaves nothing behind.

import assert from 'node:assert/strict';
import { NETWORK, NETWORK_V1, USDC } from '../harness/chain.js';
import { MERCHANT, door1 } from '../harness/config.js';
import { decode } from '../harness/wire.js';
import { world } from '../harness/world.js';

const w = world({ assets: [door1] });

const ask = () => fetch(w.url('/api/v1/access/door-1?quantity=2'), { method: 'POST' });

w.test('402: the header speaks v2, each offer with a ticket, a memo and the fee payer (inv. 1, 6)', {}, async () => {
  const response = await ask();
  assert.equal(response.status, 402);
  const required = decode(response.headers.get('payment-required'));
  assert.equal(required.x402Version, 2);
  assert.equal(new URL(required.resource.url).origin, new URL(w.gateway.url).origin, 'the configured address, not a header’s');
  assert.ok(required.accepts.length >= 1);
  for (const offer of required.accepts) {
    const { scheme, network, amount, asset, payTo, maxTimeoutSeconds, extra } = offer;
    assert.deepEqual(
      { scheme, network, amount, asset, payTo },
      { scheme: 'exact', network: NETWORK, amount: '20000', asset: USDC, payTo: MERCHANT },
    );
    assert.ok(Number.isInteger(maxTimeoutSeconds) && maxTimeoutSeconds > 0);
    assert.equal(extra.feePayer, w.feePayer);
    assert.ok(extra.ticket.length >= 32, 'a ticket');
    assert.ok(Buffer.byteLength(extra.memo) <= 256 && !/^\d+$/.test(extra.memo), `a memo that clients take: ${extra.memo}`);
    assert.ok(!extra.memo.includes('door-1'), 'the chain shows nobody what is rented');
  }
  assert.equal(required.extensions, undefined, 'signing in is offered to who asks for it');
  const { extensions } = decode((await fetch(w.url('/api/v1/access/door-1?signin'))).headers.get('payment-required'));
  const signIn = extensions['sign-in-with-x'];
  assert.match(signIn.info.nonce, /^[0-9a-f]{32}$/);
  assert.deepEqual(signIn.supportedChains.map(({ chainId, type }) => ({ chainId, type })), [{ chainId: NETWORK, type: 'ed25519' }]);
});

w.test('402: the body speaks v1, without memo, ticket or outputSchema (inv. 1)', {}, async () => {
  const body = await (await ask()).json();
  assert.equal(body.x402Version, 1);
  assert.ok(body.accepts.length >= 1);
  for (const offer of body.accepts) {
    assert.equal(offer.scheme, 'exact');
    assert.equal(offer.network, NETWORK_V1);
    assert.equal(offer.maxAmountRequired, '20000');
    assert.equal(offer.asset, USDC);
    assert.equal(offer.payTo, MERCHANT);
    assert.equal(offer.extra.feePayer, w.feePayer);
    for (const key of ['memo', 'ticket']) assert.ok(!(key in offer.extra), key);
    assert.ok(!('outputSchema' in offer));
  }
});

w.test('402: no two quotes are alike (inv. 1)', {}, async () => {
  const offers = [];
  for (let n = 0; n < 8; n += 1) {
    const response = await ask();
    await response.body.cancel();
    offers.push(decode(response.headers.get('payment-required')).accepts[0].extra);
  }
  assert.equal(new Set(offers.map(({ ticket }) => ticket)).size, offers.length);
  assert.equal(new Set(offers.map(({ memo }) => memo)).size, offers.length);
});

w.test('402: asking for the price leaves nothing behind and calls nobody (inv. 8)', { needs: ['storage'] }, async () => {
  const before = await w.gateway.stored();
  const calls = w.relay.calls.length;
  for (let n = 0; n < 30; n += 1) {
    const response = await ask();
    assert.equal(response.status, 402);
    await response.body.cancel();
  }
  assert.deepEqual(await w.gateway.stored(), before);
  // The request causes no call. A few calls may be the gateway's own, for its readiness.
  assert.ok(w.relay.calls.length - calls < 10, `called ${w.relay.calls.slice(calls)}`);
});

w.test('402: what the request claims as its host is not believed (inv. 9)', {}, async () => {
  const response = await fetch(w.url('/api/v1/access/door-1'), {
    headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example' },
  });
  assert.equal(response.status, 402);
  assert.ok(!JSON.stringify(decode(response.headers.get('payment-required'))).includes('evil.example'));
  assert.ok(!(await response.text()).includes('evil.example'));
});
