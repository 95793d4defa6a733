// Observes the worker from inside: every message between its objects, every alarm, and every use of KV. The script is
// the deployed one, wrapped by inside.js.

import { readFileSync } from 'node:fs';

const SCRIPT = readFileSync(new URL('inside.js', import.meta.url), 'utf8');

export class Probe {
  /** `probed` says what it observes: `objects`, `kv`. */
  constructor(probed) {
    this.script = SCRIPT;
    this.bindings = { PROBED: probed };
    this.services = {
      PROBE: async (request) => {
        const { Response } = await import('miniflare');
        return Response.json((await this.hears(await request.json())) ?? {});
      },
    };
    this.mend();
  }

  async hears(what) {
    if (what.kv) return this.onCatalogue(what);
    this.messages.push(what);
    return this.onMessage(what);
  }

  /**
   * Resets the probe, so that it spoils nothing. `onMessage` is called with each `{object, what, at, isNew}`: the class
   * of the object, the message or `alarm`, `before` or `after`, and whether the object was just loaded into memory.
   * `onCatalogue` is called with each `{kv, key}` and may return `{fails: true}` or `{value}`. The worker waits for
   * both.
   */
  mend() {
    this.messages = [];
    this.onMessage = () => {};
    this.onCatalogue = () => {};
  }

  /** Returns the rows of a query in an object's database. The query wakes the object, but is not reported. */
  async rows(gateway, binding, name, sql, ...parameters) {
    const object = await gateway.object(binding, name === null ? 'main' : `main/${name}`);
    const response = await object.fetch('http://object/probe', { method: 'POST', body: JSON.stringify({ sql, parameters }) });
    return response.json();
  }
}
