// workerd is killed after a claim, and killed again anywhere in what its alarm does about it: the alarm goes off once
// more.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Rigs } from '../harness/rig.js';
import { payment } from '../harness/buyers.js';
import { PRICE, perHour, simulated } from '../harness/config.js';
import { granted, time } from '../harness/expect.js';
import { insist, sessionsOf } from '../harness/insist.js';
import { walk } from '../harness/kills.js';
import { Probe } from '../harness/probe.js';
import { target } from '../harness/targets/index.js';

const skip = !target.can.objects && `${target.name} has no objects`;
const RIGS = 20;

let rigs;
before(async () => {
  if (!skip) rigs = await Rigs.start(RIGS, [simulated(perHour('gate'))], { target, probe: () => new Probe({ objects: true }) });
});
after(() => rigs?.stop());

const access = (run) => run.url('/api/v1/access/gate');

const recovery = {
  reaches: [
    'ASSET alarm before', 'chain getSignatureStatuses before', 'chain sendTransaction before', 'chain sendTransaction after', 'ASSET alarm after',
    'chain getTransaction after', 'PAYER update before', 'PAYMENT update after', 'MERCHANT update after',
  ],
  async prepare(run) {
    run.payment = await payment(run.rig, run.rig.buyer, access(run));
    run.rig.relay.spoil = (method) => method === 'sendTransaction' ? async () => ((run.dead = run.gateway.kill()), null) : null;
    await assert.rejects(fetch(access(run), { headers: run.payment }));
    assert.ok(run.dead, 'killed when it had claimed the payment and not sent it');
    await run.revive();
  },
  act: (run) => run.finishes(),
  async after(run, killed) {
    // Once the others are told, nothing is left to do.
    const isDone = run.trace.indexOf('PAYER update after:1') >= 0 && run.trace.at(-1).startsWith('ASSET alarm after');
    if (killed && !isDone) await run.finishes();
    assert.equal(await run.gained(), PRICE.hour, 'paid without any request');
    const asked = Date.now();
    const session = await granted(await insist(access(run), { headers: run.payment }));
    assert.ok(time(session.startsAt) <= asked, 'the alarm has granted it, and not the request');
    assert.equal(await run.gained(), PRICE.hour);
    assert.deepEqual((await sessionsOf(run, run.rig.buyer)).map(({ sessionId }) => sessionId), [session.sessionId]);
    await run.nothingReserved(1);
  },
};

test('workerd killed after a claim, and again anywhere in what the alarm does: the next alarm finishes it, charged once (inv. 1, 2, 3)', { skip, timeout: 400_000 }, async (t) => {
  const { kills, points } = await walk(rigs, recovery);
  t.diagnostic(`${kills} kills at ${points.size} points`);
  assert.ok(kills >= points.size * 0.8, `most points are reached again: ${kills} of ${points.size}`);
});
