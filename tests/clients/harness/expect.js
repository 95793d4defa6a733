// Expectations that several tests share.

import assert from 'node:assert/strict';
import { settlement } from './wire.js';

export const time = (text) => {
  const value = Date.parse(text);
  assert.ok(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text) && !Number.isNaN(value), `not RFC 3339 UTC: ${text}`);
  return value;
};

/** Returns the milliseconds between a session's start and end. */
export const bought = ({ startsAt, endsAt }) => time(endsAt) - time(startsAt);

/** Returns the body of a 200. Fails with any other answer's text. */
export async function granted(response) {
  const text = await response.text();
  assert.equal(response.status, 200, `expected a session, got ${response.status}: ${text}`);
  assert.match(response.headers.get('cache-control') ?? '', /\bno-store\b/);
  const body = JSON.parse(text);
  for (const key of ['sessionId', 'sessionToken', 'grant', 'startsAt', 'endsAt', 'amount', 'transaction']) {
    assert.equal(typeof body[key], 'string', `${key} in ${text}`);
  }
  assert.equal(typeof body.quantity, 'number', `quantity in ${text}`);
  return body;
}

/**
 * Asserts that the answer is problem+json with one of the statuses, and with `code` if it is given. Returns the body.
 */
export async function problem(response, statuses, code) {
  const text = await response.text();
  const seen = `${response.status}: ${text}`;
  assert.ok([statuses].flat().includes(response.status), `expected ${statuses}, got ${seen}`);
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json\b/, seen);
  const body = JSON.parse(text);
  for (const key of ['type', 'title', 'detail']) assert.equal(typeof body[key], 'string', `${key} in ${seen}`);
  assert.equal(body.status, response.status, seen);
  assert.match(body.code, /^[a-z][a-z0-9_]*$/, seen);
  if (code) assert.equal(body.code, code, seen);
  assert.doesNotMatch(text, /panicked|\.rs\b|sqlite|wasm|127\.0\.0\.1:\d+.*refused/i, 'internals leaked');
  return body;
}

/**
 * Asserts that a payment was refused: 402 with a stable x402 reason, or 400 or 409. Only some tests fix which of them
 * and the reason. In every case it must name no session.
 */
export async function refused(response, what = '') {
  const copy = response.clone();
  const text = await copy.text();
  const seen = `${what} ${response.status}: ${text}`;
  assert.ok([400, 402, 409].includes(response.status), `expected a refusal: ${seen}`);
  assert.doesNotMatch(text, /"session(Id|Token)"|"grant"/, seen);
  const outcome = settlement(response);
  if (response.status === 402) {
    assert.ok(outcome, `a refused payment is told so in PAYMENT-RESPONSE: ${seen}`);
  } else {
    await problem(response, response.status);
  }
  if (outcome) {
    assert.equal(outcome.success, false, seen);
    assert.match(outcome.errorReason, /^[a-z][a-z0-9_]*$/, seen);
  }
  return outcome;
}

/** Asserts that a payment was refused with exactly this status and stable reason. */
export async function refusedAs(response, [status, reason], what = '') {
  const outcome = await refused(response.clone(), what);
  const seen = { status: response.status, reason: outcome?.errorReason };
  assert.deepEqual(seen, { status, reason }, what);
  await response.body?.cancel();
}
