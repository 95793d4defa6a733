// The component in wasmtime, as `coinop serve` runs it, and the worker in workerd: the builds with the seam.

import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '../harness/targets/serve.js';
import { worker } from '../harness/targets/worker.js';
import { exchange } from './exchange.js';
import { tables } from './native.js';
import { SECRET, config, feePayer } from './setup.js';

const built = (path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
export const COMPONENT = process.env.COINOP_COMPONENT_SEAM ?? built('target/release/coinop-seam.wasm');
export const WORKER = process.env.COINOP_WORKER_SEAM ?? built('target/worker-seam');

class Hosted {
  get log() {
    return this.gateway?.logs ?? '';
  }

  ask(command) {
    return exchange(this.gateway.url, command);
  }

  stop() {
    return this.gateway.stop();
  }

  async dispose() {
    await this.gateway?.dispose();
  }

  /** The databases below a folder of its own. */
  databases(folder, ending) {
    const names = readdirSync(join(this.gateway.folder, folder), { recursive: true });
    return names.filter((name) => name.endsWith(ending)).map((name) => join(this.gateway.folder, folder, name));
  }
}

export class Component extends Hosted {
  name = 'the component in wasmtime';

  async start(rpcUrl) {
    this.gateway = await serve.start(config(rpcUrl), feePayer, { module: COMPONENT, env: { COINOP_SECRET: SECRET } });
    return this;
  }

  kept() {
    const [database] = this.databases('coinop-data', '.db');
    return { tables: tables(database), copies: {} };
  }
}

/** Where the worker keeps each table, and where it keeps a copy. The others are about what is between the objects. */
const KEPT = {
  AssetObject: ['journal', 'head', 'payment', 'session'],
  MerchantObject: ['catalogue', 'fee'],
};
const COPIED = { MerchantObject: ['head'], PayerObject: ['session'], AssetObject: ['catalogue'] };

export class Worker extends Hosted {
  name = 'the worker in workerd';

  async start(rpcUrl) {
    this.gateway = await worker.start(config(rpcUrl), feePayer, { script: WORKER, secret: SECRET });
    return this;
  }

  kept() {
    const found = { tables: {}, copies: {} };
    for (const file of this.databases('do', '.sqlite')) {
      const all = tables(file);
      const kind = /[A-Za-z]*$/.exec(basename(dirname(file)))[0];
      for (const [into, names] of [['tables', KEPT[kind]], ['copies', COPIED[kind]]]) {
        for (const name of names ?? []) (found[into][name] ??= []).push(...(all[name] ?? []));
      }
    }
    return found;
  }
}
