// A gateway of its own for one test, in a world that goes wrong: with a shim around it, on a rig.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { payment } from './buyers.js';
import { granted } from './expect.js';
import { Rigs } from './rig.js';
import { Shim, unavailable } from './shim.js';
import { until } from './wait.js';

/** One gateway and its surroundings. */
class Spoiled {
  constructor(rig, gateway) {
    Object.assign(this, { rig, gateway, shim: new Shim(gateway) });
  }

  async start() {
    await this.gateway.restart(this.shim.how);
    this.before ??= await this.rig.earned();
  }

  /** What the merchant has gained in this test. */
  async gained() {
    return (await this.rig.earned()) - this.before;
  }

  /** A payment that was not sent yet: what to fetch. */
  async ready(id, quantity) {
    const url = this.rig.url(`/api/v1/access/${id}?quantity=${quantity}`);
    return { url, init: { headers: await payment(this.rig, this.rig.buyer, url) } };
  }

  /** A session, paid for, with its device open; and its payment. */
  async bought(id, quantity) {
    const paid = await this.ready(id, quantity);
    const session = await granted(await fetch(paid.url, paid.init));
    await until(`${id} is open`, () => this.gateway.isOpen(`${id}.open`), { every: 5 });
    return { ...session, paid };
  }

  /**
   * Starts it although something is wrong. Whatever comes of it, `file` is locked within a second of the start.
   * Answers the line with which it gave up; nothing when it serves.
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

/** Declares `assets` for the calling test file, and answers how its tests are declared. */
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
