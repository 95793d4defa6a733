// What another tab, or this one before a reload, has kept.

import type { Effect, Notice, Sending, State, Step } from './state';
import type { Kept, Saved } from './types';

/**
 * How long a request that had no answer may still be under way. The gateway ends each after less than a minute, and a
 * payment that it has not claimed by then, it never claims.
 */
export const DOUBT_MS = 90_000;

/** How long a tab waits for the one that has signed, before it sends the same payment itself. */
const FOLLOW_MS = 4_000;

/** Returns whether a payment is being made that nobody else knows of yet. */
export function isAttempt(state: State): boolean {
  return 'run' in state.flow;
}

/** Ends an attempt whose payment was never sent. What its wallet still answers is thrown away. */
export function abandon(state: State, notice: Notice | null, ...more: readonly Effect[]): Step {
  return [{ ...state, run: state.run + 1, flow: { phase: 'idle' }, notice }, { type: 'unlock' }, ...more];
}

/** Returns the flow of a payment that somebody has sent, or may have. */
export function resumed(kept: Kept, now: number): Sending {
  return {
    phase: 'sending',
    kept,
    mode: kept.claimed ? 'pending' : 'sent',
    doubtUntil: kept.claimed ? 0 : Math.min(Math.max(kept.sentAt, kept.at), now) + DOUBT_MS,
    isOut: false,
    failures: 0,
    code: '',
    since: now,
  };
}

/** Starts from what was kept. A payment among it is sent again at once. */
export function restarted(state: State, saved: Saved, now: number): Step {
  const { kept } = saved;
  if (!kept) return [{ ...state, saved }];
  const flow = resumed(kept, now);
  return [{ ...state, saved, flow }, { type: 'wait', ms: 0, transaction: kept.transaction }];
}

/** Follows a payment that another tab has kept. */
function followPayment(state: State, saved: Saved, kept: Kept, now: number): Step {
  const { flow } = state;
  const isOurs = 'kept' in flow && flow.kept.transaction === kept.transaction;
  if (isOurs) return [{ ...state, saved }];
  const wait: Effect = { type: 'wait', ms: FOLLOW_MS, transaction: kept.transaction };
  // The other tab may send it only now.
  const followed = { ...resumed(kept, now), doubtUntil: kept.claimed ? 0 : now + DOUBT_MS };
  return [{ ...state, saved, run: state.run + 1, notice: null, flow: followed }, { type: 'unlock' }, wait];
}

/** Takes over what another tab has written. */
export function follow(state: State, saved: Saved, now: number): Step {
  const { flow } = state;
  // A payment that only this tab knows of goes on to its end, whatever others write.
  if (state.isMemoryOnly && 'kept' in flow) return [{ ...state, saved: { ...saved, kept: flow.kept } }];
  if (saved.kept) return followPayment(state, saved, saved.kept, now);
  const isNews = JSON.stringify(state.saved.session) !== JSON.stringify(saved.session);
  const paid: readonly Effect[] = isNews && saved.session ? [{ type: 'paid' }] : [];
  if ('kept' in flow || flow.phase === 'elsewhere') {
    const notice: Notice | null = saved.refused ? { key: 'refused', refusal: saved.refused } : null;
    const isExtending = state.isExtending && !isNews;
    return [{ ...state, saved, notice, isExtending, flow: { phase: 'idle' } }, ...paid];
  }
  if (isAttempt(state) && isNews) return abandon({ ...state, saved, isExtending: false }, { key: 'followed' }, ...paid);
  return [{ ...state, saved }, ...paid];
}
