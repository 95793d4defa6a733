// Whatever kills the gateway, or makes it hang, every device is locked within six seconds, and nobody has to start it
// again for that.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { payment } from '../harness/buyers.js';
import { perSecond } from '../harness/config.js';
import { granted, time } from '../harness/expect.js';
import { Scarce } from '../harness/scarce-memory.js';
import { Program } from '../harness/process.js';
import { Rigs } from '../harness/rig.js';
import { BINARY, isAlive } from '../harness/targets/serve.js';
import { skipped } from '../harness/targets/index.js';
import { until } from '../harness/wait.js';

const WITHIN = 6_000;
const skip = skipped('program');

const sh = (script) => ['sh', '-c', script];
const door = (id, device) => ({ ...perSecond(id), device: { driver: 'exec', lock: ['rm', '-f', `${id}.open`], ...device } });
const assets = [
  perSecond('gate'),
  door('hatch', { unlock: ['touch', 'hatch.open'] }),
  // It opens long after it was started.
  door('slow', { unlock: sh('touch slow.begun; sleep 4; touch slow.open') }),
  // It leaves something in another session that opens it again and again.
  door('haunted', { unlock: sh('touch haunted.open; setsid sh -c "while sleep 0.1; do touch haunted.open; done" >/dev/null 2>&1 &') }),
  // It never ends, and what it has left in another session opens it late.
  door('hung', { unlock: sh('setsid sh -c "touch hung.begun; sleep 5; touch hung.open" & sleep 60') }),
  door('told', { unlock: sh('echo $COINOP_ASSET $COINOP_UNTIL $COINOP_SECONDS > told.new; mv told.new told.open'), lock: sh('rm -f told.open; echo "$COINOP_ASSET$COINOP_UNTIL" > told.locked') }),
];

let rigs;
before(async () => skip || (rigs = await Rigs.start(4, assets)));
after(() => rigs?.stop());

/** Declares a test with a gateway of its own. */
function guarded(name, body, options = {}) {
  test(name, { skip, timeout: 120_000, ...options }, (t) =>
    rigs.on(async (rig) => {
      const gateway = await rig.folder();
      try {
        await gateway.restart();
        await body({ rig, gateway }, t);
      } catch (error) {
        console.error(`--- log of the gateway during "${name}"\n${gateway.logs}---`);
        throw error;
      } finally {
        await gateway.dispose();
      }
    }));
}

/** Buys a session, and waits until `file` shows that its device is being opened. */
async function hired({ rig, gateway }, id, { seconds = 60, file = `${id}.open` } = {}) {
  const url = rig.url(`/api/v1/access/${id}?quantity=${seconds}`);
  const session = await granted(await fetch(url, { headers: await payment(rig, rig.buyer, url) }));
  await until(`there is ${file}`, () => gateway.isOpen(file), { every: 5 });
  return session;
}

/** Asserts that these doors are locked in time, and still are after `still` more milliseconds. */
async function locks({ gateway }, ids, still = 500) {
  const closed = () => ids.every((id) => !gateway.isOpen(`${id}.open`));
  await until(`${ids} are locked`, closed, { within: WITHIN, every: 5 });
  const since = performance.now();
  while (performance.now() - since < still) {
    assert.ok(closed(), 'and stay locked');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Returns what the system says of each thread of a process. */
const threads = (pid) =>
  readdirSync(`/proc/${pid}/task`).map((id) => readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8'));

const outcome = ({ gateway }) => until('the program has ended', () => gateway.program.outcome, { within: WITHIN });

describe('the gateway dies', { concurrency: true }, () => {
  for (const signal of ['SIGKILL', 'SIGABRT', 'SIGTRAP']) {
    guarded(`of ${signal}: its devices are locked, and the program ends by the same signal (inv. 4)`, async (it) => {
      await Promise.all([hired(it, 'gate'), hired(it, 'hatch')]);
      it.gateway.signal(signal);
      await locks(it, ['gate', 'hatch']);
      assert.deepEqual(await outcome(it), { code: null, signal });
    });
  }

  for (const signal of ['SIGHUP', 'SIGQUIT', 'SIGINT', 'SIGTERM']) {
    for (const [whom, send] of [
      ['it', (gateway) => gateway.signal(signal)],
      ['its guardian', (gateway) => gateway.program.child.kill(signal)],
    ]) {
      guarded(`${whom} gets ${signal}: it stops in order, with its devices locked (inv. 4)`, async (it) => {
        await hired(it, 'gate');
        send(it.gateway);
        assert.deepEqual(await outcome(it), { code: 0, signal: null });
        assert.ok(!it.gateway.isOpen('gate.open'), 'locked when it has ended');
      });
    }
  }

  guarded('it hangs: it is killed, and its devices are locked (inv. 4)', async (it) => {
    await Promise.all([hired(it, 'gate'), hired(it, 'hatch')]);
    it.gateway.signal('SIGSTOP');
    await locks(it, ['gate', 'hatch']);
    assert.deepEqual(await outcome(it), { code: null, signal: 'SIGKILL' });
  });

  guarded('it pauses for a moment: it goes on, with its devices as they are', async (it) => {
    await hired(it, 'gate');
    it.gateway.signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    it.gateway.signal('SIGCONT');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.ok(it.gateway.isOpen('gate.open') && !it.gateway.program.outcome);
  });

  guarded('memory runs out: its devices are locked (inv. 4)', async (it, t) => {
    const scarce = Scarce.make();
    if (!scarce) return t.skip('no memory limit can be set here');
    await hired(it, 'gate');
    const pid = it.gateway.pid ?? it.gateway.program.child.pid;
    scarce.put(pid, 1 << 20);
    // Heads that never end take memory.
    const ask = () => fetch(it.rig.url('/api/v1/assets'), { headers: { filler: 'x'.repeat(8_000) } }).catch(() => {});
    let isOver = false;
    const asking = (async () => {
      while (!isOver) await Promise.all(Array.from({ length: 50 }, ask));
    })();
    try {
      // The clock runs from its death, and it may take a moment to die.
      await until('it is dead', () => !isAlive(pid), { within: 20_000, every: 5 });
      await locks(it, ['gate']);
    } finally {
      isOver = true;
      await asking;
    }
    assert.deepEqual(await outcome(it), { code: null, signal: 'SIGKILL' });
    scarce.remove();
  });

  guarded('nobody reads its log until it hangs: it is killed, and its devices are locked (inv. 4)', async (it) => {
    await it.gateway.stop();
    await it.gateway.restart({ env: { COINOP_LOG: 'trace' } });
    await hired(it, 'gate');
    const { stderr } = it.gateway.program.child;
    stderr.pause();
    const answers = () => fetch(it.rig.url('/health'), { signal: AbortSignal.timeout(1_000) }).then((r) => r.text(), () => undefined);
    while (await answers());
    await locks(it, ['gate']);
    stderr.resume();
    assert.deepEqual(await outcome(it), { code: null, signal: 'SIGKILL' });
  });

  guarded('while a device is being opened: that is ended, and cannot open it later (inv. 4)', async (it) => {
    await hired(it, 'slow', { file: 'slow.begun' });
    it.gateway.signal('SIGKILL');
    await outcome(it);
    await locks(it, ['slow'], 5_000);
  });

  guarded('and something in another session opens a device again and again: it is ended too (inv. 4)', async (it) => {
    await hired(it, 'haunted');
    it.gateway.signal('SIGKILL');
    await outcome(it);
    await locks(it, ['haunted'], 1_000);
  });

  guarded('and so does its guardian: the next start ends what opens devices, and locks them (inv. 4)', async (it) => {
    const sessions = await Promise.all([hired(it, 'gate', { seconds: 1 }), hired(it, 'haunted', { seconds: 1 }), hired(it, 'slow', { seconds: 1, file: 'slow.begun' })]);
    await it.gateway.kill();
    await until('their time is over', () => sessions.every(({ endsAt }) => Date.now() > time(endsAt)));
    assert.ok(it.gateway.isOpen('gate.open'), 'nobody was there to lock');
    await it.gateway.restart();
    await locks(it, ['gate', 'haunted', 'slow'], 5_000);
  });

  guarded('the guardian alone dies: the gateway locks and stops (inv. 4)', async (it) => {
    await hired(it, 'gate');
    it.gateway.program.child.kill('SIGKILL');
    await locks(it, ['gate']);
    await until('it has ended', () => !it.gateway.pid);
    await it.gateway.restart();
  });

  guarded('the guardian dies while the gateway hangs: the gateway goes on, locks and stops (inv. 4)', async (it) => {
    await hired(it, 'gate');
    const { pid } = it.gateway;
    it.gateway.signal('SIGSTOP');
    await until('it hangs', () => threads(pid).every((stat) => stat.includes(') T ')), { every: 5 });
    it.gateway.program.child.kill('SIGKILL');
    await locks(it, ['gate']);
    await until('it has ended', () => !it.gateway.pid);
  });

  guarded('the guardian dies, and the gateway hangs ever after: the next start ends it, and locks (inv. 4)', async (it) => {
    const { endsAt } = await hired(it, 'gate', { seconds: 1 });
    const { pid } = it.gateway;
    const hang = setInterval(() => it.gateway.signal('SIGSTOP'), 1);
    it.gateway.program.child.kill('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 500));
    clearInterval(hang);
    await until('its time is over', () => Date.now() > time(endsAt));
    assert.ok(isAlive(pid) && it.gateway.isOpen('gate.open'), 'or this shows nothing');
    // It holds its outputs open, so nothing is said of the end of its guardian.
    it.gateway.launch();
    await locks(it, ['gate']);
    assert.ok(!isAlive(pid));
  });
});

describe('commands', { concurrency: true }, () => {
  guarded('in the background and in other sessions end with the paid time (inv. 4)', async (it) => {
    const sessions = await Promise.all([hired(it, 'haunted', { seconds: 2 }), hired(it, 'hung', { seconds: 2, file: 'hung.begun' })]);
    await until('their time is over', () => sessions.every(({ endsAt }) => Date.now() > time(endsAt)));
    await locks(it, ['haunted', 'hung'], 5_000);
  });

  guarded('are told the asset, and while it may be open until when', async (it) => {
    const { endsAt } = await hired(it, 'told', { seconds: 30 });
    const [asset, end, left] = (await readFile(join(it.gateway.folder, 'told.open'), 'utf8')).trim().split(' ');
    assert.deepEqual([asset, Number(end)], ['told', Math.ceil(time(endsAt) / 1_000)]);
    assert.ok(Number(left) >= 28 && Number(left) <= 30, left);
    await it.gateway.stop();
    assert.equal(await readFile(join(it.gateway.folder, 'told.locked'), 'utf8'), 'told\n');
  });
});

/** Runs `coinop lock`. Returns how it ended and what it said. */
async function lock({ gateway }) {
  const program = new Program('coinop lock', BINARY, ['lock'], { cwd: gateway.folder });
  const { code } = await program.exited;
  return { code, said: program.log.split('\n').filter((line) => /^(locked|error:) /.test(line)).sort() };
}

describe('without a gateway', { concurrency: true }, () => {
  guarded('`coinop lock` locks every device, and ends what opens them (inv. 4)', async (it) => {
    await Promise.all([hired(it, 'gate'), hired(it, 'haunted')]);
    const refused = await lock(it);
    assert.deepEqual([refused.code, refused.said.length], [1, 1], 'while a gateway runs');
    assert.ok(it.gateway.isOpen('gate.open'));
    await it.gateway.kill();
    const { code, said } = await lock(it);
    assert.deepEqual({ code, said }, { code: 0, said: assets.map(({ id }) => `locked ${id}`).sort() });
    await locks(it, ['gate', 'haunted'], 1_000);
  });

  guarded('`coinop lock` and a start that fails lock whatever has a `lock` in a broken file, and name the rest (inv. 4)', async (it) => {
    await Promise.all([hired(it, 'gate'), hired(it, 'hatch')]);
    await it.gateway.kill();
    const file = join(it.gateway.folder, 'coinop.toml');
    const right = await readFile(file, 'utf8');
    const open = (id) => writeFile(join(it.gateway.folder, `${id}.open`), '');
    for (const [from, to] of [
      ['network = "devnet"', 'network = devnet'],
      ['unlock = ["touch","gate.open"]', 'unlock = ["no-such-program"]'],
      ['check = ["test","-e","gate.open"]', 'chek = ["test","-e","gate.open"]'],
      ['[[asset]]', '[[asset]'],
    ]) {
      const wrong = right.replace(from, to);
      assert.notEqual(wrong, right);
      await writeFile(file, wrong);
      await Promise.all([open('gate'), open('hatch')]);
      const program = it.gateway.launch();
      assert.deepEqual(await program.exited, { code: 1, signal: null });
      assert.match(program.log, /^error: coinop\.toml:\d+: .*\(/m);
      assert.ok(!existsSync(join(it.gateway.folder, 'gate.open')), `${to}: gate`);
      assert.ok(!existsSync(join(it.gateway.folder, 'hatch.open')), `${to}: hatch`);
    }
    await writeFile(file, right.replace('lock = ["rm","-f","hatch.open"]', 'lock = "rm"'));
    await Promise.all([open('gate'), open('hatch')]);
    const { code, said } = await lock(it);
    assert.equal(code, 1);
    assert.match(said[0], /^error: .*hatch/);
    assert.ok(!it.gateway.isOpen('gate.open'));
  });
});
