// What a buyer's wallet or client may make of a valid payment: guards in it, no memo, or its own memo.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Keypair } from '@solana/web3.js';
import { createX402Client } from 'x402-solana/client';
import { challenge, paymentHeaders, pays, sign } from '../harness/buyers.js';
import { PRICE, perHour } from '../harness/config.js';
import { opens } from '../harness/device.js';
import { bought, granted, refusedAs } from '../harness/expect.js';
import { sessionsOf } from '../harness/insist.js';
import { asV2, paying, transaction } from '../harness/transactions.js';
import { untouched } from '../harness/untouched.js';
import { rewrite, styles, wallet } from '../harness/wallets.js';
import { settlement } from '../harness/wire.js';
import { world } from '../harness/world.js';

const HOUR = 3_600_000;
const FEE = 10_001; // two signatures, and a lamport of priority
const honest = ['phantom', 'phantomWithFeePayer', 'phantomWithFloor', 'solflare', 'many'];
const memos = { 'no memo': () => null, 'a random memo': () => randomBytes(16).toString('hex') };
const ids = [...honest, 'no-memo', 'random-memo', 'guarded-no-memo', 'payai', 'v1-guards', 'lane-1', 'lane-2', 'lane-3', 'lane-4', 'lane-5', 'lane-6'];
const w = world({ assets: ids.map(perHour), buyers: 24, limits: { requests_per_second: 0 } });

const access = (id) => w.url(`/api/v1/access/${id}`);
const offered = async (id) => (await challenge(access(id))).accepts[0];
const send = (id, headers) => fetch(access(id), { headers });
const FOREIGN = [409, 'payment_already_used'];

/** Makes a payment for an offer by hand, with this memo and this wallet's guards. */
async function written(buyer, offer, { memo = offer.extra.memo, style = styles.plain } = {}) {
  const instructions = await rewrite(w, style, await paying(offer, buyer.address, { memo }));
  return transaction(w, { instructions, signers: [buyer] });
}

/** Returns what was accepted with another ticket, or without one (null). */
const ticketed = ({ extra, ...offer }, ticket) => {
  const { ticket: _, ...rest } = extra;
  return { ...offer, extra: ticket === null ? rest : { ...rest, ticket } };
};

/**
 * Asserts a sale by `buy`, which returns a response: the money, the landed transaction, the fee, the door. Returns the
 * session.
 */
async function sold(id, buyer, buy) {
  const [funds, lamports] = [await w.chain.balance(buyer.address), await w.chain.lamports(w.feePayer)];
  let response;
  const gain = await w.gain(async () => {
    response = await buy();
    if (w.can.devices && response.status === 200) await opens(w.gateway, `${id}.open`);
  });
  const session = await granted(response.clone());
  assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
  assert.equal(funds - (await w.chain.balance(buyer.address)), PRICE.hour, 'the payer paid the price');
  assert.equal(lamports - (await w.chain.lamports(w.feePayer)), FEE, 'the fee payer paid the fee');
  assert.equal(bought(session), HOUR);
  assert.equal(settlement(response).payer, buyer.address);
  assert.equal(settlement(response).transaction, session.transaction);
  const status = await (await fetch(w.url(`/api/v1/assets/${id}/status`))).json();
  assert.equal(status.session?.endsAt, session.endsAt, 'the asset is taken until the end of the session');
  return session;
}

/** Asserts that a repeat with the same bytes and ticket returns the same session, and moves nothing. */
async function isRepeated(id, headers, session) {
  await untouched(w, async () => {
    const again = await granted(await send(id, headers));
    for (const key of ['sessionId', 'startsAt', 'endsAt', 'transaction']) assert.equal(again[key], session[key], key);
  }, { sessions: [session] });
}

for (const name of honest) {
  w.test(`a wallet that adds guards buys: ${name}; its repeat gets the same session, and one transaction lands (inv. 1, 2)`, {}, async () => {
    const buyer = w.buyer();
    const headers = paymentHeaders(await sign(w, wallet(w, styles[name], buyer), await challenge(access(name))));
    const session = await sold(name, buyer, () => send(name, headers));
    await isRepeated(name, headers, session);
  });
}

w.test('the real client with a Phantom-shaped wallet extends what it has bought (inv. 1)', {}, async () => {
  const buyer = w.buyer();
  const fetchPaid = pays.v2(w, wallet(w, styles.phantom, buyer));
  const session = await sold('lane-1', buyer, () => fetchPaid(access('lane-1')));
  const headers = { authorization: `Bearer ${session.sessionToken}` };
  let longer;
  const gain = await w.gain(async () => {
    const response = await fetchPaid(w.url('/api/v1/access/lane-1/extend'), { method: 'POST', headers });
    longer = await granted(response);
  });
  assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
  assert.equal(longer.sessionId, session.sessionId);
  assert.equal(bought(longer), 2 * HOUR);
});

for (const [what, memo] of Object.entries(memos)) {
  const id = what === 'no memo' ? 'no-memo' : 'random-memo';
  w.test(`a payment with ${what} buys; only its own ticket repeats it, and its wallet’s proof finds the session (inv. 1, 2, 9)`, {}, async () => {
    const buyer = w.buyer();
    const offer = await offered(id);
    const text = await written(buyer, offer, { memo: memo() });
    const session = await sold(id, buyer, () => send(id, asV2(offer, text)));
    await isRepeated(id, asV2(offer, text), session);
    await untouched(w, async () => {
      for (const ticket of [(await offered('lane-2')).extra.ticket, null]) {
        await refusedAs(await send(id, asV2(ticketed(offer, ticket), text)), FOREIGN, `ticket ${ticket}`);
      }
    }, { sessions: [session] });
    const found = await sessionsOf(w, buyer);
    assert.deepEqual(found.map(({ sessionId }) => sessionId), [session.sessionId]);
  });
}

w.test('a thief’s own fresh ticket for the same asset and price does not fetch what a memo-less payment bought (inv. 1, 9)', {}, async () => {
  const buyer = w.buyer();
  // Both tickets are made before the asset is taken, as by two people at one door.
  const [offer, thiefs] = [await offered('lane-3'), await offered('lane-3')];
  assert.notEqual(offer.extra.ticket, thiefs.extra.ticket);
  const text = await written(buyer, offer, { memo: null });
  const session = await sold('lane-3', buyer, () => send('lane-3', asV2(offer, text)));
  await untouched(w, async () => {
    await refusedAs(await send('lane-3', asV2(thiefs, text)), FOREIGN);
    await refusedAs(await send('lane-3', asV2(ticketed(thiefs, null), text)), FOREIGN, 'without a ticket');
  }, { sessions: [session] });
});

w.test('guards and no memo together buy too: an app that omits the memo, in Phantom (inv. 1)', {}, async () => {
  const buyer = w.buyer();
  const offer = await offered('guarded-no-memo');
  const headers = asV2(offer, await written(buyer, offer, { memo: null, style: styles.phantom }));
  const session = await sold('guarded-no-memo', buyer, () => send('guarded-no-memo', headers));
  await isRepeated('guarded-no-memo', headers, session);
});

w.test('one ticket is worth one payment without our memo: the second, another, is refused (inv. 1)', {}, async () => {
  const [buyer, other] = [w.buyer(), w.buyer()];
  const offer = await offered('lane-4');
  const payments = await Promise.all([
    written(buyer, offer, { memo: null }),
    written(buyer, offer, { memo: 'another' }),
    written(other, offer, { memo: null }),
    written(other, offer),
  ]);
  const [first, ...later] = payments.map((text) => asV2(offer, text));
  const session = await sold('lane-4', buyer, () => send('lane-4', first));
  await untouched(w, async () => {
    for (const headers of later) await refusedAs(await send('lane-4', headers), [409, 'quote_already_used']);
  }, { sessions: [session] });
});

w.test('one payment without our memo at two assets at once buys one of them, once (inv. 1)', {}, async () => {
  const buyer = w.buyer();
  const [one, other] = [await offered('lane-5'), await offered('lane-6')];
  const text = await written(buyer, one, { memo: null });
  let answers;
  const gain = await w.gain(async () => {
    answers = await Promise.all([send('lane-5', asV2(one, text)), send('lane-6', asV2(other, text))]);
  });
  assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
  const won = answers.findIndex(({ status }) => status === 200);
  const session = await granted(answers[won]);
  await refusedAs(answers[1 - won], FOREIGN);
  const [lost, offer] = won === 0 ? ['lane-6', other] : ['lane-5', one];
  await untouched(w, async () => refusedAs(await send(lost, asV2(offer, text)), FOREIGN, 'again'), { sessions: [session] });
  // The asset that the payment did not buy is free.
  const next = w.buyer();
  const fresh = await offered(lost);
  await sold(lost, next, async () => send(lost, asV2(fresh, await written(next, fresh))));
});

w.test('the memo of another ticket of this gateway is no foreign memo: it is refused (inv. 1)', {}, async () => {
  const buyer = w.buyer();
  const [offer, other] = [await offered('v1-guards'), await offered('v1-guards')];
  const text = await written(buyer, offer, { memo: other.extra.memo });
  await untouched(w, async () => {
    await refusedAs(await send('v1-guards', asV2(offer, text)), [402, 'invalid_exact_svm_payload_memo_mismatch']);
  });
  // Both tickets are still valid for their own purpose.
  await sold('v1-guards', buyer, async () => send('v1-guards', asV2(offer, await written(buyer, offer))));
});

w.test('PayAI’s client x402-solana, which sends no memo, buys; its repeat gets the same session (inv. 1, 2)', {}, async () => {
  const buyer = w.buyer();
  const key = Keypair.fromSecretKey(buyer.secret);
  let sent;
  const client = createX402Client({
    network: 'solana-devnet',
    rpcUrl: w.chain.url,
    wallet: { publicKey: key.publicKey, signTransaction: async (it) => (it.sign([key]), it) },
    customFetch: (url, init) => fetch(url, (sent = init)),
  });
  const session = await sold('payai', buyer, () => client.fetch(access('payai')));
  await isRepeated('payai', sent.headers, session);
});
