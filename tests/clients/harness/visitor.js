// A person in a real browser: a page of the gateway, with or without a wallet in it.
//
// Whatever the person does, nothing may be loaded from another host, no content policy may be broken, and no error may
// reach the console. `leave` asserts that.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { ARGUMENTS, BINARY } from './browser.js';
import { Wallet, installed } from './page-wallet.js';

const PHONE = { width: 360, height: 740 };
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The errors that a browser itself reports of answers that a test asks for: a 402 is an error to it. */
const isExpected = (text) => /^Failed to load resource: .*(40[1249]|429|50[034]|202|net::ERR_FAILED|net::ERR_INTERNET_DISCONNECTED)/.test(text);

let browser;

/** Starts the browser that all visitors of a test file share. */
const started = () => (browser ??= chromium.launch({ executablePath: BINARY, args: ARGUMENTS, timeout: 30_000 }));

/** Ends the browser. */
export async function closeBrowser() {
  await (await browser)?.close();
  browser = undefined;
}

export class Visitor {
  /**
   * Opens a page of the world's gateway. `wallets` are buyers whose wallets are in the browser, in styles by which a
   * test decides what they do. `context` is a browser profile that another visitor uses already.
   */
  static async open(w, path, { wallets = [], context, viewport = PHONE, dark = false, script = true, locale = 'en' } = {}) {
    const it = new Visitor();
    it.world = w;
    it.faults = [];
    it.foreign = [];
    it.isShared = context !== undefined;
    it.context =
      context ??
      (await (await started()).newContext({
        viewport,
        locale,
        timezoneId: 'UTC',
        colorScheme: dark ? 'dark' : 'light',
        javaScriptEnabled: script,
      }));
    it.context.setDefaultTimeout(15_000);
    it.page = await it.context.newPage();
    it.observe();
    it.wallets = [];
    for (const { buyer, name = 'Test Wallet' } of wallets) it.wallets.push(await Wallet.inject(it.page, w, buyer, name));
    if (script) await it.page.addInitScript(installed);
    it.response = await it.page.goto(w.url(path));
    return it;
  }

  get wallet() {
    return this.wallets[0];
  }

  observe() {
    const { page } = this;
    page.on('pageerror', (error) => this.faults.push(`uncaught: ${error.stack ?? error}`));
    page.on('console', (message) => {
      const text = message.text();
      if (['error', 'warning'].includes(message.type()) && !isExpected(text)) this.faults.push(`console: ${text}`);
    });
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(this.world.gateway.url) && !/^(data|blob|about):/.test(url)) this.foreign.push(url);
    });
  }

  /** Returns the button whose name contains a text. */
  button(name) {
    return this.page.getByRole('button', { name });
  }

  /** Waits until the page shows a text. */
  sees(text, { within = 15_000 } = {}) {
    return this.page.getByText(text).filter({ visible: true }).first().waitFor({ timeout: within });
  }

  /** Waits until the page no longer shows a text. */
  seesNo(text, { within = 15_000 } = {}) {
    return this.page.getByText(text).filter({ visible: true }).first().waitFor({ state: 'hidden', timeout: within });
  }

  /** Returns all text that the page shows. */
  text() {
    return this.page.locator('main').innerText();
  }

  /** Chooses a quantity, and waits for its price. */
  async chooses(quantity, price) {
    await this.page.locator(`.presets a[data-quantity="${quantity}"]`).click();
    await this.page.locator('#total', { hasText: price }).waitFor();
  }

  /** Taps on Pay. */
  pays() {
    return this.button(/^Pay .* with /).click();
  }

  /** Returns the seconds of the countdown. */
  async left() {
    const parts = (await this.page.locator('time.countdown').innerText()).split(':').map(Number);
    return parts.reduce((sum, part) => sum * 60 + part, 0);
  }

  /** Asserts that nothing on the page keeps anybody out (WCAG 2.2 AA, as far as a program can tell). */
  async isAccessible() {
    // The page's own policy would refuse a foreign script, so it runs as the browser's tools do.
    const found = await this.page.evaluate(
      `(() => { ${axe}; return globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }); })()`,
    );
    const said = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
    assert.deepEqual(said, []);
    const [inner, outer] = await this.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(inner <= outer, `the page is ${inner} px wide in a window of ${outer}`);
  }

  /** Closes the page, and asserts that nothing went wrong in it. */
  async leave() {
    await this.page.close();
    if (!this.isShared) await this.context.close();
    assert.deepEqual({ faults: this.faults, foreign: this.foreign }, { faults: [], foreign: [] });
  }
}
