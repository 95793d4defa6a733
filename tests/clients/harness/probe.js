// Sees the worker from inside: every message between its objects, every alarm, every use of KV. The script is the one that is
// deployed; inside.js stands around it.

import { readFileSync } from 'node:fs';

const SCRIPT = readFileSync(new URL('inside.js', import.meta.url), 'utf8');

export class Probe {
  /** Which it is told of: `objects`, `kv`. */
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
   * Nothing is spoiled from now on. `onMessage` is called with each `{object, what, at, isNew}`: which class of objects, the
   * message or `alarm`, `before` or `after`, and whether the object has just come to memory. `onCatalogue` is called
   * with each `{kv, key}` and may answer `{fails: true}` or `{value}`. What they wait for, the worker waits for.
   */
  mend() {
    this.messages = [];
    this.onMessage = () => {};
    this.onCatalogue = () => {};
  }

  /** The rows of a query in the database of an object: it is asked, and so woken, but tells nobody. */
  async rows(gateway, binding, name, sql, ...parameters) {
    const object = await gateway.object(binding, name === null ? 'main' : `main/${name}`);
    const response = await object.fetch('http://object/probe', { method: 'POST', body: JSON.stringify({ sql, parameters }) });
    return response.json();
  }
}
