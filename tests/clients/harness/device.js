// Observes from outside how long something is open: by a lock file, and by the asset's status.

import assert from 'node:assert/strict';
import { until } from './wait.js';

/** Asserts that the device opens within a second from now. */
export const opens = (gateway, file) =>
  until(`${file} appears`, () => gateway.isOpen(file), { within: 1_000, every: 5 });

/**
 * Asserts that the device, which is open now, stays open until `endsAt` and is closed within half a second after it.
 */
export async function closesOnTime(gateway, file, endsAt) {
  let seenOpen;
  const closed = () => {
    const asked = Date.now();
    if (!gateway.isOpen(file)) return true;
    seenOpen = asked;
    return false;
  };
  await until(`${file} is gone`, closed, { within: Math.max(0, endsAt - Date.now()) + 5_000, every: 5 });
  const seenClosed = Date.now();
  assert.ok(seenOpen, `${file} was not there to begin with`);
  assert.ok(seenClosed >= endsAt, `closed ${endsAt - seenClosed} ms before the paid time was over`);
  assert.ok(seenOpen <= endsAt + 500, `still open ${seenOpen - endsAt} ms after the paid time`);
}

/** Asserts that the device opens within a second, and is closed within half a second after the paid time. */
export async function servesUntil(gateway, file, endsAt) {
  await opens(gateway, file);
  await closesOnTime(gateway, file, endsAt);
}

/** Asserts that the asset, which is taken now, stays taken until `endsAt` and is free within half a second after it. */
async function isFreeOnTime(w, id, endsAt) {
  let seenTaken;
  const free = async () => {
    const asked = Date.now();
    const { available, session } = await (await fetch(w.url(`/api/v1/assets/${id}/status`))).json();
    assert.equal(available, session === null);
    if (available) return true;
    assert.equal(Date.parse(session.endsAt), endsAt);
    seenTaken = asked;
    return false;
  };
  await until(`${id} is free`, free, { within: Math.max(0, endsAt - Date.now()) + 5_000, every: 20 });
  const seenFree = Date.now();
  assert.ok(seenTaken, `${id} was not taken to begin with`);
  assert.ok(seenFree >= endsAt, `free ${endsAt - seenFree} ms before the paid time was over`);
  assert.ok(seenTaken <= endsAt + 500, `still taken ${seenTaken - endsAt} ms after the paid time`);
}

/** Asserts that the running session ends on time: for the asset, and for its device if the target operates devices. */
export async function endsOnTime(w, id, endsAt) {
  await Promise.all([isFreeOnTime(w, id, endsAt), w.can.devices && closesOnTime(w.gateway, `${id}.open`, endsAt)]);
}

/** Asserts that the device is closed by `moment`, or half a second later. Before that it may be open or closed. */
export async function isClosedBy(gateway, file, moment, slack = 500) {
  let seenOpen = 0;
  const closedAndDue = () => {
    const asked = Date.now();
    if (gateway.isOpen(file)) {
      seenOpen = asked;
      return false;
    }
    return asked >= moment;
  };
  await until(`${file} is gone`, closedAndDue, { within: Math.max(0, moment - Date.now()) + 5_000, every: 5 });
  assert.ok(seenOpen <= moment + slack, `still open ${seenOpen - moment} ms after it should have been closed`);
}
