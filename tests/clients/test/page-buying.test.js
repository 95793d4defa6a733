// A person with a wallet in the browser buys on the page: the seconds run, more are bought, and then it is over.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { withoutBrowser } from '../harness/browser.js';
import { perSecond } from '../harness/config.js';
import { opens } from '../harness/device.js';
import { PATIENT, change, create, minutes, offered, shown } from '../harness/manage.js';
import { manners } from '../harness/page-wallet.js';
import { Visitor, closeBrowser } from '../harness/visitor.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

const ids = ['buy', 'guards', 'two', 'taken', 'declines', 'hangs', 'bytes', 'price', 'held', 'old'];
const w = world({ assets: ids.map(perSecond), buyers: 16, unless: withoutBrowser });
after(closeBrowser);

const visit = (path, how) => Visitor.open(w, path, how);
const withWallet = () => [{ buyer: w.buyer() }];

w.test('four taps: the seconds run, more are bought, and it locks again (inv. 1, 4, 6)', { timeout: 120_000 }, async () => {
  const it = await visit('/p/buy', { wallets: withWallet() });
  await it.isAccessible();
  await it.chooses(10, '0.01 USDC');
  let sum;
  sum = await w.gain(async () => {
    await it.pays();
    await it.sees('It is yours');
  });
  assert.deepEqual(sum, { money: 10_000n, landed: 1 });
  assert.equal(it.wallet.signed, 1);
  if (w.can.devices) {
    await opens(w.gateway, 'buy.open');
    await it.sees('It is unlocked.');
  }
  await it.isAccessible();
  const left = await it.left();
  assert.ok(left > 0 && left <= 10, `${left} s are left`);

  sum = await w.gain(async () => {
    await it.button('Add time').click();
    await it.chooses(30, '0.03 USDC');
    await it.button(/^Add time: pay/).click();
    await until('the countdown shows more', async () => (await it.left()) > 15);
  });
  assert.deepEqual(sum, { money: 30_000n, landed: 1 });

  await it.button('Receipt').click();
  for (const part of ['Door buy', '0.01 USDC', '0.03 USDC', '0.04 USDC', 's_']) await it.page.locator('.receipt', { hasText: part }).waitFor();
  await it.isAccessible();

  await it.page.reload();
  await it.sees('It is yours');
  await it.sees('Your time is over', { within: 60_000 });
  if (w.can.devices) await until('it is locked again', () => !w.gateway.isOpen('buy.open'), { within: 1_000 });
  await it.isAccessible();
  await it.button('Buy again').click();
  await it.sees('Free now');
  await it.leave();
});

w.test('a wallet that adds guards, as Phantom does, buys (inv. 1)', {}, async () => {
  const it = await visit('/p/guards?quantity=60', { wallets: withWallet() });
  it.wallet.manner = manners.phantom;
  assert.deepEqual(
    await w.gain(async () => {
      await it.pays();
      await it.sees('It is yours').catch(async (error) => {
        throw new Error(await it.text(), { cause: error });
      });
    }),
    { money: 60_000n, landed: 1 },
  );
  await it.leave();
});

w.test('a person who declines is told that nothing was paid, and can pay after all (inv. 1)', {}, async () => {
  const it = await visit('/p/declines?quantity=10', { wallets: withWallet() });
  it.wallet.manner = manners.declines;
  const sum = await w.gain(async () => {
    await it.pays();
    await it.sees('Nothing was paid');
  });
  assert.deepEqual(sum, { money: 0n, landed: 0 });
  it.wallet.manner = manners.honest;
  await it.pays();
  await it.sees('It is yours');
  await it.leave();
});

w.test('what a wallet signs after it was given up is thrown away (inv. 1)', {}, async () => {
  const it = await visit('/p/hangs?quantity=10', { wallets: withWallet() });
  it.wallet.manner = manners.hangs;
  const sum = await w.gain(async () => {
    await it.pays();
    await it.sees('Please approve');
    await it.button('Cancel').click();
    await it.sees('Nothing was paid');
    it.wallet.wake();
    await until('the wallet has signed', () => it.wallet.signed === 1);
    await it.page.waitForTimeout(500);
  });
  assert.deepEqual(sum, { money: 0n, landed: 0 });
  assert.equal(await it.page.getByText(/We have your payment|Your payment is on its way/).count(), 0);
  it.wallet.manner = manners.honest;
  await it.pays();
  await it.sees('It is yours');
  await it.leave();
});

for (const manner of ['otherBytes', 'nonsense']) {
  w.test(`a wallet that signs other bytes buys nothing and costs nothing: ${manner} (inv. 1, 5)`, {}, async () => {
    const it = await visit('/p/bytes?quantity=10', { wallets: withWallet() });
    it.wallet.manner = manners[manner];
    const sum = await w.gain(async () => {
      await it.pays();
      await it.sees(/Nothing was paid/, { within: 45_000 });
    });
    assert.deepEqual(sum, { money: 0n, landed: 0 });
    it.wallet.manner = manners.honest;
    await it.pays();
    await it.sees('It is yours');
    await it.page.waitForTimeout(10_000);
    await it.leave();
  });
}

w.test('a payment that was approved too late is refused before money moves, and a new one is made (inv. 1, 3)', {}, async () => {
  const it = await visit('/p/old?quantity=60', { wallets: withWallet() });
  it.wallet.manner = manners.hangs;
  const sum = await w.gain(async () => {
    await it.pays();
    await it.sees('Please approve');
    await w.chain.advanceBlocks(200);
    it.wallet.wake();
    await it.sees(/approving it took too long\. Nothing was paid/, { within: 45_000 });
  });
  assert.deepEqual(sum, { money: 0n, landed: 0 });
  it.wallet.manner = manners.honest;
  // What the gateway knows of the chain may be as old as the payment was.
  await until('the gateway has heard of a new block', async () => {
    await it.pays();
    return it.sees('It is yours', { within: 5_000 }).then(() => true, () => false);
  }, { within: 45_000 });
  await it.leave();
});

w.test('an asset that is taken meanwhile is refused before money moves, and says until when (inv. 1)', {}, async () => {
  const [one, other] = await Promise.all([
    visit('/p/taken?quantity=60', { wallets: withWallet() }),
    visit('/p/taken?quantity=60', { wallets: withWallet() }),
  ]);
  other.wallet.manner = manners.hangs;
  await other.pays();
  await other.sees('Please approve');
  const sum = await w.gain(async () => {
    await one.pays();
    await one.sees('It is yours');
    other.wallet.wake();
    await other.sees(/Nothing was paid/, { within: 45_000 });
  });
  assert.deepEqual(sum, { money: 60_000n, landed: 1 });
  await other.sees(/Taken until/);
  await one.leave();
  await other.leave();
});

w.test('of two tabs, the second follows the first, and only one pays (inv. 1)', {}, async () => {
  const one = await visit('/p/two?quantity=60', { wallets: withWallet() });
  const two = await visit('/p/two?quantity=60', { context: one.context, wallets: [{ buyer: one.wallet.buyer }] });
  one.wallet.manner = manners.hangs;
  const sum = await w.gain(async () => {
    await one.pays();
    await one.sees('Please approve');
    await two.pays();
    await two.sees(/other tab|another tab/i);
    one.wallet.wake();
    await one.sees('It is yours');
    await two.sees('It is yours');
  });
  assert.deepEqual(sum, { money: 60_000n, landed: 1 });
  await two.leave();
  await one.leave();
});

w.test('a price that has changed is shown before anybody signs it (inv. 6)', PATIENT, async () => {
  await create(w, minutes('priced'));
  await shown(w, 'priced', (status) => status === 200);
  const it = await visit('/p/priced?quantity=1', { wallets: withWallet() });
  await change(w, 'priced', { price: '0.02' });
  await offered(w.url('/api/v1/access/priced'), 20_000);
  const sum = await w.gain(async () => {
    await it.pays();
    await it.sees(/The price has changed/);
  });
  assert.deepEqual([sum, it.wallet.signed], [{ money: 0n, landed: 0 }, 0]);
  await it.pays();
  await it.sees('It is yours');
  await it.leave();
});

w.test('a wallet that has it already is told so, and signs in to see it (inv. 1, 9)', {}, async () => {
  const [{ buyer }] = withWallet();
  const first = await visit('/p/held?quantity=60', { wallets: [{ buyer }] });
  await first.pays();
  await first.sees('It is yours');
  await first.leave();
  const second = await visit('/p/held?quantity=60', { wallets: [{ buyer }] });
  await second.sees(/Taken until/);
  await second.button('I have paid already').click();
  await second.sees('It is yours');
  const left = await second.left();
  assert.ok(left > 20 && left <= 60, `${left} s are left`);
  await second.leave();
});
