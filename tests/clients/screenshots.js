// Takes the pictures of docs/pages/: what a buyer sees in four states, on a phone and on a desk, light and dark.
//
// They come from the real program, with a sale on a local chain. `cargo xtask screenshots` runs this.

import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withoutBrowser } from './harness/browser.js';
import { perSecond } from './harness/config.js';
import { Visitor, closeBrowser } from './harness/visitor.js';
import { World } from './harness/world.js';

const FOLDER = fileURLToPath(new URL('../../docs/pages/', import.meta.url));
const DRAWING = new URL('pictures/lamp.svg', import.meta.url).href;
const PICTURE = { width: 640, height: 360 };
const WIDTHS = { 360: 740, 1280: 800 };
const PAGE = '/p/lamp?quantity=600';

/** The place whose pages are shown. It has an address as a real one has. */
class Studio extends World {
  configuration() {
    const { merchant, ...rest } = super.configuration();
    return { ...rest, public_url: 'https://studio.example', merchant: { ...merchant, contact: 'hello@studio.example' } };
  }
}

const lamp = {
  ...perSecond('lamp'),
  name: 'Reading lamp',
  description: 'The lamp at the window seat.',
  picture: '/pictures/lamp.png',
  max_quantity: 3600,
};

/** Draws the asset's picture into the folder that the gateway serves. */
async function draw(studio) {
  const it = await Visitor.open({ gateway: { url: 'file:' }, url: () => DRAWING }, '', { viewport: PICTURE });
  const folder = join(studio.gateway.folder, 'pictures');
  await mkdir(folder);
  await it.page.screenshot({ path: join(folder, 'lamp.png') });
  await it.leave();
}

/** Takes the four pictures of a state that a visitor's page shows. */
async function take(it, state) {
  for (const [width, height] of Object.entries(WIDTHS)) {
    for (const colorScheme of ['light', 'dark']) {
      await it.page.setViewportSize({ width: Number(width), height });
      await it.page.emulateMedia({ colorScheme });
      const file = `${state}-${width}-${colorScheme}.png`;
      await it.page.screenshot({ path: join(FOLDER, file), fullPage: true, animations: 'disabled' });
      console.log(`docs/pages/${file}`);
    }
  }
  await it.leave();
}

async function takeAll(studio) {
  await draw(studio);
  const [buyer, other, screen] = [studio.buyer(), studio.buyer(), { viewport: { width: 1280, height: 800 } }];

  const free = await Visitor.open(studio, PAGE, { wallets: [{ buyer: other }] });
  await free.button(/^Pay /).waitFor();
  await take(free, 'free');

  const kiosk = await Visitor.open(studio, '/p/lamp?kiosk', screen);
  await kiosk.sees('Free now');
  await take(kiosk, 'kiosk');

  const running = await Visitor.open(studio, PAGE, { wallets: [{ buyer }] });
  await running.pays();
  await running.sees('It is unlocked.');
  await take(running, 'running');

  const taken = await Visitor.open(studio, PAGE, { wallets: [{ buyer: other }] });
  await taken.sees(/Taken until/);
  await take(taken, 'taken');
}

if (withoutBrowser) throw new Error(withoutBrowser);
for (const name of await readdir(FOLDER)) if (name.endsWith('.png')) await rm(join(FOLDER, name));
const studio = new Studio({ assets: [lamp], buyers: 2 });
try {
  await studio.ready();
  await takeAll(studio);
} finally {
  await closeBrowser();
  await studio.stop();
}
