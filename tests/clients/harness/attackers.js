// Strangers who want a gateway to sell nothing. They run in a process of their own, so that their work is not the
// measuring test's. The parent sends `{url, addresses, payments}`, and later further `payments`: lists by kind. On `stop`
// they report what they were answered and end.

import { ask } from './crowd.js';
import { Raw } from './raw.js';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** How many connections an address tries to hold. */
const HELD = 150;
/** How many requests an address sends in a second, of each kind. */
const RATE = 60;

class Stranger {
  constructor(url, address, shared) {
    Object.assign(this, { url, address, shared, answers: shared.answers });
  }

  get running() {
    return !this.shared.stopped;
  }

  count(what) {
    this.answers[what] = (this.answers[what] ?? 0) + 1;
  }

  /** Opens a connection, or waits a moment if there is none to be had. */
  async open() {
    const raw = await Raw.open(this, { from: this.address }).catch(() => null);
    if (!raw) await pause(200);
    return raw;
  }

  /** Holds a connection with `first`, and sends `piece` each second until it is closed. Then it opens the next one. */
  async hold(what, first, piece) {
    while (this.running) {
      const raw = await this.open();
      if (!raw) continue;
      raw.write(first);
      while (this.running && !raw.over) {
        raw.write(piece);
        await raw.news(1_000);
      }
      raw.destroy();
      this.count(what);
      await pause(100);
    }
  }

  /** Sends requests at the same rate, whatever is answered. `next` returns each one's path and headers. */
  async pelt(what, next) {
    while (this.running) {
      const { path, headers } = next();
      ask(`${this.url}${path}`, { headers, from: this.address }).then(
        (answer) => this.count(`${what} ${answer.status}`),
        (error) => this.count(`${what} ${error.code}`),
      );
      await pause(1_000 / RATE);
    }
  }

  /** Holds connections that ask for nothing, or for a head that never ends. */
  holdAll() {
    const slow = () => this.hold('slow head', `GET /api/v1/assets HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(14_000)}`, 'a');
    const idle = () => this.hold('idle', '', 'GET /health HTTP/1.1\r\nhost: x\r\n\r\n');
    for (let n = 0; n < HELD; n += 1) (n % 2 ? slow : idle)();
  }

  /** Asks for what costs the gateway most. */
  askAll() {
    this.pelt('ready', () => ({ path: '/ready' }));
    this.pelt('page', () => ({ path: '/api/v1/assets?limit=100' }));
    for (const kind of Object.keys(this.shared.payments)) {
      let count = 0;
      this.pelt(kind, () => this.shared.payments[kind][(count += 1) % this.shared.payments[kind].length]);
    }
  }
}

const shared = { answers: {}, payments: {}, stopped: false };
process.on('message', async ({ url, addresses, payments, stop }) => {
  Object.assign(shared.payments, payments);
  for (const [n, address] of (addresses ?? []).entries()) {
    const stranger = new Stranger(url, address, shared);
    // Whoever holds connections has none left to ask on.
    if (n % 2) stranger.holdAll();
    else stranger.askAll();
  }
  if (stop) {
    shared.stopped = true;
    process.send(shared.answers, () => process.exit(0));
  }
});
