// workerd is killed at every call to the chain and at every message between objects during a purchase, and started
// again on the same storage: the alarm finishes what was claimed, without any request.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Rigs } from '../harness/rig.js';
import { payment, paymentV1, pays } from '../harness/buyers.js';
import { PRICE, perHour, simulated } from '../harness/config.js';
import { granted, problem, time } from '../harness/expect.js';
import { insist, sessionsOf } from '../harness/insist.js';
import { walk } from '../harness/kills.js';
import { Probe } from '../harness/probe.js';
import { target } from '../harness/targets/index.js';
import { bearer } from '../harness/wire.js';

const skip = !target.can.objects && `${target.name} has no objects`;
const RIGS = 10;

let rigs;
before(async () => {
  if (!skip) rigs = await Rigs.start(RIGS, [simulated(perHour('gate'))], { target, probe: () => new Probe({ objects: true }) });
});
after(() => rigs?.stop());

const SALE = [
  'ASSET request before', 'PAYER history before', 'chain simulateTransaction before', 'PAYER reserve before', 'PAYER reserve after', 'PAYMENT reserve before',
  'PAYMENT reserve after', 'MERCHANT reserve before', 'MERCHANT reserve after', 'chain getSignatureStatuses before', 'chain sendTransaction before', 'chain sendTransaction after',
  'chain getTransaction before', 'chain getTransaction after', 'PAYER update before', 'PAYMENT update after', 'MERCHANT update after', 'ASSET request after',
];
const access = (run) => run.url('/api/v1/access/gate');
const ask = async (url, init) => granted(await fetch(url, init));

/**
 * What the dead worker has left to do. There is nothing before the claim, which is durable before the chain is asked
 * about its signature and before anything is sent. After the claim there is something until the others are told.
 */
const isClaimed = (run) => run.has('chain getSignatureStatuses before');
const isTold = (run) => run.has('ASSET request after');

/**
 * Asserts that without any request a claimed payment is paid and finished, and an unclaimed one is not sent. Returns
 * when it checked.
 */
async function finished(run, killed, amount) {
  if (killed && isClaimed(run) && !isTold(run)) await run.finishes();
  assert.equal(await run.gained(), isClaimed(run) ? amount : 0n, 'what was claimed is paid without any request, and nothing else');
  return Date.now();
}

/** Asserts that the payer was charged once in the end, and has these sessions and no other. */
async function settled(run, payments, sessions) {
  assert.equal(await run.gained(), BigInt(payments) * PRICE.hour);
  assert.deepEqual((await sessionsOf(run, run.rig.buyer)).map(({ sessionId }) => sessionId), sessions);
  await run.nothingReserved(payments);
}

const purchase = {
  reaches: SALE,
  async prepare(run) {
    run.payment = await payment(run.rig, run.rig.buyer, access(run));
  },
  act: (run) => ask(access(run), { headers: run.payment }),
  async after(run, killed) {
    const asked = await finished(run, killed, PRICE.hour);
    const session = await granted(await insist(access(run), { headers: run.payment }));
    if (isClaimed(run)) assert.ok(time(session.startsAt) <= asked, 'the alarm has granted it, and not the request');
    await settled(run, 1, [session.sessionId]);
  },
};

const purchaseV1 = {
  reaches: ['PAYMENT owner before', ...SALE],
  async prepare(run) {
    run.payment = await paymentV1(run.rig, run.rig.buyer, access(run));
  },
  act: purchase.act,
  async after(run, killed) {
    const asked = await finished(run, killed, PRICE.hour);
    const answer = await insist(access(run), { headers: run.payment });
    if (isClaimed(run)) await problem(answer, 409, 'payment_already_used');
    else await granted(answer);
    const [{ sessionId, startsAt }] = await sessionsOf(run, run.rig.buyer);
    if (isClaimed(run)) assert.ok(time(startsAt) <= asked, 'the alarm has granted it, and not the request');
    await settled(run, 1, [sessionId]);
  },
};

const extension = {
  reaches: SALE,
  async prepare(run) {
    run.first = await granted(await pays.v2(run.rig, run.rig.buyer)(access(run)));
    run.to = run.url('/api/v1/access/gate/extend');
    run.init = { method: 'POST', headers: bearer(run.first.sessionToken) };
    Object.assign(run.init.headers, await payment(run.rig, run.rig.buyer, run.to, run.init));
  },
  act: (run) => ask(run.to, run.init),
  async after(run, killed) {
    run.before += PRICE.hour;
    await finished(run, killed, PRICE.hour);
    run.before -= PRICE.hour;
    const read = async () => (await fetch(run.url(`/api/v1/sessions/${run.first.sessionId}/status`), { headers: bearer(run.first.sessionToken) })).json();
    const later = isClaimed(run) ? 3_600_000 : 0;
    assert.equal(time((await read()).endsAt) - time(run.first.endsAt), later, 'the alarm has extended it, and not the request');
    const session = await granted(await insist(run.to, run.init));
    assert.equal(session.sessionId, run.first.sessionId);
    assert.equal(time(session.endsAt) - time(run.first.endsAt), 3_600_000, 'once');
    await settled(run, 2, [session.sessionId]);
  },
};

const scenarios = [
  [purchase, 'a purchase: the alarm finishes it, the buyer’s repeat gets the session, charged once (inv. 1, 2, 3)'],
  [purchaseV1, 'a purchase by x402 v1: the alarm finishes it, its payer signs in to the session, charged once (inv. 1, 2, 3)'],
  [extension, 'an extension: the alarm finishes it, all of it for one charge (inv. 1, 2, 3)'],
];

describe('killed anywhere', { concurrency: true }, () => {
  for (const [scenario, name] of scenarios) {
    test(`workerd killed anywhere in ${name}`, { skip, timeout: 400_000 }, async (t) => {
      const { kills, points } = await walk(rigs, scenario);
      t.diagnostic(`${kills} kills at ${points.size} points`);
      assert.ok(kills >= points.size * 0.8, `most points are reached again: ${kills} of ${points.size}`);
    });
  }
});
