// Whatever is tried, nothing moves: neither money nor a record, neither a device nor anybody's session.

import assert from 'node:assert/strict';
import { MERCHANT } from './config.js';
import { until } from './wait.js';
import { bearer } from './wire.js';

const statusOf = async (w, id) => (await fetch(w.url(`/api/v1/assets/${id}/status`))).json();

/** What every asset's status says, once each device, where there are any, does what its session wants. */
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
  const { secondsLeft, ...rest } = await response.json();
  assert.equal(response.status, 200, JSON.stringify(rest));
  return rest;
}

/** All that a thief could want to move. `stored`: what is stored too. */
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
 * Carries out `action`; afterwards everything is as it was before, `sessions` too. `reserves`: it comes as far as the claim,
 * and so leaves an empty place behind where that has to be agreed among several (inv. 8 is about requests that don't).
 */
export async function untouched(w, action, { sessions = [], reserves = false } = {}) {
  const stored = w.can.storage && !(reserves && w.can.objects);
  const before = await everything(w, sessions, stored);
  const answer = await action();
  assert.deepEqual(await everything(w, sessions, stored), before);
  return answer;
}
