// Guards assert something about accounts that other payments change too: the payer's own, and the fee payer's. A
// payment whose guard can no longer hold is refused with `sign_again` before anything is claimed. A payment that fails
// on landing costs its fee, and costs nobody else anything.

import assert from 'node:assert/strict';
import { challenge, paymentHeaders, pays, sign } from '../harness/buyers.js';
import { usdcAccount } from '../harness/chain.js';
import { PRICE, perHour } from '../harness/config.js';
import { each, times } from '../harness/crowd.js';
import { granted, refusedAs } from '../harness/expect.js';
import { does, transaction } from '../harness/transactions.js';
import { untouched } from '../harness/untouched.js';
import { until } from '../harness/wait.js';
import { styles, wallet } from '../harness/wallets.js';
import { settlement } from '../harness/wire.js';
import { world } from '../harness/world.js';

const FEE = 10_001n; // two signatures, and a lamport of priority
const EIGHT = 8;
const PATIENCE = 60_000; // until a payment has its turn, in milliseconds
const crowds = ['plain', 'floor', 'same'].map((name) => times(EIGHT, (n) => `${name}-${n}`));
const [plainIds, floorIds, sameIds] = crowds;
const singles = ['held-1', 'held-2', 'gift', 'spent', 'after'];
const w = world({
  assets: [...crowds.flat(), ...singles].map(perHour),
  buyers: 2 * EIGHT + 10,
  limits: { requests_per_second: 0 },
  settlement: { max_fee_lamports_per_day: 100_000_000 },
});

const access = (id) => w.url(`/api/v1/access/${id}`);
const lamports = async () => BigInt(await w.chain.lamports(w.feePayer));

/** Makes a v2 payment of a wallet of this style, signed now, and returns its headers. */
const signed = async (id, buyer, style) => paymentHeaders(await sign(w, wallet(w, style, buyer), await challenge(access(id))));

/** Tells whether a payment was refused with `sign_again`, and asserts the content of the refusal. */
async function toBeSignedAgain(response) {
  if (settlement(response)?.errorReason !== 'sign_again') return false;
  await refusedAs(response.clone(), [402, 'sign_again']);
  const { detail } = await response.json();
  assert.match(detail, /You were not charged\./);
  return true;
}

/**
 * Signs and sends payments until one is accepted. Each refused one must be signed again. Returns the session and the
 * number of tries.
 */
async function boughtAtLast(id, buyer, style, first) {
  let [response, tries] = [first, 1];
  return until(`${id} is sold`, async () => {
    if (!(await toBeSignedAgain(response))) return { session: await granted(response), tries };
    [response, tries] = [await fetch(access(id), { headers: await signed(id, buyer, style) }), tries + 1];
    return undefined;
  }, { within: PATIENCE, every: 200 });
}

/**
 * Makes eight sales at once: all payments are signed before the first is sent. Returns how many times each had to sign.
 */
async function atOnce(ids, buyers, style) {
  const before = await lamports();
  const failures = () => Promise.all(buyers.map(async ({ address }) => (await w.chain.history(address)).filter(({ err }) => err !== null)));
  let all;
  const gain = await w.gain(async () => {
    const headers = await each(ids, EIGHT, (id, n) => signed(id, buyers[n % buyers.length], style));
    const first = await Promise.all(ids.map((id, n) => fetch(access(id), { headers: headers[n] })));
    all = await each(ids, EIGHT, (id, n) => boughtAtLast(id, buyers[n % buyers.length], style, first[n]));
  });
  assert.deepEqual(gain, { money: BigInt(EIGHT) * PRICE.hour, landed: EIGHT });
  assert.equal(before - (await lamports()), BigInt(EIGHT) * FEE, 'eight fees, and none for a failure');
  assert.deepEqual((await failures()).flat(), []);
  assert.equal(new Set(all.map(({ session }) => session.sessionId)).size, EIGHT);
  return all.map(({ tries }) => tries);
}

/** Asserts that the wallet has no failure to wait for: it buys once more, at the first try. */
async function isWelcome(id, buyer) {
  await granted(await pays.v2(w, buyer)(access(id)));
}

w.test('eight Phantom-shaped wallets at eight doors at once all buy at the first try (inv. 1, 2)', { timeout: 120_000 }, async () => {
  const tries = await atOnce(plainIds, times(EIGHT, () => w.buyer()), styles.phantom);
  assert.deepEqual(tries, times(EIGHT, () => 1));
});

w.test('eight wallets that guard the fee payer’s balance all buy; who comes in the others’ way signs again, uncharged (inv. 1, 2)', { timeout: 120_000 }, async (t) => {
  const buyers = times(EIGHT, () => w.buyer());
  const tries = await atOnce(floorIds, buyers, styles.phantomWithFloor);
  t.diagnostic(`signed ${tries} times`);
});

w.test('eight payments of one wallet at eight doors, each with a guard on the same account, all buy (inv. 1, 2)', { timeout: 120_000 }, async (t) => {
  const buyer = w.buyer();
  const funds = await w.chain.balance(buyer.address);
  const tries = await atOnce(sameIds, [buyer], styles.phantom);
  t.diagnostic(`signed ${tries} times`);
  assert.equal(funds - (await w.chain.balance(buyer.address)), BigInt(EIGHT) * PRICE.hour);
});

w.test('who is told to sign again while another’s payment is under way has failed at nothing, however often (inv. 2)', {}, async () => {
  const [first, second] = [w.buyer(), w.buyer()];
  const headers = await signed('held-1', first, styles.phantomWithFloor);
  let told = 0;
  w.relay.around('sendTransaction', async () => {
    for (const _ of times(4, (n) => n)) {
      const response = await fetch(access('held-2'), { headers: await signed('held-2', second, styles.phantomWithFloor) });
      if (await toBeSignedAgain(response)) told += 1;
    }
  });
  await granted(await fetch(access('held-1'), { headers }));
  assert.equal(told, 4);
  const { tries } = await boughtAtLast('held-2', second, styles.phantomWithFloor, await fetch(access('held-2'), { headers: await signed('held-2', second, styles.phantomWithFloor) }));
  assert.equal(tries, 1);
});

/**
 * Asserts that a payment fails on landing because of `meanwhile`: nothing is charged, its fee is spent, and its door is
 * locked.
 */
async function failsOnLanding(id, buyer, style, meanwhile) {
  const headers = await signed(id, buyer, style);
  const funds = await w.chain.balance(buyer.address);
  const before = await lamports();
  let changed = { funds: 0n, lamports: 0n };
  w.relay.around('sendTransaction', async () => (changed = await meanwhile()), () => w.chain.advanceBlocks(40));
  const response = await fetch(access(id), { headers });
  w.relay.mend();
  await refusedAs(response.clone(), [402, 'sign_again']);
  assert.equal(await w.chain.balance(buyer.address), funds + changed.funds, 'nothing was charged');
  assert.equal(before - (await lamports()), FEE + changed.lamports, 'one fee was spent');
  assert.ok(!w.can.devices || !w.gateway.isOpen(`${id}.open`), 'the door stays locked');
  const status = await (await fetch(w.url(`/api/v1/assets/${id}/status`))).json();
  assert.deepEqual([status.available, status.session], [true, null]);
  // It is on the chain, although it failed there, so these bytes buy nothing any more.
  await untouched(w, async () => refusedAs(await fetch(access(id), { headers }), [409, 'payment_already_used'], 'again'));
}

w.test('a stranger’s gift to the payer’s account in between costs one fee; the payer buys right afterwards (inv. 1, 2, 4)', {}, async () => {
  const [buyer, stranger] = [w.buyer(), w.buyer()];
  const [source, destination] = [await usdcAccount(stranger.address), await usdcAccount(buyer.address)];
  await failsOnLanding('gift', buyer, styles.phantom, async () => {
    const gift = does.transferChecked({ source, destination, authority: stranger.address, amount: 1 });
    await w.chain.send(await transaction(w, { feePayer: stranger.address, instructions: [gift], signers: [stranger] }));
    return { funds: 1n, lamports: 0n };
  });
  await granted(await fetch(access('gift'), { headers: await signed('gift', buyer, styles.phantom) }));
  await isWelcome('after', buyer);
});

w.test('a fee that is spent in between and breaks a floor costs one fee; the payer buys right afterwards (inv. 1, 2, 4)', {}, async () => {
  const buyer = w.buyer();
  await failsOnLanding('spent', buyer, styles.phantomWithFloor, async () => {
    // As if by another program of the operator's with the same key.
    const memo = does.memo('elsewhere');
    await w.chain.send(await transaction(w, { instructions: [memo], signers: [w.feePayerWallet] }));
    return { funds: 0n, lamports: 5_000n };
  });
  await granted(await fetch(access('spent'), { headers: await signed('spent', buyer, styles.phantomWithFloor) }));
});

w.test('after all of it every sale is in the books of the chain, and nothing else (inv. 5)', {}, async () => {
  const sold = 3 * EIGHT + singles.length;
  assert.equal(await w.earned(), BigInt(sold) * PRICE.hour);
});
