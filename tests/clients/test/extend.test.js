// More time for a running session, and what tickets for an extension cannot do.

import assert from 'node:assert/strict';
import { challenge, payment, paymentHeaders, pays, sign } from '../harness/buyers.js';
import { PRICE, perMinute, perSecond, simulated } from '../harness/config.js';
import { endsOnTime, opens } from '../harness/device.js';
import { bought, granted, problem, refused, time } from '../harness/expect.js';
import { bearer, json } from '../harness/wire.js';
import { untilTime } from '../harness/wait.js';
import { world } from '../harness/world.js';

const w = world({
  assets: [simulated(perMinute('room')), perSecond('gate'), simulated(perSecond('desk')), simulated(perSecond('desk-2'))],
  buyers: 6,
});

const access = (id, quantity) => w.url(`/api/v1/access/${id}?quantity=${quantity}`);
const extend = (id, quantity) => w.url(`/api/v1/access/${id}/extend?quantity=${quantity}`);
const nothing = { money: 0n, landed: 0 };

w.test('extend: the end moves by exactly what was bought, for exactly its price (inv. 1, 6)', {}, async () => {
  const pay = pays.v2(w, w.buyer());
  const session = await granted(await pay(w.url('/api/v1/access/room'), json({ quantity: 1 })));
  let longer;
  const gain = await w.gain(async () => {
    const request = json({ quantity: 2 }, bearer(session.sessionToken));
    longer = await granted(await pay(w.url('/api/v1/access/room/extend'), request));
  });
  assert.deepEqual(gain, { money: 2n * PRICE.minute, landed: 1 });
  assert.equal(longer.sessionId, session.sessionId);
  assert.equal(longer.startsAt, session.startsAt);
  assert.equal(time(longer.endsAt) - time(session.endsAt), 120_000);
  assert.equal(bought(longer), 180_000);
  assert.notEqual(longer.grant, session.grant);
  assert.notEqual(longer.transaction, session.transaction);
});

w.test('extend: the session goes on past its first end, the device with it, and is over at the new one (inv. 4)', {}, async () => {
  const pay = pays.v2(w, w.buyer());
  const session = await granted(await pay(access('gate', 3)));
  if (w.can.devices) await opens(w.gateway, 'gate.open');
  const longer = await granted(await pay(extend('gate', 2), { method: 'POST', headers: bearer(session.sessionToken) }));
  assert.equal(time(longer.endsAt) - time(session.endsAt), 2_000);
  await endsOnTime(w, 'gate', time(longer.endsAt));
});

w.test('extend: without the session token there is not even a price (inv. 9)', {}, async () => {
  for (const headers of [{}, bearer('nonsense')]) {
    await problem(await fetch(extend('desk', 1), { method: 'POST', headers }), 401);
  }
});

w.test('extend: a repeat of its payment moves nothing again (inv. 1)', {}, async () => {
  const buyer = w.buyer();
  const session = await granted(await pays.v2(w, buyer)(access('desk-2', 60)));
  const request = { method: 'POST', headers: bearer(session.sessionToken) };
  const paid = await payment(w, buyer, extend('desk-2', 5), request);
  const send = () => fetch(extend('desk-2', 5), { ...request, headers: { ...request.headers, ...paid } });
  const first = await granted(await send());
  assert.equal(time(first.endsAt) - time(session.endsAt), 5_000);
  const gain = await w.gain(async () => {
    const repeat = await granted(await send());
    assert.equal(repeat.sessionId, session.sessionId);
    assert.equal(repeat.endsAt, first.endsAt);
  });
  assert.deepEqual(gain, nothing);
  const status = await fetch(w.url(`/api/v1/sessions/${session.sessionId}/status`), { headers: request.headers });
  assert.equal((await status.json()).endsAt, first.endsAt);
});

w.test('tickets: one to extend buys no access and no other session; one for access extends nothing (inv. 1)', {}, async () => {
  const [early, spare, next] = [w.buyer(), w.buyer(), w.buyer()];
  const accessTicket = await payment(w, spare, access('desk', 5));

  const first = await granted(await pays.v2(w, early)(access('desk', 2)));
  const asFirst = { method: 'POST', headers: bearer(first.sessionToken) };
  const extendTicket = paymentHeaders(await sign(w, early, await challenge(extend('desk', 5), asFirst)));
  await untilTime(time(first.endsAt));

  // The desk is free again, so only the ticket itself prevents the sale.
  const atAccess = await w.gain(async () => refused(await fetch(access('desk', 5), { headers: extendTicket }), 'extend ticket at access:'));
  assert.deepEqual(atAccess, nothing);

  const second = await granted(await pays.v2(w, next)(access('desk', 60)));
  const asSecond = (payment) => ({ method: 'POST', headers: { ...bearer(second.sessionToken), ...payment } });
  for (const [what, ticket] of Object.entries({ 'ticket of another session:': extendTicket, 'access ticket:': accessTicket })) {
    const atExtend = await w.gain(async () => refused(await fetch(extend('desk', 5), asSecond(ticket)), what));
    assert.deepEqual(atExtend, nothing, what);
  }
  const status = await fetch(w.url(`/api/v1/sessions/${second.sessionId}/status`), { headers: bearer(second.sessionToken) });
  assert.equal((await status.json()).endsAt, second.endsAt);
});
