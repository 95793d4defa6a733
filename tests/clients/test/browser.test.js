// A page of another origin buys in a real browser: it can read the 402, send the payment and read the receipt. No page
// of another origin can call the owner's API.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { decodePaymentResponseHeader } from '@x402/fetch';
import { Browser, withoutBrowser } from '../harness/browser.js';
import { API_KEY, PRICE, perHour } from '../harness/config.js';
import { opens } from '../harness/device.js';
import { bought } from '../harness/expect.js';
import { minutes } from '../harness/manage.js';
import { bearer, decode, json } from '../harness/wire.js';
import { world } from '../harness/world.js';

const HOUR = 3_600_000;
const w = world({ assets: ['door-1', 'door-2'].map(perHour), buyers: 2, unless: withoutBrowser });
const access = (id) => w.url(`/api/v1/access/${id}`);
let browser;

before(async () => {
  if (withoutBrowser) return;
  await w.ready();
  browser = await Browser.open(w.chain.url);
});
after(() => browser?.close());

w.test('a page of another origin reads what a door costs', {}, async () => {
  assert.notEqual(new URL(browser.origin).origin, new URL(w.gateway.url).origin);
  const { status, type, headers, body } = await browser.shop('ask', access('door-1'));
  assert.deepEqual({ status, type }, { status: 402, type: 'cors' });
  assert.equal(decode(headers['payment-required']).accepts[0].amount, String(PRICE.hour));
  assert.equal(JSON.parse(body).accepts[0].maxAmountRequired, String(PRICE.hour));
});

let session;
w.test('a page of another origin buys with the real client, reads the receipt, and the door opens (inv. 1, 2)', {}, async () => {
  const buyer = w.buyer();
  const funds = await w.chain.balance(buyer.address);
  let answer;
  const gain = await w.gain(async () => {
    const init = json({ quantity: 1 });
    answer = await browser.shop('buy', { url: access('door-1'), init, secret: [...buyer.secret], rpcUrl: browser.rpcUrl });
    if (w.can.devices && answer.status === 200) await opens(w.gateway, 'door-1.open');
  });
  assert.equal(answer.status, 200, answer.body);
  assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
  assert.equal(funds - (await w.chain.balance(buyer.address)), PRICE.hour);
  session = { ...JSON.parse(answer.body), buyer };
  assert.equal(bought(session), HOUR);
  const { success, payer, transaction } = decodePaymentResponseHeader(answer.headers['payment-response']);
  assert.deepEqual({ success, payer, transaction }, { success: true, payer: buyer.address, transaction: session.transaction });
});

w.test('the page that bought asks for its session and extends it', {}, async () => {
  const { sessionId, sessionToken, endsAt, buyer } = session;
  const status = await browser.shop('ask', w.url(`/api/v1/sessions/${sessionId}/status`), { headers: bearer(sessionToken) });
  assert.equal(status.status, 200, status.body);
  assert.equal(JSON.parse(status.body).endsAt, endsAt);
  const longer = await browser.shop('buy', {
    url: w.url('/api/v1/access/door-1/extend'),
    init: { method: 'POST', headers: bearer(sessionToken) },
    secret: [...buyer.secret],
    rpcUrl: browser.rpcUrl,
  });
  assert.equal(longer.status, 200, longer.body);
  assert.equal(bought(JSON.parse(longer.body)), 2 * HOUR);
});

w.test('a page whose buyer has lost the session’s token signs in with the wallet', {}, async () => {
  const answer = await browser.shop('signIn', { url: `${access('door-1')}?signin`, secret: [...session.buyer.secret] });
  assert.equal(answer.status, 200, answer.body);
  assert.equal(JSON.parse(answer.body).sessionId, session.sessionId);
});

w.test('a refusal is readable too: a page without the right token is told so', {}, async () => {
  const { sessionId } = session;
  const { status, headers } = await browser.shop('ask', w.url(`/api/v1/sessions/${sessionId}/status`));
  assert.equal(status, 401);
  assert.match(headers['www-authenticate'] ?? '', /Bearer/);
});

const asJson = { 'content-type': 'application/json', ...bearer(API_KEY) };
const owners = {
  'make an asset, even with the owner’s key': ['POST', 'assets', asJson, minutes('door-9')],
  'make an asset by a request that the browser sends without asking first': ['POST', 'assets', { 'content-type': 'text/plain' }, minutes('door-9')],
  'change an asset, even with the owner’s key': ['PATCH', 'assets/door-2', asJson, { enabled: false }],
  'delete an asset, even with the owner’s key': ['DELETE', 'assets/door-2', bearer(API_KEY)],
};
for (const [what, [method, path, headers, body]] of Object.entries(owners)) {
  w.test(`no page of another origin can ${what}`, {}, async () => {
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    assert.deepEqual(await browser.shop('ask', w.url(`/api/v1/${path}`), init), { error: 'TypeError' });
    const [made, other] = await Promise.all([fetch(access('door-9')), fetch(access('door-2'))]);
    assert.deepEqual([made.status, other.status], [404, 402]);
    await Promise.all([made.body.cancel(), other.body.cancel()]);
  });
}

w.test('no page gets an answer with credentials of the browser’s', {}, async () => {
  assert.deepEqual(await browser.shop('ask', access('door-2'), { credentials: 'include' }), { error: 'TypeError' });
});
