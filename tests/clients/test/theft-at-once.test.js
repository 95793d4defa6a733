// One payment, brought to several places at the same moment: one of them takes it, once.

import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { payment, paymentV1, pays } from '../harness/buyers.js';
import { PRICE, perHour, simulated } from '../harness/config.js';
import { granted, refused, refusedAs, time } from '../harness/expect.js';
import { asV1 } from '../harness/transactions.js';
import { untouched } from '../harness/untouched.js';
import { until } from '../harness/wait.js';
import { bearer } from '../harness/wire.js';
import { world } from '../harness/world.js';

const HOUR = 3_600_000;
const attempts = Array.from({ length: 11 }, (_, n) => `lane-${n}`);
const limits = { requests_per_second: 0 }; // these tests send more than one client may
const w = world({ assets: attempts.map((id) => simulated(perHour(id))), buyers: 11, limits });

const access = (id) => w.url(`/api/v1/access/${id}`);
const extend = (id) => w.url(`/api/v1/access/${id}/extend`);

/** Buys a session of one hour. Returns it with the requests that would extend it and buy another asset. */
async function placesOf(buyer, running, free) {
  const session = await granted(await pays.v2(w, buyer)(access(running)));
  const extension = { url: extend(running), headers: bearer(session.sessionToken) };
  return { session, extension, other: { url: access(free), headers: {} } };
}

const read = async ({ sessionId, sessionToken }) =>
  (await fetch(w.url(`/api/v1/sessions/${sessionId}/status`), { headers: bearer(sessionToken) })).json();

/** Sends one payment to all places at once, several times to each. Returns the answers by place. */
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
// The reason depends on how far the other request has come.
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
  assert.equal(available, extended, 'the other attempt is sold only if the extension is not');
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

/** Returns a v1 payment for one attempt, and the same bytes as v2 with another buyer's ticket for another attempt. */
async function dressedUp(attempt, other) {
  const [buyer, thief] = [w.buyer(), w.buyer()];
  const honest = await paymentV1(w, buyer, access(attempt));
  const { payload } = JSON.parse(Buffer.from(Object.values(honest)[0], 'base64'));
  const dressed = JSON.parse(Buffer.from(Object.values(await payment(w, thief, access(other)))[0], 'base64'));
  return { honest, dressed: { 'PAYMENT-SIGNATURE': Buffer.from(JSON.stringify({ ...dressed, payload })).toString('base64') } };
}

// A payment needs no memo of ours, so the sender who first shows it with a ticket is its buyer. Before it is sent to
// the chain only the buyer has its bytes, and it is sent after it is claimed.
w.test('one v1 payment sent as v1, and as v2 with a ticket of another place, at once buys one session, once: where it is claimed first (inv. 1)', {}, async () => {
  const { honest, dressed } = await dressedUp('lane-6', 'lane-7');
  const places = [{ url: access('lane-6') }, { url: access('lane-7') }];
  let answers;
  const gain = await w.gain(async () => {
    answers = await Promise.all([toAll([places[0]], honest, 1), toAll([places[1]], dressed, 6)]);
  });
  assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
  const [[first], [second]] = answers;
  const v1Won = taken(first).length === 1;
  await allRefused(v1Won ? second : first, late);
  const bought = await Promise.all((v1Won ? first : second).map(granted));
  assert.equal(new Set(bought.map(({ sessionId, endsAt }) => `${sessionId} ${endsAt}`)).size, 1);
  await untouched(w, async () => {
    await allRefused((await toAll([places[0]], honest)).flat(), ['payment_already_used']);
    const again = (await toAll([places[1]], dressed)).flat();
    if (v1Won) await allRefused(again, ['payment_already_used']);
    else for (const answer of again) assert.equal((await granted(answer)).sessionId, bought[0].sessionId);
  }, { sessions: [bought[0]] });
});

w.test('a v1 payment that is on its way to the chain buys its buyer’s session only, however a thief dresses its bytes meanwhile (inv. 1)', {}, async () => {
  const { honest, dressed } = await dressedUp('lane-8', 'lane-9');
  let thiefs;
  // The gateway has claimed it and is about to send it. Only now can anybody else have seen it.
  w.relay.around('sendTransaction', async () => {
    thiefs = (await toAll([{ url: access('lane-9') }, { url: access('lane-8') }], dressed)).flat();
  });
  let session;
  const gain = await w.gain(async () => {
    session = await granted(await fetch(access('lane-8'), { headers: honest }));
  });
  w.relay.mend();
  assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
  await allRefused(thiefs, ['payment_already_used']);
  await untouched(w, async () => allRefused((await toAll([{ url: access('lane-9') }], dressed)).flat(), ['payment_already_used']), { sessions: [session] });
});

w.test('who sends a v1 payment’s very bytes, read from the chain while its buyer still waits, gets nothing for them (inv. 1, 9)', {}, async () => {
  const url = access('lane-10');
  const honest = await paymentV1(w, w.buyer(), url);
  const sent = JSON.parse(Buffer.from(honest['X-PAYMENT'], 'base64'));
  let stolen;
  let thiefs;
  w.relay.spoilNext('sendTransaction', async (pass) => {
    const answer = await pass();
    const landed = await until('the chain shows it', () => w.chain.transaction(JSON.parse(answer).result));
    const bytes = Buffer.from(landed.transaction[0], 'base64').fill(0, 1, 65); // without the fee payer’s signature
    stolen = asV1(bytes.toString('base64'), sent.network);
    thiefs = fetch(url, { headers: stolen });
    await setTimeout(200); // it arrives before the gateway hears of the landing
    return answer;
  });
  let session;
  const gain = await w.gain(async () => {
    session = await granted(await fetch(url, { headers: honest }));
  });
  w.relay.mend();
  assert.deepEqual(gain, { money: PRICE.hour, landed: 1 });
  assert.deepEqual(stolen, honest, 'it could be told by nothing');
  await untouched(w, async () => refusedAs(await thiefs, [409, 'payment_already_used']), { sessions: [session] });
});
