// The recorded parts. Each begins on a new day.

import { asking, strange } from './commands/asking.js';
import { managed, mistakes } from './commands/assets.js';
import { budget, refusals, sale, saleV1 } from './commands/sales.js';
import { Shop, funds } from './commands/shop.js';
import { bounced, expired, late, pending, unavailable } from './commands/unclear.js';

export { funds };

const PARTS = [asking, strange, sale, saleV1, refusals, budget, unavailable, pending, expired, bounced, late, mistakes, managed];

export async function play(recorder) {
  const shop = new Shop(recorder);
  for (const [n, part] of PARTS.entries()) {
    shop.day(n + 1);
    await part(shop);
  }
}
