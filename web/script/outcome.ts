// A kept payment and the answers to it.

import { DOUBT_MS } from './follow';
import { after, save } from './session';
import type { Effect, Sending, State, Step, Unsure } from './state';
import type { Outcome, Refusal, Sale } from './types';

const PENDING_MS = 3_000;
/** The longest pause after an unclear answer. The first one is two seconds, and each is twice as long as the last. */
const LONGEST_PAUSE_MS = 16_000;
const CHECK_MS = 8_000;

/** How old a payment is before its buyer may put it aside, in milliseconds. It can't land for the first time then. */
export const FORGET_AFTER_MS = 600_000;

/** Refusals after which another price or another transaction has to be asked for. */
const STALE: readonly string[] = ['price_changed', 'quote_expired', 'ticket_invalid'];

/** Returns what has to be fetched anew after a refusal. */
export function staleness({ code }: Refusal): readonly Effect[] {
  return STALE.includes(code) ? [{ type: 'reprice' }] : [];
}

/** Returns the state in which another request with the payment may be under way. */
export function doubted(state: State, now: number): State {
  const { flow } = state;
  return flow.phase === 'sending' ? { ...state, flow: { ...flow, doubtUntil: now + DOUBT_MS } } : state;
}

/** Sends a payment, unless it is on its way. */
export function send(state: State, flow: Sending, now: number): Step {
  if (flow.isOut) return [state];
  const kept = { ...flow.kept, sentAt: now };
  const saved = { ...state.saved, kept };
  return [{ ...state, saved, flow: { ...flow, kept, isOut: true } }, { type: 'send', kept }];
}

/** Returns the state in which a payment is sent again after a while. */
function again(state: State, flow: Sending, change: Partial<Sending>, ms: number): Step {
  const after = { ...flow, ...change, isOut: false };
  const saved = { ...state.saved, kept: after.kept };
  return [{ ...state, saved, flow: after }, { type: 'wait', ms, transaction: flow.kept.transaction }];
}

/** Ends a payment that has bought something. */
function sold(state: State, flow: Sending, sale: Sale, now: number): Step {
  const session = after(state.saved.session, sale, now);
  const [saved, effect] = save(state, { kept: null, session, refused: null }, flow.kept.transaction);
  const idle = { ...saved, flow: { phase: 'idle' } as const, notice: null, isExtending: false };
  return [idle, effect, { type: 'unlock' }, { type: 'paid' }];
}

/** Ends a payment of which it is certain that it was not charged and never will be. */
function refused(state: State, flow: Sending, refusal: Refusal): Step {
  const [saved, effect] = save(state, { kept: null, refused: refusal }, flow.kept.transaction);
  const idle = { ...saved, flow: { phase: 'idle' } as const, notice: { key: 'refused', refusal } as const };
  return [idle, effect, { type: 'unlock' }, ...staleness(refusal)];
}

/**
 * Leaves a payment to the buyer's wallet, because sending it again clears up nothing. Other tabs stay locked out if they
 * can't read of it.
 */
function unsure(state: State, flow: Sending, refusal: Refusal): Step {
  const after: State = { ...state, flow: { phase: 'unsure', kept: flow.kept, refusal } };
  return state.isMemoryOnly ? [after] : [after, { type: 'unlock' }];
}

/** Judges a refusal. It is believed only when no earlier request with this payment can still be under way. */
function judge(state: State, flow: Sending, refusal: Refusal, isJudged: boolean, now: number): Step {
  const { kept, doubtUntil } = flow;
  if (!isJudged) {
    const isFirst = doubtUntil === 0 && !kept.claimed;
    return isFirst ? refused(state, flow, refusal) : unsure(state, flow, refusal);
  }
  if (kept.claimed || now >= doubtUntil) return refused(state, flow, refusal);
  const wait = Math.min(doubtUntil - now, CHECK_MS);
  return again(state, flow, { mode: 'checking', code: refusal.code }, wait);
}

/** Carries on after an answer to a payment. */
export function answered(state: State, flow: Sending, outcome: Outcome, now: number): Step {
  switch (outcome.kind) {
    case 'sold':
      return sold(state, flow, outcome.sale, now);
    case 'pending': {
      const change = { mode: 'pending', doubtUntil: 0, failures: 0, kept: { ...flow.kept, claimed: true } } as const;
      return again(state, flow, change, outcome.retryMs ?? PENDING_MS);
    }
    case 'refused':
      return judge(state, flow, outcome.refusal, outcome.judged, now);
    case 'used':
      return unsure(state, flow, outcome.refusal);
    case 'unclear': {
      const failures = flow.failures + 1;
      const pause = Math.min(1000 * 2 ** failures, LONGEST_PAUSE_MS);
      const doubtUntil = outcome.over ? flow.doubtUntil : now + DOUBT_MS;
      const mode = flow.kept.claimed ? 'pending' : 'unclear';
      return again(state, flow, { mode, doubtUntil, failures, code: outcome.code }, Math.max(pause, outcome.retryMs ?? 0));
    }
  }
}

/** Returns whether the buyer may put a payment aside. */
export function mayForget(flow: Sending | Unsure, now: number): boolean {
  return flow.phase === 'unsure' || (flow.mode !== 'sent' && now - flow.kept.at >= FORGET_AFTER_MS);
}

/** Puts a payment aside, at the word of the buyer. */
export function forgotten(state: State, flow: Sending | Unsure, now: number): Step {
  if (!mayForget(flow, now)) return [state];
  const [saved, effect] = save(state, { kept: null }, flow.kept.transaction);
  return [{ ...saved, flow: { phase: 'idle' }, notice: { key: 'forgotten' } }, effect, { type: 'unlock' }];
}
