// The RPC lies about the chain's height: no payment is given up while it may land, nor kept when it cannot.

import assert from 'node:assert/strict';
import { before } from 'node:test';
import { perMinute, simulated } from '../harness/config.js';
import { Attempt, booksBalance } from '../harness/attempt.js';
import { answerTo, changed, error, result } from '../harness/lies.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

const EPOCH = 'getEpochInfo';
const HEIGHT = 'getBlockHeight';
const LATEST = 'getLatestBlockhash';

/** How many times each lie is told. One of two calls in a row is about a payment that it could harm. */
const EACH = 2;

/** How long no call may come before the buyers repeat their payments, as a 202 tells them to. */
const QUIET_MS = 15_000;

/** Answers calls about the chain itself. Such a call does not tell which payment it is about. */
class Node {
  lies = {};
  cameOf = {};

  isMeantBy({ method }) {
    return method in this.lies;
  }

  answer(pass, http) {
    return this.lies[http.call.method](pass, http);
  }

  /**
   * Tells each of these lies in turn, and the last one from then on. Before the next lie, `check` examines the effect
   * of the last. `repeat` is called while no call comes.
   */
  async tellInTurn(method, lies, check, repeat) {
    const names = Object.keys(lies);
    let calls = 0;
    let last = performance.now();
    const watch = setInterval(() => {
      if (performance.now() - last < QUIET_MS) return;
      last = performance.now();
      console.error(`no call of ${method} for ${QUIET_MS} ms, after ${calls} of ${names}: the buyers repeat their payments`);
      repeat();
    }, 1_000);
    const tell = async (pass, http) => {
      const at = Math.floor(calls / EACH);
      if (calls % EACH === 0 && at > 0) this.cameOf[names[at - 1]] ??= await check().catch((error) => error) ?? 'fine';
      calls += 1;
      last = performance.now();
      return lies[names[Math.min(at, names.length - 1)]](pass, http);
    };
    // Calls about several payments come at once. They are answered one after the other, so that no lie is left out.
    let turn = Promise.resolve();
    this.lies[method] = (pass, http) => {
      const told = turn.then(() => tell(pass, http));
      turn = told.catch(() => {});
      return told;
    };
    const all = () => names.every((name) => this.cameOf[name]);
    return until(`all of ${names} were told`, all, { within: 240_000 }).finally(() => clearInterval(watch));
  }
}

const field = (name, change) => changed(({ result }) => (result[name] = change(result[name])));
const moved = (blocks, slots) => changed(({ result }) => {
  result.blockHeight += blocks;
  result.absoluteSlot += slots;
});

/** Lies about the final height while payments may still land. */
const AHEAD = {
  'a height and a slot that no other node has seen': moved(10_000, 10_000),
  'a height far ahead of the truth': moved(400, 0),
  'a height that is the slot': changed(({ result }) => (result.blockHeight = result.absoluteSlot)),
  'the height of a node far ahead, the slot of one that lags': moved(5_000, -200),
};

/** Lies about the final height when payments can no longer land. */
const UNCLEAR = {
  'null': result(null),
  'no height': changed(({ result }) => delete result.blockHeight),
  'a height as a string': field('blockHeight', String),
  'a negative height': field('blockHeight', (height) => -height),
  'a fractional height': field('blockHeight', (height) => height + 0.5),
  'a huge height': field('blockHeight', () => 1e30),
  'no slot': changed(({ result }) => delete result.absoluteSlot),
  'a negative slot': field('absoluteSlot', (slot) => -slot),
  'the answer to another call': answerTo(() => ({ method: HEIGHT, params: [] })),
  'the node is behind': error(-32005),
  'a node that lags': moved(-300, -300),
  'the slot of one node, the height of one that lags': moved(-300, 0),
};

// Payments that the RPC drops and claims to have sent, by its answer about the height at the claim.
const TRUE = ['true-0', 'true-1', 'true-2', 'true-3'];
const CLAIMED = {
  ...Object.fromEntries(TRUE.map((id) => [id, (pass) => pass()])),
  low: changed(({ result: { value } }) => (value.lastValidBlockHeight -= 200)),
  high: changed(({ result: { value } }) => (value.lastValidBlockHeight += 250)),
};

const w = world({
  assets: Object.keys(CLAIMED).map((id) => simulated(perMinute(id))),
  buyers: Object.keys(CLAIMED).length,
  chainOptions: ['--block-ms', '0'], // no payment dies by itself
});
const node = new Node();
const attempts = {};

async function allArePending() {
  await w.chain.advanceBlocks(300);
  w.relay.attempts.push(node);
  const dropped = { after: { sendTransaction: result(({ attempt }) => attempt.signature) } };
  const answered = [];
  for (const [id, lie] of Object.entries(CLAIMED)) {
    attempts[id] = await Attempt.ready(w, id, dropped);
    node.lies = { [LATEST]: lie };
    answered.push(attempts[id].send().then((response) => attempts[id].isPending(response)));
    await until('it is claimed', () => attempts[id].sent);
  }
  node.lies = {};
  await Promise.all(answered);
}

async function allAreKept() {
  for (const id of TRUE) await attempts[id].isKept();
}

/** Repeats the payments that are pending. What comes of it is seen in what the node is asked. */
const allRepeat = () => TRUE.forEach((id) => attempts[id].send().catch(() => undefined));

/** Makes one test for the effect of each lie. The first test tells all lies. */
const each = (lies, name) => Object.keys(lies).map((lie, n) => [
  name(lie),
  async () => {
    if (n === 0) await node.tellInTurn(EPOCH, lies, allAreKept, allRepeat);
    assert.equal(node.cameOf[lie], 'fine');
  },
]);

const steps = [
  ['said to be sent, and dropped: pending (202) (inv. 3, 9)', allArePending],
  ['claimed at a height that is too low: not given up while it may land, and granted when it does (inv. 2, 3)', async () => {
    await attempts.low.isSearched();
    await attempts.low.isKept();
    attempts.low.truth();
    await attempts.low.isGranted(await attempts.low.known());
  }],
  ...each(AHEAD, (lie) => `while a payment may land, ${lie}: it is not given up (inv. 2, 3)`),
  ['there is no answer while their blockhashes die: kept (inv. 3)', async () => {
    // From here on there is always a lie, and never the truth between two of them.
    await node.tellInTurn(EPOCH, { nothing: result({}) }, allAreKept, allRepeat);
    await w.chain.advanceBlocks(400);
  }],
  ...each(UNCLEAR, (lie) => `when a payment can't land any more, ${lie}: that does not decide it (inv. 3)`),
  ['when the truth is told, what is dead is given up uncharged (inv. 2, 3)', async () => {
    node.lies = {};
    await Promise.all(TRUE.map((id) => attempts[id].isGivenUp()));
  }],
  ['claimed at a height that is too high: given up uncharged so many blocks later, and not before (inv. 2, 3)', async () => {
    await attempts.high.isSearched();
    await attempts.high.isKept();
    await w.chain.advanceBlocks(250);
    await attempts.high.isGivenUp();
  }],
];

const endings = new Map();
before(async () => {
  await w.ready();
  let last = Promise.resolve();
  for (const [name, play] of steps) {
    last = last.then(play); // each step continues where the last one ended well
    last.catch(() => {}); // reported where its test waits for it
    endings.set(name, last);
  }
});
for (const [name] of steps) w.test(name, { timeout: 300_000 }, () => endings.get(name));
w.test('after all of it the merchant has what was granted, and nothing else (inv. 5)', {}, () => booksBalance(w, Object.values(attempts)));
