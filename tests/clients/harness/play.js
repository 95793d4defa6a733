// Scenes that are played side by side, each reported as a test of its own.

import { before } from 'node:test';
import { Attempt, booksBalance } from './attempt.js';

/**
 * Plays scenes in a world, all at once: `{lies, buyer, play(attempt)}` by asset id. One after the other they
 * get their payments ready, then they start. Each test waits for its own; the last adds up the money.
 */
export function sideBySide(world, scenes, { timeout = 120_000 } = {}) {
  const attempts = [];
  const endings = new Map();
  before(async () => {
    await world.ready();
    for (const { id, lies, pauper, prepare } of scenes) {
      attempts.push(await Attempt.ready(world, id, lies, pauper ? world.paupers.shift() : world.buyer()));
      await prepare?.(attempts.at(-1));
    }
    for (const [n, { id, play }] of scenes.entries()) {
      const ending = play(attempts[n], attempts);
      ending.catch(() => {}); // told where its test waits for it
      endings.set(id, ending);
    }
  });
  for (const { id, name } of scenes) world.test(name, { timeout }, () => endings.get(id));
  world.test('after all of it the merchant has what was granted, and nothing else (inv. 5)', { timeout }, async () => {
    await Promise.allSettled(endings.values());
    await booksBalance(world, attempts);
  });
}
