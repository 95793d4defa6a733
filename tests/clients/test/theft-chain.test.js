// A landed transaction is public, but a reader of the chain gets nothing for it here.

import assert from 'node:assert/strict';
import { challenge, paymentHeaders, paymentV1, pays, sign } from '../harness/buyers.js';
import { usdcAccount } from '../harness/chain.js';
import { MERCHANT, perHour, simulated } from '../harness/config.js';
import { granted, problem, refusedAs } from '../harness/expect.js';
import { alsoSigned, asV1, asV2, does, paying, transaction } from '../harness/transactions.js';
import { untouched } from '../harness/untouched.js';
import { bearer } from '../harness/wire.js';
import { world } from '../harness/world.js';

const limits = { requests_per_second: 0 }; // these tests send more than one client may
const w = world({
  assets: ['lane-1', 'lane-2', 'lane-3', 'lane-4'].map((id) => simulated(perHour(id))),
  buyers: 5,
  limits,
});

const access = (id, query = '') => w.url(`/api/v1/access/${id}${query}`);
const extend = (id) => w.url(`/api/v1/access/${id}/extend`);
const used = [409, 'payment_already_used'];
const foreign = [402, 'invalid_exact_svm_fee_payer_not_managed_by_facilitator'];

let scene; // one victim and one thief for all tests of this file
async function robbery() {
  if (scene) return scene;
  const [victim, victimV1, thief] = [w.buyer(), w.buyer(), w.buyer()];
  const paid = await sign(w, victim, await challenge(access('lane-1')));
  const session = await granted(await fetch(access('lane-1'), { headers: paymentHeaders(paid) }));
  const sessionV1 = await granted(await fetch(access('lane-4'), { headers: await paymentV1(w, victimV1, access('lane-4')) }));
  const own = await granted(await pays.v2(w, thief)(access('lane-2')));
  const landed = async ({ transaction: id }) => (await w.chain.transaction(id)).transaction[0];
  const stolen = await landed(session);
  assert.notEqual(stolen, paid.payload.transaction, 'on the chain it has the fee payer’s signature too');
  scene = { paid, session, sessionV1, own, stolen, stolenV1: await landed(sessionV1) };
  return scene;
}

/**
 * Returns every place that takes payments: the victims' assets, a free one, the thief's own, and the extensions of
 * their sessions.
 */
function places({ session, own }) {
  return [
    ...['lane-1', 'lane-2', 'lane-3', 'lane-4'].map((id) => ({ url: access(id), headers: {} })),
    { url: extend('lane-2'), headers: bearer(own.sessionToken) },
    { url: extend('lane-1'), headers: bearer(session.sessionToken) }, // as if that had been stolen too
  ];
}

/** Sends a payment everywhere, with headers that may depend on the place. Asserts the same answer everywhere. */
async function everywhere(found, dress, expected = used) {
  await untouched(w, async () => {
    for (const { url, headers } of places(found)) {
      const payment = await dress(url, headers);
      const response = await fetch(url, { headers: { ...headers, ...payment } });
      await refusedAs(response, expected, url);
    }
  }, { sessions: [found.session, found.sessionV1, found.own] });
}

const withSignature = (text, fill) => {
  const bytes = Buffer.from(text, 'base64');
  fill(bytes.subarray(1, 65)); // the first signature, after the count
  return bytes.toString('base64');
};
const withExtra = ({ accepted }, extra) => ({ ...accepted, extra: { ...accepted.extra, ...extra } });
const fresh = async (url, headers = {}) => (await challenge(url, { headers })).accepts[0];

// What a thief makes of bytes from the chain, by description.
const dressings = {
  'with the honest offer, but without the ticket': ({ paid, stolen }) => asV2(withExtra(paid, { ticket: undefined }), stolen),
  'with the memo in the ticket’s place': ({ paid, stolen }) => asV2(withExtra(paid, { ticket: paid.accepted.extra.memo }), stolen),
  'with the ticket of a fresh challenge of the same place': async ({ stolen }, url, headers) => asV2(await fresh(url, headers), stolen),
  'with a fresh ticket and the victim’s memo': async ({ paid, stolen }, url, headers) => {
    const { ticket } = (await fresh(url, headers)).extra;
    return asV2(withExtra(paid, { ticket }), stolen);
  },
  'with another asset’s challenge': async ({ stolen }) => asV2(await fresh(access('lane-3')), stolen),
  'with the challenge of another quantity': async ({ stolen }, url, headers) => asV2(await fresh(`${url}?quantity=2`, headers), stolen),
  'as v1': ({ stolen }) => asV1(stolen),
  'as v1, without the fee payer’s signature': ({ stolen }) => asV1(withSignature(stolen, (s) => s.fill(0))),
  'as v1, with another signature in the fee payer’s place': ({ stolen }) => asV1(withSignature(stolen, (s) => s.fill(7))),
  'of a v1 payment, as v1': ({ stolenV1 }) => asV1(stolenV1),
  'of a v1 payment, as v2 with a fresh ticket': async ({ stolenV1 }, url, headers) => asV2(await fresh(url, headers), stolenV1),
};

for (const [what, dress] of Object.entries(dressings)) {
  w.test(`bytes taken from the chain buy nothing anywhere: ${what} (inv. 1, 9)`, {}, async () => {
    const found = await robbery();
    await everywhere(found, (url, headers) => dress(found, url, headers));
  });
}

w.test('the victim’s ticket fetches the victim’s session at its own place only, and only in its own quantity (inv. 1)', {}, async () => {
  const { paid, session, own } = await robbery();
  const headers = paymentHeaders(paid);
  await untouched(w, async () => {
    for (const url of [access('lane-2'), access('lane-3')]) await refusedAs(await fetch(url, { headers }), used, url);
    const elsewhere = await fetch(extend('lane-2'), { headers: { ...bearer(own.sessionToken), ...headers } });
    await refusedAs(elsewhere, used, 'the thief’s extension');
    await refusedAs(await fetch(access('lane-1', '?quantity=2'), { headers }), [400, 'quantity_mismatch'], 'twice as much');
  }, { sessions: [session, own] });
});

w.test('the thief’s session token does not open the way to the victim’s extension (inv. 1, 9)', {}, async () => {
  const { stolen, session, own } = await robbery();
  await untouched(w, async () => {
    const headers = { ...bearer(own.sessionToken), ...asV1(stolen) };
    await problem(await fetch(extend('lane-1'), { headers }), 403, 'other_session');
    await problem(await fetch(extend('lane-1'), { headers: asV1(stolen) }), 401, 'session_token_required');
  }, { sessions: [session, own] });
});

/** Makes a payment for a fresh challenge of the free asset that was brought to the chain past the gateway. */
async function settledElsewhere(buyer, bend) {
  const { accepts: [offer] } = await challenge(access('lane-3'));
  const instructions = await paying(offer, buyer.address, bend);
  const signed = await transaction(w, { instructions, signers: [buyer] });
  await w.chain.send(await alsoSigned(signed, w.feePayerWallet));
  return { offer, signed };
}

// With its ticket it gets the record that the journal lacks: reconcile.test.js.
w.test('what was settled elsewhere first buys nothing here without its ticket: it is used, or was signed for a ticket; once its blockhash is too old it fails in the simulation (inv. 1, 5)', {}, async () => {
  const buyer = w.buyers[0];
  const { signed } = await settledElsewhere(buyer);
  const bare = (await settledElsewhere(buyer, { memo: null })).signed;
  const tries = (expected) =>
    untouched(w, async () => {
      await refusedAs(await fetch(access('lane-3'), { headers: asV1(signed) }), [402, 'invalid_exact_svm_payload_memo_mismatch'], 'v1, for a ticket');
      await refusedAs(await fetch(access('lane-3'), { headers: asV1(bare) }), expected, 'v1');
    });
  await tries(used);
  await w.chain.advanceBlocks(200);
  await tries([402, 'invalid_exact_svm_transaction_simulation_failed']);
});

w.test('a transfer to the merchant that was made without the gateway buys nothing here (inv. 1, 5)', {}, async () => {
  const [buyer] = w.buyers;
  const { accepts: [offer] } = await challenge(access('lane-3'));
  const paid = await paying(offer, buyer.address);
  const plain = does.transfer({
    source: await usdcAccount(buyer.address), destination: await usdcAccount(MERCHANT), authority: buyer.address, amount: offer.amount,
  });
  const bare = [402, 'invalid_exact_svm_payload_transaction_instructions_length'];
  const nameless = [402, 'invalid_exact_svm_payload_mint_mismatch']; // a plain transfer names no mint
  for (const [instructions, v2, v1] of [
    [paid, foreign, foreign],
    [[plain], bare, nameless],
    [[does.limit(), does.price(), plain, does.memo(offer.extra.memo)], foreign, nameless],
  ]) {
    const text = await transaction(w, { feePayer: buyer.address, instructions, signers: [buyer] });
    await w.chain.send(text);
    await untouched(w, async () => {
      await refusedAs(await fetch(access('lane-3'), { headers: asV2(offer, text) }), v2, 'v2');
      await refusedAs(await fetch(access('lane-3'), { headers: asV1(text) }), v1, 'v1');
    });
  }
});
