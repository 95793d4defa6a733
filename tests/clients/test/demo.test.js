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
  const ports = ['--port', '0', '--gateway-port', new URL(w.gateway.url).port];
  const files = ['--keypair', 'buyer.json', '--lamp', 'lamp.open'];
  front = new Program('demo', BINARY, [...ports, ...files, '--pay-to', MERCHANT], { cwd: folder });
  await front.until('ready', () => (url = front.log.match(/http:\S+/)?.[0]));
});
after(async () => {
  await closeBrowser();
  await front?.stop();
});

/** Opens the lamp's page behind the front. */
const visit = () => Visitor.open({ gateway: { url }, url: (path) => `${url}${path}` }, '/p/lamp', { viewport: { width: 1000, height: 900 } });

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

w.test('the pages of the gateway itself know nothing of the demo', {}, async () => {
  for (const path of ['/', '/p/lamp']) {
    const page = await (await fetch(w.url(path), { headers: { accept: 'text/html' } })).text();
    assert.ok(page.includes('</head>') && !page.includes('/demo/'), page);
    const [head, rest] = page.split('</head>');
    const shown = await (await fetch(`${url}${path}`, { headers: { accept: 'text/html' } })).text();
    const script = '<script type="module" src="/demo/wallet.js"></script>';
    // The check code and the time change from one answer to the next.
    assert.ok(shown.startsWith(`${head}${script}</head>`) && shown.split(script).length === 2, shown);
    assert.ok(rest.length > 0);
  }
  assert.equal((await fetch(w.url('/demo/wallet.js'))).status, 404);
  assert.equal((await fetch(`${url}/metrics`)).status, 403);
});
