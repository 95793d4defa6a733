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
