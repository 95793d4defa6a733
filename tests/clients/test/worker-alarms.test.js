// The objects' alarms do what is due, on time, without any request. So does an object that was dropped from memory, and
// a workerd that was started again. Their storage shows what they did.

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { payment, pays } from '../harness/buyers.js';
import { StorageCopy } from '../harness/storage-copy.js';
import { perHour, perSecond, simulated } from '../harness/config.js';
import { granted, time } from '../harness/expect.js';
import { Probe } from '../harness/probe.js';
import { spoiled } from '../harness/relay.js';
import { until, untilTime } from '../harness/wait.js';
import { bearer } from '../harness/wire.js';
import { world } from '../harness/world.js';

/**
 * How late the due work may be done, in milliseconds. Cloudflare promises no bound. Without this alarm the work would
 * be done 15 s later. With two busy cores it took up to 810 ms.
 */
const LATE = 2_000;
/** After how much idleness workerd drops an object from memory, in milliseconds: 10 s, and until it checks. */
const IDLE = 12_000;

const rig = (ids, options) =>
  world({ needs: ['objects'], assets: [...ids.map((id) => simulated(perSecond(id))), simulated(perHour('lounge'))], buyers: 4, ...options });
const quiet = rig(['short', 'long', 'longer']);
const late = rig(['gate']);
const idle = rig(['attic', 'cellar'], { probe: new Probe({ objects: true }) });
const ended = rig(['gate', 'hatch', 'well']);

const access = (w, id, quantity) => w.url(`/api/v1/access/${id}?quantity=${quantity}`);
const buy = async (w, id, quantity) => granted(await pays.v2(w, w.buyer())(access(w, id, quantity)));

/** Returns the stored journal of an asset, once it has such an event. */
async function journalWith(w, id, what, { within = 10_000 } = {}) {
  let journal;
  await until(`the journal of ${id} has ${what}`, async () => {
    journal = await StorageCopy.of(w.gateway, (stored) => stored.journal(id));
    return journal.some(({ type }) => type === what);
  }, { within, every: 200 });
  return journal;
}

/**
 * Asserts by the journal that the session ended at the end of the paid time or at `since`, and that no device was told
 * to do anything.
 */
async function endedOnTime(w, id, session, since = 0) {
  const ends = time(session.endsAt);
  await untilTime(Math.max(ends, since) + LATE);
  const journal = await journalWith(w, id, 'session_ended');
  const { at } = journal.find(({ type }) => type === 'session_ended');
  assert.equal(journal.filter(({ type }) => type === 'session_ended').length, 1);
  assert.ok(at >= ends && at <= Math.max(ends, since) + LATE, `ended ${at - ends} ms after the end, ${at - since} ms after the start`);
  assert.ok(!journal.some(({ type }) => type === 'fulfilment_ordered'), 'no device stands behind it');
  return at;
}

/** Returns when the alarm of an object goes off. */
const alarmOf = (w, binding, name) => StorageCopy.of(w.gateway, (stored) => stored.alarm(binding, name));

describe('alarms', { concurrency: true }, () => {
  quiet.test('sessions end on time, the extended one at its later end, and nothing goes off after that (inv. 4)', {}, async (t) => {
    const w = quiet;
    const buyer = w.buyer();
    const first = await granted(await pays.v2(w, buyer)(access(w, 'longer', 8)));
    const init = { method: 'POST', headers: bearer(first.sessionToken) };
    const extend = w.url('/api/v1/access/longer/extend?quantity=2');
    const headers = { ...init.headers, ...(await payment(w, buyer, extend, init)) };
    const [longer, short, long] = [await granted(await fetch(extend, { method: 'POST', headers })), await buy(w, 'short', 1), await buy(w, 'long', 3)];
    assert.equal(time(longer.endsAt) - time(first.endsAt), 2_000);
    for (const [id, session] of Object.entries({ short, long, longer })) {
      t.diagnostic(`${id}: ${(await endedOnTime(w, id, session)) - time(session.endsAt)} ms after the end`);
      assert.equal(await alarmOf(w, 'ASSET', id), null);
    }
    // The only request, at the end.
    const { available, session, device } = await (await fetch(w.url('/api/v1/assets/short/status'))).json();
    assert.deepEqual([available, session, device], [true, null, null]);
  });

  late.test('a session whose extension is in flight: locked on time, kept, and extended when the payment has landed (inv. 2, 3, 4)', {}, async () => {
    const w = late;
    const buyer = w.buyer();
    const session = await granted(await pays.v2(w, buyer)(access(w, 'gate', 4)));
    const init = { method: 'POST', headers: bearer(session.sessionToken) };
    const extend = w.url('/api/v1/access/gate/extend?quantity=240');
    const headers = { ...init.headers, ...(await payment(w, buyer, extend, init)) };
    let sent = false;
    w.relay.spoil = (method) => {
      sent ||= method === 'sendTransaction';
      return sent ? spoiled.neverArrives : null;
    };
    const cut = new AbortController();
    const asking = fetch(extend, { method: 'POST', headers, signal: cut.signal }).catch(() => {});
    await until('the payment is claimed', () => sent);
    cut.abort(); // nobody waits for it any more
    await asking;
    const ends = time(session.endsAt);
    await untilTime(ends + LATE);
    const journal = await journalWith(w, 'gate', 'payment_claimed');
    assert.ok(!journal.some(({ type }) => type === 'session_ended'), 'the asset is kept for it');
    const status = await (await fetch(w.url('/api/v1/assets/gate/status'))).json();
    assert.deepEqual([status.session, status.available], [null, false], 'nobody is inside, and nobody else gets in');
    w.relay.mend();
    const after = await journalWith(w, 'gate', 'session_extended', { within: 20_000 });
    const { at, entitlement } = after.find(({ type }) => type === 'session_extended');
    const later = entitlement.time.ends_at;
    assert.equal(later, at + 240_000, 'all that was paid for, from then on');
    const repeat = await granted(await fetch(extend, { method: 'POST', headers }));
    assert.deepEqual([repeat.sessionId, time(repeat.endsAt)], [session.sessionId, later]);
  });

  idle.test('an object that has lost its memory ends its session on time, and looks after what was reserved no later (inv. 4)', { timeout: 60_000 }, async () => {
    const w = idle;
    const payer = w.buyer();
    // A reservation whose asset never confirmed it.
    const object = await w.gateway.object('PAYER', `main/${payer.address}`);
    const funds = { source: payer.address, amount: '1', remaining: '1000', exclusive: false, fee_payer: payer.address, slack: null, budget: 1_000_000 };
    const reserve = (id) => object.fetch('http://object/reserve', {
      method: 'POST',
      body: JSON.stringify({ payment: id.repeat(64), stream: 'attic', attempt: id, at: Date.now(), funds }),
    });
    assert.equal(await (await reserve('a')).text(), '"done"');
    const alarm = await alarmOf(w, 'PAYER', payer.address);
    assert.ok(alarm > Date.now());

    const [session, other] = [await buy(w, 'attic', (IDLE + 4_000) / 1_000), await buy(w, 'cellar', 2)];
    w.probe.messages = [];
    await endedOnTime(w, 'cellar', other);
    await endedOnTime(w, 'attic', session);
    const alarms = w.probe.messages.filter(({ object: binding, what, at }) => binding === 'ASSET' && what === 'alarm' && at === 'before');
    assert.deepEqual(alarms.map(({ isNew }) => isNew), [false, true], 'the second had been dropped');
    assert.equal(w.probe.messages.filter(({ what }) => what === 'request').length, 0, 'nobody has asked');

    assert.equal(await (await reserve('b')).text(), '"done"');
    assert.ok(w.probe.messages.find(({ what, at }) => what === 'reserve' && at === 'before').isNew, 'it had been dropped too');
    assert.equal(await alarmOf(w, 'PAYER', payer.address), alarm, 'a later reservation does not put it off');
  });

  ended.test('ended by a power cut or an orderly stop: it ends sessions on time, or as soon as it runs again (inv. 2, 4)', {}, async () => {
    const w = ended;
    const [gate, hatch, well, lounge] = [await buy(w, 'gate', 12), await buy(w, 'hatch', 3), await buy(w, 'well', 20), await buy(w, 'lounge', 1)];
    await w.gateway.kill();
    await untilTime(time(hatch.endsAt));
    await w.gateway.restart();
    const ready = Date.now();
    await endedOnTime(w, 'hatch', hatch, ready);
    await endedOnTime(w, 'gate', gate);
    await w.gateway.stop();
    await w.gateway.restart();
    assert.ok(Date.now() < time(well.endsAt), 'the session outlives the restart, or this shows nothing');
    await endedOnTime(w, 'well', well);
    // A session that is not over still runs.
    const status = await fetch(w.url(`/api/v1/sessions/${lounge.sessionId}/status`), { headers: bearer(lounge.sessionToken) });
    const { status: word, endsAt } = await status.json();
    assert.deepEqual([word, endsAt], ['active', lounge.endsAt]);
  });
});
