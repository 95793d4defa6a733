import assert from 'node:assert/strict';
import test from 'node:test';
import { NOTHING, T0, Tab, pending, refused, sale, unclear } from './purchase.mjs';

const DOUBT_MS = 90_000;

/** Returns what is stored while a payment is sent. */
function whileSending() {
  const tab = new Tab().to('sending');
  return tab.state.saved;
}

test('a reload while the wallet is open has lost nothing, because nothing was sent', () => {
  for (const phase of ['locking', 'connecting', 'preparing', 'signing']) {
    const tab = new Tab().to(phase);
    const again = new Tab(tab.state.saved);
    assert.equal(again.phase, 'idle', phase);
    assert.equal(again.kept, null, phase);
  }
});

test('a reload after a payment was kept sends the same bytes at once', () => {
  const tab = new Tab(whileSending(), T0 + 1000);
  assert.equal(tab.phase, 'sending');
  assert.deepEqual(tab.effects, [{ type: 'wait', ms: 0, transaction: 'c2lnbmVk' }]);
  assert.equal(tab.retry()[0].kept.transaction, 'c2lnbmVk');
  tab.send({ type: 'pay', wallet: 'Phantom' });
  assert.equal(tab.count('lock'), 0);
});

test('after a reload a refusal is doubted, because the request before it may still be under way', () => {
  const tab = new Tab(whileSending(), T0 + 1000);
  tab.retry();
  tab.answer(refused('asset_busy'));
  assert.equal(tab.mode, 'checking');
  tab.wait(DOUBT_MS).retry();
  tab.answer(refused('asset_busy'));
  assert.equal(tab.notice, 'refused');
});

test('a reload long afterwards believes the first refusal', () => {
  const tab = new Tab(whileSending(), T0 + DOUBT_MS);
  tab.retry();
  tab.answer(refused('quote_expired'));
  assert.equal(tab.notice, 'refused');
});

test('a clock that was wrong before the reload does not prolong the doubt', () => {
  const saved = whileSending();
  const kept = { ...saved.kept, at: T0 + 1e9, sentAt: T0 + 1e9 };
  const tab = new Tab({ ...saved, kept }, T0);
  tab.retry();
  tab.answer(refused('asset_busy'));
  tab.wait(DOUBT_MS).retry();
  tab.answer(refused('asset_busy'));
  assert.equal(tab.notice, 'refused');
});

test('a reload after a 202 still says that the gateway has the payment', () => {
  const before = new Tab().to('sending');
  before.answer(pending);
  before.retry();
  const tab = new Tab(before.state.saved, T0 + 1000);
  assert.equal(tab.mode, 'pending');
  tab.retry();
  tab.answer(refused('invalid_exact_svm_transaction_failed'));
  assert.equal(tab.notice, 'refused');
});

test('a reload shows the session that was bought', () => {
  const before = new Tab().to('sending');
  before.answer({ kind: 'sold', sale: sale() });
  const tab = new Tab(before.state.saved);
  assert.equal(tab.state.saved.session.token, 'token-1');
  assert.equal(tab.phase, 'idle');
});

test('a second tab does not pay while the first one has the lock', () => {
  const tab = new Tab();
  tab.send({ type: 'pay', wallet: 'Phantom' });
  tab.send({ type: 'locked', run: tab.state.run, isHeld: false, saved: NOTHING });
  assert.equal(tab.phase, 'elsewhere');
  assert.equal(tab.count('connect'), 0);
  tab.send({ type: 'cancel' });
  assert.equal(tab.phase, 'idle');
});

test('a second tab can go on in place of the first one, which then throws its signature away', () => {
  const first = new Tab().to('signing');
  const { run } = first.state;
  const second = new Tab();
  second.send({ type: 'pay', wallet: 'Phantom' });
  second.send({ type: 'locked', run: second.state.run, isHeld: false, saved: NOTHING });
  assert.deepEqual(second.send({ type: 'here' }), [{ type: 'lock', run: second.state.run, steal: true }]);
  first.send({ type: 'stolen', run });
  assert.equal(first.notice, 'moved');
  assert.deepEqual(first.send({ type: 'signed', run, transaction: 'first' }), []);
});

test('a tap on Pay follows a payment that another tab has kept a moment ago', () => {
  const tab = new Tab();
  tab.send({ type: 'pay', wallet: 'Phantom' });
  tab.send({ type: 'locked', run: tab.state.run, isHeld: true, saved: whileSending() });
  assert.equal(tab.phase, 'sending');
  assert.equal(tab.count('connect'), 0);
});

test('a payment that another tab keeps ends the attempt here in every phase', () => {
  for (const phase of ['locking', 'connecting', 'preparing', 'signing']) {
    const tab = new Tab().to(phase);
    const { run } = tab.state;
    const saved = whileSending();
    tab.send({ type: 'stored', saved: { ...saved, kept: { ...saved.kept, transaction: 'theirs' } } });
    assert.equal(tab.phase, 'sending', phase);
    assert.equal(tab.kept.transaction, 'theirs');
    assert.deepEqual(tab.send({ type: 'signed', run, transaction: 'ours' }), [], phase);
  }
});

test('of two signatures, the one that is kept first is sent and the other is thrown away', () => {
  const tab = new Tab().to('keeping');
  const saved = whileSending();
  const theirs = { ...saved, kept: { ...saved.kept, transaction: 'theirs' } };
  tab.send({ type: 'conflict', run: tab.state.run, saved: theirs });
  assert.equal(tab.phase, 'sending');
  assert.equal(tab.kept.transaction, 'theirs');
  assert.equal(tab.count('send'), 0);
});

test('two tabs that keep at the same moment do not follow each other', () => {
  const tab = new Tab().to('keeping');
  const before = tab.state;
  const saved = whileSending();
  const theirs = { ...saved, revision: saved.revision + 1, kept: { ...saved.kept, transaction: 'theirs' } };
  assert.deepEqual(tab.send({ type: 'stored', saved: theirs }), []);
  assert.equal(tab.state, before);
});

test('a refusal is doubted while another tab may be sending the same payment', () => {
  const tab = new Tab().to('sending');
  const { saved } = tab.state;
  tab.wait(4_000).send({ type: 'stored', saved: { ...saved, kept: { ...saved.kept, sentAt: tab.now } } });
  tab.answer(refused('asset_busy'));
  assert.equal(tab.mode, 'checking');
  tab.wait(DOUBT_MS).retry();
  tab.answer(refused('asset_busy'));
  assert.equal(tab.notice, 'refused');
});

test('what this tab has sent itself is no reason to doubt', () => {
  const tab = new Tab().to('sending');
  tab.send({ type: 'stored', saved: tab.state.saved });
  tab.answer(refused('asset_busy'));
  assert.equal(tab.notice, 'refused');
});

test('a signature is thrown away if another tab has bought in the meantime', () => {
  const other = new Tab().to('sending');
  other.answer({ kind: 'sold', sale: sale() });
  const tab = new Tab().to('keeping');
  tab.send({ type: 'conflict', run: tab.state.run, saved: other.state.saved });
  assert.equal(tab.phase, 'idle');
  assert.equal(tab.notice, 'followed');
  assert.equal(tab.count('send'), 0);
  assert.equal(tab.state.saved.session.id, 'ses-1');
});

test('a signature is thrown away even if all that the other tab wrote is a refusal', () => {
  const other = new Tab().to('sending');
  other.answer(refused('asset_busy'));
  const tab = new Tab().to('keeping');
  tab.send({ type: 'conflict', run: tab.state.run, saved: other.state.saved });
  assert.equal(tab.phase, 'idle');
  assert.equal(tab.count('send'), 0);
});

test('a tab that follows sends the payment itself if the other one does not finish', () => {
  const tab = new Tab();
  const effects = tab.send({ type: 'stored', saved: whileSending() });
  assert.equal(effects.at(-1).type, 'wait');
  assert.ok(effects.at(-1).ms > 0);
  assert.equal(tab.retry()[0].type, 'send');
  tab.answer(refused('asset_busy'));
  assert.equal(tab.mode, 'checking', 'the other tab may have sent it too');
});

test('a tab that follows takes over the session', () => {
  const first = new Tab().to('sending');
  const second = new Tab();
  second.send({ type: 'stored', saved: first.state.saved });
  first.answer({ kind: 'sold', sale: sale() });
  second.send({ type: 'stored', saved: first.state.saved });
  assert.equal(second.phase, 'idle');
  assert.equal(second.kept, null);
  assert.equal(second.state.saved.session.id, 'ses-1');
});

test('a tab that follows takes over the refusal', () => {
  const first = new Tab().to('sending');
  const second = new Tab();
  second.send({ type: 'stored', saved: first.state.saved });
  first.answer(refused('insufficient_funds'));
  second.send({ type: 'stored', saved: first.state.saved });
  assert.equal(second.notice, 'refused');
  assert.equal(second.phase, 'idle');
});

test('what is older than what a tab knows is not taken over', () => {
  const first = new Tab().to('sending');
  const old = first.state.saved;
  first.answer({ kind: 'sold', sale: sale() });
  first.send({ type: 'stored', saved: old });
  assert.equal(first.phase, 'idle');
  assert.equal(first.kept, null);
});

test('without storage the payment is sent all the same, other tabs stay locked out, and the page says so', () => {
  const tab = new Tab().to('keeping');
  const effects = tab.keep(false);
  assert.deepEqual(effects.map((effect) => effect.type), ['send']);
  assert.equal(tab.state.isMemoryOnly, true);
  tab.answer(unclear());
  assert.ok(tab.kept);
  tab.retry();
  const ended = tab.answer({ kind: 'sold', sale: sale() });
  assert.ok(ended.some((effect) => effect.type === 'unlock'));
});

test('an extension bought in another tab ends an attempt to extend here', () => {
  const first = new Tab().to('sending');
  first.answer({ kind: 'sold', sale: sale() });
  const second = new Tab(first.state.saved);
  second.send({ type: 'extending', open: true });
  second.to('signing');
  first.send({ type: 'extending', open: true });
  first.to('sending');
  first.answer({ kind: 'sold', sale: sale({ endsAt: new Date(T0 + 20_000).toISOString(), transaction: 'tx-2' }) });
  second.send({ type: 'stored', saved: first.state.saved });
  assert.equal(second.phase, 'idle');
  assert.equal(second.notice, 'followed');
});
