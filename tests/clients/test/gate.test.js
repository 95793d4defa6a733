// What strangers can take from a gateway: its connections, its memory, its rates, and its calls to the RPC.

import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { perMinute, simulated } from '../harness/config.js';
import { ask, each, times } from '../harness/crowd.js';
import { newWallet } from '../harness/keys.js';
import { resident } from '../harness/memory.js';
import { Raw } from '../harness/raw.js';
import { BINARY } from '../harness/targets/serve.js';
import { target } from '../harness/targets/index.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

const PATH = '/api/v1/access/lane-1';
const MIB = 1 << 20;
/** Only Linux has these addresses without any setup. */
const unless = process.platform === 'linux' ? false : 'it needs 127.0.0.2 and /proc';
const STRANGERS = [2, 3, 4, 5].map((last) => `127.0.0.${last}`);
const BUYER = '127.0.0.6';

const w = world({ assets: [simulated(perMinute('lane-1'))], needs: ['server'], unless });
const needs = ['program'];

/** Runs `work` with a further gateway that has these limits. `how` is how it is started. */
async function withLimits(limits, work, how) {
  const gateway = await target.start({ ...w.configuration(), limits }, await newWallet(), { started: false });
  try {
    await gateway.restart(await how?.(gateway));
    return await work(gateway);
  } finally {
    await gateway.dispose();
  }
}

/** Opens connections from this address, and has `first` sent on each. Those that are refused are left out. */
async function open(gateway, from, count, first = '') {
  const opened = times(count, () => Raw.open(gateway, { from }).then((raw) => raw.write(first), () => null));
  return (await Promise.all(opened)).filter(Boolean);
}

const HEAD = `GET ${PATH} HTTP/1.1\r\nhost: x\r\n`;
const unfinished = (bytes) => `${HEAD}x: ${'a'.repeat(bytes)}`;

/** Returns how many of so many requests from a buyer's own address are answered with a price. */
async function priced(gateway, count, from = BUYER) {
  const answers = await each(times(count, (n) => n), 4, () => ask(`${gateway.url}${PATH}`, { from }).catch(() => null));
  return answers.filter((answer) => answer?.status === 402).length;
}

w.test('gate: 930 unfinished heads of one address take a few MiB, and buyers are answered (inv. 4)', { needs }, () =>
  withLimits({}, async (gateway) => {
    assert.equal(await priced(gateway, 20), 20);
    const before = resident(gateway);
    const heads = await open(gateway, STRANGERS[0], 930, unfinished(90_000));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const grown = resident(gateway) - before;
    assert.equal(await priced(gateway, 20), 20);
    for (const raw of heads) raw.destroy();
    assert.ok(grown < 16 * MIB, `it has grown by ${Math.round(grown / MIB)} MiB`);
  }));

w.test('gate: with little memory, unfinished heads of four addresses do not end the gateway (inv. 4)', { needs }, () =>
  withLimits({}, async (gateway) => {
    const heads = [];
    for (const from of STRANGERS) heads.push(...(await open(gateway, from, 930, unfinished(90_000))));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert.equal(gateway.program.outcome, undefined, 'it runs');
    assert.equal(await priced(gateway, 20), 20);
    for (const raw of heads) raw.destroy();
  }, async (gateway) => {
    const small = join(gateway.folder, 'small.sh');
    await writeFile(small, `#!/bin/sh\nulimit -d 600000\nexec '${BINARY}' "$@"\n`);
    await chmod(small, 0o755);
    return { binary: small };
  }));

w.test('gate: four addresses that hold every place keep no buyer out', { needs }, () =>
  withLimits({ requests_per_second: 0 }, async (gateway) => {
    const held = [];
    for (const from of STRANGERS) held.push(...(await open(gateway, from, 1_030)));
    // They ask whether it lives, to be kept.
    for (const raw of held) raw.write('GET /health HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert.equal(await priced(gateway, 20), 20);
    for (const raw of held) raw.destroy();
  }));

w.test('gate: asking whether it lives counts towards the rate', { needs }, () =>
  withLimits({ requests_per_second: 1, burst: 20 }, async (gateway) => {
    const raw = await Raw.open(gateway, { from: STRANGERS[0] });
    const statuses = [];
    for (let n = 0; n < 40; n += 1) {
      const answer = await raw.write('GET /health HTTP/1.1\r\nhost: x\r\n\r\n').answer();
      if (!answer) break;
      statuses.push(answer.status);
    }
    raw.destroy();
    assert.equal(statuses.at(-1), 429);
    assert.ok(statuses.length < 30, `${statuses.length} answers`);
    assert.equal((await ask(`${gateway.url}/health`, { from: BUYER })).status, 200, 'others may ask');
  }));

w.test('gate: clients behind a trusted proxy have rates of their own, and no other client speaks for them', { needs }, () =>
  withLimits({ requests_per_second: 20, burst: 40, trusted_proxies: ['127.0.0.1'] }, async (gateway) => {
    const from = (client) => ({ 'x-forwarded-for': `198.51.100.1, 192.0.2.${client}` });
    const get = (headers, address) => ask(`${gateway.url}${PATH}`, { headers, from: address }).then(({ status }) => status);
    // 165 requests a second for three seconds, from twenty clients.
    const statuses = await each(times(495, (n) => n), 8, (n) => get(from(n % 20)));
    assert.deepEqual(new Set(statuses), new Set([402]));
    const greedy = await each(times(200, (n) => n), 8, () => get(from(99)));
    assert.ok(greedy.includes(429), 'one of them is as limited as anybody');
    const stranger = await each(times(200, (n) => n), 8, (n) => get(from(n % 20), STRANGERS[0]));
    assert.ok(stranger.includes(429), 'a stranger is believed nothing');
  }));

w.test('gate: whoever asks 400 times whether it is ready causes two calls to the RPC', { needs }, async () => {
  const ready = () => ask(w.url('/ready'));
  await until('the last answer is old', () => new Promise((resolve) => setTimeout(() => resolve(true), 5_100)));
  const before = w.relay.calls.length;
  const answers = await each(times(400, (n) => n), 16, ready);
  const answered = answers.filter(({ status }) => status === 200).length;
  assert.ok(answered > 300, `${answered} were answered`);
  const calls = w.relay.calls.length - before;
  assert.ok(calls <= 4, `${calls} calls, in at most two turns`);
});

w.test('gate: what is failing is told to the owner and nobody else (inv. 9)', { needs }, async () => {
  const ready = async (headers, from) => (await ask(w.url('/ready'), { headers, from })).json();
  assert.deepEqual(Object.keys(await ready()).sort(), ['devicesWaiting', 'ready', 'settlement', 'storage']);
  assert.deepEqual(await ready({ 'x-forwarded-for': '192.0.2.1' }), { ready: true });
});
