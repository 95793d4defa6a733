// Notices and refusals in words.

import type { Model } from './model';
import type { Notice } from './state';
import { timeOfDay } from './time';
import type { Refusal } from './types';

/**
 * Which texts say a refusal. Only those of `error` say that nothing was paid: use them where that is certain. Those of
 * `unsure` are for a payment whose outcome is not clear, those of `fault` for requests that pay nothing.
 */
export type Kind = 'error' | 'unsure' | 'fault';

/** Returns a refusal in the page's language, or else in the gateway's words. */
export function refusalText(model: Model, refusal: Refusal, kind: Kind): string {
  const { t, price, cost, now } = model;
  const { code, detail, until, yours } = refusal;
  const values = {
    token: price?.token ?? '',
    price: cost,
    time: until === undefined ? '' : timeOfDay(until, now, t.language),
  };
  const variant = yours ? '.yours' : until === undefined ? '' : '.until';
  for (const key of [`${kind}.${code}${variant}`, `${kind}.${code}`]) if (t.has(key)) return t(key, values);
  return t(`${kind}.other`, { detail: detail || code });
}

/** Returns a notice in words. */
export function noticeText(model: Model, notice: Notice): string {
  const { t, cost } = model;
  if (notice.key === 'refused') return refusalText(model, notice.refusal, 'error');
  const words = notice.key === 'wallet_failed' ? notice.words : '';
  const key = notice.key === 'wallet_failed' && words === '' ? 'notice.wallet_failed.silent' : `notice.${notice.key}`;
  return t(key, { words, price: cost });
}
