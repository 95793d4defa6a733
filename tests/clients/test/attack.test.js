// Strangers at four addresses take what they can get for half a minute, and honest buyers notice little of it.
// COINOP_ATTACK_SECONDS makes it longer: 90 is the long variant.

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { getBase58Encoder } from '@solana/kit';
import { paymentHeaders, sign } from '../harness/buyers.js';
import { perHour, simulated } from '../harness/config.js';
import { ask, each, insist, paymentFor, times } from '../harness/crowd.js';
import { resident } from '../harness/memory.js';
import { Scarce } from '../harness/scarce-memory.js';
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
/** How many wallets forge payments, and how often payments are made anew, in milliseconds. A quote lasts a minute. */
const FORGERS = 16;
const ANEW = 20_000;
/** How many wallets move their money away while they pay, and how many pay with a dying blockhash. */
const BOUNCERS = 4;
const LATE = 4;
/** After how many blocks a blockhash is too old for a new payment. */
const OLD = 125;
/** What a sale costs the fee payer: two signatures, and a lamport of priority. */
const FEE = 10_001;

const doors = times(QUIET + ATTACKED, (n) => `door-${n}`);
const bait = ['bait-1', 'bait-2'];
const w = world({
  assets: [...doors, ...bait].map((id) => simulated(perHour(id))),
  buyers: BUYERS + BOUNCERS + LATE,
  paupers: FORGERS,
  limits: { requests_per_second: 100, connections_per_address: 64 }, // as they are unless the owner says otherwise
  needs: ['program'],
  unless: process.platform === 'linux' ? false : 'it needs 127.0.0.2 and /proc',
});

let scarce;
after(() => scarce?.remove());

const access = (id) => w.url(`/api/v1/access/${id}`);
const bouncers = () => w.buyers.slice(BUYERS, BUYERS + BOUNCERS);
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

/** Signs a payment for a bait with each of these wallets. Returns as many as can be had. */
async function signed(wallets) {
  const made = await each(wallets, 4, async (wallet, n) => {
    const path = `/api/v1/access/${bait[n % bait.length]}`;
    return paymentFor(w, wallet, w.url(path)).then((headers) => ({ path, headers }), () => null);
  });
  return made.filter(Boolean);
}

/** Returns payments that their wallets have no money for, and payments whose money is gone when they are sent. */
const signedAnew = async () => ({ forged: await signed(w.paupers), bouncing: await signed(bouncers()) });

/** Takes the money of a wallet away whenever a payment of its own is sent, and gives it back. */
function bounce() {
  const keys = bouncers().map(({ address }) => [address, Buffer.from(getBase58Encoder().encode(address))]);
  w.relay.spoil = (method) => method === 'sendTransaction' ? async (pass, { call }) => {
    const bytes = Buffer.from(call.params[0], 'base64');
    const [from] = keys.find(([, key]) => bytes.includes(key)) ?? [];
    if (from) await w.chain.setBalance(from, 0n);
    const answer = await pass();
    if (from) await w.chain.setBalance(from, 5_000_000n);
    return answer;
  } : null;
}

/** Starts the strangers. `stop` returns how often they were answered what. */
async function attack() {
  const old = await signed(w.buyers.slice(BUYERS + BOUNCERS));
  await w.chain.advanceBlocks(OLD);
  bounce();
  const strangers = fork(fileURLToPath(new URL('../harness/attackers.js', import.meta.url)));
  strangers.send({ url: w.gateway.url, addresses: ADDRESSES, payments: { old, ...(await signedAnew()) } });
  const anew = setInterval(async () => {
    const payments = await signedAnew();
    const there = Object.fromEntries(Object.entries(payments).filter(([, some]) => some.length > 0));
    if (strangers.connected) strangers.send({ payments: there });
  }, ANEW);
  return {
    stop() {
      strangers.send({ stop: true });
      return new Promise((resolve) => strangers.once('message', resolve));
    },
    end() {
      clearInterval(anew);
      strangers.kill('SIGKILL');
      w.relay.mend();
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
  // Where memory can be limited, it is killed if it wants more.
  scarce = Scarce.make();
  scarce?.put(w.gateway.pid, 300 * MIB);
  t.diagnostic(scarce ? 'it may have 300 MiB more than at its start' : 'no memory limit can be set here');
  const memory = watchMemory();
  const strangers = await attack();
  try {
    await pause(1_000);
    const before = w.relay.calls.length;
    const funds = await w.chain.lamports(w.feePayer);
    const sales = await buyAll(doors.slice(QUIET), SECONDS);
    const calls = (w.relay.calls.length - before) / ATTACKED;
    const lost = funds - (await w.chain.lamports(w.feePayer)) - ATTACKED * FEE;
    const most = memory.stop();
    const answers = await strangers.stop();
    t.diagnostic(`quiet p95 ${Math.round(p95(quiet))} ms, attacked p95 ${Math.round(p95(sales.filter(({ took }) => took)))} ms`);
    t.diagnostic(`${calls} calls to the RPC a sale, at most ${Math.round(most / MIB)} MiB, ${lost} lamports lost`);
    t.diagnostic(`the strangers: ${JSON.stringify(answers)}`);
    assert.deepEqual(sales.filter(({ wrong }) => wrong), [], `of ${ATTACKED} sales`);
    assert.ok(p95(sales) < 3 * p95(quiet) + 500, `95 of 100 within ${p95(sales)} ms; in quiet ${p95(quiet)} ms`);
    assert.ok(most < 150 * MIB, `${Math.round(most / MIB)} MiB`);
    assert.ok(calls < 30, `${calls} calls to the RPC a sale`);
    assert.ok(lost > 0 && lost < 100_000, `${lost} lamports`);
  } finally {
    strangers.end();
    memory.stop();
  }
});
