// The session that was bought, as it is kept.

import { instant } from './classify';
import type { Effect, State, Step } from './state';
import type { Kept, Paid, Sale, Saved, Session, SessionStatus } from './types';

/** Returns whether a session is running. One whose end is not known is. */
export function isRunning(session: Session | null, now: number): session is Session {
  return session !== null && !session.dismissed && (session.endsAt === null || now < session.endsAt);
}

/** Returns the payments of a session and one more, unless it is among them already. */
function paid(before: readonly Paid[], sale: Sale, now: number): readonly Paid[] {
  if (before.some((one) => one.transaction === sale.transaction)) return before;
  const { quantity, display, transaction } = sale;
  return [...before, { quantity, display, transaction, at: now }];
}

/** Returns the session after a sale, which started or extended it. */
export function after(session: Session | null, sale: Sale, now: number): Session {
  const known = session?.id === sale.sessionId ? session : null;
  return {
    isLinked: false,
    ...known,
    id: sale.sessionId,
    token: sale.sessionToken,
    startsAt: instant(sale.startsAt) ?? now,
    endsAt: instant(sale.endsAt),
    payments: paid(known?.payments ?? [], sale, now),
    dismissed: false,
  };
}

/** Returns the state with something else kept, and the effect that keeps it. `cleared` names the payment that is done. */
export function save(state: State, change: Partial<Saved>, cleared: string | null): readonly [State, Effect] {
  const saved = { ...state.saved, ...change, revision: state.saved.revision + 1 };
  return [{ ...state, saved }, { type: 'save', saved, cleared }];
}

/** Returns whether a session of the same wallet can be what a payment has bought. */
function isOf({ operation, at }: Kept, sale: Sale): boolean {
  return operation.kind === 'extend' ? operation.id === sale.sessionId : (instant(sale.startsAt) ?? 0) >= at;
}

/**
 * Takes over a session that a wallet has found by signing in, or that a link has brought; `isLinked` is null for what a
 * payment has bought. Anyone can send a link, so it takes nobody's own session or payment away.
 */
export function adopted(state: State, sale: Sale, isLinked: boolean | null, now: number): Step {
  const { flow, saved: before } = state;
  if (isLinked && (before.kept || isRunning(before.session, now))) return [state];
  const found = after(before.session, sale, now);
  const session = { ...found, isLinked: isLinked ?? found.isLinked ?? false };
  const cleared = flow.phase === 'unsure' && isOf(flow.kept, sale) ? flow.kept.transaction : null;
  const kept = cleared === null ? before.kept : null;
  const [saved, effect] = save(state, { session, kept, refused: null }, cleared);
  // An attempt ends too, because it would buy the same thing again. Only a payment that may have been sent goes on.
  if (kept) return [{ ...saved, notice: null, isExtending: false }, effect, { type: 'paid' }];
  const idle: State = { ...saved, run: state.run + 1, flow: { phase: 'idle' }, notice: null, isExtending: false };
  return [idle, effect, { type: 'unlock' }, { type: 'paid' }];
}

/** Takes over what the gateway says of the session. */
export function updated(state: State, status: SessionStatus, now: number): Step {
  const { session } = state.saved;
  if (session?.id !== status.sessionId) return [state];
  const runs: boolean = isRunning(session, now);
  let endsAt = instant(status.endsAt);
  // It ended before its paid end, and when is not told.
  if (status.status === 'ended' && (endsAt ?? Infinity) > now) endsAt = runs ? now : session.endsAt;
  const next = { ...session, endsAt, status: status.status, owed: status.owed ?? [] };
  if (JSON.stringify(next) === JSON.stringify(session)) return [state];
  return save(state, { session: next }, null);
}

/** Puts a session aside, so that another can be bought. */
export function dismissed(state: State): Step {
  const { session } = state.saved;
  if (!session) return [state];
  const [saved, effect] = save(state, { session: { ...session, dismissed: true } }, null);
  return [{ ...saved, isExtending: false, notice: null }, effect];
}
