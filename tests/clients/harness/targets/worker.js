// The gateway as a Cloudflare Worker: the script that is deployed, in workerd by way of miniflare, with storage of its own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomBytes } from 'node:crypto';
import { Log, LogLevel, Miniflare } from 'miniflare';
import { freePort } from '../process.js';

const SCRIPT = process.env.COINOP_WORKER ?? fileURLToPath(new URL('../../../../worker/build', import.meta.url));
const OBJECTS = { ASSET: 'AssetObject', PAYER: 'PayerObject', PAYMENT: 'PaymentObject', MERCHANT: 'MerchantObject' };

const folders = new Set();
const remove = (folder) => rmSync(folder, { recursive: true, force: true });
process.on('exit', () => folders.forEach(remove));

class Worker {
  constructor(config, feePayer, port, { script = SCRIPT, secret = randomBytes(32).toString('base64') }) {
    this.script = script;
    this.folder = mkdtempSync(join(tmpdir(), 'coinop-worker-'));
    folders.add(this.folder);
    this.url = `http://127.0.0.1:${port}`;
    this.port = port;
    this.logs = '';
    this.bindings = {
      COINOP_CONFIG: JSON.stringify({ public_url: this.url, ...config }),
      COINOP_SECRET: secret,
      COINOP_FEE_PAYER: JSON.stringify([...feePayer.secret]),
    };
  }

  options() {
    const file = (name) => join(this.script, name);
    const store = (name) => join(this.folder, name);
    return {
      host: '127.0.0.1',
      port: this.port,
      cf: false,
      compatibilityDate: '2026-04-26',
      modulesRoot: this.script,
      modules: [
        { type: 'ESModule', path: file('index.js') },
        { type: 'CompiledWasm', path: file('index_bg.wasm') },
      ],
      bindings: this.bindings,
      kvNamespaces: ['CATALOGUE'],
      kvPersist: store('kv'),
      durableObjects: Object.fromEntries(
        Object.entries(OBJECTS).map(([binding, className]) => [binding, { className, useSQLite: true }]),
      ),
      durableObjectsPersist: store('do'),
      log: new Log(LogLevel.NONE),
      handleRuntimeStdio: (stdout, stderr) => {
        const keep = (chunk) => (this.logs += chunk);
        stdout.on('data', keep);
        stderr.on('data', keep);
      },
    };
  }

  /** Starts it (again, after stop or kill): same storage, same address. */
  async restart() {
    this.runtime = new Miniflare(this.options());
    await this.runtime.ready;
    this.stopped = false;
  }

  async revive() {
    if (this.stopped) await this.restart();
  }

  /** Ends it. */
  async stop() {
    this.stopped = true;
    await this.runtime.dispose();
    return { code: 0, signal: null };
  }

  async dispose() {
    if (this.runtime && !this.stopped) await this.stop();
    remove(this.folder);
    folders.delete(this.folder);
  }
}

export const worker = {
  name: 'workerd',
  /** What tests may ask of this target beyond HTTP. */
  can: {},

  /** `script` is the folder of another build, `secret` one that is known. */
  async start(config, feePayer, how = {}) {
    const gateway = new Worker(config, feePayer, await freePort(), how);
    try {
      await gateway.restart();
    } catch (error) {
      await gateway.dispose();
      throw error;
    }
    return gateway;
  },
};
