// A paid session ends on time, and stays ended.

import assert from 'node:assert/strict';
import { challenge, payment, paymentHeaders, sign } from '../harness/buyers.js';
import { perSecond } from '../harness/config.js';
import { endsOnTime, opens } from '../harness/device.js';
import { bought, granted, problem, refused, time } from '../harness/expect.js';
import { untilTime } from '../harness/wait.js';
import { bearer } from '../harness/wire.js';
import { world } from '../harness/world.js';

const w = world({ assets: [perSecond('gate')], buyers: 4 });

w.test('a session lasts for the paid time, its device is closed within half a second after it, and a repeat does not begin it again (inv. 1, 4)', {}, async () => {
  const url = w.url('/api/v1/access/gate?quantity=3');
  const headers = await payment(w, w.buyer(), url);
  const response = await fetch(url, { headers });
  if (w.can.devices) await opens(w.gateway, 'gate.open');
  const session = await granted(response);
  assert.equal(bought(session), 3_000);
  await endsOnTime(w, 'gate', time(session.endsAt));

  const gain = await w.gain(async () => {
    const repeat = await granted(await fetch(url, { headers }));
    assert.equal(repeat.sessionId, session.sessionId);
    assert.equal(repeat.endsAt, session.endsAt);
  });
  assert.deepEqual(gain, { money: 0n, landed: 0 });
  assert.ok(!w.can.devices || !w.gateway.isOpen('gate.open'), 'it stays closed');
  const { available } = await (await fetch(w.url('/api/v1/assets/gate/status'))).json();
  assert.equal(available, true);

  const status = await fetch(w.url(`/api/v1/sessions/${session.sessionId}/status`), {
    headers: bearer(session.sessionToken),
  });
  // A token may end with its session. If it does not, no time is left.
  if (status.status === 200) assert.equal((await status.json()).secondsLeft, 0);
  else await problem(status, [401, 403]);

  const late = await fetch(w.url('/api/v1/access/gate/extend?quantity=3'), {
    method: 'POST',
    headers: bearer(session.sessionToken),
  });
  assert.ok(late.status >= 400 && late.status < 500 && late.status !== 402, `an ended session is not extended: ${late.status}`);
});

w.test('a quote is used once: a second payment for it is refused before any money moves (inv. 1)', {}, async () => {
  const buyer = w.buyer();
  const url = w.url('/api/v1/access/gate?quantity=1');
  const required = await challenge(url);
  const first = paymentHeaders(await sign(w, buyer, required));
  await w.chain.advanceBlocks(1); // another blockhash makes another transaction
  const second = paymentHeaders(await sign(w, buyer, required));
  assert.notDeepEqual(first, second);
  const session = await granted(await fetch(url, { headers: first }));
  if (w.can.devices) await opens(w.gateway, 'gate.open');
  await endsOnTime(w, 'gate', time(session.endsAt));
  const gain = await w.gain(async () => refused(await fetch(url, { headers: second })));
  assert.deepEqual(gain, { money: 0n, landed: 0 });
});

w.test('what is over is the next buyer’s for the asking: nobody has to tell it so first (inv. 1, 4)', {}, async () => {
  const [early, late] = [w.buyer(), w.buyer()];
  const url = w.url('/api/v1/access/gate?quantity=2');
  const paid = await payment(w, early, url);
  const first = await granted(await fetch(url, { headers: paid }));
  const [kept, next] = [await payment(w, late, url), await payment(w, late, `${url}0`)];
  await problem(await fetch(url, { headers: kept }), 409, 'asset_busy');
  await untilTime(time(first.endsAt));
  const second = await granted(await fetch(`${url}0`, { headers: next }));
  assert.notEqual(second.sessionId, first.sessionId);
  assert.ok(time(second.startsAt) >= time(first.endsAt), 'one after the other');
  const again = await granted(await fetch(url, { headers: paid }));
  assert.deepEqual([again.sessionId, again.endsAt], [first.sessionId, first.endsAt]);
  const { session } = await (await fetch(w.url('/api/v1/assets/gate/status'))).json();
  assert.deepEqual(session, { endsAt: second.endsAt });
});
