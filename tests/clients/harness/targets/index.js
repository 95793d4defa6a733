// The gateway under test. A target is `{name, can, start(config, feePayer)}`. The gateway that it starts has `{url,
// logs, entries, revive(), dispose()}`, with the log as text and as `{level, line}`. For what it `can` do, it also has:
//
//   devices   `isOpen(file)`: it operates devices, with lock files that can be checked
//   storage   `stored()`, `written()`
//   restart   `stop()`, `kill()`, `restart()`
//   secrets   `secret()`
//   program   `folder`, `program`, `launch()`: it is our own program, with a disk and a clock that can be spoiled
//   server    its HTTP server is our own, from the first byte on
//   lines     header lines of one name reach it as they were sent, not joined by commas
//   metrics   it answers /metrics
//   objects   `catalogue()`, `object()`, `objects()`: Durable Objects, and KV
//   unpacks   its HTTP client reads a compressed answer that it did not ask for
//
// The tests are written once, for all targets.

// Each target is loaded only where it is used, because miniflare takes a second.
const targets = {
  serve: async () => (await import('./serve.js')).serve,
  worker: async () => (await import('./worker.js')).worker,
};
const name = process.env.COINOP_TARGET ?? 'serve';
if (!(name in targets)) throw new Error(`COINOP_TARGET: no target ${name}; there is ${Object.keys(targets)}`);

export const target = await targets[name]();

/** Why a target that lacks something cannot run a test. */
const WITHOUT = {
  devices: 'it works no devices',
  storage: 'what it stores can’t be looked at',
  restart: 'it can’t be ended',
  secrets: 'its secret is not known',
  program: 'it is no program of ours, with a disk and a clock to be spoiled',
  server: 'its HTTP server is not ours',
  metrics: 'its host counts',
  lines: 'header lines of one name arrive as one',
  objects: 'it has neither Durable Objects nor KV',
  unpacks: 'its answers are never packed',
};

/** Returns why a test with these needs is skipped, or false if it is not. */
export function skipped(...needs) {
  const lacking = needs.find((need) => !target.can[need]);
  return lacking !== undefined && `${target.name}: ${WITHOUT[lacking]}`;
}
