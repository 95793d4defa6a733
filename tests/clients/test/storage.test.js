// A disk that is full, read-only or broken: what is not durable is not sold, and what was sold ends on time.

import assert from 'node:assert/strict';
import { PRICE, perSecond } from '../harness/config.js';
import { closesOnTime, servesUntil } from '../harness/device.js';
import { granted, problem, time } from '../harness/expect.js';
import { insist } from '../harness/insist.js';
import { world } from '../harness/spoiled.js';
import { until, untilTime } from '../harness/wait.js';

const spoiled = world([perSecond('gate'), perSecond('hatch')]);

const FAULTS = { full: /^pwrite ENOSPC$/m, readonly: /^pwrite EROFS$/m, unsynced: /^f(data)?sync EIO$/m };
const wasSpoiled = (it, disk) => FAULTS[disk].test(it.shim.faults().join('\n'));

for (const disk of Object.keys(FAULTS)) {
  spoiled(`the disk is ${disk} in the middle of sales: none is charged, what runs ends on time, and afterwards the same payment buys (inv. 1, 2, 4)`, async (it) => {
    const session = await it.bought('gate', 3);
    const later = await it.ready('hatch', 2);
    it.shim.disk(disk);
    const calls = it.rig.relay.calls.length;
    for (let n = 0; n < 3; n += 1) {
      const answer = await fetch(later.url, later.init);
      assert.ok(Number(answer.headers.get('retry-after')) >= 1, 'it says when to try again');
      await problem(answer, 503, 'unavailable');
    }
    assert.ok(wasSpoiled(it, disk), 'or this shows nothing');
    assert.ok(!it.rig.relay.calls.slice(calls).includes('sendTransaction'), 'nothing was sent');
    assert.equal(await it.gained(), 3n * PRICE.second);
    assert.equal((await fetch(it.rig.url('/health'))).status, 200);
    await closesOnTime(it.gateway, 'gate.open', time(session.endsAt));

    it.shim.disk('fine');
    const second = await granted(await insist(later.url, later.init));
    assert.equal(await it.gained(), 5n * PRICE.second);
    await servesUntil(it.gateway, 'hatch.open', time(second.endsAt));
    const third = await it.bought('gate', 1);
    await closesOnTime(it.gateway, 'gate.open', time(third.endsAt));
  });

  spoiled(`the disk is ${disk} just when the money has moved: it opens nothing, and afterwards the repeat gets the session, charged once (inv. 1, 2, 3)`, async (it) => {
    const { url, init } = await it.ready('gate', 2);
    it.rig.relay.spoil = (method) => async (pass) => {
      const answer = await pass();
      if (method === 'sendTransaction') it.shim.disk(disk);
      return answer;
    };
    const given = new AbortController();
    const first = fetch(url, { ...init, signal: given.signal }).catch(() => {});
    await until('the money has moved', async () => (await it.gained()) > 0n);
    await until('its outcome could not be written', () => wasSpoiled(it, disk));
    assert.ok(!it.gateway.isOpen('gate.open'), 'what is not written down opens nothing');
    given.abort();
    await first;

    it.shim.disk('fine');
    const session = await granted(await insist(url, init));
    assert.equal(await it.gained(), 2n * PRICE.second);
    await servesUntil(it.gateway, 'gate.open', time(session.endsAt));
  });

  spoiled(`the disk is ${disk} and then the power fails: nothing was charged, and the same payment is charged once (inv. 1, 2)`, async (it) => {
    const { url, init } = await it.ready('gate', 2);
    it.shim.disk(disk);
    await problem(await fetch(url, init), 503, 'unavailable');
    await it.gateway.kill();
    assert.ok(wasSpoiled(it, disk), 'or this shows nothing');
    assert.equal(await it.gained(), 0n);
    it.shim.disk('fine');
    await it.start();
    const session = await granted(await insist(url, init));
    assert.equal(await it.gained(), 2n * PRICE.second);
    await servesUntil(it.gateway, 'gate.open', time(session.endsAt));
  });

  spoiled(`a start with the disk ${disk} locks what stood open, whether or not it can serve (inv. 4)`, async (it, t) => {
    const session = await it.bought('gate', 1);
    await it.gateway.kill();
    await untilTime(time(session.endsAt));
    assert.ok(it.gateway.isOpen('gate.open'), 'nobody was there to lock');
    it.shim.disk(disk);
    const why = await it.startsOrLocks('gate.open');
    t.diagnostic(why ?? 'it serves');
    assert.ok(it.shim.faults().length > 0, 'or this shows nothing');
    if (why) assert.match(why, /data_dir|data folder|coinop-data/);

    await it.gateway.kill();
    it.shim.disk('fine');
    await it.start();
    const next = await it.bought('gate', 1);
    await closesOnTime(it.gateway, 'gate.open', time(next.endsAt));
  });
}
