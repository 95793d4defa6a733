// A payment that passes the simulation may fail when it lands: then a bounded fee is lost, and nothing else. Here the
// payer's balance changes in between. A wallet's assertion that a second transaction makes false would have the same
// effect.

import assert from 'node:assert/strict';
import { challenge, payment, pays } from '../harness/buyers.js';
import { usdcAccount } from '../harness/chain.js';
import { PRICE, perHour } from '../harness/config.js';
import { granted, problem, refusedAs } from '../harness/expect.js';
import { asV1, asV2, does, paying, transaction } from '../harness/transactions.js';
import { untouched } from '../harness/untouched.js';
import { world } from '../harness/world.js';

const FEE = 10_001; // two signatures, and a lamport of priority
const limits = { requests_per_second: 0 }; // these tests send more than one client may
const w = world({
  assets: ['door-1', 'door-2', 'door-3'].map(perHour),
  buyers: 8,
  paupers: 1,
  limits,
  // Newcomers may cost five fees at once, which is a 52nd of what is allowed in a day.
  settlement: { max_fee_lamports: FEE, max_fee_lamports_per_day: 52 * (5 * FEE + 1) },
});

const access = (id = 'door-1') => w.url(`/api/v1/access/${id}`);
const locked = () => !w.can.devices || ['door-1', 'door-2'].every((id) => !w.gateway.isOpen(`${id}.open`));

/** Empties the wallet's account between the simulation and the landing of the next payment. */
function emptiesInBetween(wallet) {
  let emptied = false;
  w.relay.spoil = (method) =>
    method === 'sendTransaction' && !emptied
      ? async (pass) => {
          emptied = true;
          const [source, destination] = [await usdcAccount(wallet.address), await usdcAccount(w.everybody.at(-1).address)];
          const all = does.transferChecked({ source, destination, authority: wallet.address, amount: await w.chain.held(source) });
          await w.chain.send(await transaction(w, { feePayer: wallet.address, instructions: [all], signers: [wallet] }));
          const answer = await pass();
          await w.chain.advanceBlocks(40); // so that it is final
          return answer;
        }
      : null;
  return () => assert.ok(emptied, 'the payment was sent');
}

const again = (wallet) => w.chain.rpc('coinop_setTokens', wallet.address, '5');

w.test('somebody buys, before anything fails', {}, async () => {
  await granted(await pays.v2(w, w.buyer())(access('door-3')));
});

let thief;
w.test('a payment that fails on landing is charged to nobody, opens nothing, and costs its fee only (inv. 1, 2, 4)', {}, async () => {
  const ways = [
    async () => payment(w, thief, access()),
    async () => {
      const { accepts: [offer] } = await challenge(access());
      return asV2(offer, await transaction(w, { instructions: await paying(offer, thief.address), signers: [thief] }));
    },
    async () => {
      const { accepts: [offer] } = await challenge(access());
      const instructions = await paying(offer, thief.address, { memo: null });
      return asV1(await transaction(w, { instructions, signers: [thief] }));
    },
  ];
  for (const way of ways) {
    thief = w.buyer();
    const headers = await way();
    const check = emptiesInBetween(thief);
    const lamports = await w.chain.lamports(w.feePayer);
    const gain = await w.gain(async () => {
      await refusedAs(await fetch(access(), { headers }), [402, 'invalid_exact_svm_transaction_failed']);
    });
    check();
    w.relay.mend();
    assert.deepEqual(gain, { money: 0n, landed: 2 }, 'the thief’s own transfer, and the payment that failed');
    assert.equal(lamports - (await w.chain.lamports(w.feePayer)), FEE);
    assert.ok(locked());
    const status = await (await fetch(w.url('/api/v1/assets/door-1/status'))).json();
    assert.deepEqual([status.available, status.session], [true, null], 'free for others');
    await again(thief);
  }
});

w.test('a payment that failed on landing buys nothing when it is sent again, though its payer has money now, and its payer has to wait (inv. 1)', {}, async () => {
  const other = w.buyers.at(-1);
  const headers = await payment(w, other, access('door-2'));
  const check = emptiesInBetween(other);
  await refusedAs(await fetch(access('door-2'), { headers }), [402, 'invalid_exact_svm_transaction_failed']);
  check();
  w.relay.mend();
  await again(other);
  await untouched(w, async () => {
    await problem(await fetch(access('door-2'), { headers }), 429, 'payer_backoff');
  });
  await w.chain.advanceBlocks(200);
  await untouched(w, async () => {
    await problem(await fetch(access('door-2'), { headers }), 429, 'payer_backoff');
  });
});

w.test('who has just failed at an asset has to wait there, and costs nothing more (inv. 2)', {}, async () => {
  const headers = await payment(w, thief, access());
  await untouched(w, async () => {
    const response = await fetch(access(), { headers });
    const after = Number(response.headers.get('retry-after'));
    assert.ok(after >= 1 && after <= 60, `Retry-After: ${after}`);
    await problem(response, 429, 'payer_backoff');
  });
});

w.test('what newcomers may cost is bounded: then they are not charged (inv. 2, 5)', {}, async () => {
  const last = w.buyer();
  const failing = await payment(w, last, access('door-1'));
  const check = emptiesInBetween(last);
  await refusedAs(await fetch(access('door-1'), { headers: failing }), [402, 'invalid_exact_svm_transaction_failed']);
  check();
  w.relay.mend();
  const headers = await payment(w, w.buyer(), access('door-2'));
  await untouched(w, async () => {
    const response = await fetch(access('door-2'), { headers });
    assert.ok(Number(response.headers.get('retry-after')) >= 1);
    await problem(response, 503, 'fee_budget_spent');
  }, { reserves: true });
  assert.equal(await w.earned(), PRICE.hour);
});
