// What must hold whatever bytes arrive: nothing moves, the answer comes soon, and the log stays readable.

import assert from 'node:assert/strict';
import { payment } from './buyers.js';
import { granted } from './expect.js';
import { Raw } from './raw.js';
import { target } from './targets/index.js';
import { untouched } from './untouched.js';

/** A mark in what strangers send. The log must not repeat it. */
export const MARK = 'zZstrangeZz';

/** The longest that an answer to a complete request may take here, in milliseconds. */
export const SOON = 2_000;

/**
 * Returns rows about what a server does with bytes that are no client's request, but only if the target's server is our
 * own. Other servers behave in their own ways.
 */
export const ours = (rows) => (target.can.server ? rows : {});

/** Asserts that the log has neither a panic nor an error, and nothing that a stranger has written. */
function readable(entries) {
  for (const { level, line } of entries) {
    assert.match(line, /^[\x20-\x7e]*$/, 'plain characters only');
    assert.notEqual(level, 'ERROR', line);
    assert.doesNotMatch(line, /panick|trap|backtrace/i, line);
    assert.ok(!line.includes(MARK), `a stranger's words in the log: ${line}`);
  }
}

/**
 * Runs `action`, and asserts that it leaves nothing behind except readable log lines, and that the process still runs.
 */
export async function harmless(w, action) {
  const logged = w.gateway.entries.length;
  const answer = await untouched(w, action);
  readable(w.gateway.entries.slice(logged));
  assert.equal((await fetch(w.url('/health'))).status, 200);
  return answer;
}

/** Asserts that an honest sale works in the process that was started first. */
export async function sells(w, url) {
  await granted(await fetch(url, { headers: await payment(w, w.buyer(), url) }));
  assert.ok((w.gateway.logs.match(/^coinop serving/gm) ?? []).length <= 1, 'it was never started again');
}

/** Returns the code of a problem in an answer to raw bytes. */
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
 * Sends bytes on their own connection. `expected` is `[status, code]` for a problem, `[status]` for an answer that is
 * no problem, such as a price, `[status, null]` for a bare status and a closed connection after bytes that are not
 * HTTP, or `null` for a connection that is closed at once.
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

/** Checks every row of a table: a description, the sent bytes, and the expected answer. */
export async function table(w, rows, options) {
  for (const [what, [bytes, expected]] of Object.entries(rows)) {
    try {
      await answers(w, bytes, expected, options);
    } catch (error) {
      throw new Error(`${what}: ${error.message}`, { cause: error });
    }
  }
}
