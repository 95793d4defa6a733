// What the pages say of the machine: whether its device answers, and what it costs by now.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after } from 'node:test';
import { withoutBrowser } from '../harness/browser.js';
import { perSecond } from '../harness/config.js';
import { PATIENT, change, create, minutes, shown } from '../harness/manage.js';
import { Visitor, closeBrowser } from '../harness/visitor.js';
import { world } from '../harness/world.js';

/** An asset whose device is read by a command of its own. */
const checked = (id, command) => ({ ...perSecond(id), device: { ...perSecond(id).device, check: ['sh', '-c', command] } });

const silent = checked('silent', 'exit 2');
const gone = checked('gone', 'test -e gone && exit 2; test -e gone.open');
const slow = { ...perSecond('slow'), device: { ...perSecond('slow').device, unlock: ['sh', '-c', 'sleep 2; touch slow.open'] } };
const w = world({ assets: [silent, gone, slow, perSecond('paper'), perSecond('ended')], buyers: 6, unless: withoutBrowser });
after(closeBrowser);

const visit = (id, how) => Visitor.open(w, `/p/${id}`, how);
const withWallet = () => ({ wallets: [{ buyer: w.buyer() }] });

w.test('a device that does not answer is shown before anybody pays', { needs: ['devices'] }, async () => {
  const it = await visit('silent', withWallet());
  await it.sees('The device does not answer');
  await it.sees('Out of order');
  await it.sees('so nothing is sold');
  await it.isAccessible();
  await it.leave();
});

w.test('a device that takes its time is being unlocked, and is not called silent', { needs: ['devices'] }, async () => {
  const it = await visit('slow?quantity=60', withWallet());
  const said = new Set();
  await it.pays();
  await it.sees('It is yours');
  const unlocked = it.sees('It is unlocked.').then(() => true);
  while (!(await Promise.race([unlocked, it.page.waitForTimeout(50)]))) {
    said.add(await it.page.locator('#device').innerText());
  }
  assert.ok(said.has('It is being unlocked…'), [...said].join('\n'));
  assert.ok(!said.has('The device does not answer'), [...said].join('\n'));
  await it.leave();
});

w.test('who stops reads what that means first, and then sees what is owed', { needs: ['devices'] }, async () => {
  const it = await visit('ended?quantity=240', withWallet());
  await it.pays();
  await it.sees('It is unlocked.');
  await it.button('Stop').focus();
  await it.page.keyboard.press('Enter');
  await it.sees('Your time counts until the device says that it is locked.');
  await it.isAccessible();
  await it.page.keyboard.press('Tab');
  const focused = () => it.page.evaluate(() => document.activeElement.textContent);
  assert.equal(await focused(), 'Lock it and end my time');
  assert.ok(w.gateway.isOpen('ended.open'), 'reading stops nothing');
  await it.page.keyboard.press('Enter');
  await it.sees('Your time is over');
  await it.sees('is owed to you');
  assert.equal(await focused(), 'Your time is over', 'the focus is not lost with the button');
  assert.ok(!w.gateway.isOpen('ended.open'));
  assert.match((await it.page.locator('.session [role=status]').first().innerText()).replaceAll('\u00a0', ' '), /^0\.2\d+ USDC is owed/);
  await it.page.reload();
  await it.sees('is owed to you');
  await it.isAccessible();
  await it.leave();
});

w.test('a device that is gone in the middle is shown, with whom to ask', { needs: ['devices'] }, async () => {
  const it = await visit('gone?quantity=240', withWallet());
  await it.pays();
  await it.sees('It is unlocked.');
  await writeFile(join(w.gateway.folder, 'gone'), '');
  await it.sees('The device does not answer. If it does not work, use “Something is wrong”.', { within: 40_000 });
  await it.button('Something is wrong').click();
  await it.sees('Your payment is recorded.');
  await it.page.locator('.help pre', { hasText: 's_' }).waitFor();
  await it.isAccessible();
  await it.leave();
});

w.test('pages and screens that stay open follow the name, the price, and what is sold', PATIENT, async () => {
  for (const id of ['priced', 'shaped']) {
    await create(w, minutes(id));
    await shown(w, id, (status) => status === 200);
  }
  const [page, screen] = [await visit('priced?quantity=2'), await visit('priced?kiosk')];
  const [other, display] = [await visit('shaped'), await visit('shaped?kiosk')];
  await page.page.locator('#total', { hasText: '0.02' }).waitFor();
  await change(w, 'priced', { price: '0.03', name: 'New name' });
  await change(w, 'shaped', { unit: 'hour', name: 'Hours' });
  const headed = (it, name) => it.page.getByRole('heading', { name }).waitFor({ timeout: 160_000 });
  for (const it of [page, screen]) {
    await headed(it, 'New name');
    await it.sees('0.03 USDC per minute');
  }
  await page.page.locator('#total', { hasText: '0.06' }).waitFor();
  for (const it of [other, display]) {
    await headed(it, 'Hours');
    await it.sees('0.01 USDC per hour');
  }
  await other.page.locator('label[for="quantity"]', { hasText: 'Hours' }).waitFor();
  for (const it of [page, screen, other, display]) await it.leave();
});

w.test('an open receipt is printed alone', {}, async () => {
  const it = await visit('paper?quantity=60', withWallet());
  await it.pays();
  await it.sees('It is yours');
  await it.button('Receipt').click();
  await it.sees('Transaction');
  await it.page.emulateMedia({ media: 'print' });
  const text = (await it.text()).replaceAll('\u00a0', ' ');
  for (const part of ['Door paper', '0.06 USDC', 's_']) assert.ok(text.includes(part), `${part}\n${text}`);
  for (const part of ['It is yours', 'Check code', 'Add time', 'do not pay']) assert.ok(!text.includes(part), `${part}\n${text}`);
  await it.leave();
});
