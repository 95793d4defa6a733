// How many requests of one client reach the worker's objects. Cloudflare counts them; here miniflare does.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { API_KEY, configuration, door1 } from '../harness/config.js';
import { problem } from '../harness/expect.js';
import { newWallet } from '../harness/keys.js';
import { target } from '../harness/targets/index.js';
import { bearer } from '../harness/wire.js';

const skip = target.name === 'workerd' ? false : `${target.name} counts its clients itself`;
const RATE = 3;
const LIST = '/api/v1/assets';

let gateway;
const start = async (how) => target.start(configuration({ rpcUrl: 'http://127.0.0.1:9', assets: [door1] }), await newWallet(), how);
before(async () => { if (!skip) gateway = await start({ rate: RATE }); });
after(() => gateway?.dispose());

/** Asks as a client at this address. Cloudflare replaces what a client writes into that header. */
const ask = (address, path = LIST, headers = {}, method = 'GET') =>
  fetch(gateway.url + path, { method, headers: { 'cf-connecting-ip': address, ...headers } });

/** Waits until the limiter's minute has at least 10 seconds left. It counts anew with each minute of the clock. */
async function earlyInTheMinute() {
  const left = 60_000 - (Date.now() % 60_000);
  if (left < 10_000) await new Promise((resolve) => setTimeout(resolve, left + 50));
}

/** Sends as many requests as one client may, and one more. Returns the last answer. */
async function tooMany(addresses) {
  for (let n = 0; n < RATE; n += 1) assert.equal((await ask(addresses[n % addresses.length])).status, 200);
  return ask(addresses[0]);
}

test('one client is told to wait, in the words of the gateway; another is not', { skip }, async () => {
  await earlyInTheMinute();
  const refused = await tooMany(['192.0.2.1']);
  assert.equal(refused.headers.get('retry-after'), '10');
  assert.equal(refused.headers.get('access-control-allow-origin'), '*');
  const { detail } = await problem(refused, 429, 'too_many_requests');
  assert.match(detail, /send the same one again; do not sign another one/);
  assert.equal((await ask('192.0.2.2')).status, 200);
});

test('a household with many IPv6 addresses is one client', { skip }, async () => {
  await earlyInTheMinute();
  await problem(await tooMany(['2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6']), 429, 'too_many_requests');
  assert.equal((await ask('2001:db8:1:3::1')).status, 200);
});

test('who carries a right API key of the merchant is not counted; who carries a wrong one is', { skip }, async () => {
  await earlyInTheMinute();
  const merchant = '192.0.2.3';
  for (let n = 0; n < 3 * RATE; n += 1) assert.equal((await ask(merchant, LIST, bearer(API_KEY))).status, 200);
  for (let n = 0; n < RATE; n += 1) assert.equal((await ask(merchant, LIST, bearer('coinop_api_wrong'))).status, 200);
  await problem(await ask(merchant, LIST, bearer('coinop_api_wrong')), 429, 'too_many_requests');
});

test('what no object answers is not counted, and is answered to who sends too much', { skip }, async () => {
  await earlyInTheMinute();
  const address = '192.0.2.4';
  const free = [
    [`/api/v1/access/${door1.id}`, 402],
    ['/health', 200],
    ['/.well-known/jwks.json', 200],
    ['/api/v1/nothing', 404],
  ];
  for (let n = 0; n < RATE; n += 1) {
    for (const [path, status] of free) assert.equal((await ask(address, path)).status, status, path);
  }
  await problem(await tooMany([address]), 429, 'too_many_requests');
  for (const [path, status] of free) assert.equal((await ask(address, path)).status, status, path);
});

test('a page whose questions are refused is refused too, and says so', { skip }, async () => {
  await earlyInTheMinute();
  const address = '192.0.2.5';
  await tooMany([address]);
  const page = await ask(address, `/p/${door1.id}`, { accept: 'text/html' });
  assert.equal(page.status, 503);
  assert.match(await page.text(), /Nothing was paid\. Try again in a minute\./);
});

test('a deployment without the binding has no limit', { skip }, async () => {
  const unlimited = await start({});
  try {
    for (let n = 0; n < 5 * RATE; n += 1) assert.equal((await fetch(unlimited.url + LIST)).status, 200);
  } finally {
    await unlimited.dispose();
  }
});
