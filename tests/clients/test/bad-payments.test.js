// Payments that are not what the gateway asked for: they are refused, and nothing moves.

import assert from 'node:assert/strict';
import { challenge, paymentHeaders, pays, sign } from '../harness/buyers.js';
import { PRICE, perMinute, simulated } from '../harness/config.js';
import { granted, refused } from '../harness/expect.js';
import { world } from '../harness/world.js';

const access = (id = 'lane-1') => w.url(`/api/v1/access/${id}`);
const send = (payload, url = access()) => fetch(url, { headers: paymentHeaders(payload) });

/** Returns the text with one letter changed, after the fraction `at` of it. */
function smudge(text, at) {
  const from = Math.floor(text.length * at);
  const spot = from + text.slice(from).search(/[A-Za-z0-9]/);
  return text.slice(0, spot) + (text[spot] === 'A' ? 'B' : 'A') + text.slice(spot + 1);
}

const withTicket = (payload, change) => {
  const { extra } = payload.accepted;
  return { ...payload, accepted: { ...payload.accepted, extra: { ...extra, ticket: change(extra.ticket) } } };
};

/** Returns the payment with its transaction's bytes changed. */
const withBytes = (payload, change) => {
  const bytes = change(Buffer.from(payload.payload.transaction, 'base64'));
  return { ...payload, payload: { transaction: bytes.toString('base64') } };
};

/** Returns the offer with other entries in `extra`. Undefined entries are left out. */
const withExtra = (extra) => (offer) => JSON.parse(JSON.stringify({ ...offer, extra: { ...offer.extra, ...extra } }));

// Each gets a wallet and a fresh challenge, and returns the gateway's response.
const cases = {
  'the ticket is altered at its start': async (wallet, required) =>
    send(withTicket(await sign(w, wallet, required), (ticket) => smudge(ticket, 0.3))),
  'the ticket is altered near its end': async (wallet, required) =>
    send(withTicket(await sign(w, wallet, required), (ticket) => smudge(ticket, 0.9))),
  'the ticket is another quote’s': async (wallet, required) => {
    const { ticket } = (await challenge(access())).accepts[0].extra;
    return send(withTicket(await sign(w, wallet, required), () => ticket));
  },
  'less than the price is signed': async (wallet, required) =>
    send(await sign(w, wallet, required, (offer) => ({ ...offer, amount: '9999' }))),
  'more than the price is signed': async (wallet, required) =>
    send(await sign(w, wallet, required, (offer) => ({ ...offer, amount: '10001' }))),
  'less is signed, and claimed to have been asked': async (wallet, required) => {
    const payload = await sign(w, wallet, required, (offer) => ({ ...offer, amount: '1' }));
    return send({ ...payload, accepted: { ...payload.accepted, amount: '1' } });
  },
  'another payee is signed': async (wallet, required) => {
    const payTo = w.paupers[0].address;
    return send(await sign(w, wallet, required, (offer) => ({ ...offer, payTo })));
  },
  'the memo of another quote of ours is signed': async (wallet, required) => {
    const { memo } = (await challenge(access())).accepts[0].extra;
    return send(await sign(w, wallet, required, withExtra({ memo })));
  },
  'another fee payer is signed': async (wallet, required) =>
    send(await sign(w, wallet, required, withExtra({ feePayer: w.paupers[0].address }))),
  'the signature is forged': async (wallet, required) =>
    send(withBytes(await sign(w, wallet, required), (bytes) => bytes.fill(bytes[80] ^ 1, 80, 81))),
  'the transaction is cut short': async (wallet, required) =>
    send(withBytes(await sign(w, wallet, required), (bytes) => bytes.subarray(0, -7))),
  'the transaction has bytes after its end': async (wallet, required) =>
    send(withBytes(await sign(w, wallet, required), (bytes) => Buffer.concat([bytes, Buffer.from([0])]))),
  'it was for another asset of the same price': async (wallet, required) =>
    send(await sign(w, wallet, required), access('lane-2')),
  'another quantity is asked for than was quoted': async (wallet, required) =>
    send(await sign(w, wallet, required), `${access()}?quantity=2`),
  'the blockhash has expired': async (wallet, required) => {
    const payload = await sign(w, wallet, required);
    await w.chain.advanceBlocks(200);
    return send(payload);
  },
};

const w = world({
  assets: [simulated(perMinute('lane-1')), simulated(perMinute('lane-2'))],
  buyers: Object.keys(cases).length + 2,
  paupers: 2,
});

for (const [what, attempt] of Object.entries(cases)) {
  w.test(`refused, and no balance moves: ${what} (inv. 1, 2)`, {}, async () => {
    const buyer = w.buyer();
    const before = await w.chain.balance(buyer.address);
    const gain = await w.gain(async () => refused(await attempt(buyer, await challenge(access()))));
    assert.deepEqual(gain, { money: 0n, landed: 0 });
    assert.equal(await w.chain.balance(buyer.address), before);
  });
}

w.test('refused, and no balance moves: the payer has nothing (inv. 1, 2)', {}, async () => {
  const gain = await w.gain(async () => refused(await send(await sign(w, w.paupers[1], await challenge(access())))));
  assert.deepEqual(gain, { money: 0n, landed: 0 });
});

w.test('a memo of the client’s own is no fault, for its ticket is shown: it buys once, and a repeat brings that session back (inv. 1)', {}, async () => {
  const url = access('lane-2');
  const payload = await sign(w, w.buyer(), await challenge(url), withExtra({ memo: undefined }));
  let first;
  const gain = await w.gain(async () => {
    first = await granted(await send(payload, url));
    const again = await granted(await send(payload, url));
    assert.equal(again.sessionId, first.sessionId);
  });
  assert.deepEqual(gain, { money: PRICE.minute, landed: 1 });
  const { ticket } = (await challenge(access())).accepts[0].extra;
  const thief = await w.gain(async () => refused(await send(withTicket(payload, () => ticket))));
  assert.deepEqual(thief, { money: 0n, landed: 0 }, 'nor does another’s ticket');
});

w.test('after all refusals the asset is free, and a good payment is taken (inv. 2, 8)', {}, async () => {
  const status = await (await fetch(w.url('/api/v1/assets/lane-1/status'))).json();
  assert.equal(status.available, true);
  await granted(await pays.v2(w, w.buyer())(access()));
});
