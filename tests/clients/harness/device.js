// Watching a lock file from outside.

import assert from 'node:assert/strict';
import { until } from './wait.js';

/** The device opens within a second of now. */
export const opens = (gateway, file) =>
  until(`${file} appears`, () => gateway.isOpen(file), { within: 1_000, every: 5 });

/** The device, open now, stays so until `endsAt` and is closed within half a second after it. */
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

/** The device opens within a second and is closed within half a second of the end of the paid time. */
export async function servesUntil(gateway, file, endsAt) {
  await opens(gateway, file);
  await closesOnTime(gateway, file, endsAt);
}

/** The device is closed by `moment`, or half a second later; before that it may do what it likes. */
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
