// The gateway under test. A target is `{name, can, start(config, feePayer)}`; what it starts has
// `{url, logs, revive(), dispose()}`, and for what it `can` do: `isOpen(file)` (files), `stored()`, `written()`
// (storage), `stop()`, `kill()`, `restart()` (restart), `secret()`, `verify()` (secrets), `catalogue()`, `object()`,
// `objects()` (objects: Durable Objects and KV). The tests are written once, for all targets.

import { serve } from './serve.js';
import { worker } from './worker.js';

const targets = { serve, worker };
const name = process.env.COINOP_TARGET ?? 'serve';
if (!(name in targets)) throw new Error(`COINOP_TARGET: no target ${name}; there is ${Object.keys(targets)}`);

export const target = targets[name];
