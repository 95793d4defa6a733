// A session on another device, by a link with a one-time code. Anybody can send such a link, so it takes nothing away.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { withoutBrowser } from '../harness/browser.js';
import { perSecond, room } from '../harness/config.js';
import { Visitor, closeBrowser } from '../harness/visitor.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

const QUESTION = 'This link opens a session that was bought on another device.';
const w = world({ assets: [...['code', 'open', 'trap', 'tap'].map(perSecond), ...['gym', 'hall'].map(room)], buyers: 12, unless: withoutBrowser });
after(closeBrowser);

const visit = (path, how) => Visitor.open(w, path, how);

/** A visitor who has bought a session. */
async function owner(id, quantity = 120) {
  const it = await visit(`/p/${id}?quantity=${quantity}`, { wallets: [{ buyer: w.buyer() }] });
  await it.pays();
  await it.sees('It is yours');
  return it;
}

/** Makes a link to the session that a visitor has. Returns its path. */
async function linkOf(it) {
  const make = it.button('Make the link');
  if (!(await make.isVisible())) await it.button('Use on another device').click();
  const field = it.page.locator('.share input');
  const before = await field.inputValue();
  await make.click();
  await until('the link is there', async () => ![before, ''].includes(await field.inputValue()));
  const { pathname, hash } = new URL(await field.inputValue());
  return `${pathname}?from=link${hash}`;
}

/** Opens the session of the link that a visitor has followed, once the question takes an answer. */
async function opens(it) {
  await it.sees(QUESTION);
  await it.page.waitForTimeout(800);
  await it.button('Open it here').click();
  await it.sees('It is yours');
}

w.test('a session goes on on another device by a link that works once (inv. 1, 9)', {}, async () => {
  const first = await owner('code');
  const link = await linkOf(first);
  await first.isAccessible();
  const second = await visit(link);
  await second.sees(QUESTION);
  assert.ok(!second.page.url().includes('#code'), 'the code is wiped');
  await second.isAccessible();
  await opens(second);
  await second.isAccessible();
  const third = await visit(link);
  await third.sees(QUESTION);
  await third.page.waitForTimeout(800);
  await third.button('Open it here').click();
  await third.sees('This link no longer works');
  assert.equal(await third.page.getByText('It is yours').count(), 0);
  for (const it of [first, second, third]) await it.leave();
});

w.test('a link in a page that is open already is asked about too, and wiped', {}, async () => {
  const first = await owner('open');
  const link = await linkOf(first);
  const second = await visit('/p/open');
  await second.page.evaluate((hash) => (location.hash = hash), new URL(link, w.gateway.url).hash);
  await second.sees(QUESTION);
  assert.ok(!second.page.url().includes('#code'));
  await opens(second);
  for (const it of [first, second]) await it.leave();
});

w.test("a stranger's link opens nothing by itself, and more time for its session is not sold unwarned (inv. 1)", {}, async () => {
  const thief = await owner('trap');
  const victim = await visit(await linkOf(thief), { wallets: [{ buyer: w.buyer() }] });
  await victim.sees(QUESTION);
  assert.equal(await victim.page.getByText('It is yours').count(), 0);
  await opens(victim);
  await victim.button('Add time').click();
  await victim.sees('Whoever gave you the link can use the time that you add.');
  await victim.isAccessible();
  for (const it of [thief, victim]) await it.leave();
});

w.test("a stranger's link does not take the place of one's own session (inv. 1)", {}, async () => {
  const [thief, victim] = [await owner('gym'), await owner('gym', 60)];
  const sessions = () => victim.page.evaluate(() => JSON.parse(localStorage.getItem('coinop:gym')).session.id);
  const own = await sessions();
  const again = await visit(await linkOf(thief), { context: victim.context });
  await again.sees('The link was not used');
  assert.equal(await again.button('Open it here').count(), 0);
  for (const it of [again, victim]) {
    await it.sees('It is yours');
    assert.ok((await it.left()) <= 60);
  }
  assert.equal(await sessions(), own);
  for (const it of [thief, again, victim]) await it.leave();
});

w.test('a session that a link has brought can be put aside, and one is sold to the buyer (inv. 1)', {}, async () => {
  const thief = await owner('hall');
  const victim = await visit(await linkOf(thief), { wallets: [{ buyer: w.buyer() }] });
  await opens(victim);
  const session = () => victim.page.evaluate(() => JSON.parse(localStorage.getItem('coinop:hall')).session.id);
  const stolen = await session();
  await victim.button('Put this session aside').click();
  await victim.chooses(10, '0.01 USDC');
  const sum = await w.gain(async () => {
    await victim.pays();
    await victim.sees('It is yours');
  });
  assert.deepEqual(sum, { money: 10_000n, landed: 1 });
  assert.notEqual(await session(), stolen);
  for (const it of [thief, victim]) await it.leave();
});

w.test('a link that waits while something is bought opens nothing (inv. 1)', {}, async () => {
  const thief = await owner('hall');
  const victim = await visit(await linkOf(thief), { wallets: [{ buyer: w.buyer() }] });
  await victim.sees(QUESTION);
  await victim.page.waitForTimeout(800);
  await victim.chooses(10, '0.01 USDC');
  await victim.pays();
  await victim.sees('It is yours');
  await victim.button('Open it here').click();
  await victim.sees('The link was not used');
  for (const it of [thief, victim]) await it.leave();
});

w.test('a tap that was meant for what stood there a moment ago opens no link', {}, async () => {
  const thief = await owner('tap');
  const link = new URL(await linkOf(thief), w.gateway.url);
  const victim = await visit('/p/tap');
  await victim.page.evaluate((hash) => {
    location.hash = hash;
    addEventListener('hashchange', () => document.querySelector('[role="status"] button')?.click());
  }, link.hash);
  await victim.sees(QUESTION);
  await victim.page.waitForTimeout(1_000);
  assert.equal(await victim.page.getByText('It is yours').count(), 0);
  await opens(victim);
  for (const it of [thief, victim]) await it.leave();
});
