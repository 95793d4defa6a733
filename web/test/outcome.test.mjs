import assert from 'node:assert/strict';
import test from 'node:test';
import { NOTHING, T0, Tab, pending, refused, sale, unclear } from './purchase.mjs';

const DOUBT_MS = 90_000;

test('a sale ends the payment and begins the session', () => {
  const tab = new Tab().to('sending');
  const effects = tab.answer({ kind: 'sold', sale: sale() });
  assert.equal(tab.kept, null);
  assert.equal(tab.phase, 'idle');
  assert.equal(tab.state.saved.session.id, 'ses-1');
  assert.equal(tab.state.saved.session.endsAt, T0 + 10_000);
  assert.deepEqual(effects.map((effect) => effect.type), ['save', 'unlock', 'paid']);
  assert.equal(effects[0].cleared, 'c2lnbmVk');
});

test('a 202 is never a reason to sign, and the same bytes are sent again', () => {
  const tab = new Tab().to('sending');
  const [wait] = tab.answer(pending);
  assert.equal(wait.type, 'wait');
  assert.equal(tab.mode, 'pending');
  tab.send({ type: 'pay', wallet: 'Phantom' });
  assert.equal(tab.count('sign'), 1);
  const [send] = tab.retry();
  assert.equal(send.kept.transaction, 'c2lnbmVk');
});

test('an unclear answer keeps the payment and sends it again, later and later', () => {
  const tab = new Tab().to('sending');
  const waits = [];
  for (let count = 0; count < 6; count += 1) {
    waits.push(tab.answer(unclear())[0].ms);
    assert.equal(tab.mode, 'unclear');
    assert.equal(tab.kept.transaction, 'c2lnbmVk');
    assert.equal(tab.retry()[0].type, 'send');
  }
  assert.deepEqual(waits, [2000, 4000, 8000, 16_000, 16_000, 16_000]);
});

test('Retry-After is respected', () => {
  const tab = new Tab().to('sending');
  assert.equal(tab.answer({ ...pending, retryMs: 5000 })[0].ms, 5000);
  tab.retry();
  assert.equal(tab.answer(unclear({ retryMs: 20_000 }))[0].ms, 20_000);
});

test('a payment is sent once at a time', () => {
  const tab = new Tab().to('sending');
  assert.deepEqual(tab.retry(), []);
  tab.answer(unclear());
  assert.equal(tab.retry().length, 1);
  assert.deepEqual(tab.retry(), []);
});

test('a refusal of the only request is certain', () => {
  const tab = new Tab().to('sending');
  tab.answer(refused('insufficient_funds'));
  assert.equal(tab.phase, 'idle');
  assert.equal(tab.kept, null);
  assert.equal(tab.notice, 'refused');
  assert.equal(tab.state.saved.refused.code, 'insufficient_funds');
});

test('a refusal after a request without an answer is not believed before that request must be over', () => {
  const tab = new Tab().to('sending');
  tab.answer(unclear());
  tab.wait(5_000).retry();
  tab.answer(refused('asset_busy'));
  assert.equal(tab.mode, 'checking');
  assert.equal(tab.notice, null);
  assert.ok(tab.kept);
  tab.wait(DOUBT_MS - 5_001).retry();
  tab.answer(refused('asset_busy'));
  assert.equal(tab.mode, 'checking');
  tab.wait(1).retry();
  tab.answer(refused('asset_busy'));
  assert.equal(tab.phase, 'idle');
  assert.equal(tab.notice, 'refused');
});

test('a sale that arrives while a refusal is doubted counts', () => {
  const tab = new Tab().to('sending');
  tab.answer(unclear());
  tab.retry();
  tab.answer(refused('asset_busy'));
  tab.wait(8_000).retry();
  tab.answer({ kind: 'sold', sale: sale() });
  assert.equal(tab.state.saved.session.id, 'ses-1');
  assert.equal(tab.kept, null);
});

test('each further request without an answer begins the doubt anew', () => {
  const tab = new Tab().to('sending');
  tab.answer(unclear());
  tab.wait(60_000).retry();
  tab.answer(unclear());
  tab.wait(60_000).retry();
  tab.answer(refused('asset_busy'));
  assert.equal(tab.mode, 'checking');
});

test('the limit on requests leaves no doubt, because such a request was not looked at', () => {
  const tab = new Tab().to('sending');
  tab.answer(unclear({ over: true, code: 'too_many_requests' }));
  assert.equal(tab.mode, 'unclear');
  tab.retry();
  tab.answer(refused('asset_busy'));
  assert.equal(tab.notice, 'refused');
});

test('after a 202 a refusal is the outcome of the settlement, and certain', () => {
  const tab = new Tab().to('sending');
  tab.answer(unclear());
  tab.retry();
  tab.answer(pending);
  tab.retry();
  tab.answer(refused('invalid_exact_svm_transaction_failed'));
  assert.equal(tab.notice, 'refused');
});

test('a refusal that did not look at the payment proves nothing about an earlier request', () => {
  for (const before of [unclear(), pending]) {
    const tab = new Tab().to('sending');
    tab.answer(before);
    tab.wait(8 * 86_400_000).retry();
    tab.answer(refused('session_token_required', { judged: false }));
    assert.equal(tab.phase, 'unsure');
    assert.ok(tab.kept);
    assert.equal(tab.notice, null);
  }
  const first = new Tab().to('sending');
  first.answer(refused('session_token_required', { judged: false }));
  assert.equal(first.notice, 'refused');
});

test('a payment that was used before stays until the wallet has signed in', () => {
  const tab = new Tab().to('sending');
  tab.answer({ kind: 'used', refusal: { code: 'payment_already_used', detail: '' } });
  assert.equal(tab.phase, 'unsure');
  assert.ok(tab.kept);
  tab.send({ type: 'pay', wallet: 'Phantom' });
  assert.equal(tab.phase, 'unsure');
  tab.send({ type: 'adopt', sale: sale(), isLinked: false });
  assert.equal(tab.phase, 'idle');
  assert.equal(tab.kept, null);
  assert.equal(tab.state.saved.session.id, 'ses-1');
});

test('a changed price is fetched anew after the refusal that tells of it', () => {
  for (const code of ['price_changed', 'quote_expired', 'ticket_invalid']) {
    const tab = new Tab().to('sending');
    tab.answer(refused(code));
    assert.equal(tab.count('reprice'), 1, code);
  }
});

test('a payment can be put aside only when it is old or unsure', () => {
  const tab = new Tab().to('sending');
  tab.answer(unclear());
  tab.send({ type: 'forget' });
  assert.equal(tab.phase, 'sending');
  tab.wait(600_000).send({ type: 'forget' });
  assert.equal(tab.phase, 'idle');
  assert.equal(tab.notice, 'forgotten');
  assert.equal(tab.kept, null);
});

test('a payment that was put aside and buys something after all is shown, and stops another attempt', () => {
  const tab = new Tab().to('sending');
  tab.answer(unclear());
  tab.retry();
  tab.wait(600_000).send({ type: 'forget' });
  tab.to('signing');
  const { run } = tab.state;
  tab.answer({ kind: 'sold', sale: sale() });
  assert.equal(tab.phase, 'idle');
  assert.equal(tab.state.saved.session.id, 'ses-1');
  assert.deepEqual(tab.send({ type: 'signed', run, transaction: 'second' }), []);
});

test('answers to another payment change nothing', () => {
  const tab = new Tab().to('sending');
  const before = tab.state;
  tab.answer(refused('asset_busy'), 'another');
  tab.retry('another');
  assert.equal(tab.state, before);
});

test('an extension keeps the session and adds its payment', () => {
  const tab = new Tab().to('sending');
  tab.answer({ kind: 'sold', sale: sale() });
  tab.send({ type: 'extending', open: true });
  tab.to('sending');
  const endsAt = new Date(T0 + 20_000).toISOString();
  tab.answer({ kind: 'sold', sale: sale({ endsAt, transaction: 'tx-2' }) });
  const { session } = tab.state.saved;
  assert.equal(session.endsAt, T0 + 20_000);
  assert.deepEqual(session.payments.map((payment) => payment.transaction), ['tx-1', 'tx-2']);
  assert.equal(tab.state.isExtending, false);
});

test('a refused extension leaves the session as it is', () => {
  const tab = new Tab().to('sending');
  tab.answer({ kind: 'sold', sale: sale() });
  tab.send({ type: 'extending', open: true });
  tab.to('sending');
  tab.answer(refused('session_over'));
  assert.equal(tab.state.saved.session.endsAt, T0 + 10_000);
  assert.equal(tab.notice, 'refused');
});

test('the answer to a repeat adds no second payment to the receipt', () => {
  const tab = new Tab().to('sending');
  tab.answer({ kind: 'sold', sale: sale() });
  tab.send({ type: 'adopt', sale: sale(), isLinked: false });
  assert.equal(tab.state.saved.session.payments.length, 1);
});

test('a session that was extended or ended elsewhere follows the gateway', () => {
  const tab = new Tab().to('sending');
  tab.answer({ kind: 'sold', sale: sale() });
  const status = { sessionId: 'ses-1', status: 'active', endsAt: new Date(T0 + 60_000).toISOString() };
  tab.send({ type: 'session', status });
  assert.equal(tab.state.saved.session.endsAt, T0 + 60_000);
  tab.wait(30_000).send({ type: 'session', status: { ...status, status: 'ended' } });
  assert.equal(tab.state.saved.session.endsAt, T0 + 30_000);
  tab.send({ type: 'session', status: { ...status, sessionId: 'other' } });
  assert.equal(tab.state.saved.session.endsAt, T0 + 30_000);
});

test('a session that was stopped keeps its end and what is owed of it', () => {
  const tab = new Tab().to('sending');
  tab.answer({ kind: 'sold', sale: sale() });
  const status = { sessionId: 'ses-1', status: 'active', endsAt: new Date(T0 + 60_000).toISOString() };
  tab.send({ type: 'session', status: { ...status, status: 'stopping' } });
  assert.equal(tab.state.saved.session.status, 'stopping');
  const owed = [{ status: 'owed', display: '0.04 USDC' }];
  for (const later of [20_000, 5_000]) {
    tab.wait(later).send({ type: 'session', status: { ...status, status: 'ended', owed } });
    assert.equal(tab.state.saved.session.endsAt, T0 + 20_000);
    assert.deepEqual(tab.state.saved.session.owed, owed);
  }
  // Its end was missed: the paid end is no news then.
  tab.send({ type: 'session', status: { ...status, status: 'ended', endsAt: new Date(T0 + 10_000).toISOString() } });
  assert.equal(tab.state.saved.session.endsAt, T0 + 10_000);
});

const other = (change) => sale({ sessionId: 'ses-9', sessionToken: 'token-9', transaction: 'tx-9', ...change });

test('a session found by signing in does not touch a payment that is being sent', () => {
  const tab = new Tab().to('sending');
  tab.send({ type: 'adopt', sale: other(), isLinked: false });
  assert.equal(tab.phase, 'sending');
  assert.ok(tab.kept);
  tab.answer({ kind: 'sold', sale: sale() });
  assert.equal(tab.state.saved.session.id, 'ses-1');
});

test('a payment whose outcome is not known is forgotten only for a session that it can have bought', () => {
  const used = { kind: 'used', refusal: { code: 'payment_already_used', detail: '' } };
  const unsure = () => {
    const tab = new Tab().to('sending');
    tab.answer(used);
    return tab;
  };
  for (const [startsAt, isOf] of [[T0 - 1, false], [T0, true], [T0 + 5_000, true]]) {
    const tab = unsure();
    tab.send({ type: 'adopt', sale: other({ startsAt: new Date(startsAt).toISOString() }), isLinked: false });
    assert.equal(tab.kept === null, isOf, startsAt);
    assert.equal(tab.phase, isOf ? 'idle' : 'unsure');
    assert.equal(tab.state.saved.session.id, 'ses-9');
  }
  for (const sessionId of ['ses-1', 'ses-9']) {
    const tab = new Tab().to('sending');
    tab.answer({ kind: 'sold', sale: sale() });
    tab.send({ type: 'extending', open: true });
    tab.to('sending');
    tab.answer(used);
    tab.send({ type: 'adopt', sale: other({ sessionId }), isLinked: false });
    assert.equal(tab.kept === null, sessionId === 'ses-1', sessionId);
  }
});

test("a stranger's link takes away neither a running session nor a payment", () => {
  const running = new Tab().to('sending');
  running.answer({ kind: 'sold', sale: sale() });
  const sending = new Tab().to('sending');
  const unsure = new Tab().to('sending');
  unsure.answer({ kind: 'used', refusal: { code: 'payment_already_used', detail: '' } });
  for (const tab of [running, sending, unsure]) {
    const before = tab.state;
    assert.deepEqual(tab.send({ type: 'adopt', sale: other(), isLinked: true }), []);
    assert.equal(tab.state, before);
  }
  running.wait(10_000).send({ type: 'adopt', sale: other(), isLinked: true });
  assert.equal(running.state.saved.session.id, 'ses-9');
});

test('a session that a link has brought says so, also after it is extended, until its wallet signs in', () => {
  const tab = new Tab();
  tab.send({ type: 'adopt', sale: other(), isLinked: true });
  tab.send({ type: 'extending', open: true });
  tab.to('sending');
  tab.answer({ kind: 'sold', sale: other({ transaction: 'tx-10' }) });
  assert.equal(tab.state.saved.session.isLinked, true);
  tab.send({ type: 'adopt', sale: other(), isLinked: false });
  assert.equal(tab.state.saved.session.isLinked, false);
  const bought = new Tab().to('sending');
  bought.answer({ kind: 'sold', sale: sale() });
  assert.equal(bought.state.saved.session.isLinked, false);
});

test('a late answer does not make a session one of its own that a link has brought', () => {
  const tab = new Tab();
  tab.send({ type: 'adopt', sale: other(), isLinked: true });
  tab.send({ type: 'extending', open: true });
  tab.to('sending');
  tab.answer(unclear());
  tab.retry();
  tab.wait(600_000).send({ type: 'forget' });
  tab.answer({ kind: 'sold', sale: other({ transaction: 'tx-10' }) });
  assert.equal(tab.state.saved.session.isLinked, true);
});

test('a link is not opened while a payment is being kept', () => {
  const tab = new Tab().to('keeping');
  const before = tab.state;
  for (const isLinked of [true, false]) assert.deepEqual(tab.send({ type: 'adopt', sale: other(), isLinked }), []);
  assert.equal(tab.state, before);
});

test('a session that a link has brought can be put aside while it runs', () => {
  const tab = new Tab();
  tab.send({ type: 'adopt', sale: other(), isLinked: true });
  tab.send({ type: 'dismiss' });
  assert.equal(tab.state.saved.session.dismissed, true);
  tab.to('signing');
});

test('a session found while the wallet is open ends the attempt', () => {
  const tab = new Tab().to('signing');
  const { run } = tab.state;
  tab.send({ type: 'adopt', sale: sale(), isLinked: false });
  assert.equal(tab.phase, 'idle');
  assert.deepEqual(tab.send({ type: 'signed', run, transaction: 'late' }), []);
});

test('an ended session is put aside to buy again, and nothing else is', () => {
  const tab = new Tab().to('sending');
  tab.send({ type: 'dismiss' });
  assert.equal(tab.phase, 'sending');
  tab.answer({ kind: 'sold', sale: sale() });
  tab.wait(10_000).send({ type: 'dismiss' });
  assert.equal(tab.state.saved.session.dismissed, true);
  assert.deepEqual(new Tab(NOTHING).send({ type: 'dismiss' }), []);
});
