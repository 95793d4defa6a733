// What an answer of the gateway means. Only what is certain counts as clear.

import type { Outcome, Refusal, Sale } from './types';

/** An answer as it came; `status` 0 if there was none. */
export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: unknown;
}

/** Statuses of refusals of the request alone. They say nothing about an earlier one with the same payment. */
const UNREAD = [400, 401, 402, 403, 405, 408, 413, 431];

/** The type of a problem of the gateway, without its code. A proxy's problems have another one, or none. */
const TYPE = 'urn:coinop:problem:';

/** What a sale has at least. */
export const SALE = 'sessionId sessionToken startsAt';

const LONGEST_WAIT_MS = 30_000;

/** Returns an object's members, or none if it is no object. */
export function members(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Returns whether a value is an object with all these members, which are separated by spaces. */
export function hasAll(value: unknown, names: string): boolean {
  return names.split(' ').every((name) => members(value)[name] !== undefined);
}

/** Returns `Retry-After` in milliseconds, at most half a minute; null if it is not a number of seconds. */
export function retryMs(header: string | null): number | null {
  const seconds = Number(header);
  return seconds > 0 ? Math.min(seconds * 1000, LONGEST_WAIT_MS) : null;
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

/**
 * Returns whether a refusal follows from a look at earlier claims, as `"charged": false` says; null if the answer is no
 * certain refusal.
 */
function judgement(status: number, code: string, body: Record<string, unknown>): boolean | null {
  const isOurs = status === 402 ? 'x402Version' in body : body.type === TYPE + code;
  if (!isOurs) return null;
  return body.charged === false || (UNREAD.includes(status) ? false : null);
}

/** Returns what the answer to a payment means. */
export function classify(answer: Answer): Outcome {
  const { status } = answer;
  const wait = retryMs(answer.retryAfter);
  // A portal or a proxy may answer 200 with a page of its own.
  if (status === 200 && hasAll(answer.body, SALE)) return { kind: 'sold', sale: answer.body as Sale };
  const refusal = refusalOf(answer);
  const { code } = refusal;
  if (status === 202 && code === 'settlement_pending') return { kind: 'pending', retryMs: wait };
  if (code === 'payment_already_used' || code === 'quantity_mismatch') return { kind: 'used', refusal };
  const judged = judgement(status, code, members(answer.body));
  if (judged !== null) return { kind: 'refused', refusal, judged };
  // The limit on requests is checked before anything else.
  const over = status === 429 && code === 'too_many_requests';
  return { kind: 'unclear', code: code || 'no_answer', over, retryMs: wait };
}
