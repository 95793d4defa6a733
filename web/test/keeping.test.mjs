// Two tabs that sign at once: whatever the storage and the locks of a browser do, one payment is sent.

import assert from 'node:assert/strict';
import test from 'node:test';
import { OFFER, PREPARED } from './purchase.mjs';
import { load } from './load.mjs';

const { makeRuntime } = await load('runtime');
const { makeStore } = await load('store');

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Locks as a browser has them, for one name each. */
class Locks {
  held = new Map();

  async request(name, { ifAvailable, steal }, act) {
    const holder = this.held.get(name);
    if (holder && steal) holder.lose(new DOMException('stolen', 'AbortError'));
    else if (holder && ifAvailable) return act(null);
    return new Promise((resolve, lose) => {
      const mine = { lose };
      this.held.set(name, mine);
      Promise.resolve(act({ name }))
        .then(resolve, lose)
        .finally(() => this.held.get(name) === mine && this.held.delete(name));
    });
  }
}

/** The storage that tabs share, and that some can't write to. */
class Storage {
  text = null;

  shelf(isBlocked) {
    return {
      getItem: () => this.text,
      setItem: (_, text) => {
        if (isBlocked) throw new DOMException('full', 'QuotaExceededError');
        this.text = text;
      },
    };
  }
}

/** A tab whose wallet signs when `approve` is called. `sent` has the transactions that left it. */
function openTab(name, shelf) {
  let approve;
  const account = { address: name, chains: ['solana:devnet'], features: [] };
  const signed = new Promise((resolve) => (approve = resolve));
  const sign = async () => {
    await signed;
    return [{ signedTransaction: new TextEncoder().encode(name) }];
  };
  const features = { 'standard:connect': { connect: async () => ({ accounts: [account] }) }, 'solana:signTransaction': { signTransaction: sign } };
  const tab = { approve, sent: [] };
  const api = {
    prepare: async () => ({ ok: PREPARED }),
    // It is never answered.
    pay: ({ transaction }) => {
      tab.sent.push(transaction);
      return new Promise(() => undefined);
    },
  };
  const world = { wallets: new Map([['Test', { name: 'Test', features }]]), paidAt: 0 };
  const none = () => undefined;
  const tools = { api, world, clock: { now: () => Date.now() }, store: makeStore('lamp', () => shelf), chain: 'solana:devnet' };
  Object.assign(tab, makeRuntime({ ...tools, render: none, poll: none, reprice: none }));
  tab.dispatch({ type: 'offer', offer: OFFER });
  tab.reaches = async (phase) => {
    for (let n = 0; n < 600 && tab.state().flow.phase !== phase; n += 1) await pause(5);
    assert.equal(tab.state().flow.phase, phase, name);
  };
  return tab;
}

/** Puts locks into the browser, and channels to the tabs that are opened from now on. */
function withLocks(locks) {
  globalThis.window = globalThis;
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true, writable: true });
}

/** Ends all channels, which would keep the process alive. */
const closeAll = () => opened.splice(0).forEach((channel) => channel.close());
const opened = [];
globalThis.BroadcastChannel = class extends BroadcastChannel {
  constructor(name) {
    super(name);
    opened.push(this);
  }
};
test.afterEach(closeAll);

const sentBy = (tabs) => new Set(tabs.flatMap(({ sent }) => sent));
const broken = { request: () => Promise.reject(new DOMException('no', 'SecurityError')) };

for (const [what, locks] of [['no locks', undefined], ['locks that do not work', broken]]) {
  for (const gap of [0, 20, 120, 300]) {
    test(`with ${what}, two tabs that sign ${gap} ms apart send one payment at most`, async () => {
      withLocks(locks);
      const storage = new Storage();
      const tabs = [0, 1].map((n) => openTab(`tab-${n}`, storage.shelf(true)));
      for (const tab of tabs) tab.dispatch({ type: 'pay', wallet: 'Test' });
      for (const tab of tabs) await tab.reaches('signing');
      for (const tab of tabs) {
        tab.approve();
        await pause(gap);
      }
      await pause(1_300);
      const { size } = sentBy(tabs);
      assert.ok(size === 1 || (size === 0 && gap === 0), `${size} were sent`);
      if (size === 1) return;
      // Neither of the two got it, and both may try again.
      for (const tab of tabs) assert.equal(tab.state().notice.key, 'followed');
      tabs[0].dispatch({ type: 'pay', wallet: 'Test' });
      await tabs[0].reaches('sending');
    });
  }

  test(`with ${what}, a tab that is being paid in keeps another from paying, which can take over until it is sent`, async () => {
    withLocks(locks);
    const storage = new Storage();
    const [one, two, three] = [0, 1, 2].map((n) => openTab(`tab-${n}`, storage.shelf(true)));
    one.dispatch({ type: 'pay', wallet: 'Test' });
    await one.reaches('signing');
    two.dispatch({ type: 'pay', wallet: 'Test' });
    await two.reaches('elsewhere');
    two.dispatch({ type: 'here' });
    await two.reaches('signing');
    assert.equal(one.state().notice.key, 'moved');
    one.approve();
    two.approve();
    await two.reaches('sending');
    three.dispatch({ type: 'pay', wallet: 'Test' });
    await three.reaches('elsewhere');
    three.dispatch({ type: 'here' });
    await three.reaches('elsewhere');
    assert.equal(sentBy([one, two, three]).size, 1);
  });
}

for (const blocked of [[0, 1], [0], [1]]) {
  test(`a tab sends nothing while another sends what it could not store: blocked in ${blocked}`, async () => {
    withLocks(new Locks());
    const storage = new Storage();
    const [one, two] = [0, 1].map((n) => openTab(`tab-${n}`, storage.shelf(blocked.includes(n))));
    one.dispatch({ type: 'pay', wallet: 'Test' });
    await one.reaches('signing');
    one.approve();
    await one.reaches('sending');
    two.dispatch({ type: 'pay', wallet: 'Test' });
    if (blocked.includes(0)) {
      await two.reaches('elsewhere');
      two.dispatch({ type: 'here' });
      await two.reaches('signing');
      two.approve();
      await two.reaches('idle');
      assert.equal(two.state().notice.key, 'followed');
    } else {
      // The first one's payment can be read, so the second follows it.
      await two.reaches('sending');
    }
    await pause(50);
    assert.equal(sentBy([one, two]).size, 1);
    assert.equal(one.sent.length, 1);
  });
}

test('a tab that sends what it could not store is not led away by what others write', async () => {
  withLocks(new Locks());
  const storage = new Storage();
  const one = openTab('tab-0', storage.shelf(true));
  one.dispatch({ type: 'pay', wallet: 'Test' });
  await one.reaches('signing');
  one.approve();
  await one.reaches('sending');
  const { saved } = one.state();
  for (const kept of [null, { ...saved.kept, transaction: 'theirs' }]) {
    one.dispatch({ type: 'stored', saved: { ...saved, revision: saved.revision + 9, kept } });
    assert.equal(one.state().flow.phase, 'sending');
    assert.equal(one.state().flow.kept.transaction, one.sent[0]);
  }
  one.dispatch({ type: 'answer', transaction: one.sent[0], outcome: { kind: 'used', refusal: { code: 'payment_already_used', detail: '' } } });
  await one.reaches('unsure');
  const two = openTab('tab-1', storage.shelf(false));
  two.dispatch({ type: 'pay', wallet: 'Test' });
  await two.reaches('elsewhere');
});
