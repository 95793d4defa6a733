import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './load.mjs';
import { sale } from './purchase.mjs';

const { classify, retryMs } = await load('classify');

const answer = (status, body, retryAfter = null) => classify({ status, body, retryAfter });
const problem = (status, code, more = {}) =>
  answer(status, { type: `urn:coinop:problem:${code}`, code, detail: 'words', status, ...more });
const of402 = (error, more = {}) => answer(402, { x402Version: 1, error, detail: 'words', accepts: [], ...more });

test('a 200 is a sale only if it has all that a sale has', () => {
  assert.equal(answer(200, sale()).kind, 'sold');
  assert.equal(answer(200, { ...sale(), endsAt: null }).kind, 'sold');
  for (const body of [null, '<html>', {}, [], { ...sale(), sessionToken: undefined }]) {
    assert.equal(answer(200, body).kind, 'unclear');
  }
});

test('a 202 is pending only if it says so', () => {
  assert.equal(answer(202, { code: 'settlement_pending' }, '5').kind, 'pending');
  assert.equal(answer(202, { code: 'settlement_pending' }, '5').retryMs, 5000);
  assert.equal(answer(202, null).kind, 'unclear');
});

test('a refused payment is clear, with its reason, if the gateway says that it was not charged', () => {
  assert.equal(of402('insufficient_funds').judged, false);
  for (const code of ['insufficient_funds', 'sign_again', 'quote_expired', 'invalid_exact_svm_transaction_failed', 'new_reason']) {
    const outcome = of402(code, { charged: false });
    assert.equal(outcome.kind, 'refused');
    assert.equal(outcome.judged, true);
    assert.equal(outcome.refusal.code, code);
  }
});

test('a refusal is clear only if the gateway says that nothing was charged', () => {
  const known = [[409, 'asset_busy'], [409, 'price_changed'], [404, 'not_found'], [429, 'payer_backoff'], [503, 'fee_budget_spent'], [409, 'new_code']];
  for (const [status, code] of known) {
    assert.equal(problem(status, code, { charged: false }).judged, true, code);
    for (const charged of [undefined, true, null, 'false']) assert.equal(problem(status, code, { charged }).kind, 'unclear', code);
  }
  // A proxy does not speak for the gateway.
  assert.equal(answer(409, { code: 'asset_busy', charged: false }).kind, 'unclear');
  assert.equal(answer(402, { error: 'insufficient_funds', charged: false }).kind, 'unclear');
});

test('a conflict that is not known is unclear', () => {
  assert.equal(problem(409, 'something_new').kind, 'unclear');
});

test('a refusal of the request alone says nothing about earlier ones', () => {
  const unread = [[400, 'invalid_payload'], [401, 'session_token_required'], [403, 'other_session'], [405, 'method_not_allowed']];
  unread.push([408, 'body_too_slow'], [413, 'body_too_large'], [431, 'headers_too_large']);
  for (const [status, code] of unread) {
    const outcome = problem(status, code);
    assert.equal(outcome.kind, 'refused', code);
    assert.equal(outcome.judged, false, code);
  }
  assert.equal(of402('payment_required').judged, false);
});

test('a payment that has been used is neither sold nor refused', () => {
  assert.equal(problem(409, 'payment_already_used').kind, 'used');
  assert.equal(problem(400, 'quantity_mismatch').kind, 'used');
});

test('no answer, and every error of the gateway or before it, is unclear', () => {
  assert.deepEqual(answer(0, null), { kind: 'unclear', code: 'no_answer', over: false, retryMs: null });
  for (const code of ['internal_error', 'unavailable', 'overloaded', 'timed_out']) {
    const outcome = problem(503, code);
    assert.equal(outcome.kind, 'unclear', code);
    assert.equal(outcome.over, false, code);
  }
  for (const status of [301, 400, 401, 402, 403, 404, 407, 409, 418, 429, 451, 500, 502, 503, 504, 511]) {
    assert.equal(answer(status, null).kind, 'unclear', String(status));
    assert.equal(answer(status, { code: 'not_found', detail: 'a proxy' }).kind, 'unclear', String(status));
  }
});

test('only the limit on requests is certainly over', () => {
  assert.equal(problem(429, 'too_many_requests').over, true);
  assert.equal(answer(429, null).over, false);
});

test('a refusal says until when, and whose it is', () => {
  const { refusal } = problem(409, 'asset_busy', { charged: false, until: '2026-11-30T10:00:00Z', yours: true });
  assert.equal(refusal.until, Date.parse('2026-11-30T10:00:00Z'));
  assert.equal(refusal.yours, true);
  assert.equal('yours' in problem(409, 'asset_busy', { charged: false, yours: 'no' }).refusal, false);
});

test('Retry-After counts only as seconds, and not for longer than half a minute', () => {
  assert.equal(retryMs('5'), 5000);
  assert.equal(retryMs('86400'), 30_000);
  for (const header of [null, '', '0', '-1', 'Wed, 21 Oct 2026 07:28:00 GMT']) assert.equal(retryMs(header), null);
});
