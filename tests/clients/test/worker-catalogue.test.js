// The catalogue of the 402s is a copy in KV, up to a minute old. These tests play that by putting back the former text.
// The asset's object decides: nothing is sold that is not for sale, and no open quote is refused.

import assert from 'node:assert/strict';
import { paymentHeaders, paymentV1, sign } from '../harness/buyers.js';
import { perMinute, simulated } from '../harness/config.js';
import { granted, problem, refusedAs } from '../harness/expect.js';
import { published, put } from '../harness/kv.js';
import { change, create, minutes, offered, remove } from '../harness/manage.js';
import { asV1, paying, transaction } from '../harness/transactions.js';
import { until } from '../harness/wait.js';
import { bearer, decode, settlement } from '../harness/wire.js';
import { world } from '../harness/world.js';

const PRICE = 10_000;
const DEARER = 20_000;
const VERSIONS = ['v2', 'v1'];

const w = world({ needs: ['objects'], assets: [simulated(perMinute('lane-1'))], buyers: 32 });

const access = (id, query = '') => w.url(`/api/v1/access/${id}${query}`);
const extend = (id) => w.url(`/api/v1/access/${id}/extend`);
const send = (url, headers, method = 'GET') => fetch(url, { method, headers });
const nothing = { money: 0n, landed: 0 };

/**
 * Puts back what the readers had before. `seen(status, body)` tells from a 402 that they have it, because an isolate
 * may keep a copy.
 */
async function puts(id, text, seen) {
  await put(w, id, text);
  await until(`the 402 of ${id} is made of it`, async () => {
    const response = await fetch(access(id));
    return seen(response.status, await response.json());
  }, { within: 90_000, every: 100 });
}

const offers = (amount) => (status, body) => status === 402 && body.accepts[0].maxAmountRequired === String(amount);
const says = (code) => (_, body) => body.code === code;

/** Makes an asset, and returns what the readers have of it. */
async function made(id, more) {
  await create(w, minutes(id, more));
  return published(w, id, (listing) => listing !== null);
}

/** Makes a payment for what the 402 asks, which must be this amount. */
async function quoted(version, buyer, url, amount, init) {
  const { required } = await offered(url, amount, init);
  return version === 'v1' ? paymentV1(w, buyer, url) : paymentHeaders(await sign(w, buyer, required));
}

/** Makes a v1 payment of this amount, whatever any 402 says. */
async function bare(buyer, amount) {
  const { accepts: [offer] } = await (await fetch(access('lane-1'))).json();
  const instructions = await paying(offer, buyer.address, { amount });
  return asV1(await transaction(w, { instructions, signers: [buyer] }));
}

/** Asserts that it buys for this amount. */
async function buys(url, headers, amount, method) {
  let session;
  const gain = await w.gain(async () => (session = await granted(await send(url, headers, method))));
  assert.deepEqual(gain, { money: BigInt(amount), landed: 1 });
  assert.equal(session.amount, String(amount));
  return session;
}

/**
 * Asserts that it buys nothing: a problem with this status and code, or a 402 with this reason. Returns the response.
 */
async function buysNothing(url, headers, status, code) {
  let response;
  const gain = await w.gain(async () => (response = await send(url, headers)));
  assert.deepEqual(gain, nothing);
  if (status === 402) await refusedAs(response.clone(), [402, code]);
  else await problem(response.clone(), status, code);
  assert.deepEqual([settlement(response).success, settlement(response).errorReason], [false, code]);
  return response;
}

w.test('the price has changed, v2: an open quote buys at its price, and so does one that a reader still makes (inv. 1, 6)', {}, async () => {
  for (const [id, isOpen] of [['tower', true], ['turret', false]]) {
    const old = await made(id);
    const open = isOpen && (await quoted('v2', w.buyer(), access(id), PRICE));
    await change(w, id, { price: '0.02', min_quantity: 2 });
    await published(w, id, ({ price }) => price === '0.02');
    await puts(id, old, offers(PRICE));
    await buys(access(id), open || (await quoted('v2', w.buyer(), access(id), PRICE)), PRICE);
  }
});

w.test('the price has changed, v1: only what the asset costs now buys, and who is refused is told that (inv. 6)', {}, async () => {
  const [first, second] = [w.buyer(), w.buyer()];
  const old = await made('moat');
  await change(w, 'moat', { price: '0.02' });
  await published(w, 'moat', ({ price }) => price === '0.02');
  await puts('moat', old, offers(PRICE));
  const refusal = await buysNothing(access('moat'), await quoted('v1', first, access('moat'), PRICE), 402, 'invalid_exact_svm_payload_amount_mismatch');
  assert.equal((await refusal.json()).accepts[0].maxAmountRequired, String(DEARER));
  await buys(access('moat'), await bare(second, DEARER), DEARER);
});

for (const version of VERSIONS) {
  w.test(`disabled, and a reader still offers it, ${version}: nothing is sold, and what was sold goes on (inv. 1, 2)`, {}, async () => {
    const [first, second, third] = [w.buyer(), w.buyer(), w.buyer()];
    const id = `keep-${version}`;
    const old = await made(id);
    const taken = await quoted('v2', first, access(id), PRICE);
    const open = await quoted(version, second, access(id), PRICE);
    const session = await buys(access(id), taken, PRICE);
    await change(w, id, { enabled: false });
    await published(w, id, ({ enabled }) => !enabled);
    await puts(id, old, offers(PRICE));
    await buysNothing(access(id), open, 409, 'asset_disabled');
    await buysNothing(access(id), await quoted(version, third, access(id), PRICE), 409, 'asset_disabled');
    assert.equal((await granted(await send(access(id), taken))).sessionId, session.sessionId);
  });

  w.test(`enabled again, and a reader still says that it is not, ${version}: an open quote buys (inv. 1)`, {}, async () => {
    const id = `gate-${version}`;
    await made(id);
    const open = await quoted(version, w.buyer(), access(id), PRICE);
    await change(w, id, { enabled: false });
    const disabled = await published(w, id, ({ enabled }) => !enabled);
    await change(w, id, { enabled: true });
    await published(w, id, ({ enabled }) => enabled);
    await puts(id, disabled, says('asset_disabled'));
    await buys(access(id), open, PRICE);
  });

  w.test(`deleted, and a reader still offers it, ${version}: nothing is sold (inv. 1)`, {}, async () => {
    const id = `ruin-${version}`;
    const old = await made(id);
    const open = await quoted(version, w.buyer(), access(id), PRICE);
    await remove(w, id);
    await published(w, id, (listing) => listing === null);
    await puts(id, old, offers(PRICE));
    await buysNothing(access(id), open, 404, 'not_found');
    await buysNothing(access(id), await quoted(version, w.buyer(), access(id), PRICE), 404, 'not_found');
  });

  w.test(`made again, and a reader has nothing of it yet, ${version}: an open quote buys, and its session is extended (inv. 1)`, {}, async () => {
    const id = `dome-${version}`;
    const buyer = w.buyer();
    await made(id);
    await remove(w, id);
    await published(w, id, (listing) => listing === null);
    const now = await made(id);
    const open = await quoted(version, buyer, access(id), PRICE);
    await puts(id, null, says('not_found'));
    const session = await buys(access(id), open, PRICE);

    await puts(id, now, offers(PRICE));
    const asBuyer = bearer(session.sessionToken);
    const { required } = await offered(extend(id), PRICE, { method: 'POST', headers: asBuyer });
    const longer = version === 'v1' ? await bare(buyer, PRICE) : paymentHeaders(await sign(w, buyer, required));
    await puts(id, null, says('not_found'));
    const more = await buys(extend(id), { ...asBuyer, ...longer }, PRICE, 'POST');
    assert.equal(more.sessionId, session.sessionId);
    const status = await send(w.url(`/api/v1/sessions/${session.sessionId}/status`), asBuyer);
    assert.equal((await status.json()).endsAt, more.endsAt);
  });
}

w.test('made again, and a reader offers the first one, v2: its quote is worth nothing, what the refusal offers is good (inv. 1)', {}, async () => {
  const buyer = w.buyer();
  const old = await made('mill');
  await remove(w, 'mill');
  await made('mill', { price: '0.02' });
  await puts('mill', old, offers(PRICE));
  const refusal = await buysNothing(access('mill'), await quoted('v2', buyer, access('mill'), PRICE), 402, 'ticket_mismatch');
  const required = decode(refusal.headers.get('payment-required'));
  await buys(access('mill'), paymentHeaders(await sign(w, buyer, required)), DEARER);
});

w.test('made again, and a reader offers the first one, v2: an open quote of the second buys (inv. 1)', {}, async () => {
  const old = await made('well');
  await remove(w, 'well');
  await made('well', { price: '0.02' });
  const open = await quoted('v2', w.buyer(), access('well'), DEARER);
  await puts('well', old, offers(PRICE));
  await buys(access('well'), open, DEARER);
});

w.test('made again, and a reader offers the first one, v1: it costs what the second one costs (inv. 6)', {}, async () => {
  const old = await made('barn');
  await remove(w, 'barn');
  await made('barn', { price: '0.02' });
  await puts('barn', old, offers(PRICE));
  await buysNothing(access('barn'), await quoted('v1', w.buyer(), access('barn'), PRICE), 402, 'invalid_exact_svm_payload_amount_mismatch');
  await buys(access('barn'), await bare(w.buyer(), DEARER), DEARER);
});

for (const [what, rubbish] of Object.entries({ 'no JSON': '\0{', 'another listing’s half': '{"name":"x","price":"0.01"}', 'an empty entry': '', 'a price that is none': '{"name":"x","price":"-1","unit":"minute","min_quantity":1,"max_quantity":2,"enabled":true,"generation":1}' })) {
  w.test(`a reader finds ${what}: it says so at once, nothing is sold, and the next change mends it (inv. 8)`, {}, async () => {
    const id = `attic-${what.length}`;
    await made(id);
    const open = await quoted('v2', w.buyer(), access(id), PRICE);
    await puts(id, rubbish, says('unavailable'));
    for (const headers of [{}, open]) {
      const gain = await w.gain(async () => {
        const asked = performance.now();
        const response = await send(access(id), headers);
        assert.ok(Number(response.headers.get('retry-after')) >= 1, 'it says when to try again');
        await problem(response, 503, 'unavailable');
        assert.ok(performance.now() - asked < 2_000);
      });
      assert.deepEqual(gain, nothing);
    }
    await change(w, id, { name: 'Attic' });
    await offered(access(id), PRICE);
    await buys(access(id), open, PRICE);
  });
}
