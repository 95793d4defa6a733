// Reads what the objects of a worker have stored from a copy of its storage, with a script that does nothing else. The
// worker itself is neither asked nor woken.

import { cp, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './wait.js';

const SCRIPT = `
  import { DurableObject } from 'cloudflare:workers';
  class Stored extends DurableObject {
    async fetch(request) {
      const { sql, parameters } = await request.json();
      const { storage } = this.ctx;
      return Response.json(sql === 'alarm' ? await storage.getAlarm() : storage.sql.exec(sql, ...parameters).toArray());
    }
    alarm() {
      throw new Error('only read here');
    }
  }
  export class AssetObject extends Stored {}
  export class PayerObject extends Stored {}
  export class PaymentObject extends Stored {}
  export class MerchantObject extends Stored {}
  export default { fetch: () => new Response() };
`;

const orElse = (value) => (error) => {
  if (error.code === 'ENOENT') return value; // an object that leaves memory removes its database's log
  throw error;
};

/** The index of a database's log is in shared memory, and is made again if it is missing. */
const isStored = (name) => !name.endsWith('-shm');

/** Lists the files of a folder, and when each was written. */
async function listing(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && isStored(entry.name)).map((entry) => join(entry.path, entry.name)).sort();
  return Promise.all(names.map(async (name) => {
    const { size, mtimeMs } = await stat(name).catch(orElse({}));
    return [name, size, mtimeMs];
  }));
}

/**
 * How long to wait for a pause in the writing that is as long as a copy takes, in milliseconds. The objects' alarms go
 * off 15 s after a request, one after the other.
 */
const QUIET_WITHIN = 45_000;

/** Copies a folder in which others write, until nothing was written during a copy. */
const copied = (from, to) =>
  until(`${from} is copied without anything being written meanwhile`, async () => {
    const before = await listing(from);
    await rm(to, { recursive: true, force: true });
    const whole = await cp(from, to, { recursive: true, filter: isStored }).then(() => true, orElse(false));
    return whole && isDeepStrictEqual(await listing(from), before);
  }, { within: QUIET_WITHIN });

export class StorageCopy {
  /** Lets `read(stored)` read a gateway's storage as it is now, or as it was left. */
  static async of(gateway, read) {
    const it = new StorageCopy();
    try {
      await it.open(gateway);
      return await read(it);
    } finally {
      await it.dispose();
    }
  }

  async open(gateway) {
    const { compatibilityDate, durableObjects, durableObjectsPersist } = gateway.options();
    this.folder = await mkdtemp(join(tmpdir(), 'coinop-storage-'));
    await copied(durableObjectsPersist, this.folder);
    const { Log, LogLevel, Miniflare } = await import('miniflare');
    this.runtime = new Miniflare({
      compatibilityDate,
      durableObjects,
      durableObjectsPersist: this.folder,
      modules: true,
      script: SCRIPT,
      cf: false,
      log: new Log(LogLevel.NONE),
      handleRuntimeStdio: () => {},
    });
  }

  async ask(binding, name, sql, parameters = []) {
    const objects = await this.runtime.getDurableObjectNamespace(binding);
    const object = objects.get(objects.idFromName(name === null ? 'main' : `main/${name}`));
    const response = await object.fetch('http://object/', { method: 'POST', body: JSON.stringify({ sql, parameters }) });
    return response.json();
  }

  /**
   * Returns the rows of a query in an object's database. The object is named by its class, and by the asset's id, the
   * payer's address or the payment's id, or by null for the merchant's object.
   */
  rows(binding, name, sql, ...parameters) {
    return this.ask(binding, name, sql, parameters);
  }

  /** Returns the rows of a table of an object's database; none if it has no such table. */
  async all(binding, name, table) {
    const there = await this.rows(binding, name, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table);
    return there.length ? this.rows(binding, name, `SELECT * FROM ${table}`) : [];
  }

  /** Returns how many rows a table of an object's database has. */
  async count(binding, name, table) {
    return (await this.all(binding, name, table)).length;
  }

  /** Returns when an object's alarm goes off, in milliseconds since the epoch, or null if it is not set. */
  alarm(binding, name) {
    return this.ask(binding, name, 'alarm');
  }

  /** Returns the events in an asset's journal, the oldest first. */
  async journal(asset) {
    const rows = await this.rows('ASSET', asset, 'SELECT events FROM journal ORDER BY revision');
    return rows.flatMap(({ events }) => JSON.parse(events));
  }

  async dispose() {
    await this.runtime?.dispose();
    if (this.folder) await rm(this.folder, { recursive: true, force: true });
  }
}
