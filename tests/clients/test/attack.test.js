// Strangers at four addresses take what they can get for half a minute, and honest buyers notice little of it.
// COINOP_ATTACK_SECONDS makes it longer: 90 is the long variant.

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { paymentHeaders, sign } from '../harness/buyers.js';
import { perHour, simulated } from '../harness/config.js';
import { ask, each, insist, paymentFor, times } from '../harness/crowd.js';
import { resident } from '../harness/memory.js';
import { decode } from '../harness/wire.js';
import { world } from '../harness/world.js';

const SECONDS = Number(process.env.COINOP_ATTACK_SECONDS ?? 30);
const ADDRESSES = [2, 3, 4, 5].map((last) => `127.0.0.${last}`);
const MIB = 1 << 20;

/** How many sales are measured in quiet, and during the attack. */
const QUIET = 25;
const ATTACKED = 100;
/** How many buyers there are. Each buys one door after another. */
const BUYERS = 25;
/** How many wallets forge payments, and how often their payments are made anew, in milliseconds. A quote lasts a minute. */
const FORGERS = 16;
const ANEW = 20_000;

const doors = times(QUIET + ATTACKED, (n) => `door-${n}`);
const bait = ['bait-1', 'bait-2'];
const w = world({
  assets: [...doors, ...bait].map((id) => simulated(perHour(id))),
  buyers: BUYERS,
  paupers: FORGERS,
  limits: { requests_per_second: 100, connections_per_address: 64 }, // as they are unless the owner says otherwise
  needs: ['program'],
  unless: process.platform === 'linux' ? false : 'it needs 127.0.0.2 and /proc',
});

const access = (id) => w.url(`/api/v1/access/${id}`);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Buys a door. Returns how long the gateway took for its answers, in milliseconds, or what went wrong. */
async function buy(buyer, id) {
  try {
    const begun = performance.now();
    const offered = await ask(access(id));
    const asked = performance.now() - begun;
    const headers = paymentHeaders(await sign(w, buyer, decode(offered.headers.get('payment-required'))));
    const sent = performance.now();
    const { status } = await insist(access(id), headers);
    return status === 200 ? { took: asked + performance.now() - sent } : { wrong: `${status}` };
  } catch (error) {
    return { wrong: `${error}` };
  }
}

/** Buys these doors in about so many seconds, evenly. */
async function buyAll(ids, seconds) {
  const sales = [];
  for (const [n, id] of ids.entries()) {
    sales.push(buy(w.buyers[n % BUYERS], id));
    await pause((seconds * 1_000) / ids.length);
  }
  return Promise.all(sales);
}

/** Returns the time within which 95 of 100 sales were made. */
function p95(sales) {
  const took = sales.map((sale) => sale.took).sort((a, b) => a - b);
  return took[Math.ceil(took.length * 0.95) - 1];
}

/** Returns payments that their wallets have signed and have no money for, as many as can be had. */
async function forge() {
  const forged = await each(w.paupers, 4, async (pauper, n) => {
    const path = `/api/v1/access/${bait[n % bait.length]}`;
    return paymentFor(w, pauper, w.url(path)).then((headers) => ({ path, headers }), () => null);
  });
  return forged.filter(Boolean);
}

/** Starts the strangers. `stop` returns how often they were answered what. */
async function attack() {
  const strangers = fork(fileURLToPath(new URL('../harness/attackers.js', import.meta.url)));
  strangers.send({ url: w.gateway.url, addresses: ADDRESSES, payments: await forge() });
  const anew = setInterval(async () => {
    const payments = await forge();
    if (payments.length > 0 && strangers.connected) strangers.send({ payments });
  }, ANEW);
  return {
    stop() {
      strangers.send({ stop: true });
      return new Promise((resolve) => strangers.once('message', resolve));
    },
    end() {
      clearInterval(anew);
      strangers.kill('SIGKILL');
    },
  };
}

/** Notes the most memory that the gateway uses, until `stop`. */
function watchMemory() {
  let most = 0;
  const look = setInterval(() => (most = Math.max(most, resident(w.gateway))), 250);
  return { stop: () => (clearInterval(look), most) };
}

const timeout = (SECONDS + 180) * 1_000;
w.test(`attack: for ${SECONDS} s four strangers hold connections, forge payments and ask, and every honest buyer of a free door gets it`, { timeout }, async (t) => {
  const quiet = await buyAll(doors.slice(0, QUIET), QUIET / 3);
  assert.deepEqual(quiet.filter(({ wrong }) => wrong), []);
  const memory = watchMemory();
  const strangers = await attack();
  try {
    await pause(1_000);
    const before = w.relay.calls.length;
    const sales = await buyAll(doors.slice(QUIET), SECONDS);
    const calls = (w.relay.calls.length - before) / ATTACKED;
    const most = memory.stop();
    const answers = await strangers.stop();
    t.diagnostic(`quiet p95 ${Math.round(p95(quiet))} ms, attacked p95 ${Math.round(p95(sales.filter(({ took }) => took)))} ms`);
    t.diagnostic(`${calls} calls to the RPC a sale, at most ${Math.round(most / MIB)} MiB`);
    t.diagnostic(`the strangers: ${JSON.stringify(answers)}`);
    assert.deepEqual(sales.filter(({ wrong }) => wrong), [], `of ${ATTACKED} sales`);
    assert.ok(p95(sales) < 3 * p95(quiet) + 500, `95 of 100 within ${p95(sales)} ms; in quiet ${p95(quiet)} ms`);
    assert.ok(most < 150 * MIB, `${Math.round(most / MIB)} MiB`);
    assert.ok(calls < 30, `${calls} calls to the RPC a sale`);
  } finally {
    strangers.end();
    memory.stop();
  }
});
