// The gateway's clock. The phone's own may be wrong by hours.

import { instant } from './classify';

const SLEPT_MS = 2_000;

export class Clock {
  /** The gateway's time minus that of `monotonic`. */
  private offset: number;
  /** The longest error of the offset: half of the time that its answer took. */
  private error = Number.POSITIVE_INFINITY;
  private readonly monotonic: () => number;
  private readonly wall: () => number;
  private drift: number;

  constructor(monotonic: () => number, wall: () => number) {
    this.monotonic = monotonic;
    this.wall = wall;
    this.drift = wall() - monotonic();
    this.offset = this.drift;
  }

  /** Returns the gateway's time in milliseconds since 1970. */
  now(): number {
    return this.monotonic() + this.offset;
  }

  /** Learns from the `now` of an answer to a request that left at `sent` of the monotonic clock. */
  learn(now: unknown, sent: number): void {
    const server = instant(now);
    if (server === null) return;
    const arrived = this.monotonic();
    const error = (arrived - sent) / 2;
    const offset = server - (sent + arrived) / 2;
    // An offset that the present one can't explain means that the device has slept, or that a clock was set.
    const isExplained = Math.abs(offset - this.offset) <= error + this.error;
    if (error > this.error && isExplained) return;
    this.offset = offset;
    this.error = error;
  }

  /** Returns whether the device has slept since the last call, so that the monotonic clock may have stood still. */
  hasSlept(): boolean {
    const drift = this.wall() - this.monotonic();
    const hasSlept = Math.abs(drift - this.drift) > SLEPT_MS;
    if (hasSlept && drift > this.drift) this.offset += drift - this.drift;
    this.drift = drift;
    if (hasSlept) this.error = Number.POSITIVE_INFINITY;
    return hasSlept;
  }
}
