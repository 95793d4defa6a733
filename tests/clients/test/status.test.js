// What can be read, and by whom: the catalogue, states, keys.

import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { pays } from '../harness/buyers.js';
import { door1, perMinute, simulated } from '../harness/config.js';
import { granted, problem, time } from '../harness/expect.js';
import { until } from '../harness/wait.js';
import { bearer } from '../harness/wire.js';
import { world } from '../harness/world.js';

const w = world({ assets: [door1, simulated(perMinute('lane-1')), simulated(perMinute('lane-2'))], buyers: 2 });

const read = async (path, options) => {
  const response = await fetch(w.url(path), options);
  const text = await response.text();
  assert.equal(response.status, 200, `${path}: ${text}`);
  return text;
};
const readJson = async (path, options) => JSON.parse(await read(path, options));
const statusOf = (id, headers = {}) => fetch(w.url(`/api/v1/sessions/${id}/status`), { headers });

/** Returns the parts of a JWS, or null. `valid` tells whether one of the published keys signed it. */
function readJws(text, keys) {
  const parts = text.split('.');
  if (parts.length !== 3) return null;
  const [header, claims] = parts.slice(0, 2).map((part) => {
    try {
      return JSON.parse(Buffer.from(part, 'base64url'));
    } catch {
      return null;
    }
  });
  const signed = Buffer.from(parts.slice(0, 2).join('.'));
  const valid = keys.some((jwk) => verify(null, signed, createPublicKey({ key: jwk, format: 'jwk' }), Buffer.from(parts[2], 'base64url')));
  return { header, claims, valid };
}

let sold; // one session for all tests of this file
const sale = async () => (sold ??= await granted(await pays.v2(w, w.buyer())(w.url('/api/v1/access/lane-1'))));
const publicKeys = async () => (await readJson('/.well-known/jwks.json')).keys;

w.test('the catalogue lists every asset, and shows one', {}, async () => {
  const body = await readJson('/api/v1/assets');
  const list = Array.isArray(body) ? body : body.assets;
  assert.deepEqual(list.map(({ id }) => id).sort(), ['door-1', 'lane-1', 'lane-2']);
  const one = await readJson('/api/v1/assets/door-1');
  assert.equal(one.id, 'door-1');
  assert.equal(one.name, 'Front door');
  assert.doesNotMatch(JSON.stringify(body) + JSON.stringify(one), /touch|"rm"|door-1\.open/, 'how a device is worked is nobody’s business');
});

w.test('an asset’s status is free and locked, then taken and unlocked, and never says by whom (inv. 9)', {}, async () => {
  const path = '/api/v1/assets/lane-2/status';
  /** Returns the status, once its device, if there is one, is in this state. */
  const once = (state, within) => until(`the device is ${state}`, async () => {
    const status = await readJson(path);
    return (!w.can.devices || status.device.state === state) && status;
  }, { within });
  const free = await once('locked');
  assert.equal(free.id, 'lane-2');
  assert.equal(free.available, true);
  assert.equal(free.session, null);
  if (w.can.devices) time(free.device.since);

  const buyer = w.buyer();
  const session = await granted(await pays.v2(w, buyer)(w.url('/api/v1/access/lane-2')));
  const taken = await once('unlocked', 1_000);
  assert.equal(taken.available, false);
  assert.deepEqual(taken.session, { endsAt: session.endsAt });

  const metrics = w.can.metrics ? ['/metrics'] : [];
  for (const open of [path, '/api/v1/assets', '/api/v1/assets/lane-2', '/ready', '/health', ...metrics]) {
    const text = await read(open);
    for (const secret of [buyer.address, session.sessionId, session.sessionToken, session.transaction]) {
      assert.ok(!text.includes(secret), `${open} tells too much`);
    }
  }
});

w.test('a session’s status is for who holds its token (inv. 9)', {}, async () => {
  const { sessionId, sessionToken, startsAt, endsAt } = await sale();
  const response = await statusOf(sessionId, bearer(sessionToken));
  assert.equal(response.status, 200);
  const body = await response.json();
  assert.equal(typeof body.status, 'string');
  assert.equal(body.startsAt, startsAt);
  assert.equal(body.endsAt, endsAt);
  assert.equal(body.quantity, 1);
  assert.ok(Number.isInteger(body.secondsLeft) && body.secondsLeft > 0 && body.secondsLeft <= 60, `secondsLeft ${body.secondsLeft}`);
  assert.ok('spent' in body);

  await problem(await statusOf(sessionId), 401);
  await problem(await statusOf(sessionId, bearer('nonsense')), 401);
  await problem(await statusOf(sessionId, { authorization: `Basic ${sessionToken}` }), 401);
  const altered = sessionToken.slice(0, -6) + (sessionToken.at(-6) === 'A' ? 'B' : 'A') + sessionToken.slice(-5);
  await problem(await statusOf(sessionId, bearer(altered)), 401);
  // Another session's existence is not revealed either.
  await problem(await statusOf(`${sessionId.slice(0, -1)}${sessionId.at(-1) === '0' ? '1' : '0'}`, bearer(sessionToken)), [401, 403, 404]);
});

w.test('a grant is a JWS that the published keys verify, and a session token is none (inv. 9)', {}, async () => {
  const { grant, sessionToken } = await sale();
  const keys = await publicKeys();
  for (const { kty, crv, d } of keys) assert.deepEqual({ kty, crv, d }, { kty: 'OKP', crv: 'Ed25519', d: undefined });
  const jws = readJws(grant, keys);
  assert.ok(jws?.valid, 'the grant verifies');
  assert.equal(jws.header.alg, 'EdDSA');
  assert.ok(keys.some(({ kid }) => kid === jws.header.kid), 'its header names the key');
  assert.equal(typeof jws.header.typ, 'string');
  const token = readJws(sessionToken, keys);
  assert.ok(!token?.valid || token.header.typ !== jws.header.typ, 'no session token passes for a grant');
});

w.test('a grant opens no session (inv. 9)', {}, async () => {
  const { sessionId, grant } = await sale();
  await problem(await statusOf(sessionId, bearer(grant)), 401);
  const extend = w.url('/api/v1/access/lane-1/extend');
  await problem(await fetch(extend, { method: 'POST', headers: bearer(grant) }), 401);
});

w.test('liveness and readiness can be read', {}, async () => {
  await read('/health');
  const ready = await readJson('/ready');
  assert.equal(typeof ready, 'object');
});

w.test('metrics can be read', { needs: ['metrics'] }, async () => {
  const metrics = await fetch(w.url('/metrics'));
  assert.equal(metrics.status, 200);
  assert.match(metrics.headers.get('content-type'), /^text\/plain/);
  assert.match(await metrics.text(), /^# TYPE \w+ (counter|gauge|histogram|summary)$/m);
});
