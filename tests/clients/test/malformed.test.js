// Requests that make no sense get a plain answer.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { challenge, paymentHeaders, sign } from '../harness/buyers.js';
import { perMinute, simulated } from '../harness/config.js';
import { problem } from '../harness/expect.js';
import { target } from '../harness/targets/index.js';
import { encode, json } from '../harness/wire.js';
import { world } from '../harness/world.js';

const w = world({ assets: [simulated(perMinute('lane-1'))], buyers: 1 });

const access = (query = '') => w.url(`/api/v1/access/lane-1${query}`);

w.test('a quantity that is not sold is 400, in the query and in the body (inv. 6)', {}, async () => {
  for (const quantity of ['0', '-1', '1.5', '1e30', `1${'0'.repeat(30)}`, '241', 'many', '']) {
    await problem(await fetch(access(`?quantity=${quantity}`)), 400);
  }
  for (const quantity of [0, -1, 1.5, 1e30, 241, '1; DROP TABLE', [1], {}, true]) {
    await problem(await fetch(access(), json({ quantity })), 400);
  }
  const huge = { ...json({}), body: `{"quantity":1${'0'.repeat(400)}}` };
  await problem(await fetch(access(), huge), 400);
  assert.equal((await challenge(access('?quantity=240'))).accepts[0].amount, '2400000', 'the most that is sold');
});

w.test('a body that is not JSON is 400', {}, async () => {
  for (const body of ['{', 'quantity=1', '[]', '"1"', '{"quantity":1}}', '{"quantity":1']) {
    await problem(await fetch(access(), { ...json({}), body }), 400);
  }
});

w.test('what does not exist is 404', {}, async () => {
  for (const path of ['/api/v1/access/nothing', '/api/v1/assets/nothing', '/api/v1/assets/nothing/status', '/api/v1/nothing', '/nothing']) {
    await problem(await fetch(w.url(path)), 404);
  }
  await problem(await fetch(w.url('/api/v1/access/nothing'), json({ quantity: 1 })), 404);
  await problem(await fetch(w.url('/api/v1/access/..%2f..%2fetc')), [400, 404]);
});

w.test('a payment that cannot be read is 400, in both versions (inv. 8)', {}, async () => {
  const good = await sign(w, w.buyer(), await challenge(access()));
  const unreadable = ['%%%', 'AAAA', Buffer.from('{').toString('base64'), ...[{}, [], 'x', 1, null].map(encode)];
  for (const name of ['PAYMENT-SIGNATURE', 'X-PAYMENT']) {
    for (const value of unreadable) await problem(await fetch(access(), { headers: { [name]: value } }), 400);
  }
  for (const payload of [{}, { transaction: 1 }, null]) {
    await problem(await fetch(access(), { headers: paymentHeaders({ ...good, payload }) }), 400);
  }
});

/**
 * Like fetch, but it accepts an answer that comes while the request is still being sent. A server that is not our own
 * may also hang up before the answer is complete.
 */
function push(url, { headers = {}, body = '' }) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers });
    sent.once('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.once('socket', (socket) => socket.on('error', () => {})); // even after the request has its answer
    sent.on('error', (error) => (target.can.server ? reject(error) : resolve('hung up')));
    sent.end(body);
  });
}

w.test('what is too large is refused as that (inv. 8)', {}, async () => {
  const body = JSON.stringify({ quantity: 1, padding: 'x'.repeat(4 << 20) });
  const ofBody = await push(access(), { headers: { 'content-type': 'application/json' }, body });
  assert.ok([413, 'hung up'].includes(ofBody), `an oversized body: ${ofBody}`);
  const ofHeader = await push(access(), { headers: { 'PAYMENT-SIGNATURE': 'A'.repeat(200 << 10) } });
  assert.ok([413, 431, 'hung up'].includes(ofHeader), `an oversized header: ${ofHeader}`);
  assert.equal((await fetch(w.url('/health'))).status, 200, 'and the gateway goes on');
});
