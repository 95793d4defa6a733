// The pages themselves: what they show without a script, on a phone, to a screen at the machine, and what they weigh.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { withoutBrowser } from '../harness/browser.js';
import { perMinute, perSecond } from '../harness/config.js';
import { create, minutes, shown } from '../harness/manage.js';
import { Visitor, closeBrowser } from '../harness/visitor.js';
import { until } from '../harness/wait.js';
import { world } from '../harness/world.js';

const w = world({ assets: [perSecond('lamp'), perMinute('door-1')], buyers: 2, unless: withoutBrowser });
after(closeBrowser);
const visit = (path, how) => Visitor.open(w, path, how);

w.test('without JavaScript the page says what it costs, until when it is free, and how a program pays', {}, async () => {
  const it = await visit('/p/lamp?quantity=30', { script: false });
  const text = await it.text();
  for (const part of ['Door lamp', '0.001 USDC', 'Free now', '30 seconds', '0.03 USDC', new URL(w.gateway.url).host]) {
    assert.ok(text.includes(part), `${part}\n${text}`);
  }
  await it.page.locator('.presets a[data-quantity="10"]').click();
  assert.match(await it.page.locator('#total').innerText(), /0\.01 USDC/);
  await it.page.locator('#quantity').fill('7');
  await it.page.locator('#amount button').click();
  assert.match(await it.page.locator('#total').innerText(), /0\.007 USDC/);
  await it.page.locator('details summary').click();
  assert.match(await it.page.locator('details code').innerText(), /coinop pay '.*\/api\/v1\/access\/lamp\?quantity=7'/);
  await it.leave();
});

w.test('a browser that is pointed at the API lands on the page, and a program gets its 402', {}, async () => {
  const it = await visit('/api/v1/access/lamp?quantity=10');
  assert.equal(it.page.url(), w.url('/p/lamp?quantity=10'));
  const program = await fetch(w.url('/api/v1/access/lamp?quantity=10'));
  assert.equal(program.status, 402);
  await program.body.cancel();
  await it.leave();
});

w.test('the first page lists what is for hire, and leads to each', {}, async () => {
  const it = await visit('/');
  await it.isAccessible();
  assert.match(await it.text(), /Door lamp/);
  await it.page.getByRole('link', { name: /Door lamp/ }).click();
  await it.sees('Free now');
  await it.leave();
});

w.test('the screen at the machine shows a code to scan, and the same two digits as the phone', {}, async () => {
  const [screen, phone] = [await visit('/p/lamp?kiosk', { viewport: { width: 1280, height: 800 } }), await visit('/p/lamp')];
  await screen.page.locator('svg').first().waitFor();
  await screen.isAccessible();
  const code = async (it) => (await it.page.locator('#check strong').innerText()).trim();
  await until('both show the same', async () => (await code(screen)) === (await code(phone)));
  await screen.leave();
  await phone.leave();
});

w.test('the wheel scrolls the page, and changes no quantity', {}, async () => {
  const it = await visit('/p/lamp?quantity=30', { wallets: [{ buyer: w.buyers[0] }] });
  const field = it.page.locator('#quantity');
  await field.click();
  await it.page.mouse.wheel(0, 400);
  await until('the page has scrolled', () => it.page.evaluate(() => scrollY > 0));
  assert.equal(await field.inputValue(), '30');
  await it.leave();
});

w.test('an address that names nothing is a page too', {}, async () => {
  const it = await visit('/p/nothing');
  assert.equal(it.response.status(), 404);
  await it.isAccessible();
  await it.leave();
});

for (const [language, text] of [['de', 'Frei'], ['es-MX', 'Libre']]) {
  w.test(`a reader of ${language} reads it so`, {}, async () => {
    const it = await visit('/p/lamp', { locale: language });
    assert.equal(await it.page.locator('html').getAttribute('lang'), language.slice(0, 2));
    assert.match(await it.page.locator('#state').innerText(), new RegExp(text, 'i'));
    await it.isAccessible();
    await it.leave();
  });
}

for (const dark of [false, true]) {
  for (const width of [320, 360, 1280]) {
    w.test(`it reads well at ${width} px, ${dark ? 'dark' : 'light'}`, {}, async () => {
      const it = await visit('/p/lamp', { viewport: { width, height: 740 }, dark, wallets: [{ buyer: w.buyers[0] }] });
      await it.button(/^Pay /).waitFor();
      await it.isAccessible();
      await it.leave();
    });
  }
}

w.test('the keyboard alone reaches everything that can be done', {}, async () => {
  const it = await visit('/p/lamp?quantity=10', { wallets: [{ buyer: w.buyers[0] }] });
  await it.button(/^Pay /).waitFor();
  const reached = new Set();
  for (let n = 0; n < 40; n += 1) {
    await it.page.keyboard.press('Tab');
    reached.add(await it.page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.id));
  }
  const all = [...reached].join('\n');
  for (const part of ['10 seconds', 'quantity', 'Pay 0.01', 'I have paid already']) assert.ok(all.includes(part), `${part}\n${all}`);
  await it.leave();
});

const attempts = [
  '<script>globalThis.hacked = 1</script>',
  '<img src=x onerror="globalThis.hacked = 1">',
  '"><svg onload="globalThis.hacked = 1">',
  '</script><script>globalThis.hacked = 1</script>',
  '</title><script>globalThis.hacked = 1</script>',
  "' onmouseover='globalThis.hacked = 1",
  '{price}{name}<b>bold</b>',
];
w.test('no name or description of an asset becomes markup or runs (inv. 9)', { timeout: 180_000 }, async () => {
  for (const [n, attempt] of attempts.entries()) {
    const id = `attempt-${n}`;
    await create(w, minutes(id, { name: attempt, description: attempt }));
    await shown(w, id, (status) => status === 200);
    for (const path of [`/p/${id}`, `/p/${id}?kiosk`, '/']) {
      const it = await visit(path, { wallets: [{ buyer: w.buyers[0] }] });
      if (path !== '/') assert.equal(await it.page.locator('h1').innerText(), attempt);
      const [hacked, bold] = await it.page.evaluate(() => [globalThis.hacked, document.querySelectorAll('b, h1 *').length]);
      assert.deepEqual([hacked, bold], [undefined, 0], path);
      await it.leave();
    }
  }
});

/** Loads the page anew, and returns its bytes, its longest chain of requests, and its longest task in milliseconds. */
async function loaded(it, client) {
  const [bytes, begun] = [new Map(), new Map()];
  const onRequest = ({ requestId, request, initiator }) => begun.set(requestId, { url: request.url, by: initiator.url });
  const onFinished = ({ requestId, encodedDataLength }) => bytes.set(requestId, encodedDataLength);
  client.on('Network.requestWillBeSent', onRequest);
  client.on('Network.loadingFinished', onFinished);
  await it.page.reload();
  await it.button(/^Pay /).waitFor();
  client.off('Network.requestWillBeSent', onRequest);
  client.off('Network.loadingFinished', onFinished);
  const all = [...begun.values()];
  const depth = (url, seen = 0) => {
    const by = all.find((one) => one.url === url)?.by;
    return by && by !== url && seen < 9 ? 1 + depth(by, seen + 1) : 1;
  };
  return {
    bytes: [...bytes.values()].reduce((sum, one) => sum + one, 0),
    trips: Math.max(...all.map(({ url }) => depth(url))),
    longest: Math.max(0, ...(await it.page.evaluate(() => globalThis.tasks))),
  };
}

w.test('it weighs less than 60 KB, is there after three round trips, and keeps a slow phone free', {}, async () => {
  const it = await visit('/p/lamp', { wallets: [{ buyer: w.buyers[0] }] });
  const client = await it.context.newCDPSession(it.page);
  await client.send('Network.enable');
  await client.send('Network.setCacheDisabled', { cacheDisabled: true });
  await client.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  await it.page.addInitScript(() => {
    globalThis.tasks = [];
    const keep = (list) => globalThis.tasks.push(...list.getEntries().map(({ duration }) => duration));
    new PerformanceObserver(keep).observe({ type: 'longtask', buffered: true });
  });
  // Whatever else runs on this machine only makes it slower, so the best of some loads counts.
  const loads = [];
  for (let n = 0; n < 5; n += 1) loads.push(await loaded(it, client));
  const best = loads.reduce((one, other) => (other.longest < one.longest ? other : one));
  console.log(`the page: ${best.bytes} bytes, ${best.trips} round trips, longest task ${best.longest} ms at a quarter of the speed`);
  assert.ok(best.bytes > 10_000 && best.bytes < 60_000, `${best.bytes} bytes`);
  assert.ok(best.trips <= 3, `${best.trips} round trips in a row`);
  assert.ok(best.longest < 200, `a task of ${best.longest} ms`);
  await it.leave();
});
