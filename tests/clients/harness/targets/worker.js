// The gateway as a Cloudflare Worker: the deployed script in workerd, run by miniflare, with its own storage.

import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Log, LogLevel, Miniflare } from 'miniflare';
import '../connections.js';
import { Port } from '../port.js';
import { until } from '../wait.js';
import { contents, digest, sizes } from './databases.js';
import { CATALOGUE, RATE_LIMIT, deployed } from './deployed.js';

const SCRIPT = process.env.COINOP_WORKER ?? fileURLToPath(new URL('../../../../worker/build', import.meta.url));

/**
 * Where the objects' many small databases wait for no disk, if there is enough room. These tests end processes, not
 * machines.
 */
const MEMORY = '/dev/shm';
function room() {
  if (!existsSync(MEMORY)) return tmpdir();
  const { bavail, bsize } = statfsSync(MEMORY);
  return bavail * bsize > 2 ** 30 ? MEMORY : tmpdir();
}

const folders = new Set();
const remove = (folder) => rmSync(folder, { recursive: true, force: true });
process.on('exit', () => folders.forEach(remove));

// Miniflare hides its workerd, but a test that plays a power cut needs the process.
const starting = new AsyncLocalStorage();
subscribe('child_process', ({ process: child }) => {
  const gateway = starting.getStore();
  if (gateway) child.once('spawn', () => gateway.spawned(child));
});

/** A worker operates no devices, and serves nothing if its configuration has one. */
const withoutDevices = (config) => ({ ...config, asset: config.asset.map(({ device, ...asset }) => asset) });

class Worker {
  constructor(config, feePayer, port, { probe, devices, rate, script = SCRIPT, secret = randomBytes(32).toString('base64') }) {
    Object.assign(this, { probe, rate, script });
    this.folder = mkdtempSync(join(room(), 'coinop-worker-'));
    folders.add(this.folder);
    this.url = `http://127.0.0.1:${port.number}`;
    this.port = port;
    this.logs = '';
    this.entries = [];
    this.bindings = {
      COINOP_CONFIG: JSON.stringify({ public_url: this.url, ...(devices ? config : withoutDevices(config)) }),
      COINOP_SECRET: secret,
      COINOP_FEE_PAYER: JSON.stringify([...feePayer.secret]),
    };
  }

  options() {
    const store = (name) => join(this.folder, name);
    const { modules, ...as } = deployed(this.script, { ...this.bindings, ...this.probe?.bindings });
    const probe = this.probe && { type: 'ESModule', path: join(this.script, 'probe.js'), contents: this.probe.script };
    return {
      ...as,
      modules: probe ? [probe, ...modules] : modules,
      serviceBindings: this.probe?.services ?? {},
      ratelimits: this.rate ? { [RATE_LIMIT]: { simple: { limit: this.rate, period: 60 } } } : {},
      host: '127.0.0.1',
      port: this.port.number,
      cf: false,
      kvPersist: store('kv'),
      durableObjectsPersist: store('do'),
      log: new Log(LogLevel.NONE),
      handleRuntimeStdio: (stdout, stderr) => {
        this.keep('INFO', stdout);
        this.keep('ERROR', stderr);
      },
    };
  }

  /** Adds a stream's output to the log, line by line as it comes. */
  keep(level, stream) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text) => {
      this.logs += text;
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      this.entries.push(...lines.filter(Boolean).map((line) => ({ level, line })));
    });
  }

  spawned(child) {
    if (basename(child.spawnfile).startsWith('workerd')) this.process = child;
  }

  /** Starts it, or starts it again after stop or kill, with the same storage and at the same address. */
  async restart() {
    if (!existsSync(this.script)) throw new Error(`worker: there is no ${this.script}; build it first`);
    this.runtime = starting.run(this, () => new Miniflare(this.options()));
    await this.runtime.ready;
    if (!this.process) throw new Error('miniflare has started no workerd');
    // Miniflare's KV creates its tables at its first use, and those are not ours. The request may first meet a
    // connection to the former life.
    const asked = async () => (await this.catalogue()).list({ limit: 1 });
    await until('KV answers', () => asked().then(() => true, () => !this.runtime));
  }

  /** Starts it again only if it is down. */
  async revive() {
    if (!this.runtime) await this.restart();
  }

  async stop() {
    const { runtime } = this;
    this.runtime = this.process = undefined;
    await runtime?.dispose();
    return { code: 0, signal: null };
  }

  /** Ends it as a power cut would: workerd gets no chance to do anything more. */
  async kill() {
    const { process: workerd } = this;
    const ended = workerd.exitCode === null && workerd.signalCode === null ? once(workerd, 'exit') : undefined;
    workerd.kill('SIGKILL');
    await ended;
    await this.stop();
    return { code: workerd.exitCode, signal: workerd.signalCode };
  }

  /** Returns the Durable Objects of a class: `ASSET`, `PAYER`, `PAYMENT` or `MERCHANT`. */
  objects(binding) {
    return this.runtime.getDurableObjectNamespace(binding);
  }

  /** Returns one Durable Object, by the name that the worker gives it. */
  async object(binding, name) {
    const objects = await this.objects(binding);
    return objects.get(objects.idFromName(name));
  }

  /** Returns the catalogue of the 402s in KV. */
  catalogue() {
    return this.runtime.getKVNamespace(CATALOGUE);
  }

  /** Returns what is stored, as sizes by file name. An object that stores nothing has no file. */
  async stored() {
    return sizes(await contents(this.folder));
  }

  /** Returns what is stored, as a digest of all objects' databases and of KV. Every write changes it. */
  async written() {
    return digest(await contents(this.folder));
  }

  /** Returns the secret from which all of its keys are derived. */
  async secret() {
    return Buffer.from(this.bindings.COINOP_SECRET, 'base64');
  }

  async dispose() {
    await this.stop();
    this.port.giveBack();
    remove(this.folder);
    folders.delete(this.folder);
  }
}

export const worker = {
  name: 'workerd',
  /** What tests may ask of this target beyond HTTP. */
  can: { storage: true, restart: true, secrets: true, unpacks: true, objects: true },

  /**
   * With `started: false` it makes only the folder. `probe` observes it from inside, `script` is the folder of another
   * build, and `secret` is a known secret. Assets have no devices unless `devices` is true. `rate` is how many requests of
   * one client reach the objects in a minute; without it there is no limit, because all tests share an address.
   */
  async start(config, feePayer, { started = true, ...how } = {}) {
    const gateway = new Worker(config, feePayer, await Port.take(), how);
    if (!started) return gateway;
    try {
      await gateway.restart();
    } catch (error) {
      await gateway.dispose();
      throw error;
    }
    return gateway;
  },
};
