// One command, and what is compared of its answer.

import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** Headers that belong to a connection, and not to an answer. */
const TRANSPORT = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding']);

/** Returns the headers of the test hooks, by which a command tells the time (milliseconds) and the seed of the random bytes. */
export const told = ({ now, seed }) => ({ 'coinop-test-now': String(now), 'coinop-test-seed': seed });

/** Returns a command's body: text, bytes in base64, or a text repeated a number of times. */
export function bodyOf({ body = '' }) {
  if (typeof body === 'string') return Buffer.from(body);
  return 'base64' in body ? Buffer.from(body.base64, 'base64') : Buffer.from(body.text.repeat(body.times));
}

/** Returns an answer in the form that is compared. `headers` are pairs, and `body` is its bytes. */
export const answer = (method, status, headers, body) => ({
  status,
  headers: headers.filter(([name]) => !TRANSPORT.has(name)).sort(([a], [b]) => (a < b ? -1 : 1)),
  // HTTP removes it.
  body: method === 'HEAD' ? '' : body.toString('utf8'),
});

/** Sends a command by HTTP as it is, without any clean-up on the way. */
export async function exchange(origin, command, within = 60_000) {
  const { method, path, headers } = command;
  const bytes = bodyOf(command);
  const length = bytes.length > 0 && { 'content-length': bytes.length };
  const { hostname, port } = new URL(origin);
  const sent = request({ hostname, port, method, path, headers: { ...headers, ...length, ...told(command) }, agent: false, timeout: within });
  const response = await new Promise((resolve, reject) => {
    sent.once('response', resolve).once('error', reject);
    sent.once('timeout', () => sent.destroy(new Error(`no answer within ${within} ms: ${method} ${path}`)));
    sent.end(bytes);
  });
  const pairs = response.rawHeaders.flatMap((name, n, all) => (n % 2 === 0 ? [[name.toLowerCase(), all[n + 1]]] : []));
  return answer(method, response.statusCode, pairs, await buffer(response));
}
