// Assets that are made, changed and deleted with an API key: what is accepted, what is refused, and why.

import assert from 'node:assert/strict';
import { pays } from '../harness/buyers.js';
import { API_KEY, perMinute, simulated } from '../harness/config.js';
import { granted, problem, time } from '../harness/expect.js';
import { PATIENT, ask, change, create, minutes, offered, remove, seconds, shown } from '../harness/manage.js';
import { until } from '../harness/wait.js';
import { bearer } from '../harness/wire.js';
import { world } from '../harness/world.js';

const w = world({ assets: [simulated(perMinute('lane-1'))], buyers: 3, limits: { requests_per_second: 0 } });

const access = (id, query = '') => w.url(`/api/v1/access/${id}${query}`);
const written = async () => w.can.storage && w.gateway.written();

w.test('without a key of the merchant nothing is made, changed, deleted or carried out (inv. 9)', {}, async () => {
  await create(w, minutes('safe'));
  const before = await written();
  const wrong = [{}, bearer(''), bearer(`${API_KEY}x`), bearer(API_KEY.slice(0, -1)), { authorization: `Basic ${API_KEY}` }, { authorization: API_KEY }];
  const requests = [
    ['POST', 'assets', minutes('intruder')],
    ['POST', 'assets', '{'], // the key is checked first, so a client without one learns nothing
    ['PATCH', 'assets/safe', { price: '0.000001' }],
    ['PATCH', 'assets/lane-1', {}],
    ['PATCH', 'assets/nothing', {}],
    ['DELETE', 'assets/safe'],
    ['POST', 'tick'],
  ];
  for (const headers of wrong) {
    for (const [method, path, body] of requests) {
      const response = await ask(w, method, path, body, headers);
      assert.equal(response.headers.get('www-authenticate'), 'Bearer');
      await problem(response, 401, 'api_key_required');
    }
  }
  assert.equal(await written(), before);
  await problem(await ask(w, 'POST', 'assets', minutes('safe')), 409, 'asset_exists');
});

w.test('an asset that was made is answered as the catalogue shows it, listed, and sold (inv. 6)', PATIENT, async () => {
  const response = await ask(w, 'POST', 'assets', minutes('room-7', { name: 'Room 7', description: 'With a view' }));
  assert.equal(response.status, 201);
  assert.equal(response.headers.get('location'), w.url('/api/v1/assets/room-7'));
  const made = await response.json();
  assert.equal(made.name, 'Room 7');
  assert.deepEqual([made.enabled, made.available], [true, true]);
  assert.deepEqual(await shown(w, 'room-7', (status) => status === 200), made);
  await until('it is listed, behind those of the configuration', async () => {
    const { assets } = await (await fetch(w.url('/api/v1/assets?limit=100'))).json();
    const ids = assets.map(({ id }) => id);
    return ids[0] === 'lane-1' && ids.includes('room-7');
  }, { within: 90_000 });

  await offered(access('room-7'), 10_000);
  let session;
  const gain = await w.gain(async () => {
    session = await granted(await pays.v2(w, w.buyer())(access('room-7', '?quantity=2')));
  });
  assert.deepEqual(gain, { money: 20_000n, landed: 1 });
  const status = await (await fetch(w.url('/api/v1/assets/room-7/status'))).json();
  assert.deepEqual([status.available, status.session], [false, { endsAt: session.endsAt }]);
  assert.equal(status.device, null);
});

const mistakes = {
  id: [{ id: 'Room 7' }, { id: '' }, { id: 7 }],
  name: [{ name: '' }, { name: 'n'.repeat(201) }],
  description: [{ description: ['a', 'b'] }],
  price: [{ price: 0.01 }, { price: '0' }, { price: '-1' }, { price: '1e3' }, { price: '99999999999999' }, { price: null }],
  unit: [{ unit: 'fortnight' }, { unit: 'session' }, { unit: null }],
  session_seconds: [{ session_seconds: 60 }, { unit: 'session', session_seconds: 0 }],
  min_quantity: [{ min_quantity: 0 }, { min_quantity: 1.5 }],
  max_quantity: [{ min_quantity: 241 }, { max_quantity: 10_000_000 }],
  enabled: [{ enabled: 'yes' }],
  colour: [{ colour: 'red' }, { colour: null }],
  device: [{ device: { driver: 'exec', unlock: ['touch', '/tmp/x'] } }],
};

w.test('every mistake names its field and says what to change, and writes nothing', {}, async () => {
  await create(w, minutes('strict'));
  const before = await written();
  for (const [field, bodies] of Object.entries(mistakes)) {
    for (const body of bodies) {
      const answers = [await ask(w, 'PATCH', 'assets/strict', body), await ask(w, 'POST', 'assets', { ...minutes('strict-2'), ...body })];
      for (const answer of answers) {
        const told = await problem(answer, 400, 'invalid_asset');
        assert.equal(told.field, field, JSON.stringify(body));
        assert.match(told.detail, new RegExp(`^${field}: .{8}`));
      }
    }
  }
  for (const field of ['id', 'price', 'unit']) {
    const { [field]: _, ...rest } = minutes('strict-2');
    assert.equal((await problem(await ask(w, 'POST', 'assets', rest), 400, 'invalid_asset')).field, field);
  }
  for (const body of ['', '{', '[]', 'null', '"x"', '1']) {
    await problem(await ask(w, 'POST', 'assets', body), 400, 'malformed_body');
    await problem(await ask(w, 'PATCH', 'assets/strict', body), 400, 'malformed_body');
  }
  assert.equal(await written(), before);
});

w.test('a change leaves the rest as it is, null is the default, and the rules hold for what comes of it', {}, async () => {
  await create(w, minutes('suite', { name: 'Suite', min_quantity: 2 }));
  const cheaper = await change(w, 'suite', { price: '0.005' });
  assert.deepEqual([cheaper.tariff.price, cheaper.name, cheaper.tariff.minQuantity], ['0.005', 'Suite', 2]);
  const plain = await change(w, 'suite', { name: null, min_quantity: null, max_quantity: null });
  assert.deepEqual([plain.name, plain.tariff.minQuantity, plain.tariff.maxQuantity], ['suite', 1, 527_040]);
  assert.equal((await change(w, 'suite', { unit: 'hour' })).tariff.maxQuantity, 8_784);
  const whole = await change(w, 'suite', { unit: 'session', session_seconds: 90 });
  assert.deepEqual([whole.tariff.unitSeconds, whole.tariff.maxQuantity], [90, 1]);
  const half = await problem(await ask(w, 'PATCH', 'assets/suite', { unit: 'minute' }), 400, 'invalid_asset');
  assert.equal(half.field, 'session_seconds');
  const before = await written();
  assert.deepEqual(await change(w, 'suite', {}), whole);
  assert.equal(await written(), before, 'what changes nothing writes nothing');
});

w.test('what the configuration names is changed there, and what is not there nowhere; OPTIONS is allowed everywhere', {}, async () => {
  for (const [method, path, body] of [['POST', 'assets', minutes('lane-1')], ['PATCH', 'assets/lane-1', { price: '1' }], ['DELETE', 'assets/lane-1']]) {
    await problem(await ask(w, method, path, body), 409, 'asset_read_only');
  }
  await problem(await ask(w, 'PATCH', 'assets/nothing', { price: '1' }), 404, 'not_found');
  await problem(await ask(w, 'DELETE', 'assets/nothing'), 404, 'not_found');
  for (const [method, path, allowed] of [['PUT', 'assets', 'GET, HEAD, POST, OPTIONS'], ['POST', 'assets/lane-1', 'GET, HEAD, PATCH, DELETE, OPTIONS'], ['GET', 'tick', 'POST, OPTIONS']]) {
    const response = await ask(w, method, path);
    assert.equal(response.headers.get('allow'), allowed);
    await problem(response, 405, 'method_not_allowed');
  }
});

w.test('of many who make or delete one asset at once one does; of many who change it all do', {}, async () => {
  const statuses = async (requests) => (await Promise.all(requests)).map(({ status }) => status).sort();
  const times = (count, each) => Array.from({ length: count }, (_, n) => each(n));
  assert.deepEqual(await statuses(times(8, () => ask(w, 'POST', 'assets', minutes('rush')))), [201, ...Array(7).fill(409)]);
  const changes = [{ price: '0.03' }, { name: 'Rush' }, { description: 'hour' }, { max_quantity: 3 }];
  assert.deepEqual(await statuses(changes.map((each) => ask(w, 'PATCH', 'assets/rush', each))), [200, 200, 200, 200]);
  const { name, description, tariff } = await change(w, 'rush', {});
  assert.deepEqual([tariff.price, name, description, tariff.maxQuantity], ['0.03', 'Rush', 'hour', 3]);
  assert.deepEqual(await statuses(times(8, () => ask(w, 'DELETE', 'assets/rush'))), [204, ...Array(7).fill(404)]);
});

w.test('an asset that is deleted can be made again, and is gone in between', PATIENT, async () => {
  await create(w, minutes('attic'));
  await shown(w, 'attic', (status) => status === 200);
  await remove(w, 'attic');
  await shown(w, 'attic', (status) => status === 404);
  await problem(await ask(w, 'PATCH', 'assets/attic', { price: '1' }), 404, 'not_found');
  const again = await create(w, minutes('attic', { price: '0.02' }));
  assert.equal(again.tariff.price, '0.02');
  await shown(w, 'attic', (status, body) => status === 200 && body.tariff.price === '0.02');
});

w.test('assets that were made are there after a restart as they were', { needs: ['restart'], ...PATIENT }, async () => {
  const made = await create(w, minutes('lasting', { description: 'for good', enabled: false }));
  await create(w, minutes('passing'));
  await remove(w, 'passing');
  await w.gateway.kill();
  await w.gateway.restart();
  assert.deepEqual(await shown(w, 'lasting', (status) => status === 200), made);
  await problem(await ask(w, 'DELETE', 'assets/passing'), 404, 'not_found');
  await change(w, 'lasting', { enabled: true });
});

w.test('a tick carries out what is due and says when to come again (inv. 4)', PATIENT, async () => {
  await create(w, seconds('hourglass'));
  await offered(access('hourglass'), 1_000);
  const session = await granted(await pays.v2(w, w.buyer())(access('hourglass', '?quantity=3')));
  const tick = async () => {
    const response = await ask(w, 'POST', 'tick');
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text).next;
  };
  const next = await tick();
  assert.ok(next !== null && time(next) <= time(session.endsAt), `${next} is not after ${session.endsAt}`);
  await until('the session is over', () => Date.now() > time(session.endsAt), { within: 5_000 });
  await tick();
  const status = await (await fetch(w.url('/api/v1/assets/hourglass/status'))).json();
  assert.deepEqual([status.available, status.session], [true, null]);
  await remove(w, 'hourglass');
});
