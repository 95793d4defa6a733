// Many requests at once, on objects that do not wait for each other: one grant for one payment, one buyer for one
// asset, and a balance pays for what it covers.

import assert from 'node:assert/strict';
import { StorageCopy } from '../harness/storage-copy.js';
import { paymentV1 } from '../harness/buyers.js';
import { PRICE, trustFor, perHour, perMinute, simulated } from '../harness/config.js';
import { each, insist, paymentFor, times } from '../harness/crowd.js';
import { granted, problem, refused } from '../harness/expect.js';
import { sessionsOf } from '../harness/insist.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

const CROWD = 100;
const MANY = 30;
const FEE = 10_001; // two signatures, and a lamport of priority

const attempts = times(MANY, (n) => `lane-${n}`);
const tills = times(20, (n) => `till-${n}`);
const assets = ['one-v2', 'one-v1', 'throne', ...attempts, ...tills].map(perHour);
const w = world({ needs: ['objects'], assets: assets.map(simulated), buyers: CROWD + 8 });

const access = (id) => w.url(`/api/v1/access/${id}`);
const STARTED = 5_000_000n;

/**
 * Returns the effect of `action`: what the merchant gained, how many transactions landed, and what the fee payer paid
 * for them.
 */
async function cost(action) {
  const before = await w.chain.lamports(w.feePayer);
  const gain = await w.gain(action);
  return { ...gain, fees: before - (await w.chain.lamports(w.feePayer)) };
}

const soldOnce = { money: PRICE.hour, landed: 1, fees: FEE };
const only = (answers) => {
  const taken = answers.filter(({ status }) => status === 200);
  assert.equal(taken.length, 1, `statuses ${answers.map(({ status }) => status)}`);
  return [taken[0], answers.filter((answer) => answer !== taken[0])];
};

w.test(`${CROWD} simultaneous sends of one v2 payment: one transaction, one session, ${CROWD} answers that name it (inv. 1)`, {}, async () => {
  const headers = await paymentFor(w, w.buyers[0], access('one-v2'));
  let sessions;
  const gain = await cost(async () => {
    const answers = await Promise.all(times(CROWD, () => insist(access('one-v2'), headers)));
    sessions = await Promise.all(answers.map(granted));
  });
  assert.deepEqual(gain, soldOnce);
  for (const key of ['sessionId', 'transaction', 'endsAt']) assert.equal(new Set(sessions.map((session) => session[key])).size, 1, key);
});

w.test(`${CROWD} simultaneous sends of one v1 payment: one transaction, one session, which its payer signs in to (inv. 1)`, {}, async () => {
  const buyer = w.buyers[1];
  const headers = await paymentV1(w, buyer, access('one-v1'));
  let answers;
  const gain = await cost(async () => (answers = await Promise.all(times(CROWD, () => insist(access('one-v1'), headers)))));
  assert.deepEqual(gain, soldOnce);
  const [taken, others] = only(answers);
  const { sessionId } = await granted(taken);
  for (const other of others) assert.equal((await refused(other)).errorReason, 'payment_already_used');
  const mine = await until('the payer’s history has it', async () => (await sessionsOf(w, buyer)).find((session) => session.sessionId === sessionId));
  assert.equal(mine.asset, 'one-v1');
});

w.test(`${CROWD} different payments for one asset at once, v2 and v1: one buys it, nobody else is charged (inv. 1, 2)`, {}, async () => {
  const buyers = times(CROWD, (n) => w.buyers[n + 8]);
  const headers = await each(buyers, 8, (buyer, n) => (n % 2 ? paymentV1(w, buyer, access('throne')) : paymentFor(w, buyer, access('throne'))));
  let answers;
  const gain = await cost(async () => (answers = await Promise.all(headers.map((one) => insist(access('throne'), one)))));
  assert.deepEqual(gain, soldOnce);
  const [taken, others] = only(answers);
  await granted(taken);
  for (const other of others) {
    assert.ok(Number(other.headers.get('retry-after')) >= 1, 'it says when the asset is free');
    await problem(other, 409, 'asset_busy');
  }
  const balances = await each(buyers, 8, ({ address }) => w.chain.balance(address));
  const charged = balances.flatMap((balance, n) => (balance === STARTED ? [] : [[n, STARTED - balance]]));
  assert.deepEqual(charged, [[answers.indexOf(taken), PRICE.hour]]);
  // Nothing is kept of what bought nothing: the same buyers can buy elsewhere.
  const again = answers.findIndex(({ status }) => status === 409);
  await granted(await insist(access('lane-0'), await paymentFor(w, buyers[again], access('lane-0'))));
});

w.test(`one v1 payment sent to ${MANY - 1} assets of one price at once, several times each, is taken by one of them, once (inv. 1)`, {}, async () => {
  const ids = attempts.slice(1);
  const headers = await paymentV1(w, w.buyers[2], access(ids[0]));
  let answers;
  const gain = await cost(async () => {
    answers = await Promise.all(times(3 * ids.length, (n) => insist(access(ids[n % ids.length]), headers)));
  });
  assert.deepEqual(gain, soldOnce);
  const [taken, others] = only(answers);
  const { sessionId } = await granted(taken);
  for (const other of others) assert.ok(['payment_already_used', 'asset_busy'].includes((await refused(other)).errorReason));
  const free = await each(ids, 8, async (id) => (await (await fetch(w.url(`/api/v1/assets/${id}/status`))).json()).available);
  assert.equal(free.filter((available) => !available).length, 1, 'the others are free');
  assert.deepEqual((await sessionsOf(w, w.buyers[2])).map((session) => session.sessionId), [sessionId]);
});

for (const [version, pay] of Object.entries({ v2: paymentFor, v1: paymentV1 })) {
  w.test(`a balance for 4 pays for 4 of 10 assets that are asked for at once, ${version}; the others cost nobody anything (inv. 1, 2)`, {}, async () => {
    const ids = tills.filter((_, n) => n % 2 === (version === 'v1' ? 1 : 0));
    const buyer = w.buyers[version === 'v1' ? 3 : 4];
    await w.chain.setBalance(buyer.address, 4n * PRICE.hour);
    const headers = [];
    for (const id of ids) {
      await w.chain.advanceBlocks(1); // different blockhashes make v1 payments for one price differ
      headers.push(await pay(w, buyer, access(id)));
    }
    let answers;
    const gain = await cost(async () => {
      answers = await Promise.all(ids.map((id, n) => insist(access(id), headers[n])));
    });
    const taken = answers.filter(({ status }) => status === 200);
    assert.deepEqual(gain, { money: BigInt(taken.length) * PRICE.hour, landed: taken.length, fees: taken.length * FEE });
    assert.equal(taken.length, 4, `statuses ${answers.map(({ status }) => status)}`);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      assert.equal((await refused(answer)).errorReason, 'insufficient_funds');
    }
    assert.equal(await w.chain.balance(buyer.address), 0n);
  });
}

w.test('after all of it nothing is left reserved, no budget bears a fee, every payer is known to have what it paid for, and is trusted for what is over (inv. 2, 5)', { timeout: 120_000 }, async () => {
  const left = await until('nothing is left reserved', () => StorageCopy.of(w.gateway, async (stored) => {
    const of = (query) => each(w.everybody, 8, ({ address }) => query(address));
    const payers = await of((address) => stored.count('PAYER', address, 'in_flight'));
    const reserved = [...payers, await stored.count('MERCHANT', null, 'hold'), await stored.count('MERCHANT', null, 'reserved')];
    if (reserved.some((rows) => rows !== 0)) return false;
    const trust = (await of((address) => stored.all('PAYER', address, 'trust'))).flat();
    const sessions = (await of((address) => stored.all('PAYER', address, 'session'))).flat();
    const over = sessions.filter(({ record }) => JSON.parse(record).ended);
    const paid = (rows) => rows.reduce((sum, { record }) => sum + BigInt(JSON.parse(record).session.purchase.price.amount), 0n);
    return {
      borne: await stored.rows('MERCHANT', null, 'SELECT name FROM fee_budget WHERE spent > 0'),
      paid: paid(sessions),
      trust: trust.reduce((sum, { lamports }) => sum + lamports, 0) - over.reduce((sum, row) => sum + trustFor(paid([row]), JSON.parse(row.record).session.fees.lamports), 0),
    };
  }), { within: 60_000, every: 500 });
  assert.deepEqual(left, { borne: [], paid: await w.earned(), trust: 0 });
});
