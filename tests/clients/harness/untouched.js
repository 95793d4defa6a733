// Asserts that nothing moves, whatever is tried: no money, no record, no device, and nobody's session.

import assert from 'node:assert/strict';
import { MERCHANT } from './config.js';
import { until } from './wait.js';
import { bearer } from './wire.js';

/** Returns an asset's status, without what changes with the time. */
async function statusOf(w, id) {
  const { now, checkCode, ...status } = await (await fetch(w.url(`/api/v1/assets/${id}/status`))).json();
  return status;
}

/** Returns every asset's status, once each device, if there is one, does what its session wants. */
async function assets(w) {
  const ids = w.assets.map(({ id }) => id);
  return until('every device does what it should', async () => {
    const all = await Promise.all(ids.map((id) => statusOf(w, id)));
    const done = ({ session, device }) => device.state === (session ? 'unlocked' : 'locked');
    return (!w.can.devices || all.every(done)) && all;
  });
}

async function session(w, { sessionId, sessionToken }) {
  const response = await fetch(w.url(`/api/v1/sessions/${sessionId}/status`), { headers: bearer(sessionToken) });
  const { secondsLeft, now, ...rest } = await response.json();
  assert.equal(response.status, 200, JSON.stringify(rest));
  return rest;
}

/** Returns everything that a thief could want to move, including what is stored if `stored`. */
async function everything(w, sessions, stored) {
  const owners = [MERCHANT, w.feePayer, ...w.everybody.map(({ address }) => address)];
  return {
    assets: await assets(w),
    sessions: await Promise.all(sessions.map((one) => session(w, one))),
    holdings: await w.chain.holdings(owners),
    landed: await w.chain.landed(),
    written: stored && (await w.gateway.written()),
  };
}

/**
 * Runs `action`, and asserts that afterwards everything is as before, `sessions` included. `reserves` says that the
 * action gets as far as the claim. Then it leaves an empty entry behind where several shards have to agree (inv. 8 is
 * about requests that do not get so far).
 */
export async function untouched(w, action, { sessions = [], reserves = false } = {}) {
  const stored = w.can.storage && !(reserves && w.can.objects);
  const before = await everything(w, sessions, stored);
  const answer = await action();
  assert.deepEqual(await everything(w, sessions, stored), before);
  return answer;
}
