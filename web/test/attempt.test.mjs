import assert from 'node:assert/strict';
import test from 'node:test';
import { NOTHING, OFFER, PREPARED, Tab, sale } from './purchase.mjs';

const UNSENT = ['locking', 'connecting', 'preparing', 'signing'];

test('a tap leads through lock, wallet, transaction, signature and storage to sending', () => {
  const tab = new Tab().to('sending');
  const types = tab.effects.map((effect) => effect.type);
  assert.deepEqual(types, ['lock', 'connect', 'prepare', 'sign', 'keep', 'send', 'unlock']);
  assert.equal(tab.kept.transaction, 'c2lnbmVk');
  assert.deepEqual(tab.kept.accepted, PREPARED.accepted);
});

test('nothing is prepared before the tap', () => {
  assert.deepEqual(new Tab().effects, []);
});

test('what is signed is kept before it is sent', () => {
  const tab = new Tab().to('keeping');
  assert.equal(tab.count('send'), 0);
  const { saved } = tab.effects.at(-1);
  assert.equal(saved.kept.transaction, 'c2lnbmVk');
  assert.equal(tab.keep()[0].type, 'send');
});

test('a second tap while a payment is made does nothing', () => {
  for (const phase of [...UNSENT, 'keeping', 'sending']) {
    const tab = new Tab().to(phase);
    const before = tab.state;
    assert.deepEqual(tab.send({ type: 'pay', wallet: 'Solflare' }), [], phase);
    assert.equal(tab.state, before, phase);
  }
});

test('without a price there is no payment', () => {
  const tab = new Tab();
  tab.send({ type: 'offer', offer: null });
  tab.send({ type: 'pay', wallet: 'Phantom' });
  assert.equal(tab.phase, 'idle');
});

test('a declined signature or connection says that nothing was paid, and lets go of the lock', () => {
  for (const phase of ['connecting', 'signing']) {
    const tab = new Tab().to(phase);
    const effects = tab.send({ type: 'wallet_failed', run: tab.state.run, isDeclined: true, words: '' });
    assert.equal(tab.notice, 'declined');
    assert.deepEqual(effects.map((effect) => effect.type), ['unlock']);
    assert.equal(tab.kept, null);
  }
});

test('a wallet that fails is quoted, and another tap is possible', () => {
  const tab = new Tab().to('signing');
  tab.send({ type: 'wallet_failed', run: tab.state.run, isDeclined: false, words: 'no' });
  assert.deepEqual(tab.state.notice, { key: 'wallet_failed', words: 'no' });
  assert.equal(tab.to('signing').phase, 'signing');
});

test('after cancelling, a late answer of the wallet is thrown away in every phase', () => {
  for (const phase of UNSENT) {
    const tab = new Tab().to(phase);
    const { run } = tab.state;
    tab.send({ type: 'cancel' });
    assert.equal(tab.notice, 'cancelled', phase);
    const late = [
      { type: 'locked', run, isHeld: true, saved: NOTHING },
      { type: 'connected', run, account: 'wallet-1' },
      { type: 'prepared', run, prepared: PREPARED },
      { type: 'signed', run, transaction: 'late' },
      { type: 'wallet_failed', run, isDeclined: true, words: '' },
      { type: 'stolen', run },
    ];
    for (const event of late) assert.deepEqual(tab.send(event), [], `${phase}: ${event.type}`);
    assert.equal(tab.phase, 'idle');
    assert.equal(tab.notice, 'cancelled', phase);
  }
});

test('a late signature of a cancelled attempt does not get into the next one', () => {
  const tab = new Tab().to('signing');
  const { run } = tab.state;
  tab.send({ type: 'cancel' });
  tab.to('signing');
  assert.deepEqual(tab.send({ type: 'signed', run, transaction: 'late' }), []);
  assert.equal(tab.phase, 'signing');
  assert.equal(tab.kept, null);
});

test('what is being kept or sent can not be cancelled', () => {
  for (const phase of ['keeping', 'sending']) {
    const tab = new Tab().to(phase);
    tab.send({ type: 'cancel' });
    assert.equal(tab.phase, phase);
  }
});

test('another price than the one shown is shown and not signed', () => {
  const changes = [{ amount: '20000' }, { mint: 'mint-x' }, { decimals: 9 }, { quantity: 11 }, { seconds: 9 }];
  for (const change of changes) {
    const tab = new Tab().to('preparing');
    tab.send({ type: 'prepared', run: tab.state.run, prepared: { ...PREPARED, ...change } });
    assert.equal(tab.phase, 'idle');
    assert.equal(tab.notice, 'price_changed');
    assert.equal(tab.count('sign'), 0);
    assert.equal(tab.count('reprice'), 1);
  }
});

test('the new price is the one that the next tap pays', () => {
  const tab = new Tab().to('preparing');
  const prepared = { ...PREPARED, amount: '20000', display: '0.02 USDC' };
  tab.send({ type: 'prepared', run: tab.state.run, prepared });
  assert.equal(tab.state.offer.prices[0].display, '0.02 USDC');
  assert.equal(tab.state.offer.prices[1].display, '0.009 EURC');
  tab.to('preparing');
  tab.send({ type: 'prepared', run: tab.state.run, prepared });
  assert.equal(tab.phase, 'signing');
});

test('a price that changes while the wallet is open does not change what is signed', () => {
  const tab = new Tab().to('preparing');
  tab.send({ type: 'offer', offer: { ...OFFER, quantity: 60 } });
  tab.send({ type: 'prepared', run: tab.state.run, prepared: PREPARED });
  assert.equal(tab.phase, 'signing');
});

test('the chosen token is paid', () => {
  const tab = new Tab();
  tab.send({ type: 'token', mint: 'mint-eurc' });
  tab.to('preparing');
  assert.equal(tab.effects.at(-1).attempt.price.mint, 'mint-eurc');
  tab.send({ type: 'prepared', run: tab.state.run, prepared: PREPARED });
  assert.equal(tab.notice, 'price_changed');
});

test('a transaction that is refused says why, and nothing was signed', () => {
  const tab = new Tab().to('preparing');
  tab.send({ type: 'unprepared', run: tab.state.run, refusal: { code: 'unavailable', detail: '' } });
  assert.equal(tab.notice, 'refused');
  assert.equal(tab.phase, 'idle');
  assert.equal(tab.count('sign'), 0);
});

test('an extension is paid with the token of its session', () => {
  const tab = new Tab().to('sending');
  tab.answer({ kind: 'sold', sale: sale() });
  tab.send({ type: 'extending', open: true });
  tab.to('sending');
  assert.deepEqual(tab.kept.operation, { kind: 'extend', id: 'ses-1', token: 'token-1' });
});

test('while a session runs, nothing but more time for it can be paid', () => {
  const tab = new Tab().to('sending');
  tab.answer({ kind: 'sold', sale: sale() });
  tab.send({ type: 'pay', wallet: 'Phantom' });
  assert.equal(tab.phase, 'idle');
  tab.wait(10_000).send({ type: 'pay', wallet: 'Phantom' });
  assert.equal(tab.phase, 'locking');
});
