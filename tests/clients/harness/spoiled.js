// A gateway for a single test in an environment that fails: with a shim around it, on a rig.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { payment } from './buyers.js';
import { granted } from './expect.js';
import { Rigs } from './rig.js';
import { Shim, unavailable } from './shim.js';
import { until } from './wait.js';

/** One gateway and its environment. */
class Spoiled {
  constructor(rig, gateway) {
    Object.assign(this, { rig, gateway, shim: new Shim(gateway) });
  }

  async start() {
    await this.gateway.restart(this.shim.how);
    this.before ??= await this.rig.earned();
  }

  /** Returns what the merchant has gained in this test. */
  async gained() {
    return (await this.rig.earned()) - this.before;
  }

  /** Makes a payment without sending it. Returns the arguments for `fetch`. */
  async ready(id, quantity) {
    const url = this.rig.url(`/api/v1/access/${id}?quantity=${quantity}`);
    return { url, init: { headers: await payment(this.rig, this.rig.buyer, url) } };
  }

  /** Buys a session, and waits until its device is open. Returns the session with its payment. */
  async bought(id, quantity) {
    const paid = await this.ready(id, quantity);
    const session = await granted(await fetch(paid.url, paid.init));
    await until(`${id} is open`, () => this.gateway.isOpen(`${id}.open`), { every: 5 });
    return { ...session, paid };
  }

  /**
   * Starts the gateway although something is wrong, and asserts that `file` is locked within a second. Returns the line
   * with which the gateway gave up, or nothing if it serves.
   */
  async startsOrLocks(file) {
    const program = this.gateway.launch(this.shim.how);
    await until(`${file} is gone`, () => !this.gateway.isOpen(file), { within: 1_000, every: 5 });
    const serves = () => fetch(`${this.gateway.url}/health`).then((r) => r.text().then(() => r.ok), () => false);
    if (await until('it serves or gives up', async () => program.outcome ?? (await serves()))  === true) return undefined;
    assert.deepEqual(program.outcome, { code: 1, signal: null });
    const lines = program.log.split('\n').filter((line) => line.startsWith('error: '));
    assert.equal(lines.length, 1, `one line says why: ${program.log}`);
    assert.match(lines[0], /\(every device was locked\)$/);
    return lines[0];
  }
}

/** Declares `assets` for the calling test file, and returns the function that declares its tests. */
export function world(assets, count = 1) {
  let rigs;
  before(async () => unavailable || (rigs = await Rigs.start(count, assets)));
  after(() => rigs?.stop());
  return (name, body) =>
    test(name, { skip: unavailable, timeout: 120_000 }, (t) =>
      rigs.on(async (rig) => {
        const it = new Spoiled(rig, await rig.folder());
        try {
          await it.start();
          await body(it, t);
        } catch (error) {
          console.error(`--- log of the gateway during "${name}"\n${it.gateway.logs}---`);
          throw error;
        } finally {
          await it.gateway.dispose();
        }
      }));
}
