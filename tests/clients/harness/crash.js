// One life of a gateway that kills itself at a failpoint, and the life after it.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The build with failpoints. The second life uses the normal build. */
export const FAILPOINTS =
  process.env.COINOP_FAILPOINTS_BIN ??
  fileURLToPath(new URL('../../../target/release/coinop-failpoints', import.meta.url));

const SOURCE = fileURLToPath(new URL('../../../host-runner/src/failpoint.rs', import.meta.url));

/** Returns the names of all points, from the table that documents them. */
export function documented() {
  const rows = readFileSync(SOURCE, 'utf8').split('\n').filter((line) => /^\/\/! \| `[a-z]+\./.test(line));
  return rows.flatMap((row) => [...row.split('|')[1].matchAll(/`([^`]+)`/g)].map(([, name]) => name));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const healthy = (run) => fetch(run.url('/health')).then((response) => response.text().then(() => true), () => false);

const wasReached = (trace, at) => {
  const [name, n] = at.split(':');
  return trace.filter((point) => point === name).length >= Number(n);
};

/** One run of a scenario, as its steps see it. */
class Run {
  constructor(rig, gateway, at) {
    Object.assign(this, { rig, gateway, ready: 0 });
    const [trace, armed] = ['trace', 'armed'].map((name) => join(gateway.folder, name));
    const env = { COINOP_FAILPOINT_TRACE: trace, COINOP_FAILPOINT_FROM: armed };
    if (at) env.COINOP_FAILPOINT = at;
    /** How the gateway with failpoints is started. Its death is that of the machine, so it has no guardian. */
    this.armed = { binary: FAILPOINTS, args: ['--no-guardian'], env };
    this.arm = () => writeFile(armed, '');
    this.disarm = () => rm(armed, { force: true });
    this.trace = () => (existsSync(trace) ? readFileSync(trace, 'utf8').trim().split('\n') : []);
  }

  url(path) {
    return this.rig.url(path);
  }

  /**
   * Waits until the gateway has passed these points, in this order. It does not ask the gateway, because a request
   * would pass points too.
   */
  comesBy(...points) {
    return this.gateway.program.until(`it comes by ${points}`, () => {
      let next = 0;
      for (const point of this.trace()) if (point === points[next]) next += 1;
      return next === points.length;
    });
  }
}

/**
 * Plays a scenario in a fresh folder, with the failpoint `at` (`name:n` or `name:n:term`), or only traces it without
 * `at`. Returns `{killed, trace}`. A scenario is `{prepare, act, after}`. Points count from the end of `prepare` to the
 * end of `act`. `act` may be cut off anywhere. `after` sees when the gateway was ready again if it was killed.
 */
export async function play(rig, { prepare, act, after }, at) {
  const gateway = await rig.folder();
  const run = new Run(rig, gateway, at);
  try {
    run.before = await rig.earned();
    await prepare(run);
    await run.arm();
    const acted = act(run).then(() => undefined, (error) => error);
    const { program } = gateway;
    const failure = await acted;
    await run.disarm();
    // The gateway passes its last points a moment before it ends.
    const trace = run.trace();
    const asked = at?.endsWith(':term') && wasReached(trace, at);
    if (failure || asked || !(await healthy(run))) await Promise.race([program.exited, pause(asked ? 15_000 : 1_000)]);
    const killed = program.outcome?.signal === 'SIGKILL' || Boolean(asked);
    if (failure && !killed) throw failure;
    if (killed) await run.whenDead?.();
    if (asked) {
      assert.deepEqual(program.outcome, { code: 0, signal: null }, 'an orderly end');
      for (const { id } of rig.assets) assert.ok(!gateway.isOpen(`${id}.open`), `${id} is locked when it has ended`);
    }
    if (program.outcome) {
      rig.relay.mend();
      await gateway.restart();
      run.ready = Date.now();
    }
    await after(run);
    return { killed, trace };
  } catch (error) {
    console.error(`--- log of the gateway killed at ${at}\n${gateway.logs}---`);
    error.message = `killed at ${at}: ${error.message}`;
    throw error;
  } finally {
    await gateway.dispose();
  }
}

/**
 * Walks a scenario: ends it at every point that it reaches, each time that it reaches it, by a power cut or by asking
 * it to stop (`how` is `:term`). Returns which points those were, and how many times it was ended.
 */
export async function walk(rigs, scenario, how = '') {
  const [walks, seen, errors] = [[], new Map(), []];
  let crashes = 0;
  /**
   * Walks the points of a trace that no earlier trace has shown, because loops pass points a different number of times
   * in each run.
   */
  const learn = (trace) => {
    const counts = new Map();
    for (const point of trace) counts.set(point, (counts.get(point) ?? 0) + 1);
    for (const [point, count] of counts) {
      for (let n = (seen.get(point) ?? 0) + 1; n <= count; n += 1) walks.push(end(point, n));
      seen.set(point, Math.max(count, seen.get(point) ?? 0));
    }
  };
  const end = (point, n) =>
    rigs.on(async (rig) => {
      if (errors.length > 0) return;
      // Concurrent work may happen in another order this time. Then the scenario is played again.
      let played = await play(rig, scenario, `${point}:${n}${how}`);
      for (let again = 0; again < 3 && !played.killed && n === 1; again += 1) {
        played = await play(rig, scenario, `${point}:${n}${how}`);
      }
      const { killed, trace } = played;
      assert.ok(killed || n > 1 || !scenario.reaches.includes(point), `${point} was not reached`);
      if (killed) crashes += 1;
      learn(trace);
    }).catch((error) => errors.push(error));
  const { trace } = await rigs.on((rig) => play(rig, scenario));
  for (const point of scenario.reaches) assert.ok(trace.includes(point), `it does not come to ${point}: ${trace}`);
  learn(trace);
  for (let n = 0; n < walks.length; n += 1) await walks[n];
  if (errors.length > 0) throw errors[0];
  return { points: [...seen.keys()], crashes };
}
