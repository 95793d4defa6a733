// Whose money it is: a payment moves the payer's own tokens, of the right kind, to the merchant, and nothing else.

import assert from 'node:assert/strict';
import { challenge } from '../harness/buyers.js';
import { USDC, tokenAccount, usdcAccount } from '../harness/chain.js';
import { MERCHANT, PRICE, perHour, simulated } from '../harness/config.js';
import { granted, refusedAs } from '../harness/expect.js';
import { newWallet } from '../harness/keys.js';
import { asV1, asV2, does, paying, transaction } from '../harness/transactions.js';
import { untouched } from '../harness/untouched.js';
import { world } from '../harness/world.js';

const limits = { requests_per_second: 0 }; // these tests send more than one client may
const attempts = Array.from({ length: 6 }, (_, n) => simulated(perHour(`lane-${n + 1}`)));
const w = world({ assets: attempts, buyers: 8, paupers: 1, limits });

const access = (id = 'lane-1') => w.url(`/api/v1/access/${id}`);
const svm = (reason) => [402, `invalid_exact_svm_payload_${reason}`];

/** Lands instructions at the wallet's own cost, past the gateway. */
const lands = async (wallet, instructions, signers = []) =>
  w.chain.send(await transaction(w, { feePayer: wallet.address, instructions, signers: [wallet, ...signers] }));

/** Makes a fresh account of the token program at the wallet's cost. */
async function newAccount(wallet, space, initialize) {
  const fresh = await newWallet();
  const lamports = await w.chain.rpc('getMinimumBalanceForRentExemption', space);
  const create = does.createAccount({ payer: wallet.address, address: fresh.address, space, lamports });
  await lands(wallet, [create, initialize(fresh.address)], [fresh]);
  return fresh.address;
}

/**
 * Sends a payment for a fresh offer as v2, and a similar one as v1. Asserts that both are refused and nothing moves.
 */
async function refusedBoth(signers, bend, expected, change = (instructions) => instructions) {
  const { accepts: [offer] } = await challenge(access());
  const make = async (memo) => {
    const instructions = change(await paying(offer, signers[0].address, { ...bend, ...(memo === null && { memo }) }));
    return transaction(w, { instructions, signers });
  };
  const [v2, v1] = [asV2(offer, await make()), asV1(await make(null))];
  await untouched(w, async () => {
    await refusedAs(await fetch(access(), { headers: v2 }), expected, 'v2');
    await refusedAs(await fetch(access(), { headers: v1 }), expected, 'v1');
  });
}

w.test('a delegate does not pay with the victim’s tokens, though the victim’s approval stands on the chain (inv. 1, 5)', {}, async () => {
  const [victim, thief] = w.buyers;
  const source = await usdcAccount(victim.address);
  await lands(victim, [does.approve({ source, delegate: thief.address, owner: victim.address, amount: 1_000_000 })]);
  // The chain would let the thief move the tokens: this transfer lands.
  const before = await w.chain.balance(thief.address);
  await lands(thief, [does.transferChecked({ source, destination: await usdcAccount(thief.address), authority: thief.address, amount: 1 })]);
  assert.equal(await w.chain.balance(thief.address), before + 1n);

  await refusedBoth([thief], { source }, svm('source_mismatch'));
});

w.test('who does not own an account does not pay from it (inv. 1, 5)', {}, async () => {
  const [, thief, victim] = w.buyers;
  await refusedBoth([thief], { source: await usdcAccount(victim.address) }, svm('source_mismatch'));
});

w.test('who has not signed does not pay (inv. 1, 5)', {}, async () => {
  const [, thief, victim] = w.buyers;
  // The victim is named as the authority, and only the thief signs.
  const bend = { source: await usdcAccount(victim.address), authority: victim.address };
  const { accepts: [offer] } = await challenge(access());
  const unsigned = await transaction(w, { instructions: await paying(offer, victim.address, bend), signers: [] });
  const other = await transaction(w, { instructions: await paying(offer, thief.address), signers: [thief] });
  const bytes = Buffer.from(unsigned, 'base64');
  Buffer.from(other, 'base64').copy(bytes, 65, 65, 129); // the thief's signature of something else
  await untouched(w, async () => {
    for (const text of [unsigned, bytes.toString('base64')]) {
      for (const headers of [asV2(offer, text), asV1(text)]) {
        await refusedAs(await fetch(access(), { headers }), svm('signature_invalid'));
      }
    }
  });
});

w.test('a payer’s second account pays nothing: only the associated one does (inv. 1, 5)', {}, async () => {
  const [payer] = w.buyers;
  const source = await newAccount(payer, 165, (address) => does.initializeAccount({ address, owner: payer.address }));
  const own = await usdcAccount(payer.address);
  await lands(payer, [does.transferChecked({ source: own, destination: source, authority: payer.address, amount: 100_000 })]);
  assert.equal(await w.chain.held(source), 100_000n);
  await refusedBoth([payer], { source }, svm('source_mismatch'));
  assert.equal(await w.chain.held(source), 100_000n);
});

/** Makes a mint of the thief's own with USDC's decimals, a balance of it, and the merchant's account of it. */
async function counterfeit(thief) {
  const mint = await newAccount(thief, 82, (address) => does.initializeMint({ mint: address, authority: thief.address }));
  const [own, merchants] = [await tokenAccount(thief.address, mint), await tokenAccount(MERCHANT, mint)];
  await lands(thief, [
    await does.associatedAccount({ payer: thief.address, owner: thief.address, mint }),
    await does.associatedAccount({ payer: thief.address, owner: MERCHANT, mint }),
    does.mintTo({ mint, to: own, authority: thief.address, amount: 1_000_000_000 }),
  ]);
  return { mint, source: own, destination: merchants };
}

w.test('a token of one’s own making is not USDC, whatever its decimals (inv. 1, 5)', {}, async () => {
  const [, thief] = w.buyers;
  const fake = await counterfeit(thief);
  await refusedBoth([thief], fake, svm('mint_mismatch'));
  // The true mint is among the accounts as a read-only account of the memo. Only v1 looks for it there.
  const naming = (instructions) => [...instructions.slice(0, 3), { ...does.memo('x'), accounts: [{ address: USDC, role: 0 }] }];
  const { accepts: [offer] } = await challenge(access());
  const text = await transaction(w, { instructions: naming(await paying(offer, thief.address, fake)), signers: [thief] });
  const accepted = { ...offer, asset: fake.mint };
  await untouched(w, async () => {
    await refusedAs(await fetch(access(), { headers: asV1(text) }), svm('mint_mismatch'), 'v1');
    await refusedAs(await fetch(access(), { headers: asV2(accepted, text) }), svm('mint_mismatch'), 'v2');
  });
  assert.equal(await w.chain.held(fake.destination), 0n);
});

/** The payer of the tests below. */
const payerOf = () => w.buyers[3];
// Transfers that are not the one that the gateway asked for.
const transfers = {
  'to somebody else': [async () => ({ destination: await usdcAccount(w.everybody.at(-1).address) }), 'recipient_mismatch'],
  'to the payer’s own account': [async (payer) => ({ destination: await usdcAccount(payer.address) }), 'recipient_mismatch'],
  'to the fee payer’s account': [async () => ({ destination: await usdcAccount(w.feePayer) }), 'recipient_mismatch'],
  'to the merchant’s wallet, which is no account of tokens,': [async () => ({ destination: MERCHANT }), 'recipient_mismatch'],
  'of one unit less': [async () => ({ amount: PRICE.hour - 1n }), 'amount_mismatch'],
  'of nothing': [async () => ({ amount: 0n }), 'amount_mismatch'],
  'of more than anybody has': [async () => ({ amount: 2n ** 64n - 1n }), 'amount_mismatch'],
  'with other decimals': [async () => ({ decimals: 2 }), 'mint_mismatch'],
};
for (const [what, [bend, reason]] of Object.entries(transfers)) {
  w.test(`a transfer ${what} buys nothing (inv. 1, 5)`, {}, async () => {
    const payer = payerOf();
    await refusedBoth([payer], await bend(payer), svm(reason));
  });
}

const unknown = /_unknown_instruction$/;
// What is beside the transfer, or in its place. The reason of the refusal may depend on the version.
const beside = {
  'a transfer back to the payer behind it': [
    (own, list) => [...list, does.transferChecked({ source: own, destination: own, authority: payerOf().address, amount: 1 })],
    unknown,
  ],
  'an approval behind it': [
    (own, list) => [...list, does.approve({ source: own, delegate: w.buyers[0].address, owner: payerOf().address, amount: 1 })],
    unknown,
  ],
  'its transfer twice': [(_, [limit, price, one, ...rest]) => [limit, price, one, one, ...rest], unknown],
  'its transfer first': [(_, [limit, price, transfer, ...rest]) => [transfer, limit, price, ...rest], /_compute_limit_instruction$/],
  'a memo in the transfer’s place': [
    (_, [limit, price, , ...rest]) => [limit, price, does.memo('x', [payerOf().address]), ...rest],
    /_(no_transfer_instruction|mint_mismatch)$/,
  ],
  'nothing but a transfer': [(_, [, , transfer]) => [transfer], /_instructions_length$/],
  'fifteen instructions': [(_, list) => [...list, ...Array.from({ length: 12 }, (__, n) => does.memo(`${n}`))], /_instructions_length$/],
};
for (const [what, [change, reason]] of Object.entries(beside)) {
  w.test(`a payment with ${what} buys nothing (inv. 1, 5)`, {}, async () => {
    const payer = payerOf();
    const own = await usdcAccount(payer.address);
    const { accepts: [offer] } = await challenge(access());
    const send = async (memo, dress) => {
      const instructions = change(own, await paying(offer, payer.address, memo === null ? { memo } : {}));
      const response = await fetch(access(), { headers: dress(await transaction(w, { instructions, signers: [payer] })) });
      const { error } = await response.clone().json();
      assert.match(error, reason);
      await refusedAs(response, [402, error]);
    };
    await untouched(w, async () => {
      await send(undefined, (text) => asV2(offer, text));
      await send(null, asV1);
    });
  });
}

w.test('a memo of ours for another ticket, or two memos, buy nothing as v2 (inv. 1)', {}, async () => {
  const payer = payerOf();
  const { accepts: [offer] } = await challenge(access());
  const other = (await challenge(access())).accepts[0].extra.memo;
  const { memo } = offer.extra;
  await untouched(w, async () => {
    for (const [memos, reason] of [
      [[other], 'memo_mismatch'],
      [[memo, memo], 'memo_count'],
      [[memo, other], 'memo_count'],
      [[memo, 'x'], 'memo_count'],
      [['x', 'y'], 'memo_count'],
    ]) {
      const instructions = [...(await paying(offer, payer.address, { memo: null })), ...memos.map((text) => does.memo(text))];
      const text = await transaction(w, { instructions, signers: [payer] });
      await refusedAs(await fetch(access(), { headers: asV2(offer, text) }), svm(reason), JSON.stringify(memos));
    }
  });
});

// For one attempt each: no memo, and memos that are nearly ours.
const foreign = [() => [], () => ['x'], (memo) => [memo.slice(0, -1)], (memo) => [`${memo} `]];
for (const [n, write] of foreign.entries()) {
  w.test(`a payment with its own ticket and ${['no memo', 'a foreign memo', 'a memo cut short', 'a memo and a space'][n]} buys once, where its ticket is for; no other ticket brings it back (inv. 1)`, {}, async () => {
    const attempt = access(`lane-${3 + n}`);
    const payer = w.buyers[4 + n];
    const { accepts: [offer] } = await challenge(attempt);
    const memos = write(offer.extra.memo).map((text) => does.memo(text));
    const instructions = [...(await paying(offer, payer.address, { memo: null })), ...memos];
    const text = await transaction(w, { instructions, signers: [payer] });
    const headers = asV2(offer, text);
    let session;
    const gain = await w.gain(async () => {
      session = await granted(await fetch(attempt, { headers }));
    });
    assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
    const used = [409, 'payment_already_used'];
    await untouched(w, async () => {
      assert.equal((await granted(await fetch(attempt, { headers }))).sessionId, session.sessionId);
      for (const url of [attempt, access('lane-1')]) {
        const [thiefs] = (await challenge(url)).accepts;
        await refusedAs(await fetch(url, { headers: asV2(thiefs, text) }), used, 'another ticket');
        await refusedAs(await fetch(url, { headers: asV1(text) }), used, 'v1');
      }
      await refusedAs(await fetch(access('lane-1'), { headers }), used, 'another place');
    }, { sessions: [session] });
  });
}

w.test('the same builder’s honest payments are taken, as v2 and as v1: what was refused was refused for its one fault', {}, async () => {
  const [v2, v1] = [payerOf(), w.buyers[2]];
  const gain = await w.gain(async () => {
    const { accepts: [offer] } = await challenge(access('lane-1'));
    const text = await transaction(w, { instructions: await paying(offer, v2.address), signers: [v2] });
    await granted(await fetch(access('lane-1'), { headers: asV2(offer, text) }));
    const bare = await transaction(w, { instructions: await paying(offer, v1.address, { memo: null }), signers: [v1] });
    await granted(await fetch(access('lane-2'), { headers: asV1(bare) }));
  });
  assert.deepEqual(gain, { money: 2n * PRICE.hour, landed: 2 });
});
