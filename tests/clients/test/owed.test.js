// What a buyer gets who was not given what was paid for: the money is owed, to the last unit, and nobody else is sold the
// same broken thing.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PRICE, perSecond } from '../harness/config.js';
import { granted, problem } from '../harness/expect.js';
import { Program } from '../harness/process.js';
import { spoiled as ways } from '../harness/relay.js';
import { world } from '../harness/spoiled.js';
import { BINARY } from '../harness/targets/serve.js';
import { until } from '../harness/wait.js';
import { bearer } from '../harness/wire.js';

const sh = (script) => ['sh', '-c', script];
const door = (id, unlock) => ({
  ...perSecond(id),
  device: { driver: 'exec', lock: ['rm', '-f', `${id}.open`], check: ['test', '-e', `${id}.open`], unlock },
});
const broken = { ...door('broken', ['false']) };
const blind = { ...perSecond('blind'), device: { driver: 'exec', lock: ['true'], unlock: ['false'] } };
const spoiled = world([perSecond('gate'), perSecond('hatch'), broken, blind, door('hung', sh('sleep 60'))], 2);

/** Buys, whether or not its device opens. */
async function paid(it, id, quantity) {
  const { url, init } = await it.ready(id, quantity);
  return granted(await fetch(url, init));
}

async function status(it, session) {
  const url = it.rig.url(`/api/v1/sessions/${session.sessionId}/status`);
  return (await fetch(url, { headers: bearer(session.sessionToken) })).json();
}

/** Waits until the session is over, and returns what is owed of it. */
async function owed(it, session, within = 10_000) {
  const over = async () => {
    const seen = await status(it, session);
    return seen.status === 'ended' && seen;
  };
  const seen = await until('the session is over', over, { within });
  return seen.owed ?? [];
}

const stop = (it, session) =>
  fetch(it.rig.url(`/api/v1/sessions/${session.sessionId}/stop`), { method: 'POST', headers: bearer(session.sessionToken) });

/** Waits until the operator was told. */
const logs = (it, line, within) => until(`the log has ${line}`, () => line.test(it.gateway.logs), { within });

const units = (list) => list.reduce((sum, { amount }) => sum + BigInt(amount), 0n);

for (const [id, what] of [['broken', 'is read back locked'], ['blind', 'says that it failed']]) {
  spoiled(`a door that ${what} is sold to nobody twice, and its price is owed (inv. 2, 5)`, async (it) => {
    // This buyer was quoted a price before it was known.
    const late = await it.ready(id, 3);
    const session = await paid(it, id, 3);
    const [entry, ...others] = await owed(it, session);
    assert.deepEqual(others, []);
    assert.equal(entry.reason, 'device_failed');
    assert.equal(entry.status, 'owed');
    assert.equal(BigInt(entry.amount), 3n * PRICE.second);
    await logs(it, new RegExp(`owed 0\\.003 \\w+ for ${id} \\(device_failed\\): session ${session.sessionId}`));

    const refused = await problem(await fetch(late.url, late.init), 503, 'device_unreachable');
    assert.equal(refused.charged, false);
    await problem(await fetch(it.rig.url(`/api/v1/access/${id}`)), 503, 'device_unreachable');
    const shown = await (await fetch(it.rig.url(`/api/v1/assets/${id}/status`))).json();
    assert.equal(shown.available, false);
    assert.equal(shown.device.outOfOrder, true);
    assert.equal(await it.gained(), 3n * PRICE.second, 'one has paid, and has it back');
    // The owner has mended it, and starts the gateway anew.
    await it.gateway.stop();
    await it.gateway.restart(it.shim.how);
    await until('it is offered again', async () => (await fetch(it.rig.url(`/api/v1/access/${id}`))).status === 402);
  });
}

spoiled('an extension of a session whose door never opened is refused, and not charged (inv. 2)', async (it) => {
  const session = await paid(it, 'broken', 20);
  await until('it is known', async () => {
    const shown = await (await fetch(it.rig.url('/api/v1/assets/broken/status'))).json();
    return shown.device.outOfOrder;
  });
  const url = it.rig.url('/api/v1/access/broken/extend?quantity=1');
  const offered = await fetch(url, { method: 'POST', headers: bearer(session.sessionToken) });
  await problem(offered, 503, 'device_unreachable');
  await until('it is given up', async () => (await status(it, session)).status === 'ended', { within: 35_000 });
});

spoiled('a door of which nobody knows whether it opened is the owner’s to decide (inv. 3)', async (it) => {
  const session = await paid(it, 'hung', 2);
  const [entry] = await owed(it, session);
  assert.deepEqual([entry.reason, entry.status], ['device_unclear', 'unclear']);
  assert.equal(BigInt(entry.amount), 2n * PRICE.second);
  await logs(it, /hung may not have been delivered, so 0\.002 \w+ may be owed/);
});

spoiled('who stops pays for what was used, and the door is locked and free at once (inv. 2, 4, 5)', async (it) => {
  const session = await it.bought('gate', 60);
  const from = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const answer = await stop(it, session);
  const used = performance.now() - from;
  const body = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(body));
  assert.equal(it.gateway.isOpen('gate.open'), false, 'locked');
  assert.equal(body.status, 'ended');
  const [entry] = body.owed;
  assert.equal(entry.reason, 'stopped');
  const kept = Number(60n * PRICE.second - BigInt(entry.amount));
  // What was kept is the time from the grant to the lock, which this test sees from outside.
  assert.ok(kept >= 5_000 && kept <= used + 1_500, `${kept} units for ${used} ms`);
  const again = await (await stop(it, session)).json();
  assert.deepEqual(again.owed, body.owed, 'a second stop owes nothing more');
  // Who stops at once leaves twice what the network took: 0.002 USDC for 10,001 lamports.
  const next = await it.bought('gate', 60);
  assert.notEqual(next.sessionId, session.sessionId);
  const [rest] = (await (await stop(it, next)).json()).owed;
  assert.ok(60n * PRICE.second - BigInt(rest.amount) >= 4_001n, JSON.stringify(rest));
});

/** Runs `coinop owed`. Returns how it ended and what it said. */
async function coinopOwed(it, ...args) {
  const program = new Program('coinop owed', BINARY, ['owed', ...args], { cwd: it.gateway.folder });
  const { code } = await program.exited;
  return { code, said: program.log };
}

spoiled('the owner lists what is owed beside the running gateway, and what is decided stays so (inv. 5)', async (it) => {
  const session = await paid(it, 'blind', 3);
  const [entry] = await owed(it, session);
  const list = await coinopOwed(it);
  assert.equal(list.code, 0, list.said);
  const line = list.said.split('\n').find((text) => text.includes(entry.id));
  assert.match(line, /blind +0\.003 \S+ +device_failed +owed /);
  assert.equal((await coinopOwed(it, entry.id, 'not_owed')).code, 1, 'what is owed for certain is the buyer\'s');
  const paidBack = await coinopOwed(it, entry.id, 'refunded', '--note', 'by hand');
  assert.deepEqual([paidBack.code, /is refunded/.test(paidBack.said)], [0, true], paidBack.said);
  const seen = (await status(it, session)).owed[0];
  assert.deepEqual({ ...seen, status: 'owed' }, entry, 'the buyer sees it');
  assert.equal(seen.status, 'refunded');
  assert.equal((await coinopOwed(it, entry.id, 'owed')).code, 1);
  assert.match((await coinopOwed(it)).said, /nothing is owed/);
  assert.match((await coinopOwed(it, '--all')).said, new RegExp(`refunded .*${entry.id}`));
  // The gateway goes on from there.
  assert.ok(await it.bought('hatch', 1));
});

spoiled('the time that the gateway was away is owed, and the session goes on (inv. 2)', async (it) => {
  const session = await it.bought('gate', 240);
  it.gateway.signal('SIGKILL');
  await until('it is locked', () => !it.gateway.isOpen('gate.open'), { within: 6_000 });
  await until('it is gone', () => it.gateway.program.outcome, { within: 6_000 });
  // By the system's clock two minutes pass until it is started again.
  it.shim.clock(120);
  await it.gateway.restart(it.shim.how);
  await until('it is open again', () => it.gateway.isOpen('gate.open'), { within: 5_000 });
  const seen = await status(it, session);
  const [entry] = seen.owed;
  assert.equal(entry.reason, 'outage');
  const units = Number(entry.amount);
  assert.ok(units >= 118_000 && units <= 145_000, `${units} units for two minutes`);
  assert.equal(seen.status, 'active');
});

spoiled('a session whose asset was taken out of the file ends, and the rest is owed (inv. 2)', async (it) => {
  const session = await it.bought('hatch', 240);
  await it.gateway.stop();
  const file = join(it.gateway.folder, 'coinop.toml');
  const text = await readFile(file, 'utf8');
  const parts = text.split('[[asset]]').filter((part) => !part.includes('id = "hatch"'));
  await writeFile(file, parts.join('[[asset]]'));
  await it.gateway.restart(it.shim.how);
  const list = await owed(it, session);
  assert.deepEqual(list.map(({ reason }) => reason), ['asset_removed']);
  assert.ok(units(list) > 230n * PRICE.second && units(list) <= 240n * PRICE.second);
});

spoiled('a payment that is known too late to have landed starts nothing, and all of it is owed (inv. 2, 3)', async (it) => {
  const { url, init } = await it.ready('gate', 5);
  // The gateway sends it and then hears nothing more of it.
  const hidden = ['getSignatureStatuses', 'getTransaction', 'getSignaturesForAddress'];
  it.rig.relay.spoil = (method) => (method === 'sendTransaction' ? ways.answerIsLost : hidden.includes(method) ? ways.neverArrives : null);
  const asked = fetch(url, init).catch(() => 'broken off');
  await until('it has landed', async () => (await it.gained()) === 5n * PRICE.second, { within: 15_000 });
  await it.gateway.kill();
  assert.equal(await asked, 'broken off');
  // When it is started again, two and a half minutes have passed.
  it.shim.clock(150);
  it.rig.relay.mend();
  await it.gateway.restart(it.shim.how);
  await logs(it, /owed 0\.005 \w+ for gate \(too_late\)/, 40_000);
  const body = await problem(await fetch(url, init), 409, 'not_delivered');
  assert.equal(BigInt(body.owed[0].amount), 5n * PRICE.second);
  assert.equal('charged' in body, false);
  assert.equal(it.gateway.isOpen('gate.open'), false);
});
