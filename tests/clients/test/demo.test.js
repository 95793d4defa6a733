// What `cargo xtask demo` puts in front of the gateway: a person without a wallet pays with play money in the browser.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withoutBrowser } from '../harness/browser.js';
import { MERCHANT, perSecond } from '../harness/config.js';
import { Program } from '../harness/process.js';
import { Visitor, closeBrowser } from '../harness/visitor.js';
import { world } from '../harness/world.js';

const BINARY =
  process.env.COINOP_DEMO_BIN ?? fileURLToPath(new URL('../../../target/release/coinop-demo', import.meta.url));
const WALLET = 'Demo wallet (play money)';

const w = world({ assets: [perSecond('lamp')], buyers: 1, needs: ['devices'], unless: withoutBrowser });
let front;
let url;

before(async () => {
  if (w.skipped()) return;
  await w.ready();
  const { folder } = w.gateway;
  await writeFile(join(folder, 'buyer.json'), JSON.stringify([...w.buyer().secret]), { mode: 0o600 });
  const [gatewayPort, chainPort] = [w.gateway.url, w.chain.url].map((address) => new URL(address).port);
  const ports = ['--port', '0', '--gateway-port', gatewayPort, '--chain-port', chainPort];
  const files = ['--keypair', 'buyer.json', '--lamp', 'lamp.open'];
  front = new Program('demo', BINARY, [...ports, ...files, '--pay-to', MERCHANT], { cwd: folder });
  await front.until('ready', () => (url = front.log.match(/http:\S+/)?.[0]));
});
after(async () => {
  await closeBrowser();
  await front?.stop();
});

/** Opens a page behind the front. */
const visit = (path = '/p/lamp', options = { viewport: { width: 1000, height: 900 } }) =>
  Visitor.open({ gateway: { url }, url: (of) => `${url}${of}` }, path, options);

/** Follows the link to the transaction on the receipt, and returns what that page says. */
async function transaction(it) {
  await it.button('Receipt').click();
  const [opened] = await Promise.all([
    it.context.waitForEvent('page'),
    it.page.locator('a[href^="/demo/transaction/"]').click(),
  ]);
  const said = await opened.locator('main').innerText();
  await opened.close();
  return said;
}

w.test('a person pays with the demo wallet, and the lamp on the page goes on and off (inv. 1, 4)', { timeout: 90_000 }, async () => {
  const it = await visit();
  await it.sees('The lamp is off');
  await it.chooses(10, '0.01 USDC');
  const gain = await w.gain(async () => {
    await it.pays();
    await it.sees(WALLET);
    await it.sees('Pay 0.01 USDC to H5jU…?');
    await it.isAccessible();
    await it.button('Approve').click();
    await it.sees('The lamp is on');
    await it.sees('It is yours');
  });
  assert.deepEqual(gain, { money: 10_000n, landed: 1 });
  await it.isAccessible();
  const moved = await transaction(it);
  for (const part of ['0.01 USDC', MERCHANT, 'Slot']) assert.ok(moved.includes(part), moved);
  await it.sees('Your time is over', { within: 30_000 });
  await it.sees('The lamp is off');
  await it.leave();
});

w.test('a person who declines pays nothing (inv. 1)', {}, async () => {
  const it = await visit();
  await it.chooses(10, '0.01 USDC');
  const gain = await w.gain(async () => {
    for (const how of [() => it.button('Decline').click(), () => it.page.keyboard.press('Escape')]) {
      await it.pays();
      await it.sees('Pay 0.01 USDC to');
      await how();
      await it.sees('You declined. Nothing was paid.');
    }
  });
  assert.deepEqual(gain, { money: 0n, landed: 0 });
  await it.leave();
});

w.test('what the demo adds to a page covers nothing, on a phone and on paper, light and dark', {}, async () => {
  for (const dark of [false, true]) {
    const it = await visit('/p/lamp', { dark });
    await it.sees('Play money, on a chain on this computer');
    const strip = await it.page.locator('.demo-strip').boundingBox();
    const main = await it.page.locator('main').boundingBox();
    assert.ok(strip.y === 0 && main.y >= strip.height, JSON.stringify({ strip, main }));
    await it.chooses(10, '0.01 USDC');
    await it.pays();
    await it.sees(WALLET);
    const colour = await it.page.locator('dialog').evaluate((dialog) => getComputedStyle(dialog).backgroundColor);
    assert.equal(colour === 'rgb(255, 255, 255)', !dark, colour);
    await it.isAccessible();
    await it.button('Decline').click();
    await it.page.emulateMedia({ media: 'print' });
    assert.equal(await it.page.locator('.demo-strip').isVisible(), false);
    await it.leave();
  }
  const kiosk = await visit('/p/lamp?kiosk');
  await kiosk.sees('Scan to pay');
  assert.equal(await kiosk.page.locator('.demo-strip').count(), 0);
  await kiosk.leave();
});

w.test('the pages of the gateway itself know nothing of the demo', {}, async () => {
  const script = '<link rel="stylesheet" href="/demo/wallet.css"><script type="module" src="/demo/wallet.js"></script>';
  const explorer = /"explorer":"[^"]*"/;
  // The check code and the time change from one answer to the next.
  const steady = (page) => page.replace(/"checkCode":"\d+"|<strong>\d\d<\/strong>|"now":"[^"]*"/g, '');
  for (const path of ['/', '/p/lamp', '/p/lamp?kiosk']) {
    const page = await (await fetch(w.url(path), { headers: { accept: 'text/html' } })).text();
    assert.ok(page.includes('</head>') && !page.includes('/demo/'), page);
    const shown = await (await fetch(`${url}${path}`, { headers: { accept: 'text/html' } })).text();
    const expected = page
      .replace('</head>', `${script}</head>`)
      .replace(explorer, '"explorer":"/demo/transaction/{transaction}"');
    assert.equal(steady(shown), steady(expected));
    assert.equal(explorer.test(page), path === '/p/lamp');
  }
  assert.equal((await fetch(w.url('/demo/wallet.js'))).status, 404);
  assert.equal((await fetch(`${url}/metrics`)).status, 403);
});
