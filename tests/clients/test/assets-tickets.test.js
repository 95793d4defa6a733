// Sales of an asset that is changed, disabled, deleted or made again meanwhile. The asset itself decides, whatever was
// quoted.

import assert from 'node:assert/strict';
import { payment, paymentHeaders, paymentV1, pays, sign } from '../harness/buyers.js';
import { perMinute, simulated } from '../harness/config.js';
import { granted, problem, refusedAs, time } from '../harness/expect.js';
import { PATIENT, ask, change, create, minutes, offered, remove, seconds } from '../harness/manage.js';
import { untilTime } from '../harness/wait.js';
import { bearer, settlement } from '../harness/wire.js';
import { world } from '../harness/world.js';

const w = world({ assets: [simulated(perMinute('lane-1'))], buyers: 14, limits: { requests_per_second: 0 } });

const access = (id, query = '') => w.url(`/api/v1/access/${id}${query}`);
const extend = (id, query = '') => w.url(`/api/v1/access/${id}/extend${query}`);
const send = (url, headers, method = 'GET') => fetch(url, { method, headers });
const nothing = { money: 0n, landed: 0 };

/** Makes this buyer's payment for the present price, which must be this amount. */
const quoted = async (buyer, url, amount, init) => {
  const { required } = await offered(url, amount, init);
  return paymentHeaders(await sign(w, buyer, required));
};

/** Asserts that no money moves, and that the answer is this problem. */
async function moves(request, status, code) {
  let response;
  const gain = await w.gain(async () => (response = await request()));
  assert.deepEqual(gain, nothing);
  const outcome = settlement(response);
  await problem(response, status, code);
  return outcome;
}

w.test('a quote holds its price after a change, also outside the new bounds (inv. 1, 6)', PATIENT, async () => {
  await create(w, minutes('parlour'));
  const open = await quoted(w.buyer(), access('parlour'), 10_000);
  await change(w, 'parlour', { price: '0.05', min_quantity: 2 });
  let session;
  const gain = await w.gain(async () => (session = await granted(await send(access('parlour', '?quantity=1'), open))));
  assert.deepEqual(gain, { money: 10_000n, landed: 1 });
  assert.equal(session.amount, '10000');
  await offered(access('parlour'), 100_000); // the next buyer is asked for the new price
});

w.test('v1: a payment at the old price is refused, and told the new one; at the new price it buys (inv. 6)', PATIENT, async () => {
  const buyer = w.buyer();
  await create(w, minutes('pantry'));
  await offered(access('pantry'), 10_000);
  const old = await paymentV1(w, buyer, access('pantry'));
  await change(w, 'pantry', { price: '0.02' });
  let body;
  const refusal = await w.gain(async () => {
    const response = await send(access('pantry'), old);
    body = await response.clone().json();
    await refusedAs(response, [402, 'invalid_exact_svm_payload_amount_mismatch']);
  });
  assert.deepEqual(refusal, nothing);
  assert.equal(body.accepts[0].maxAmountRequired, '20000', 'the refusal offers what it costs now');
  await offered(access('pantry'), 20_000);
  const gain = await w.gain(async () => granted(await pays.v1(w, buyer)(access('pantry'))));
  assert.deepEqual(gain, { money: 20_000n, landed: 1 });
});

w.test('what is not for sale takes no payment and no extension, and what was sold goes on (inv. 1, 2)', PATIENT, async () => {
  const [first, second, third] = [w.buyer(), w.buyer(), w.buyer()];
  await create(w, minutes('study'));
  const [open, late] = [await quoted(first, access('study'), 10_000), await quoted(second, access('study'), 10_000)];
  const bare = await paymentV1(w, third, access('study'));
  const session = await granted(await send(access('study'), open));
  const asFirst = bearer(session.sessionToken);
  const longer = { ...asFirst, ...(await payment(w, first, extend('study'), { method: 'POST', headers: asFirst })) };

  const disabled = await change(w, 'study', { enabled: false });
  assert.deepEqual([disabled.enabled, disabled.available], [false, false]);
  const outcome = await moves(() => send(access('study'), late), 409, 'asset_disabled');
  assert.deepEqual([outcome.success, outcome.errorReason], [false, 'asset_disabled']);
  await moves(() => send(access('study'), bare), 409, 'asset_disabled');
  await moves(() => send(extend('study'), longer, 'POST'), 409, 'asset_disabled');
  await moves(() => send(extend('study'), asFirst, 'POST'), 409, 'asset_disabled');

  const repeat = await granted(await send(access('study'), open));
  assert.deepEqual([repeat.sessionId, repeat.endsAt], [session.sessionId, session.endsAt]);
  const status = await (await send(w.url(`/api/v1/sessions/${session.sessionId}/status`), asFirst)).json();
  assert.equal(status.status, 'active');

  await change(w, 'study', { enabled: true });
  const more = await granted(await send(extend('study'), longer, 'POST'));
  assert.equal(time(more.endsAt) - time(session.endsAt), 60_000);
});

w.test('nothing is deleted under a session; after it a buyer is still told what was bought (inv. 1, 2)', PATIENT, async () => {
  const [buyer, other] = [w.buyer(), w.buyer()];
  await create(w, seconds('cellar'));
  const open = await quoted(buyer, access('cellar', '?quantity=4'), 4_000);
  const late = await quoted(other, access('cellar', '?quantity=4'), 4_000);
  const session = await granted(await send(access('cellar'), open));
  const asBuyer = bearer(session.sessionToken);
  const paid = await payment(w, buyer, extend('cellar', '?quantity=1'), { method: 'POST', headers: asBuyer });
  const longer = await granted(await send(extend('cellar'), { ...asBuyer, ...paid }, 'POST'));

  const inUse = await ask(w, 'DELETE', 'assets/cellar');
  const after = Number(inUse.headers.get('retry-after'));
  await problem(inUse, 409, 'asset_in_use');
  assert.ok(after >= 1 && after <= 5, `Retry-After: ${after}`);
  await untilTime(time(longer.endsAt));
  await remove(w, 'cellar');

  const gain = await w.gain(async () => {
    const first = await granted(await send(access('cellar'), open));
    const second = await granted(await send(extend('cellar'), { ...asBuyer, ...paid }, 'POST'));
    for (const [repeat, one] of [[first, session], [second, longer]]) {
      assert.deepEqual([repeat.sessionId, repeat.transaction], [session.sessionId, one.transaction]);
    }
    const status = await send(w.url(`/api/v1/sessions/${session.sessionId}/status`), asBuyer);
    assert.equal((await status.json()).status, 'ended');
  });
  assert.deepEqual(gain, nothing);
  // A buyer who was not charged for it before is not charged now either.
  const outcome = await moves(() => send(access('cellar'), late), 404, 'not_found');
  assert.equal(outcome.success, false);
});

w.test('a quote of a deleted asset is worth nothing at the next of its id; a buyer of the first keeps the answer (inv. 1)', PATIENT, async () => {
  const [first, second] = [w.buyer(), w.buyer()];
  await create(w, seconds('stage'));
  const [taken, open] = [await quoted(first, access('stage'), 1_000), await quoted(second, access('stage'), 1_000)];
  const session = await granted(await send(access('stage'), taken));
  await untilTime(time(session.endsAt));
  await remove(w, 'stage');
  await create(w, seconds('stage'));
  const gain = await w.gain(async () => {
    await refusedAs(await send(access('stage'), open), [402, 'ticket_mismatch']);
    assert.equal((await granted(await send(access('stage'), taken))).sessionId, session.sessionId);
  });
  assert.deepEqual(gain, nothing);
  // The new offer in the refusal is valid.
  const refusal = await send(access('stage'), open);
  const required = JSON.parse(Buffer.from(refusal.headers.get('payment-required'), 'base64').toString('utf8'));
  const fresh = paymentHeaders(await sign(w, second, required));
  const next = await granted(await send(access('stage'), fresh));
  assert.notEqual(next.sessionId, session.sessionId);
});

w.test('of a deletion and a payment at once one comes first, and nobody is charged for nothing (inv. 1, 2)', PATIENT, async () => {
  for (const id of ['dawn', 'noon', 'dusk', 'night']) {
    const buyer = w.buyer();
    await create(w, minutes(id));
    const paid = await quoted(buyer, access(id), 10_000);
    let [bought, deleted] = [];
    const gain = await w.gain(async () => {
      [bought, deleted] = await Promise.all([send(access(id), paid), ask(w, 'DELETE', `assets/${id}`)]);
    });
    const statuses = [bought.status, deleted.status];
    if (bought.status === 200) {
      assert.deepEqual(gain, { money: 10_000n, landed: 1 });
      assert.deepEqual(statuses, [200, 409]);
    } else {
      assert.deepEqual(gain, nothing);
      assert.deepEqual(statuses, [404, 204]);
    }
  }
});
