// The gateway's clock. The phone's own may be wrong by hours.

import { instant } from './classify';

export interface Clock {
  /** Returns the gateway's time in milliseconds since 1970. */
  now(): number;
  /** Learns from the `now` of an answer to a request that left at `sent` of the monotonic clock. */
  learn(now: unknown, sent: number): void;
}

/** Makes a clock that goes with a monotonic one. Until it learns better, `wall` is the gateway's time. */
export function makeClock(monotonic: () => number, wall: number): Clock {
  /** The gateway's time minus that of `monotonic`. */
  let offset = wall - monotonic();
  /** How wrong the offset can be: half of the time that its answer took. */
  let error = Infinity;
  return {
    now: () => monotonic() + offset,
    learn(now, sent): void {
      const server = instant(now);
      if (server === null) return;
      const arrived = monotonic();
      const newError = (arrived - sent) / 2;
      const newOffset = server - (sent + arrived) / 2;
      // An offset that the present one can't explain means that the device has slept, or that a clock was set.
      const isExplained = Math.abs(newOffset - offset) <= newError + error;
      if (newError > error && isExplained) return;
      offset = newOffset;
      error = newError;
    },
  };
}
