// The system's clock is set back and forth, while the gateway runs and between two starts: no device is open for longer
// than was paid, and selling continues.

import assert from 'node:assert/strict';
import { PRICE, perSecond } from '../harness/config.js';
import { world } from '../harness/spoiled.js';
import { until } from '../harness/wait.js';

const spoiled = world([perSecond('gate'), perSecond('hatch')]);

const [HOUR, DAY] = [3_600, 86_400];
const now = () => performance.now();

/** Buys a session. Its paid time is measured by a clock that nobody sets. */
async function hired(it, id, quantity) {
  const session = await it.bought(id, quantity);
  return { ...session, id, over: now() + quantity * 1_000 };
}

/** Asserts that it is open until its paid time is over, and closed half a second later. */
async function lasts(it, { id, over }) {
  const file = `${id}.open`;
  let seenOpen;
  await until(`${file} is gone`, () => {
    const asked = now();
    if (!it.gateway.isOpen(file)) return true;
    seenOpen = asked;
    return false;
  }, { within: Math.max(0, over - now()) + 5_000, every: 5 });
  // The device was seen open a little after it opened, and it opened a little after its time began.
  assert.ok(now() >= over - 700, `closed ${over - now()} ms early`);
  assert.ok(seenOpen <= over + 500, `open ${seenOpen - over} ms longer than paid`);
}

/** Asserts that the system's clock was this many seconds ahead of the true one. The log uses that clock. */
function wasSet(it, seconds) {
  const times = [...it.gateway.logs.matchAll(/"timestamp":"([^"]+)"/g)].map(([, at]) => Date.parse(at));
  const near = times.some((at) => Math.abs(at - Date.now() - seconds * 1_000) < 60_000);
  assert.ok(near, 'the clock was not set, so this shows nothing');
}

/** Asserts that a fresh sale succeeds, and that the device is open exactly as long as was paid. */
async function sellsOn(it, id) {
  const before = await it.gained();
  const session = await hired(it, id, 2);
  await lasts(it, session);
  assert.equal((await it.gained()) - before, 2n * PRICE.second);
}

for (const [what, seconds] of [['an hour', -HOUR], ['three days', -3 * DAY]]) {
  spoiled(`set back by ${what} in a session, it ends on time all the same, and the next one too (inv. 4)`, async (it) => {
    const session = await hired(it, 'gate', 3);
    it.shim.clock(seconds);
    await lasts(it, session);
    await sellsOn(it, 'gate');
    wasSet(it, seconds);
  });

  spoiled(`set back by ${what} between two starts, a session is not stretched (inv. 4)`, async (it) => {
    const session = await hired(it, 'gate', 4);
    await it.gateway.kill();
    it.shim.clock(seconds);
    await it.start();
    await lasts(it, session);
    await sellsOn(it, 'gate');
    wasSet(it, seconds);
  });

  spoiled(`set back by ${what} while it was down for a session’s end, it stays locked (inv. 4)`, async (it) => {
    const session = await hired(it, 'gate', 1);
    await it.gateway.kill();
    await until('its time is over', () => now() > session.over);
    it.shim.clock(seconds);
    await it.start();
    await until('gate.open is gone', () => !it.gateway.isOpen('gate.open'), { within: 1_000, every: 5 });
    await sellsOn(it, 'gate');
    wasSet(it, seconds);
  });
}

for (const [what, seconds] of [['two hours', 2 * HOUR], ['three days', 3 * DAY], ['500 days', 500 * DAY]]) {
  for (const [kept, env] of [['by nobody', {}], ['by a time service', { SHIM_SYNCHRONISED: '1' }]]) {
    spoiled(`set forward by ${what} and kept ${kept}, a session lasts as long as was paid, and selling goes on; set back again, too (inv. 2, 4)`, async (it) => {
      Object.assign(it.shim.how.env, env);
      await it.gateway.kill();
      await it.start();
      const session = await hired(it, 'gate', 8);
      it.shim.clock(seconds);
      await sellsOn(it, 'hatch');
      await lasts(it, session);
      await sellsOn(it, 'gate');
      wasSet(it, seconds);
      assert.match(it.gateway.logs, /the system clock was set forward/);
      const later = await hired(it, 'gate', 3);
      it.shim.clock(0);
      await lasts(it, later);
      await sellsOn(it, 'gate');
    });
  }

  spoiled(`set forward by ${what} and back between two starts, what was sold there is not stretched, and selling goes on (inv. 4)`, async (it) => {
    it.shim.clock(seconds);
    await it.gateway.kill();
    await it.start();
    await sellsOn(it, 'hatch');
    wasSet(it, seconds);
    const session = await hired(it, 'gate', 5);
    await it.gateway.kill();
    it.shim.clock(0);
    await it.start();
    await until('gate.open is gone', () => !it.gateway.isOpen('gate.open'), { within: Math.max(0, session.over - now()) + 500, every: 5 });
    await until('it is sold again', () => now() > session.over);
    await sellsOn(it, 'gate');
    await sellsOn(it, 'hatch');
  });
}
