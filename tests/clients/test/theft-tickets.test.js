// A ticket is worth one payment, only for what it was made, and only in the form in which it was made.

import assert from 'node:assert/strict';
import { challenge, paymentHeaders, sign } from '../harness/buyers.js';
import { USDC } from '../harness/chain.js';
import { PRICE, perHour, simulated } from '../harness/config.js';
import { granted, refused, refusedAs } from '../harness/expect.js';
import { newWallet } from '../harness/keys.js';
import { quoteIn, sealed } from '../harness/secrets.js';
import { target } from '../harness/targets/index.js';
import { asV2, does, paying, transaction } from '../harness/transactions.js';
import { untouched } from '../harness/untouched.js';
import { world } from '../harness/world.js';

const w = world({
  assets: ['lane-1', 'lane-2', 'lane-3', 'lane-4', 'lane-5'].map((id) => simulated(perHour(id))),
  buyers: 8,
  paupers: 1,
  limits: { requests_per_second: 0 }, // some of these tests send a thousand requests
});

const access = (id, query = '') => w.url(`/api/v1/access/${id}${query}`);
const offered = async (url) => (await challenge(url)).accepts[0];
const invalid = [402, 'ticket_invalid'];

/** Makes a payment for this offer with its memo, but with this ticket, so only the ticket is wrong. */
async function withTicket(buyer, offer, ticket, blockhash) {
  const accepted = { ...offer, extra: { ...offer.extra, ticket } };
  const text = await transaction(w, { instructions: await paying(accepted, buyer.address), signers: [buyer], blockhash });
  return asV2(accepted, text);
}

/** Runs `each` for all items, `width` at a time. */
async function inParallel(all, each, width = 24) {
  const rest = all.entries();
  const run = async () => {
    for (const [n, one] of rest) await each(one, n);
  };
  await Promise.all(Array.from({ length: width }, run));
}

/** Returns the text with every bit of every character flipped in turn. */
function flips(ticket) {
  const flip = (at, bit) => ticket.slice(0, at) + String.fromCharCode(ticket.charCodeAt(at) ^ (1 << bit)) + ticket.slice(at + 1);
  return Array.from(ticket).flatMap((_, at) => Array.from({ length: 7 }, (__, bit) => flip(at, bit)));
}

/** Makes different payments for one offer, one from each wallet. They all pay the same. */
const paymentsFor = (offer, wallets) =>
  Promise.all(wallets.map(async (wallet, n) => {
    const [limit, , ...rest] = await paying(offer, wallet.address);
    const instructions = [limit, does.price(n), ...rest];
    return asV2(offer, await transaction(w, { instructions, signers: [wallet] }));
  }));

w.test('two payments for one ticket, one after the other: the second is refused, from the same wallet and from another (inv. 1)', {}, async () => {
  const [buyer, other] = [w.buyer(), w.buyer()];
  const [first, ...later] = await paymentsFor(await offered(access('lane-1')), [buyer, buyer, other]);
  const session = await granted(await fetch(access('lane-1'), { headers: first }));
  await untouched(w, async () => {
    for (const headers of later) await refusedAs(await fetch(access('lane-1'), { headers }), [409, 'quote_already_used']);
  }, { sessions: [session] });
});

for (const [what, id, wallets] of [['one wallet', 'lane-2', 1], ['two wallets', 'lane-3', 2]]) {
  w.test(`two payments for one ticket at the same moment, from ${what}: one is taken, one session is sold (inv. 1)`, {}, async () => {
    const buyers = Array.from({ length: wallets }, () => w.buyer());
    const two = await paymentsFor(await offered(access(id)), [buyers[0], buyers.at(-1)]);
    let answers;
    const gain = await w.gain(async () => {
      answers = await Promise.all(two.map((headers) => fetch(access(id), { headers })));
    });
    assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
    const won = answers.findIndex(({ status }) => status === 200);
    const session = await granted(answers[won]);
    const { errorReason } = await refused(answers[1 - won]);
    assert.ok(['quote_already_used', 'asset_busy'].includes(errorReason), errorReason);
    // The refused payment gets nothing later either.
    await untouched(w, async () => {
      await refusedAs(await fetch(access(id), { headers: two[1 - won] }), [409, 'quote_already_used'], 'again');
    }, { sessions: [session] });
  });
}

w.test('a ticket with any bit of it altered buys nothing, although the payment has the true one’s memo (inv. 1)', {}, async (t) => {
  const buyer = w.buyers[0];
  const offer = await offered(access('lane-4'));
  const altered = flips(offer.extra.ticket);
  const blockhash = await w.chain.blockhash();
  t.diagnostic(`${altered.length} altered tickets`);
  await untouched(w, () =>
    inParallel(altered, async (ticket) => {
      const headers = await withTicket(buyer, offer, ticket, blockhash);
      await refusedAs(await fetch(access('lane-4'), { headers }), invalid, JSON.stringify(ticket));
    }),
  );
});

w.test('a ticket with any bit of it altered does not fetch what the true one bought (inv. 1, 9)', {}, async () => {
  const paid = await sign(w, w.buyer(), await challenge(access('lane-4')));
  const session = await granted(await fetch(access('lane-4'), { headers: paymentHeaders(paid) }));
  const { extra } = paid.accepted;
  await untouched(w, () =>
    inParallel(flips(extra.ticket), async (ticket) => {
      const headers = asV2({ ...paid.accepted, extra: { ...extra, ticket } }, paid.payload.transaction);
      await refusedAs(await fetch(access('lane-4'), { headers }), [409, 'payment_already_used'], JSON.stringify(ticket));
    }), { sessions: [session] });
});

const standard = (text) => text.replaceAll('-', '+').replaceAll('_', '/');
const padded = (text) => text + '='.repeat((4 - (text.length % 4)) % 4);
/** The same text with the last character's unused bits set. Lax readers take both for the same. */
const lastBits = (text) => text.slice(0, -1) + { A: 'B', Q: 'R', g: 'h', w: 'x' }[text.at(-1)];
/** Returns the ticket with other bytes: version (1), the key's name (4), quote, code (16). */
const rewritten = (change) => (ticket) => Buffer.from(change(Buffer.from(ticket, 'base64url'))).toString('base64url');

// What a thief can make of a ticket. To a lax reader each still says the same, or says more.
const mangled = {
  'cut short by one character': (ticket) => ticket.slice(0, -1),
  'cut short by one byte': rewritten((bytes) => bytes.subarray(0, -1)),
  'cut down to its quote': rewritten((bytes) => bytes.subarray(5, -16)),
  'without a code': rewritten((bytes) => bytes.subarray(0, -16)),
  'with half a code': rewritten((bytes) => bytes.subarray(0, -8)),
  'with a code of zeros': rewritten((bytes) => bytes.fill(0, bytes.length - 16)),
  'without its key’s name': rewritten((bytes) => Buffer.concat([bytes.subarray(0, 1), bytes.subarray(5)])),
  'of another version': rewritten((bytes) => bytes.fill(2, 0, 1)),
  'without a version': rewritten((bytes) => bytes.subarray(1)),
  'doubled': (ticket) => ticket + ticket,
  'doubled as bytes': rewritten((bytes) => Buffer.concat([bytes, bytes])),
  'doubled with a point between': (ticket) => `${ticket}.${ticket}`,
  'with its code twice': rewritten((bytes) => Buffer.concat([bytes, bytes.subarray(-16)])),
  'with a byte between its quote and its code': rewritten((bytes) => Buffer.concat([bytes.subarray(0, -16), Buffer.from([0]), bytes.subarray(-16)])),
  'with another key’s name': rewritten((bytes) => bytes.fill(0, 1, 5)),
  'padded': padded,
  'in the other alphabet of base64, and padded': (ticket) => padded(standard(ticket)),
  'with the unused last bits of its text set': lastBits,
  'with a space before it': (ticket) => ` ${ticket}`,
  'with a line end behind it': (ticket) => `${ticket}\n`,
  'with a zero byte behind it': (ticket) => `${ticket}\0`,
  'in base64 as a whole': (ticket) => Buffer.from(ticket).toString('base64'),
  'in capitals': (ticket) => ticket.toUpperCase(),
  'as no text at all': () => '',
  'as points': () => '..',
};

for (const [what, mangle] of Object.entries(mangled)) {
  w.test(`a ticket ${what} buys nothing (inv. 1)`, {}, async () => {
    const offer = await offered(access('lane-5'));
    const ticket = mangle(offer.extra.ticket);
    assert.notEqual(ticket, offer.extra.ticket);
    await untouched(w, async () => {
      const headers = await withTicket(w.buyers[0], offer, ticket);
      await refusedAs(await fetch(access('lane-5'), { headers }), invalid, ticket);
    });
  });
}

w.test('a ticket that is no text is no payment, and null is no ticket (inv. 1)', {}, async () => {
  const offer = await offered(access('lane-5'));
  await untouched(w, async () => {
    for (const ticket of [1, true, [], [offer.extra.ticket], {}]) {
      const headers = await withTicket(w.buyers[0], offer, ticket);
      await refusedAs(await fetch(access('lane-5'), { headers }), [400, 'invalid_payload'], JSON.stringify(ticket));
    }
    const headers = await withTicket(w.buyers[0], offer, null);
    await refusedAs(await fetch(access('lane-5'), { headers }), [402, 'ticket_missing'], 'null');
  });
});

const elsewhere = 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp'; // mainnet
// What a thief claims to have accepted, and also pays.
const bent = {
  'pays somebody else': [(offer) => ({ ...offer, payTo: w.everybody.at(-1).address }), [402, 'invalid_exact_svm_payload_recipient_mismatch']],
  'pays the payer itself': [(offer, buyer) => ({ ...offer, payTo: buyer.address }), [402, 'invalid_exact_svm_payload_recipient_mismatch']],
  'pays less': [(offer) => ({ ...offer, amount: '1' }), [402, 'invalid_exact_svm_payload_amount_mismatch']],
  'pays nothing': [(offer) => ({ ...offer, amount: '0' }), [402, 'invalid_exact_svm_payload_amount_mismatch']],
  'is of another network': [(offer) => ({ ...offer, network: elsewhere }), [402, 'invalid_exact_svm_network_mismatch']],
  'is of another scheme': [(offer) => ({ ...offer, scheme: 'upto' }), [402, 'unsupported_scheme']],
  'has another fee payer': [
    (offer, buyer) => ({ ...offer, extra: { ...offer.extra, feePayer: buyer.address } }),
    [402, 'invalid_exact_svm_fee_payer_not_managed_by_facilitator'],
  ],
};

for (const [what, [bend, expected]] of Object.entries(bent)) {
  w.test(`an accepted offer that ${what} buys nothing, though it is paid as it says (inv. 1, 5)`, {}, async () => {
    const [buyer] = w.buyers;
    const accepted = bend(await offered(access('lane-5')), buyer);
    const feePayer = accepted.extra.feePayer;
    const text = await transaction(w, { feePayer, instructions: await paying(accepted, buyer.address), signers: [buyer] });
    await untouched(w, async () => {
      await refusedAs(await fetch(access('lane-5'), { headers: asV2(accepted, text) }), expected);
    });
  });
}

const needs = ['secrets'];
const minute = 60_000;
// Tickets with this gateway's own key, for another time or another thing.
const here = { merchant: 'main' };
const ownTickets = {
  'whose time is over by a millisecond': [(quote) => ({ ...quote, expiresAt: Date.now() - 1 }), 'quote_expired'],
  'of another generation of the asset': [(quote) => ({ ...quote, generation: quote.generation + 1 }), 'ticket_mismatch'],
  'of another asset': [(quote) => ({ ...quote, asset: 'lane-1' }), 'ticket_mismatch'],
  'to extend a session': [(quote) => ({ ...quote, session: `s_${'0'.repeat(32)}` }), 'ticket_mismatch'],
};
// What only the code covers: a ticket that is valid elsewhere is not valid here.
const elsewhereTrue = {
  'of another merchant': [{}, { merchant: 'other' }],
  'of another network': [{}, { ...here, network: elsewhere }],
  'of another payee': [{ payTo: USDC }, here],
};

/** Returns an offer, its quote, and this gateway's secret. Asserts that `sealed` makes tickets as the gateway does. */
async function ownTicket() {
  const secret = await w.gateway.secret();
  const offer = await offered(access('lane-5'));
  const quote = quoteIn(offer.extra.ticket);
  assert.equal(sealed(secret, quote, offer, here), offer.extra.ticket, 'made here as the gateway makes it');
  assert.ok(Math.abs(quote.expiresAt - Date.now() - 5 * minute) < minute, 'times are in milliseconds');
  return { secret, offer, quote };
}

for (const [what, [change, reason]] of Object.entries(ownTickets)) {
  w.test(`a true ticket ${what} buys nothing (inv. 1)`, { needs }, async () => {
    const { secret, offer, quote } = await ownTicket();
    await untouched(w, async () => {
      const headers = await withTicket(w.buyers[0], offer, sealed(secret, change(quote), offer, here));
      await refusedAs(await fetch(access('lane-5'), { headers }), [402, reason]);
    });
  });
}

for (const [what, [bend, place]] of Object.entries(elsewhereTrue)) {
  w.test(`a ticket of this very secret, but ${what}, is no ticket here: its code covers that (inv. 1)`, { needs }, async () => {
    const { secret, offer, quote } = await ownTicket();
    await untouched(w, async () => {
      const headers = await withTicket(w.buyers[0], offer, sealed(secret, quote, { ...offer, ...bend }, place));
      await refusedAs(await fetch(access('lane-5'), { headers }), invalid);
    });
  });
}

w.test('the ticket of another gateway of the same merchant buys nothing here, with this one’s fee payer beside it (inv. 1)', {}, async () => {
  const other = await target.start(w.configuration(), await newWallet());
  try {
    const theirs = await offered(`${other.url}/api/v1/access/lane-5`);
    const offer = { ...theirs, extra: { ...theirs.extra, feePayer: w.feePayer } };
    await untouched(w, async () => {
      const headers = await withTicket(w.buyers[0], offer, offer.extra.ticket);
      await refusedAs(await fetch(access('lane-5'), { headers }), invalid);
    });
  } finally {
    await other.dispose();
  }
});

w.test('after all that an honest payment is taken (inv. 2)', {}, async () => {
  const headers = paymentHeaders(await sign(w, w.buyer(), await challenge(access('lane-5'))));
  const gain = await w.gain(async () => granted(await fetch(access('lane-5'), { headers })));
  assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
});
