// The gateway under test. A target is `{name, can, start(config, feePayer)}`; what it starts has
// `{url, logs, entries, revive(), dispose()}`, the log as text and as `{level, line}`; and for what it `can` do:
//
//   devices   `isOpen(file)`: it works devices, with lock files that can be looked at
//   storage   `stored()`, `written()`
//   restart   `stop()`, `kill()`, `restart()`
//   secrets   `secret()`
//   program   `folder`, `program`, `launch()`: it is a program of ours, with a disk and a clock that can be spoiled
//   server    its HTTP server is ours, from the first byte on
//   lines     header lines of one name reach it as they were sent, not joined by commas
//   metrics   it answers /metrics
//   objects   `catalogue()`, `object()`, `objects()`: Durable Objects, and KV
//   unpacks   its HTTP client reads an answer that is packed without having been asked for
//
// The tests are written once, for all targets.

// Each is loaded only where it is used: miniflare takes a second.
const targets = {
  serve: async () => (await import('./serve.js')).serve,
  worker: async () => (await import('./worker.js')).worker,
};
const name = process.env.COINOP_TARGET ?? 'serve';
if (!(name in targets)) throw new Error(`COINOP_TARGET: no target ${name}; there is ${Object.keys(targets)}`);

export const target = await targets[name]();

/** Why a test can't be shown by a target that lacks what it needs. */
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

/** Why a test that needs this is skipped; false if it is not. */
export function skipped(...needs) {
  const lacking = needs.find((need) => !target.can[need]);
  return lacking !== undefined && `${target.name}: ${WITHOUT[lacking]}`;
}
