// A journal that a power cut or a broken card left incomplete: what is complete is served, or the start is refused with
// one line. Nobody is charged again or gets in unpaid, and what stood open is locked.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PRICE, perSecond } from '../harness/config.js';
import { Journal } from '../harness/damage.js';
import { isClosedBy, servesUntil } from '../harness/device.js';
import { granted, problem, time } from '../harness/expect.js';
import { world } from '../harness/spoiled.js';
import { until, untilTime } from '../harness/wait.js';

const spoiled = world([perSecond('gate'), perSecond('hatch')]);

const LOG = 'coinop.db-wal';
const MAIN = 'coinop.db';
const [PAGE, FRAME] = [4096, 4096 + 24];

/** Ways to damage the journal, with its log as it was or after a checkpoint. `size` is the size of the file. */
const log = {
  'cut in its last frame': (it, size) => it.cut(LOG, size - 2_000),
  'without its last frame': (it, size) => it.cut(LOG, size - FRAME),
  'cut in the middle': (it, size) => it.cut(LOG, Math.floor(size / 2)),
  'cut in its header': (it) => it.cut(LOG, 10),
  'empty': (it) => it.cut(LOG, 0),
  'scribbled over in the middle': (it, size) => it.scribble(LOG, Math.floor(size / 2), 3 * FRAME),
};
const main = {
  'whole': () => {},
  'cut in its last page': (it, size) => it.cut(MAIN, size - 2_000),
  'cut in the middle': (it, size) => it.cut(MAIN, Math.floor(size / 2 / PAGE) * PAGE),
  'cut in its header': (it) => it.cut(MAIN, 50),
  'empty': (it) => it.cut(MAIN, 0),
  'scribbled over at the beginning': (it) => it.scribble(MAIN, 0, PAGE),
  'scribbled over in all but the beginning': (it, size) => it.scribble(MAIN, PAGE, size - PAGE),
};

spoiled('whatever is left of the journal, it charges nobody again, lets nobody in unpaid, and locks what stood open within a second (inv. 1, 2, 4)', async (it, t) => {
  const session = await it.bought('gate', 1);
  const status = async () => (await fetch(it.rig.url('/api/v1/assets/gate/status'))).json();
  await until('that it is open is written down, last of all', async () => (await status()).device.state === 'unlocked', { every: 5 });
  await it.gateway.kill();
  const journal = new Journal(it.shim.folder);
  await untilTime(time(session.endsAt));
  const before = await it.gained();
  assert.equal(before, PRICE.second);

  /** Starts with what is left, and returns the outcome. */
  const start = async () => {
    writeFileSync(join(it.gateway.folder, 'gate.open'), '');
    const why = await it.startsOrLocks('gate.open');
    if (why) {
      assert.match(why, /coinop\.db.*(copy|move|restore)/, 'it says what to do');
      return 'refused';
    }
    const repeat = await fetch(session.paid.url, session.paid.init);
    const { status } = repeat;
    let outcome = `${status}`;
    if (status === 200) {
      const again = await granted(repeat);
      assert.equal(again.sessionId, session.sessionId);
      if (again.endsAt !== session.endsAt) {
        // Its claim is left, but the landing is lost. It is granted again, once, because the chain shows the payment.
        outcome += ', begun again';
        await isClosedBy(it.gateway, 'gate.open', time(again.endsAt));
      }
    } else if (status === 409) await problem(repeat, 409, 'payment_already_used');
    else await problem(repeat, 503, 'unavailable');
    assert.ok(!it.gateway.isOpen('gate.open'), 'a payment whose time is over opens nothing');
    assert.equal(await it.gained(), before, 'and is not charged again');
    await it.gateway.kill();
    return outcome;
  };

  const seen = {};
  for (const [what, damage] of Object.entries(log)) {
    journal.restore();
    damage(journal, journal.kept.get(LOG).length);
    seen[`log ${what}`] = await start();
  }
  for (const [what, damage] of Object.entries(main)) {
    damage(journal, journal.restoreWithoutLog());
    seen[`database ${what}`] = await start();
  }
  for (const [what, outcome] of Object.entries(seen)) t.diagnostic(`${what}: ${outcome}`);
  assert.equal(seen['database whole'], '200', 'or the rest shows nothing');
  assert.equal(seen['log cut in its last frame'], '200', 'the session itself was committed before');
  assert.equal(seen['log empty'], 'refused', 'the chain remembers that the fee payer has signed for a journal');
  assert.equal(seen['database scribbled over at the beginning'], 'refused');

  // The gateway continues with a journal that lost its end.
  journal.restore();
  log['without its last frame'](journal, journal.kept.get(LOG).length);
  await it.start();
  const next = await it.bought('hatch', 1);
  await servesUntil(it.gateway, 'hatch.open', time(next.endsAt));
});
