// Scenes that are played side by side. Each is reported as its own test.

import { before } from 'node:test';
import { Attempt, booksBalance } from './attempt.js';

/**
 * Plays scenes in a world, all at once: `{lies, buyer, play(attempt)}` by asset id. Their payments are prepared one
 * after the other, and then all scenes start. Each test waits for its own scene. The last test checks the money.
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
      ending.catch(() => {}); // reported where its test waits for it
      endings.set(id, ending);
    }
  });
  for (const { id, name } of scenes) world.test(name, { timeout }, () => endings.get(id));
  world.test('after all of it the merchant has what was granted, and nothing else (inv. 5)', { timeout }, async () => {
    await Promise.allSettled(endings.values());
    await booksBalance(world, attempts);
  });
}
