// Whatever ends the gateway, nothing stays open unpaid, and no payment is lost or taken twice.

import assert from 'node:assert/strict';
import { payment, pays } from '../harness/buyers.js';
import { PRICE, perMinute, perSecond } from '../harness/config.js';
import { endsOnTime, opens } from '../harness/device.js';
import { granted, time } from '../harness/expect.js';
import { until, untilTime } from '../harness/wait.js';
import { bearer } from '../harness/wire.js';
import { world } from '../harness/world.js';

// One attempt and one buyer for each moment at which the gateway is killed.
const attempts = Array.from({ length: 24 }, (_, n) => `lane-${n}`);
const w = world({ assets: [perSecond('gate'), perSecond('hatch'), ...attempts.map(perMinute)], buyers: 2 + attempts.length });

const access = (id, quantity) => w.url(`/api/v1/access/${id}?quantity=${quantity}`);
const needs = ['restart'];
const opened = async (file) => w.can.devices && opens(w.gateway, file);
const isOpen = (file) => Boolean(w.can.devices) && w.gateway.isOpen(file);
const statusOf = async ({ sessionId, sessionToken }) => {
  const response = await fetch(w.url(`/api/v1/sessions/${sessionId}/status`), { headers: bearer(sessionToken) });
  return response.json();
};

w.test('stopped in a session, it locks; started again, it goes on with it, and locks at the end of the paid time (inv. 2, 4)', { needs }, async () => {
  const session = await granted(await pays.v2(w, w.buyer())(access('gate', 10)));
  await opened('gate.open');
  const outcome = await w.gateway.stop();
  assert.deepEqual(outcome, { code: 0, signal: null }, 'an orderly end');
  assert.ok(!isOpen('gate.open'), 'locked while nobody watches the time');

  await w.gateway.restart();
  assert.ok(Date.now() < time(session.endsAt), 'the session outlives the restart, or this shows nothing');
  if (w.can.devices) await until('the device is open again', () => isOpen('gate.open'), { within: 2_000 });
  assert.equal((await statusOf(session)).endsAt, session.endsAt);
  await endsOnTime(w, 'gate', time(session.endsAt));
});

w.test('killed in a session and started after its end, it locks, and the session is over (inv. 4)', { needs }, async () => {
  const session = await granted(await pays.v2(w, w.buyer())(access('hatch', 2)));
  await opened('hatch.open');
  await w.gateway.kill();
  assert.equal(isOpen('hatch.open'), Boolean(w.can.devices), 'nobody was there to lock');
  await untilTime(time(session.endsAt));
  await w.gateway.restart();
  if (w.can.devices) await until('the device is locked', () => !isOpen('hatch.open'), { within: 1_000 });
  const { status, secondsLeft } = await statusOf(session);
  assert.deepEqual({ status, secondsLeft }, { status: 'ended', secondsLeft: 0 });
});

/**
 * Kills the gateway at its `nth` call to the chain, before or after the call is carried out. Returns whether it got so
 * far.
 */
async function killAtCall(nth, when, send) {
  let calls = 0;
  let killed;
  w.relay.spoilAll(async (pass) => {
    if ((calls += 1) !== nth) return calls > nth ? null : pass();
    if (when === 'after') await pass();
    killed = w.gateway.kill();
    return null;
  });
  await send();
  w.relay.mend();
  await killed;
  return Boolean(killed);
}

w.test('killed at any call to the chain on a payment’s way, it is charged once and ends as its buyer’s session (inv. 1, 2, 3)', { needs, timeout: 120_000 }, async (t) => {
  const insist = (url, headers) => until('the settlement is known', async () => {
    // It may try a connection that was kept from before the kill.
    const answer = await fetch(url, { headers }).catch(() => undefined);
    if (!answer) return false;
    return answer.status === 202 ? answer.body.cancel().then(() => false) : answer;
  }, { within: 45_000, every: 200 });

  let reached = 0;
  for (const [n, id] of attempts.entries()) {
    const [nth, when] = [1 + Math.floor(n / 2), n % 2 ? 'after' : 'before'];
    const moment = `killed ${when} call ${nth}`;
    const url = access(id, 1);
    const headers = await payment(w, w.buyer(), url);
    const seen = w.relay.calls.length;
    const gain = await w.gain(async () => {
      const send = () => fetch(url, { headers }).then((response) => response.text(), () => {});
      if (!(await killAtCall(nth, when, send))) return;
      reached += 1;
      t.diagnostic(`${moment}, ${w.relay.calls.slice(seen).join(', ')}`);
      await w.gateway.restart();
      await granted(await insist(url, headers));
      await opened(`${id}.open`);
    });
    assert.deepEqual(gain, { money: PRICE.minute, landed: 1 }, moment);
    if (reached <= n) break; // it was finished before that call
  }
  assert.ok(reached >= 4, `a settlement calls the chain at least twice; killed ${reached} times`);
});
