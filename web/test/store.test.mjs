import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './load.mjs';
import { NOTHING, T0, Tab, sale } from './purchase.mjs';

const { joined, makeStore, parse } = await load('store');

/** A storage in memory, which can be made to fail. */
class Shelf {
  items = new Map();
  isFull = false;
  getItem(key) {
    return this.items.get(key) ?? null;
  }
  setItem(key, value) {
    if (this.isFull) throw new Error('QuotaExceededError');
    this.items.set(key, value);
  }
  removeItem(key) {
    this.items.delete(key);
  }
}

const blocked = () => {
  throw new Error('SecurityError');
};

const sending = new Tab().to('sending').state.saved;
const bought = (() => {
  const tab = new Tab().to('sending');
  tab.answer({ kind: 'sold', sale: sale() });
  return tab.state.saved;
})();

test('what is written is read again', () => {
  const shelf = new Shelf();
  const store = makeStore('lamp', () => shelf);
  assert.equal(store.read(), null);
  assert.deepEqual(store.keep(sending), { isStored: true, conflict: null });
  assert.deepEqual(store.read(), sending);
  assert.deepEqual([...shelf.items.keys()], ['coinop:lamp']);
});

test('assets do not see each other', () => {
  const shelf = new Shelf();
  makeStore('lamp', () => shelf).keep(sending);
  assert.equal(makeStore('door', () => shelf).read(), null);
});

test('junk, another version, and parts that are not whole are not read', () => {
  const junk = ['', 'x', 'null', '1', '[]', '{}', '"text"', '{"version":1}', JSON.stringify({ ...sending, version: 2 })];
  for (const text of junk) assert.equal(parse(text), null, text);
  assert.equal(parse(null), null);
  const damaged = parse(JSON.stringify({ version: 1, revision: 3, kept: { transaction: 'x' }, session: 7, refused: 'x' }));
  assert.deepEqual(damaged, { version: 1, revision: 3, kept: null, session: null, refused: null });
});

test('a blocked storage throws nothing and stores nothing', () => {
  const store = makeStore('lamp', blocked);
  assert.equal(store.read(), null);
  assert.deepEqual(store.keep(sending), { isStored: false, conflict: null });
  assert.deepEqual(store.save(bought, null), bought);
  store.touch(sending.kept);
});

test('a full storage is noticed when a payment is kept', () => {
  const shelf = new Shelf();
  shelf.isFull = true;
  assert.deepEqual(makeStore('lamp', () => shelf).keep(sending), { isStored: false, conflict: null });
});

test('a storage that forgets at once is noticed when a payment is kept', () => {
  const shelf = new Shelf();
  shelf.setItem = () => undefined;
  assert.equal(makeStore('lamp', () => shelf).keep(sending).isStored, false);
});

test('a payment is not kept over another one, nor after anything else was written', () => {
  const shelf = new Shelf();
  const store = makeStore('lamp', () => shelf);
  store.keep(sending);
  const second = { ...sending, revision: sending.revision + 5, kept: { ...sending.kept, transaction: 'second' } };
  assert.deepEqual(store.keep(second), { isStored: false, conflict: sending });
  store.save(bought, sending.kept.transaction);
  const late = { ...sending, revision: bought.revision };
  assert.deepEqual(store.keep(late).conflict, bought);
});

test('a payment of another tab survives whatever this tab writes, unless it is the one that is done', () => {
  const shelf = new Shelf();
  const store = makeStore('lamp', () => shelf);
  store.keep(sending);
  const stale = { ...NOTHING, revision: sending.revision };
  assert.equal(store.save(stale, null).kept.transaction, sending.kept.transaction);
  assert.equal(store.save(stale, 'another').kept.transaction, sending.kept.transaction);
  assert.equal(store.save(stale, sending.kept.transaction).kept, null);
});

test('of two sessions the later one remains, and of one session the later end', () => {
  const session = bought.session;
  const longer = { ...session, endsAt: T0 + 99_000, payments: [...session.payments, session.payments[0]] };
  const next = { ...session, id: 'ses-2', startsAt: session.startsAt + 1 };
  const join = (a, b) => joined({ ...NOTHING, session: a }, { ...NOTHING, session: b }, null).session;
  assert.equal(join(session, longer).endsAt, T0 + 99_000);
  assert.equal(join(longer, session).endsAt, T0 + 99_000);
  assert.equal(join(longer, session).payments.length, 2);
  assert.equal(join(next, session).id, 'ses-2');
  assert.equal(join(session, next).id, 'ses-2');
  assert.equal(join(null, session), session);
});

test('when a payment was sent is noted, unless another tab says that it is done', () => {
  const shelf = new Shelf();
  const store = makeStore('lamp', () => shelf);
  store.keep(sending);
  store.touch({ ...sending.kept, sentAt: T0 + 5 });
  assert.equal(store.read().kept.sentAt, T0 + 5);
  store.save(bought, sending.kept.transaction);
  store.touch(sending.kept);
  assert.equal(store.read().kept, null);
});

test('a payment is written again if somebody has emptied the storage', () => {
  const shelf = new Shelf();
  const store = makeStore('lamp', () => shelf);
  store.keep(sending);
  shelf.removeItem('coinop:lamp');
  store.touch(sending.kept);
  assert.equal(store.read().kept.transaction, sending.kept.transaction);
});
