// A fee payer belongs to one journal: two journals with one key would each accept the same payment.

import assert from 'node:assert/strict';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { perSecond } from '../harness/config.js';
import { servesUntil } from '../harness/device.js';
import { granted, time } from '../harness/expect.js';
import { Program } from '../harness/process.js';
import { spoiled as how } from '../harness/relay.js';
import { world } from '../harness/spoiled.js';
import { BINARY } from '../harness/targets/serve.js';
import { until, withDeadline } from '../harness/wait.js';

const spoiled = world([perSecond('gate'), perSecond('hatch')]);

/**
 * Moves the journal away (`from` '') or back (`from` 'kept-'). Without its journal the same folder is another
 * gateway's.
 */
async function move(it, from, to) {
  const folder = join(it.gateway.folder, 'coinop-data');
  const names = (await readdir(folder)).filter((name) => name.startsWith(`${from}coinop.db`));
  assert.ok(names.length > 0, 'a journal is there');
  for (const name of names) await rename(join(folder, name), join(folder, name.replace(from, to)));
}

/** Returns what `coinop check` says of the fee payer's journal. */
async function check(it) {
  const program = new Program('check', BINARY, ['check'], { cwd: it.gateway.folder });
  await program.exited;
  const line = program.log.split('\n').find((each) => each.startsWith(`journal of fee payer ${it.rig.feePayer.address}: `));
  assert.ok(line, program.log);
  return line.replace(/^journal of fee payer \w+: /, '');
}

const belongs = /fee payer.* has signed a payment that .*coinop\.db does not hold.*belongs to one journal.*coinop keygen --out FILE/;

spoiled('a key that has signed for another journal is refused by `serve` and by `check`, and what stands open is locked; its own journal takes it (inv. 1, 4)', async (it) => {
  assert.equal(await check(it), 'ok (no payment among its latest 20 transactions)');
  const session = await it.bought('gate', 10);
  assert.equal(await check(it), 'ok (belongs to this gateway)', 'beside the gateway that runs');
  await it.gateway.kill();
  assert.equal(await check(it), 'ok (belongs to this gateway)', 'after a power cut');

  await move(it, '', 'kept-');
  assert.match(await it.startsOrLocks('gate.open'), belongs);
  assert.match(await check(it), /^wrong: \w+ has signed a payment that/);

  for (const name of (await readdir(join(it.gateway.folder, 'coinop-data'))).filter((each) => each.startsWith('coinop.db'))) {
    await rename(join(it.gateway.folder, 'coinop-data', name), join(it.gateway.folder, 'coinop-data', `new-${name}`));
  }
  await move(it, 'kept-', '');
  await it.start();
  assert.equal((await granted(await fetch(session.paid.url, session.paid.init))).sessionId, session.sessionId);
  assert.deepEqual(await it.gateway.stop(), { code: 0, signal: null });
  const files = await it.gateway.stored();
  assert.equal(await check(it), 'ok (belongs to this gateway)', 'after an orderly end');
  assert.deepEqual(await it.gateway.stored(), files, '`check` leaves nothing behind');
});

spoiled('while the RPC does not say whose a new key is, it sells, and takes its own sale for its own (inv. 2)', async (it) => {
  await it.gateway.kill();
  it.rig.relay.spoil = (method) => (method === 'getSignaturesForAddress' ? how.neverArrives : null);
  await it.start();
  const session = await it.bought('gate', 15);
  it.rig.relay.mend();
  const asked = it.rig.relay.calls.length;
  // It asks again every 10 s.
  await until('it has asked about its own sale', () => it.rig.relay.calls.slice(asked).includes('getTransaction'), { within: 20_000 });
  assert.equal((await granted(await fetch(session.paid.url, session.paid.init))).sessionId, session.sessionId);
  await servesUntil(it.gateway, 'gate.open', time(session.endsAt));
  assert.equal(it.gateway.program.outcome, undefined, 'it runs on');
});

spoiled('while the RPC does not say whose the key is, the gateway runs and asks on; told that it is another’s, it locks and ends (inv. 1, 4)', async (it) => {
  await it.bought('gate', 1);
  await it.gateway.kill();
  await move(it, '', 'kept-');
  it.rig.relay.spoil = () => how.neverArrives;
  assert.equal(await it.startsOrLocks('gate.open'), undefined, 'a gateway at a door starts without a network');
  const { program } = it.gateway;
  it.rig.relay.mend();
  // It asks again every 10 s.
  assert.deepEqual(await withDeadline('it ends', program.exited, 20_000), { code: 1, signal: null });
  assert.match(program.log.split('\n').find((line) => line.startsWith('error: ')), belongs);
});
