import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './load.mjs';

const { makeClock } = await load('clock');
const SERVER = Date.parse('2026-11-30T10:00:00Z');

/** A clock whose device is an hour late. */
function late() {
  const time = { monotonic: 1000 };
  return { time, clock: makeClock(() => time.monotonic, SERVER - 3_600_000) };
}

test('until the gateway tells its time, the device does', () => {
  assert.equal(late().clock.now(), SERVER - 3_600_000);
});

test('the gateway gives the time, in the middle of a request', () => {
  const { time, clock } = late();
  time.monotonic = 1200;
  clock.learn('2026-11-30T10:00:00Z', 1000);
  assert.equal(clock.now(), SERVER + 100);
  time.monotonic += 5000;
  assert.equal(clock.now(), SERVER + 5100);
});

test('a slow answer does not spoil what a fast one has told', () => {
  const { time, clock } = late();
  time.monotonic = 1020;
  clock.learn('2026-11-30T10:00:00Z', 1000);
  time.monotonic = 31_020;
  clock.learn('2026-11-30T10:00:30Z', 1020);
  assert.equal(clock.now(), SERVER + 30_010);
});

test('after a sleep the next answer sets the time, however slow it is', () => {
  const { time, clock } = late();
  time.monotonic = 1020;
  clock.learn('2026-11-30T10:00:00Z', 1000);
  time.monotonic = 4020;
  clock.learn('2026-11-30T11:00:00Z', 1020);
  assert.equal(clock.now(), SERVER + 3_600_000 + 1500);
});

test('what is no time is ignored', () => {
  const { clock } = late();
  for (const now of [undefined, null, '', 'soon', 5]) clock.learn(now, 0);
  assert.equal(clock.now(), SERVER - 3_600_000);
});
