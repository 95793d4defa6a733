// What an answer of the gateway means. Only what is certain counts as clear.

import type { Outcome, Refusal, Sale } from './types';

/** An answer as it came; `status` 0 if there was none. */
export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: unknown;
}

type Codes = Readonly<Record<number, readonly string[]>>;

/** Refusals that follow when the gateway has looked for an earlier claim of the payment, and found none. */
const JUDGED: Codes = {
  404: ['not_found'],
  409: ['asset_busy', 'asset_disabled', 'quote_already_used', 'price_changed', 'session_over', 'session_too_long'],
  429: ['payer_backoff'],
  503: ['fee_budget_spent'],
};

/** Refusals of the request alone. They say nothing about an earlier one with the same payment. */
const UNREAD: Codes = {
  400: ['invalid_payload', 'several_payments', 'invalid_quantity', 'malformed_body', 'malformed_request', 'malformed_target'],
  401: ['session_token_required'],
  402: ['payment_required'],
  403: ['other_session'],
  405: ['method_not_allowed'],
  408: ['body_too_slow'],
  413: ['body_too_large'],
  431: ['headers_too_large'],
};

const LONGEST_WAIT_MS = 30_000;

/** Returns an object's members, or none if it is no object. */
export function members(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Returns `Retry-After` in milliseconds, at most half a minute; null if it is not a number of seconds. */
export function retryMs(header: string | null): number | null {
  if (header === null || !/^\d{1,6}$/.test(header.trim())) return null;
  return Math.min(Math.max(Number(header) * 1000, 1000), LONGEST_WAIT_MS);
}

/** Returns the time in milliseconds since 1970, or null if it is not one. */
export function instant(value: unknown): number | null {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}

/** Returns the code and the words of a problem or a 402; the code is empty if the answer is neither. */
export function refusalOf(answer: Answer): Refusal {
  const body = members(answer.body);
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const until = instant(body.until);
  return {
    code: answer.status === 402 ? text(body.error) : text(body.code),
    detail: text(body.detail),
    ...(until === null ? {} : { until }),
    ...(body.yours === true ? { yours: true } : {}),
  };
}

/** Returns a body that is a sale, or null. */
export function saleOf(body: unknown): Sale | null {
  const sale = members(body);
  const isSale =
    typeof sale.sessionId === 'string' &&
    typeof sale.sessionToken === 'string' &&
    instant(sale.startsAt) !== null &&
    (sale.endsAt === null || instant(sale.endsAt) !== null) &&
    typeof sale.display === 'string';
  return isSale ? (body as Sale) : null;
}

/** Returns what the answer to a payment means. */
export function classify(answer: Answer): Outcome {
  const { status } = answer;
  const wait = retryMs(answer.retryAfter);
  if (status === 200) {
    const sale = saleOf(answer.body);
    // A portal or a proxy may answer 200 with a page of its own.
    return sale ? { kind: 'sold', sale } : { kind: 'unclear', code: 'no_answer', over: false, retryMs: wait };
  }
  const refusal = refusalOf(answer);
  const { code } = refusal;
  if (status === 202 && code === 'settlement_pending') return { kind: 'pending', retryMs: wait };
  if (code === 'payment_already_used' || code === 'quantity_mismatch') return { kind: 'used', refusal };
  if (UNREAD[status]?.includes(code)) return { kind: 'refused', refusal, judged: false };
  const is402 = status === 402 && code !== '' && 'x402Version' in members(answer.body);
  if (is402 || JUDGED[status]?.includes(code)) return { kind: 'refused', refusal, judged: true };
  // The limit on requests is checked before anything else.
  const over = status === 429 && code === 'too_many_requests';
  return { kind: 'unclear', code: code || 'no_answer', over, retryMs: wait };
}
