// What a fee payer must not sign for, in a payment with guards or without: it is refused before anything is claimed,
// sent or paid.

import assert from 'node:assert/strict';
import { before } from 'node:test';
import { AccountRole } from '@solana/kit';
import { challenge } from '../harness/buyers.js';
import { TOKEN_PROGRAM, usdcAccount } from '../harness/chain.js';
import { PRICE, perHour, simulated } from '../harness/config.js';
import { each } from '../harness/crowd.js';
import { granted, refusedAs } from '../harness/expect.js';
import { hostilePayments } from '../harness/hostile-payments.js';
import { asV1, asV2, does, paying, transaction } from '../harness/transactions.js';
import { untouched } from '../harness/untouched.js';
import { seen } from '../harness/wallets.js';
import { world } from '../harness/world.js';

const AT_ONCE = 8;
const TIMES = 4; // how often each is refused: a refusal before the claim is no failure
const ids = hostilePayments.map((_, n) => `lane-${n}`);
const w = world({
  assets: ids.map((id) => simulated(perHour(id))),
  buyers: ids.length + 2,
  limits: { requests_per_second: 0 },
  settlement: { max_fee_lamports_per_day: 100_000_000 },
});

const access = (n) => w.url(`/api/v1/access/${ids[n]}`);
const offered = async (n) => (await challenge(access(n))).accepts[0];
let delegate;
let stranger;

/**
 * Prepares one of them with its own buyer, asset and ticket: the same thing several times, each time in other bytes.
 */
async function prepared({ write, bend, expected, delegate: delegated, v1 = expected }, n) {
  const buyer = w.buyer();
  const [offer, other] = [await offered(n), await offered(n)];
  const honest = await paying(offer, buyer.address);
  const it = {
    ...(await seen(w, honest, w.feePayer)),
    stranger: stranger.address,
    strangers: await usdcAccount(stranger.address),
    delegate: delegate.address,
    othersMemo: other.extra.memo,
  };
  if (delegated) await approves(buyer);
  const [limit, , transfer, memo] = honest;
  // A client of v1 writes its own memo. With a ticket's memo it would be refused for that alone.
  const asksV1 = (time) => v1 && time === TIMES - 1;
  const payment = async (time) =>
    transaction(w, {
      instructions: write({ limit, price: does.price(time), transfer, memo: asksV1(time) ? does.memo('of v1') : memo }, it),
      signers: [delegated ? delegate : buyer],
      bend: bend?.(it),
    });
  const texts = await Promise.all(Array.from({ length: TIMES }, (_, time) => payment(time)));
  const dressed = texts.map((text, time) =>
    asksV1(time) ? { headers: asV1(text), reason: v1 } : { headers: asV2(offer, text), reason: expected });
  return { n, buyer, offer, dressed, delegated };
}

/** Lets the delegate spend what the buyer has. */
async function approves({ address, signer }) {
  const approval = does.approve({ source: await usdcAccount(address), delegate: delegate.address, owner: address, amount: 5_000_000 });
  await w.chain.send(await transaction(w, { feePayer: address, instructions: [approval], signers: [{ signer }] }));
}

/** Lets only the buyer spend it again. */
async function revokes({ address, signer }) {
  const accounts = [
    { address: await usdcAccount(address), role: AccountRole.WRITABLE },
    { address, role: AccountRole.READONLY_SIGNER },
  ];
  const revocation = { programAddress: TOKEN_PROGRAM, accounts, data: Buffer.from([5]) };
  await w.chain.send(await transaction(w, { feePayer: address, instructions: [revocation], signers: [{ signer }] }));
}

/** Returns the outcome of each as a value, so that its own test reports it. */
const outcome = async (action) => action().then((value) => ({ value }), (error) => ({ error }));
const told = ({ value, error }) => {
  if (error) throw error;
  return value;
};

const refusals = [];
const sales = [];
let all;
let quiet;

before(async () => {
  await w.ready();
  [delegate, stranger] = [w.buyer(), w.buyer()];
  const ready = await each(hostilePayments, AT_ONCE, prepared);
  const calls = w.relay.calls.length;
  const { sendTransactionCalls } = await w.chain.rpc('coinop_stats');
  all = await outcome(() =>
    untouched(w, () =>
      each(ready, AT_ONCE, async ({ n, dressed }) => {
        refusals[n] = await outcome(async () => {
          for (const { headers, reason } of dressed) await refusedAs(await fetch(access(n), { headers }), reason, Object.keys(headers)[0]);
        });
      })));
  quiet = {
    methods: new Set(w.relay.calls.slice(calls)),
    sends: (await w.chain.rpc('coinop_stats')).sendTransactionCalls - sendTransactionCalls,
  };
  await each(ready, AT_ONCE, async ({ n, buyer, offer, delegated }) => {
    const pays = async () => {
      const text = await transaction(w, { instructions: await paying(offer, buyer.address), signers: [buyer] });
      return fetch(access(n), { headers: asV2(offer, text) });
    };
    sales[n] = await outcome(async () => {
      if (delegated) {
        await refusedAs(await pays(), [402, 'source_not_exclusive'], 'while there is a delegate');
        await revokes(buyer);
      }
      await granted(await pays());
    });
  });
});

for (const [n, { name }] of hostilePayments.entries()) {
  w.test(`a payment that ${name} is refused, again and again; its ticket and its payer are still good (inv. 1, 2, 5)`, {}, () => {
    told(refusals[n]);
    told(sales[n]);
  });
}

w.test('none of them moves money, a record or a lamport, or is sent to the chain (inv. 2, 5, 8)', {}, () => {
  told(all);
  assert.ok(!quiet.methods.has('sendTransaction'), [...quiet.methods].join());
  assert.equal(quiet.sends, 0);
});

w.test('afterwards the merchant has what was sold, and nothing else (inv. 5)', {}, async () => {
  const good = sales.filter(({ error }) => !error).length;
  assert.equal(await w.earned(), BigInt(good) * PRICE.hour);
});
