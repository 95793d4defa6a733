// One payment, brought to several places at the same moment: one of them takes it, once.

import assert from 'node:assert/strict';
import { payment, paymentV1, pays } from '../harness/buyers.js';
import { PRICE, perHour, simulated } from '../harness/config.js';
import { granted, refused, time } from '../harness/expect.js';
import { untouched } from '../harness/untouched.js';
import { bearer } from '../harness/wire.js';
import { world } from '../harness/world.js';

const HOUR = 3_600_000;
const lanes = Array.from({ length: 8 }, (_, n) => `lane-${n}`);
const limits = { requests_per_second: 0 }; // what is tried here is more than one client may ask
const w = world({ assets: lanes.map((id) => simulated(perHour(id))), buyers: 8, limits });

const access = (id) => w.url(`/api/v1/access/${id}`);
const extend = (id) => w.url(`/api/v1/access/${id}/extend`);

/** A session of one hour, and the requests that would extend it and buy another lane. */
async function placesOf(buyer, running, free) {
  const session = await granted(await pays.v2(w, buyer)(access(running)));
  const extension = { url: extend(running), headers: bearer(session.sessionToken) };
  return { session, extension, other: { url: access(free), headers: {} } };
}

const read = async ({ sessionId, sessionToken }) =>
  (await fetch(w.url(`/api/v1/sessions/${sessionId}/status`), { headers: bearer(sessionToken) })).json();

/** Sends one payment to all places at once, several times to each, and answers what they said by place. */
const toAll = (places, headers, times = 4) =>
  Promise.all(places.map((place) =>
    Promise.all(Array.from({ length: times }, () => fetch(place.url, { headers: { ...place.headers, ...headers } })))));

const taken = (answers) => answers.filter(({ status }) => status === 200);
async function allRefused(answers, reasons) {
  for (const answer of answers) {
    const { errorReason } = await refused(answer);
    assert.ok(reasons.includes(errorReason), errorReason);
  }
}
// Which it is depends on how far the other has come.
const late = ['payment_already_used', 'asset_busy'];

w.test('a v1 payment sent to a session’s extension and to another asset at once buys one of them (inv. 1)', {}, async () => {
  const buyer = w.buyer();
  const { session, extension, other } = await placesOf(buyer, 'lane-0', 'lane-1');
  const headers = await paymentV1(w, buyer, other.url);
  let answers;
  const gain = await w.gain(async () => (answers = (await toAll([extension, other], headers)).flat()));
  assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
  const [first, ...more] = taken(answers);
  assert.equal(more.length, 0, 'v1 has no repeats');
  const bought = await granted(first);
  await allRefused(answers.filter((answer) => answer !== first), late);
  const extended = bought.sessionId === session.sessionId;
  const now = await read(session);
  assert.equal(time(now.endsAt) - time(session.endsAt), extended ? HOUR : 0);
  const { available } = await (await fetch(w.url('/api/v1/assets/lane-1/status'))).json();
  assert.equal(available, extended, 'the other lane is sold only if the extension is not');
});

for (const [what, own] of [['access', 'other'], ['an extension', 'extension']]) {
  w.test(`a v2 payment for ${what} sent to access and extension at once is taken where its ticket is for, once (inv. 1)`, {}, async () => {
    const buyer = w.buyer();
    const [running, free] = own === 'other' ? ['lane-2', 'lane-3'] : ['lane-4', 'lane-5'];
    const places = await placesOf(buyer, running, free);
    const wrong = own === 'other' ? 'extension' : 'other';
    const headers = await payment(w, buyer, places[own].url, { headers: places[own].headers });
    let answers;
    const gain = await w.gain(async () => (answers = await toAll([places[own], places[wrong]], headers)));
    assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
    const bought = await Promise.all(answers[0].map(granted));
    assert.equal(new Set(bought.map(({ sessionId, endsAt }) => `${sessionId} ${endsAt}`)).size, 1);
    await allRefused(answers[1], ['ticket_mismatch', 'payment_already_used']);
    const longer = time((await read(places.session)).endsAt) - time(places.session.endsAt);
    assert.equal(longer, own === 'extension' ? HOUR : 0);
  });
}

w.test('a v1 payment sent as v1 and as v2 by a thief at once buys its buyer’s session or nothing, once (inv. 1)', {}, async () => {
  const [buyer, thief] = [w.buyer(), w.buyer()];
  const stolen = await paymentV1(w, buyer, access('lane-6'));
  const { payload } = JSON.parse(Buffer.from(Object.values(stolen)[0], 'base64'));
  const dressed = JSON.parse(Buffer.from(Object.values(await payment(w, thief, access('lane-7')))[0], 'base64'));
  const asV2 = { 'PAYMENT-SIGNATURE': Buffer.from(JSON.stringify({ ...dressed, payload })).toString('base64') };
  let honest;
  let thieves;
  const gain = await w.gain(async () => {
    [honest, thieves] = await Promise.all([
      fetch(access('lane-6'), { headers: stolen }),
      Promise.all(Array.from({ length: 6 }, () => fetch(access('lane-7'), { headers: asV2 }))),
    ]);
  });
  assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
  const session = await granted(honest);
  // It has no memo of that ticket, so it is nothing there even before it has landed.
  await allRefused(thieves, ['invalid_exact_svm_payload_memo_mismatch', 'payment_already_used']);
  await untouched(w, async () => allRefused((await toAll([{ url: access('lane-7') }], asV2)).flat(), ['payment_already_used']), { sessions: [session] });
});
