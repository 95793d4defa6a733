// The chain is out of reach for much longer than the runtime retries an alarm: the alarm still goes off as long as it
// is needed, without any request.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Rigs } from '../harness/rig.js';
import { payment } from '../harness/buyers.js';
import { PRICE, perHour, simulated } from '../harness/config.js';
import { granted, refusedAs, time } from '../harness/expect.js';
import { insist } from '../harness/insist.js';
import { Probe } from '../harness/probe.js';
import { spoiled } from '../harness/relay.js';
import { target } from '../harness/targets/index.js';
import { until } from '../harness/wait.js';

const skip = !target.can.objects && `${target.name} has no objects`;
const OUTAGE = 60_000;
/** How many times the runtime retries an alarm whose handler fails. */
const RETRIES = 6;
/**
 * How soon after an outage the payment must be finished: the longest pause between two alarms, and the calls under way.
 */
const SOON = 15_000;

const never = () => new Promise(() => {});
let rigs;
before(async () => {
  if (skip) return;
  const probe = () => new Probe({ objects: true });
  rigs = await Rigs.start(3, [simulated(perHour('gate'))], { target, probe });
});
after(() => rigs?.stop());

/**
 * Claims a payment, and sends it if `lands`. workerd is killed and started again, and then the chain is out of reach as
 * `how` says. Returns how many times the alarm has gone off meanwhile. No request goes to the worker.
 */
async function outage(rig, { lands, how, meanwhile }, look) {
  const gateway = await rig.folder();
  try {
    await gateway.restart();
    const access = `${gateway.url}/api/v1/access/gate`;
    const headers = await payment(rig, rig.buyer, access);
    const earned = await rig.earned();
    let killed;
    rig.relay.spoil = (method) => async (pass) => {
      if (method !== 'sendTransaction' && !killed) return pass();
      if (method === 'sendTransaction' && lands && !killed) await pass();
      killed ??= gateway.kill();
      return null;
    };
    await assert.rejects(fetch(access, { headers }));
    await killed;
    assert.equal((await rig.earned()) - earned, lands ? PRICE.hour : 0n);

    rig.relay.spoilAll(how);
    rig.probe.mend();
    await gateway.restart();
    const started = performance.now();
    const alarms = () => rig.probe.messages.filter(({ object, what, at }) => object === 'ASSET' && what === 'alarm' && at === 'after').length;
    await until('the outage has lasted long enough', () => performance.now() - started > OUTAGE, { within: OUTAGE + 1_000, every: 100 });
    const during = alarms();
    await meanwhile?.();
    rig.relay.mend();
    await until('an alarm has gone off and told the payer’s object', () => rig.probe.messages.some(({ object, what, at }) => object === 'PAYER' && what === 'update' && at === 'after'), { within: SOON, every: 50 });
    assert.ok(!rig.probe.messages.some(({ what }) => what === 'request'), 'nobody has asked');
    await look({ access, headers, gained: (await rig.earned()) - earned });
    return during;
  } finally {
    rig.relay.mend();
    rig.probe.mend();
    await gateway.dispose();
  }
}

async function becomesASession({ access, headers, gained }) {
  assert.equal(gained, PRICE.hour);
  const asked = Date.now();
  const session = await granted(await insist(access, { headers }));
  assert.ok(time(session.startsAt) <= asked, 'the alarm has granted it, and not the request');
}

describe('the chain is out of reach for a minute', { concurrency: true }, () => {
  test('it refuses every call: what has landed becomes its buyer’s session (inv. 2, 3)', { skip, timeout: 120_000 }, async (t) => {
    await rigs.on(async (rig) => {
      const alarms = await outage(rig, { lands: true, how: spoiled.neverArrives }, becomesASession);
      t.diagnostic(`${alarms} alarms`);
      assert.ok(alarms > 2 * RETRIES, `${alarms} alarms in ${OUTAGE} ms`);
    });
  });

  test('it answers no call: what has landed becomes its buyer’s session (inv. 2, 3)', { skip, timeout: 120_000 }, async (t) => {
    await rigs.on(async (rig) => {
      const alarms = await outage(rig, { lands: true, how: never }, becomesASession);
      t.diagnostic(`${alarms} alarms`);
      assert.ok(alarms >= 3, `each takes as long as its calls may, and the next one comes: ${alarms}`);
    });
  });

  test('what was not sent can’t land any more after it: nobody is charged, and the asset is free (inv. 2, 3)', { skip, timeout: 120_000 }, async (t) => {
    await rigs.on(async (rig) => {
      const meanwhile = () => rig.chain.advanceBlocks(250); // its blockhash is dead, and that is final
      const alarms = await outage(rig, { lands: false, how: spoiled.neverArrives, meanwhile }, async ({ access, headers, gained }) => {
        assert.equal(gained, 0n);
        await refusedAs(await fetch(access, { headers }), [402, 'invalid_exact_svm_transaction_simulation_failed']);
        await granted(await fetch(access, { headers: await payment(rig, rig.buyer, access) }));
      });
      t.diagnostic(`${alarms} alarms`);
      assert.ok(alarms > 2 * RETRIES, `${alarms} alarms in ${OUTAGE} ms`);
    });
  });
});
