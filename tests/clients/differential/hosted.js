// The component in wasmtime, as `coinop serve` runs it, and the worker in workerd.

import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '../harness/targets/serve.js';
import { worker } from '../harness/targets/worker.js';
import { exchange } from './exchange.js';
import { tables } from './native.js';
import { SECRET, config, feePayer } from './setup.js';

const built = (name, path) => process.env[name] ?? fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** The builds that are told the time and the random bytes, and the shipped builds. */
export const HOOKS = {
  component: built('COINOP_COMPONENT_HOOKS', 'target/release/coinop-hooks.wasm'),
  worker: built('COINOP_WORKER_HOOKS', 'target/worker-hooks'),
};
/** The component of the benchmarks, for which no money moves. */
export const STUB = built('COINOP_COMPONENT_STUB', 'target/release/coinop-stub.wasm');
export const SHIPPED = {
  component: built('COINOP_COMPONENT', 'target/release/coinop.wasm'),
  worker: built('COINOP_WORKER', 'worker/build'),
};

class Hosted {
  /** `build` is the component's file or the worker's folder. */
  constructor(build) {
    this.build = build;
  }

  get log() {
    return this.gateway?.logs ?? '';
  }

  ask(command) {
    return exchange(this.gateway.url, command);
  }

  /** Tells whether the platform may give an earlier answer again. Such a command is not compared. */
  keepsAnswerTo() {
    return false;
  }

  stop() {
    return this.gateway.stop();
  }

  async dispose() {
    await this.gateway?.dispose();
  }

  /** Returns the databases below a folder of the gateway's own. */
  databases(folder, ending) {
    const names = readdirSync(join(this.gateway.folder, folder), { recursive: true });
    return names.filter((name) => name.endsWith(ending)).map((name) => join(this.gateway.folder, folder, name));
  }
}

export class Component extends Hosted {
  name = 'the component in wasmtime';

  /** For five seconds `coinop serve` gives the component's last answer about `/ready` again. */
  keepsAnswerTo({ method, path }) {
    return path === '/ready' && ['GET', 'HEAD'].includes(method);
  }

  async start(rpcUrl) {
    // A payment that is pending waits inside the component, so that one command is one call.
    const args = ['--held', '0'];
    this.gateway = await serve.start(config(rpcUrl), feePayer, { module: this.build, args, env: { COINOP_SECRET: SECRET } });
    return this;
  }

  kept() {
    const [database] = this.databases('coinop-data', '.db');
    return { tables: tables(database), copies: {} };
  }
}

/** Where the worker keeps each table, and where it keeps a copy. The other tables are only between the objects. */
const KEPT = {
  AssetObject: ['journal', 'head', 'payment', 'session'],
  PayerObject: ['trust'],
  MerchantObject: ['catalogue', 'fee_budget'],
};
const COPIED = { MerchantObject: ['head', 'session'], PayerObject: ['session'], AssetObject: ['catalogue'] };

export class Worker extends Hosted {
  name = 'the worker in workerd';

  async start(rpcUrl) {
    this.gateway = await worker.start(config(rpcUrl), feePayer, { script: this.build, secret: SECRET });
    return this;
  }

  kept() {
    const empty = (names) => Object.fromEntries(names.map((name) => [name, []]));
    const copies = Object.fromEntries(Object.entries(COPIED).map(([kind, names]) => [kind, empty(names)]));
    const found = { tables: {}, copies };
    for (const file of this.databases('do', '.sqlite')) {
      const all = tables(file);
      const kind = /[A-Za-z]*$/.exec(basename(dirname(file)))[0];
      for (const name of KEPT[kind] ?? []) (found.tables[name] ??= []).push(...(all[name] ?? []));
      for (const name of COPIED[kind] ?? []) copies[kind][name].push(...(all[name] ?? []));
    }
    return found;
  }
}
