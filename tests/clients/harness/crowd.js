// Many requests at once.

import { request } from 'node:http';
import { paymentHeaders, sign } from './buyers.js';
import { until } from './wait.js';
import { decode } from './wire.js';

/** Returns `count` results of `make`, which is called with 0, 1, 2, ... */
export const times = (count, make) => Array.from({ length: count }, (_, n) => make(n));

/**
 * Runs `work` for each item, at most `atOnce` at the same time, and returns the results in the items' order. If one
 * fails, it waits for those under way, so that a failed test buys nothing during the next one.
 */
export async function each(all, atOnce, work) {
  const results = [];
  const rest = all.entries();
  let failed = false;
  const run = async () => {
    for (const [n, one] of rest) {
      if (failed) return;
      try {
        results[n] = await work(one, n);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(times(Math.min(atOnce, all.length), run));
  const end = ends.find(({ status }) => status === 'rejected');
  if (end) throw end.reason;
  return results;
}

/**
 * A `fetch` on its own connection. The common agent keeps connections even when a request asks to close its own, and
 * workerd closes a connection that was idle for five seconds, perhaps just when it is used again. `from` is the address of
 * this machine from which it is asked.
 */
export const ask = (url, { method = 'GET', headers = {}, body, from } = {}) =>
  new Promise((resolve, reject) => {
    const asking = request(url, { method, headers, agent: false, localAddress: from }, (incoming) => {
      const parts = [];
      incoming.on('data', (part) => parts.push(part)).once('error', reject).once('end', () => {
        const bytes = Buffer.concat(parts);
        resolve(new Response(bytes.length ? bytes : null, { status: incoming.statusCode, headers: incoming.headers }));
      });
    });
    asking.once('error', reject).end(body);
  });

/** Makes this buyer's v2 payment for the 402 to a request with these headers, and returns the payment's headers. */
export async function paymentFor(world, buyer, url, headers) {
  const response = await ask(url, { headers });
  const header = response.headers.get('payment-required');
  if (header === null) throw new Error(`no challenge at ${url}: ${response.status} ${await response.text()}`);
  return paymentHeaders(await sign(world, buyer, decode(header)));
}

/**
 * Sends a payment until the answer is not "settlement pending". A payment whose connection is cut is sent again, as a
 * buyer would do.
 */
export const insist = (url, headers) =>
  until('the settlement is known', async () => {
    const response = await ask(url, { headers }).catch((error) => {
      if (error.code !== 'ECONNRESET') throw error;
    });
    return response && response.status !== 202 && response;
  }, { within: 60_000, every: 200 });
