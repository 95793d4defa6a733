// The fee payer signs what strangers wrote. It pays a bounded fee, and does nothing else.

import assert from 'node:assert/strict';
import { challenge } from '../harness/buyers.js';
import { USDC, usdcAccount } from '../harness/chain.js';
import { MERCHANT, PRICE, perHour } from '../harness/config.js';
import { granted, refusedAs } from '../harness/expect.js';
import { asV1, asV2, does, paying, transaction } from '../harness/transactions.js';
import { untouched } from '../harness/untouched.js';
import { world } from '../harness/world.js';

const limits = { requests_per_second: 0 }; // these tests send more than one client may
const w = world({ assets: ['door-1', 'door-2', 'door-3'].map((id) => perHour(id)), buyers: 3, limits });

const access = (id = 'door-1') => w.url(`/api/v1/access/${id}`);
const svm = (reason) => [402, `invalid_exact_svm_${reason}`];
const involved = svm('payload_transaction_fee_payer_transferring_funds');
const unknown = svm('payload_unknown_instruction');
const SOL = 1_000_000_000;

/**
 * Sends what `write` makes of the honest instructions, as v2 and as v1. Asserts that both are refused and nothing
 * moves.
 */
async function refusedBoth(thief, write, expected, { signers = [thief], feePayer = w.feePayer } = {}) {
  const { accepts: [offer] } = await challenge(access());
  const send = async (memo, dress) => {
    const [limit, price, transfer, ...rest] = await paying(offer, thief.address, memo === null ? { memo } : {});
    const instructions = await write({ limit, price, transfer, rest });
    const headers = dress(await transaction(w, { feePayer, instructions, signers }));
    await refusedAs(await fetch(access(), { headers }), expected, Object.keys(headers)[0]);
  };
  await untouched(w, async () => {
    await send(undefined, (text) => asV2(offer, text));
    await send(null, asV1);
  });
  assert.ok(!w.can.devices || !w.gateway.isOpen('door-1.open'), 'the door stays locked');
}

// What a thief adds to an honest payment so that the fee payer would do it.
const added = {
  'send its SOL': (thief) => does.sol({ from: w.feePayer, to: thief, lamports: SOL }),
  'make an account for the thief': (thief) => does.associatedAccount({ payer: w.feePayer, owner: thief }),
  'make an account of its own': () => does.associatedAccount({ payer: w.feePayer, owner: w.feePayer }),
  'approve the thief for its tokens': async (thief) =>
    does.approve({ source: await usdcAccount(w.feePayer), delegate: thief, owner: w.feePayer, amount: 1 }),
  'close its account to the thief': async (thief) =>
    does.closeAccount({ of: await usdcAccount(w.feePayer), destination: thief, owner: w.feePayer }),
  'sign a memo': () => does.memo('the gateway says so', [w.feePayer]),
};
for (const [what, write] of Object.entries(added)) {
  w.test(`the fee payer does not ${what} (inv. 5)`, {}, async () => {
    const [thief] = w.buyers;
    const extra = await write(thief.address);
    await refusedBoth(thief, ({ limit, price, transfer, rest }) => [limit, price, transfer, extra, ...rest], involved);
  });
}

w.test('the fee payer does not pay in the payer’s place: neither as authority nor from its own account (inv. 5)', {}, async () => {
  const [thief] = w.buyers;
  const { accepts: [offer] } = await challenge(access());
  const own = await usdcAccount(w.feePayer);
  const [destination, mine] = [await usdcAccount(MERCHANT), await usdcAccount(thief.address)];
  const pays = (bend) => does.transferChecked({ destination, mint: USDC, amount: offer.amount, ...bend });
  for (const [bend, expected] of [
    [{ source: own, authority: w.feePayer }, involved],
    [{ source: mine, authority: w.feePayer }, involved],
    [{ source: own, authority: thief.address }, svm('payload_source_mismatch')],
    [{ source: w.feePayer, authority: thief.address }, involved],
  ]) {
    const signers = bend.authority === thief.address ? [thief] : [];
    await refusedBoth(thief, ({ limit, price, rest }) => [limit, price, pays(bend), ...rest], expected, { signers });
  }
});

w.test('the fee payer pays for no memory of a guard’s program, and for no amount that strangers can change (inv. 5)', {}, async () => {
  const [thief] = w.buyers;
  const refused = svm('payload_wallet_guard');
  for (const extra of [
    does.memoryWrite([w.feePayer]),
    does.memoryWrite([]),
    does.memoryWrite([w.feePayer, thief.address]),
    does.amountAtLeast(await usdcAccount(MERCHANT), 0),
    does.amountAtLeast(w.feePayer, 0),
    does.amountAtLeast(USDC, 0),
  ]) {
    await refusedBoth(thief, ({ limit, price, transfer, rest }) => [limit, price, extra, transfer, ...rest], refused);
  }
});

w.test('no other program is called at the fee payer’s cost, with or without it (inv. 5)', {}, async () => {
  const [thief, other] = w.buyers;
  const sol = does.sol({ from: thief.address, to: other.address, lamports: 1 });
  const account = await does.associatedAccount({ payer: thief.address, owner: other.address });
  for (const extra of [sol, account, does.heap(262_144), does.price(1), does.limit(1)]) {
    await refusedBoth(thief, ({ limit, price, transfer, rest }) => [limit, price, transfer, extra, ...rest], unknown);
  }
});

const limitHigh = svm('payload_transaction_instructions_compute_limit_instruction_too_high');
const priceHigh = svm('payload_transaction_instructions_compute_price_instruction_too_high');
const tooDear = svm('payload_transaction_instructions_compute_price_instruction_too_high');
const limitBad = svm('payload_transaction_instructions_compute_limit_instruction');
const priceBad = svm('payload_transaction_instructions_compute_price_instruction');
// Limit and price, and the answer. The fee may be 20,000 lamports, of which the signatures take 10,000.
const budgets = [
  [400_001, 1, limitHigh],
  [1_400_000, 1, limitHigh],
  [2 ** 32 - 1, 1, limitHigh],
  [20_000, 500_001, priceHigh],
  [200_001, 50_000, priceHigh],
  [1, 5_000_001, priceHigh],
  [20_000, 2n ** 64n - 1n, priceHigh],
];
w.test('a compute limit or a priority price above the cap is not paid for (inv. 5)', {}, async () => {
  const [thief] = w.buyers;
  for (const [units, price, expected] of budgets) {
    await refusedBoth(thief, ({ transfer, rest }) => [does.limit(units), does.price(price), transfer, ...rest], expected);
  }
  await refusedBoth(thief, ({ limit, transfer, rest }) => [limit, limit, transfer, ...rest], priceBad);
  await refusedBoth(thief, ({ price, transfer, rest }) => [price, price, transfer, ...rest], limitBad);
});

w.test('a second fee payer, a missing one, or one more signer is refused (inv. 5)', {}, async () => {
  const [thief, other] = w.buyers;
  const honest = ({ limit, price, transfer, rest }) => [limit, price, transfer, ...rest];
  const notOurs = svm('fee_payer_not_managed_by_facilitator');
  await refusedBoth(thief, honest, notOurs, { feePayer: thief.address });
  await refusedBoth(thief, honest, notOurs, { feePayer: other.address, signers: [thief, other] });
  // A memo that somebody else signs too.
  const { accepts: [offer] } = await challenge(access());
  const instructions = [...(await paying(offer, thief.address, { memo: null })), does.memo(offer.extra.memo, [other.address])];
  const text = await transaction(w, { instructions, signers: [thief, other] });
  await untouched(w, async () => {
    await refusedAs(await fetch(access(), { headers: asV2(offer, text) }), svm('payload_excessive_signers'), 'v2');
    await refusedAs(await fetch(access(), { headers: asV1(text) }), svm('payload_excessive_signers'), 'v1');
  });
});

w.test('a wallet’s guard that fails in the simulation is refused with `sign_again`, and costs nothing (inv. 5)', {}, async () => {
  const [thief] = w.buyers;
  const failed = [402, 'sign_again'];
  const guard = does.amountAtLeast(await usdcAccount(thief.address), 2n ** 63n);
  await refusedBoth(thief, ({ limit, price, transfer, rest }) => [limit, price, transfer, guard, ...rest], failed);
});

/** Pays for an hour of an asset at a price for each unit of computation, of which there are 400,000. */
async function dear(buyer, id, price) {
  const { accepts: [offer] } = await challenge(access(id));
  const [, , ...rest] = await paying(offer, buyer.address);
  const instructions = [does.limit(400_000), does.price(price), ...rest];
  return fetch(access(id), { headers: asV2(offer, await transaction(w, { instructions, signers: [buyer] })) });
}

w.test('a payment may cost the fee payer 12,000 lamports while its payer has earned nothing here: also after a purchase whose session runs (inv. 5)', {}, async () => {
  const buyer = w.buyer();
  await untouched(w, async () => refusedAs(await dear(buyer, 'door-2', 5_001), tooDear));
  const before = await w.chain.lamports(w.feePayer);
  const gain = await w.gain(async () => granted(await dear(buyer, 'door-2', 5_000)));
  assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
  assert.equal(before - (await w.chain.lamports(w.feePayer)), 12_000);
  await untouched(w, async () => refusedAs(await dear(buyer, 'door-3', 25_000), tooDear));
});
