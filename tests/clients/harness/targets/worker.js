// The gateway as a Cloudflare Worker: the script that is deployed, in workerd by way of miniflare, with storage of its own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomBytes } from 'node:crypto';
import { Log, LogLevel, Miniflare } from 'miniflare';
import { freePort } from '../process.js';
import { deployed } from './deployed.js';

const SCRIPT = process.env.COINOP_WORKER ?? fileURLToPath(new URL('../../../../worker/build', import.meta.url));

const folders = new Set();
const remove = (folder) => rmSync(folder, { recursive: true, force: true });
process.on('exit', () => folders.forEach(remove));

class Worker {
  constructor(config, feePayer, port) {
    this.folder = mkdtempSync(join(tmpdir(), 'coinop-worker-'));
    folders.add(this.folder);
    this.url = `http://127.0.0.1:${port}`;
    this.port = port;
    this.logs = '';
    this.bindings = {
      COINOP_CONFIG: JSON.stringify({ public_url: this.url, ...config }),
      COINOP_SECRET: randomBytes(32).toString('base64'),
      COINOP_FEE_PAYER: JSON.stringify([...feePayer.secret]),
    };
  }

  options() {
    const store = (name) => join(this.folder, name);
    return {
      ...deployed(SCRIPT, this.bindings),
      host: '127.0.0.1',
      port: this.port,
      cf: false,
      kvPersist: store('kv'),
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

  async start(config, feePayer) {
    const gateway = new Worker(config, feePayer, await freePort());
    try {
      await gateway.restart();
    } catch (error) {
      await gateway.dispose();
      throw error;
    }
    return gateway;
  },
};
