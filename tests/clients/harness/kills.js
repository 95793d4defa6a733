// One life of a worker that a power cut ends at a point, and the life after it. A point is a call to the chain or a
// message between objects, before or after it is carried out, with the number of its occurrence: `chain sendTransaction
// before:1`, `PAYER reserve after:2`, `ASSET alarm before:1`.

import assert from 'node:assert/strict';
import { PRICE } from './config.js';
import { until } from './wait.js';

/** One run of a scenario, as its steps see it. */
class Life {
  constructor(rig, gateway, at) {
    Object.assign(this, { rig, gateway, at, trace: [], counts: new Map(), messages: [] });
  }

  url(path) {
    return this.rig.url(path);
  }

  /** Counts points from now on. */
  watch() {
    const { relay, probe } = this.rig;
    relay.spoil = (method) => async (pass) => {
      await this.reaches(`chain ${method} before`);
      const answer = this.dead ? null : await pass();
      await this.reaches(`chain ${method} after`);
      return this.dead ? null : answer;
    };
    probe.onMessage = ({ object, what, at }) => this.reaches(`${object} ${what} ${at}`);
  }

  unwatch() {
    this.rig.relay.mend();
    this.rig.probe.mend();
  }

  async reaches(point) {
    if (this.dead) return this.dead;
    const n = (this.counts.get(point) ?? 0) + 1;
    this.counts.set(point, n);
    this.trace.push(`${point}:${n}`);
    if (this.at === `${point}:${n}`) this.dead = this.gateway.kill();
    return this.dead;
  }

  has(point) {
    return this.counts.has(point);
  }

  /** Starts the worker again, without any request to it. */
  async revive() {
    await this.dead;
    this.unwatch();
    this.dead = undefined;
    await this.gateway.restart();
  }

  /**
   * Waits until the alarm has finished the purchase and told the payer's object, or until the worker was ended on the
   * way.
   */
  finishes(within = 45_000) {
    return until('the alarm has finished the purchase', () => {
      if (this.dead) return true;
      const came = this.rig.probe.messages.map(({ object, what, at }) => `${object} ${what} ${at}`);
      assert.ok(!came.includes('ASSET request before'), 'nobody has asked');
      const told = came.indexOf('PAYER update after');
      return told >= 0 && came.indexOf('ASSET alarm after', told) > 0;
    }, { within, every: 50 });
  }

  /** Returns what the merchant has gained since this began. */
  async gained() {
    return (await this.rig.earned()) - this.before;
  }

  /**
   * Asserts that no reservation is left, that no budget bears a fee any longer, and that the payer's object knows what this
   * many payments of an hour have bought. Nobody is trusted for a session before it is over.
   */
  async nothingReserved(payments) {
    const rows = (...query) => this.rig.probe.rows(this.gateway, ...query);
    const { address } = this.rig.buyer;
    await until('nothing is left reserved', async () => {
      const [[payer], [merchant]] = [
        await rows('PAYER', address, 'SELECT (SELECT count(*) FROM in_flight) + (SELECT count(*) FROM hold) AS count'),
        await rows('MERCHANT', null, 'SELECT (SELECT count(*) FROM reserved) + (SELECT count(*) FROM hold) AS count'),
      ];
      return payer.count + merchant.count === 0;
    }, { within: 10_000, every: 100 });
    assert.deepEqual(await rows('MERCHANT', null, 'SELECT name FROM fee_budget WHERE spent > 0'), []);
    const bought = "SELECT coalesce(sum(record ->> '$.session.purchase.price.amount'), 0) AS amount FROM session";
    assert.deepEqual(await rows('PAYER', address, bought), [{ amount: payments * Number(PRICE.hour) }]);
    assert.deepEqual(await rows('PAYER', address, 'SELECT lamports FROM trust'), []);
  }
}

/**
 * Plays a scenario in a fresh folder and ends the worker at the point `at`, or only traces it without `at`. Returns
 * `{killed, trace}`. A scenario is `{prepare, act, after}`. Points count from the end of `prepare` to the end of `act`.
 * `act` may be cut off anywhere. `after` sees the worker running again.
 */
export async function play(rig, { prepare, act, after }, at) {
  const gateway = await rig.folder();
  const life = new Life(rig, gateway, at);
  try {
    await gateway.restart();
    life.before = await rig.earned();
    await prepare(life);
    life.watch();
    const failure = await act(life).then(() => undefined, (error) => error);
    const killed = Boolean(life.dead);
    if (failure && !killed) throw failure;
    if (killed) await life.revive();
    else life.unwatch();
    await after(life, killed);
    return { killed, trace: life.trace };
  } catch (error) {
    console.error(`--- log of the worker killed at ${at}\n${gateway.logs}---`);
    error.message = `killed at ${at}: ${error.message}`;
    throw error;
  } finally {
    life.unwatch();
    await gateway.dispose();
  }
}

/**
 * Plays a scenario once for each point that it reaches, each time that it reaches it. Returns how many times it was
 * ended, and where.
 */
export async function walk(rigs, scenario) {
  const [walks, seen, errors] = [[], new Set(), []];
  let kills = 0;
  const learn = (trace) => {
    // Concurrent work may pass points in another order, or more often, than the first time.
    for (const point of trace.filter((each) => !seen.has(each))) {
      seen.add(point);
      walks.push(rigs.on(async (rig) => {
        if (errors.length > 0) return;
        const played = await play(rig, scenario, point);
        if (played.killed) kills += 1;
        learn(played.trace);
      }).catch((error) => errors.push(error)));
    }
  };
  const { trace } = await rigs.on((rig) => play(rig, scenario));
  for (const point of scenario.reaches) assert.ok(trace.some((each) => each.startsWith(`${point}:`)), `it does not come to ${point}: ${trace}`);
  learn(trace);
  for (let n = 0; n < walks.length; n += 1) await walks[n];
  if (errors.length > 0) throw errors[0];
  return { kills, points: seen };
}
