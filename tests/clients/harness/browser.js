// A real browser with a page of another origin than the gateway's.

import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

export const BINARY = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const ARGUMENTS = [
  '--headless=new',
  '--no-sandbox', // root has no sandbox
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const PAGE = '<!doctype html><meta charset="utf-8"><title>A shop</title><script src="/page.js"></script>';

if (process.env.CHROMIUM && !existsSync(BINARY)) throw new Error(`CHROMIUM names ${BINARY}, and there is none`);

/** The reason why there is no browser for the tests, or false if there is one. */
export const withoutBrowser = !existsSync(BINARY) && `there is no Chromium at ${BINARY} (CHROMIUM names another)`;

/** Bundles the page's script as a shop would. */
async function bundled() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page.js', import.meta.url))],
    bundle: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0].contents;
}

/** Serves the page, its script, and the chain's RPC, which itself answers no other origin. */
function served(script, rpc) {
  const files = { '/': ['text/html; charset=utf-8', PAGE], '/page.js': ['text/javascript; charset=utf-8', script] };
  return createServer(async (request, response) => {
    try {
      if (request.method === 'POST' && request.url === '/rpc') {
        const headers = { 'content-type': 'application/json' };
        const answer = await fetch(rpc, { method: 'POST', headers, body: await text(request) });
        response.writeHead(answer.status, headers).end(await answer.text());
        return;
      }
      const [type, content] = files[request.url] ?? [];
      if (!type) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': type }).end(content);
    } catch {
      request.socket.destroy(); // one of the two ends is gone
    }
  });
}

export class Browser {
  /** Opens the page. `rpc` is the RPC of its wallet. */
  static async open(rpc) {
    const it = new Browser();
    it.server = served(await bundled(), rpc);
    await new Promise((resolve) => it.server.listen(0, '127.0.0.1', resolve));
    it.origin = `http://127.0.0.1:${it.server.address().port}`;
    it.rpcUrl = `${it.origin}/rpc`;
    try {
      it.chromium = await chromium.launch({ executablePath: BINARY, args: ARGUMENTS, timeout: 30_000 });
      it.page = await it.chromium.newPage();
      it.page.setDefaultTimeout(20_000);
      await it.page.goto(it.origin);
      await it.page.waitForFunction('window.shop !== undefined');
    } catch (error) {
      await it.close();
      throw error;
    }
    return it;
  }

  /** Calls a function of the page's `shop`. */
  shop(name, ...given) {
    return this.page.evaluate(([what, args]) => window.shop[what](...args), [name, given]);
  }

  async close() {
    await this.chromium?.close();
    this.server.closeAllConnections();
    this.server.close();
  }
}
