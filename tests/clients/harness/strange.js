// What must hold whatever bytes arrive: nothing moves, the answer comes soon, and the log stays readable.

import assert from 'node:assert/strict';
import { payment } from './buyers.js';
import { granted } from './expect.js';
import { Raw } from './raw.js';
import { target } from './targets/index.js';
import { untouched } from './untouched.js';

/** Stands in what strangers send; the log must not repeat it. */
export const MARK = 'zZstrangeZz';

/** The longest that an answer to a complete request may take here, in milliseconds. */
export const SOON = 2_000;

/** Rows about what a server does with bytes that are no request of any client. One that is not ours has its own way. */
export const ours = (rows) => (target.can.server ? rows : {});

/** Neither a panic nor an error, and nothing that a stranger has written. */
function readable(entries) {
  for (const { level, line } of entries) {
    assert.match(line, /^[\x20-\x7e]*$/, 'plain characters only');
    assert.notEqual(level, 'ERROR', line);
    assert.doesNotMatch(line, /panick|trap|backtrace/i, line);
    assert.ok(!line.includes(MARK), `a stranger's words in the log: ${line}`);
  }
}

/** Carries out `action`, which must leave nothing behind but readable lines in the log of a process that still runs. */
export async function harmless(w, action) {
  const logged = w.gateway.entries.length;
  const answer = await untouched(w, action);
  readable(w.gateway.entries.slice(logged));
  assert.equal((await fetch(w.url('/health'))).status, 200);
  return answer;
}

/** An honest sale works, by the very process that was started first. */
export async function sells(w, url) {
  await granted(await fetch(url, { headers: await payment(w, w.buyer(), url) }));
  assert.ok((w.gateway.logs.match(/^coinop serving/gm) ?? []).length <= 1, 'it was never started again');
}

/** A problem in an answer to raw bytes: its code. */
export function code({ status, headers, body }) {
  assert.match(headers['content-type'] ?? '', /^application\/problem\+json\b/, body);
  const problem = JSON.parse(body);
  assert.equal(problem.status, status, body);
  for (const key of ['type', 'title', 'detail']) assert.equal(typeof problem[key], 'string', body);
  assert.match(problem.code, /^[a-z][a-z0-9_]*$/);
  assert.ok(!body.includes(MARK), 'what a stranger wrote is not repeated');
  return problem.code;
}

/**
 * Sends bytes on a connection of their own. What is expected is one of
 * `[status, code]` (a problem), `[status]` (an answer that is none, such as a price),
 * `[status, null]` (what is no HTTP: a bare status, and the connection is closed), `null` (it is closed at once).
 */
export async function answers(w, bytes, expected, { within = SOON, bodiless = false } = {}) {
  const raw = await Raw.open(w.gateway);
  try {
    raw.write(bytes);
    const answer = await raw.answer({ within, bodiless });
    if (expected === null) return assert.equal(answer, null);
    assert.ok(answer, 'closed without an answer');
    const [status, reason] = expected;
    const shown = `${answer.status} ${answer.body.slice(0, 300)}`;
    assert.equal(answer.status, status, shown);
    if (reason === null) {
      assert.equal(answer.body, '', 'a bare status');
      await raw.ends(SOON);
    } else if (reason !== undefined && !bodiless) {
      assert.equal(code(answer), reason);
    } else {
      assert.match(answer.headers['content-type'], /^application\/(problem\+)?json\b/);
    }
    return answer;
  } finally {
    raw.destroy();
  }
}

/** Every row of a table: what is sent, by what it is, and what is answered. */
export async function table(w, rows, options) {
  for (const [what, [bytes, expected]] of Object.entries(rows)) {
    try {
      await answers(w, bytes, expected, options);
    } catch (error) {
      throw new Error(`${what}: ${error.message}`, { cause: error });
    }
  }
}
