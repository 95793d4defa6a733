// The life of a purchase. Pure: a state and an event give a state and effects.
//
// Two rules come before all others. There are never two payments: an attempt ends as soon as a payment is known, from
// this tab or another. And nobody is told that nothing was paid unless that is certain.

import { abandon, follow, restarted, resumed } from './follow';
import { answered, doubted, forgotten, send, staleness } from './outcome';
import { adopted, dismissed, isRunning, updated } from './session';
import type { Attempt, Event, Sending, State, Step } from './state';
import type { Kept, Offer, Operation, Prepared, Price, Saved } from './types';

/** Returns the price that is shown, in the chosen token. */
export function shown(offer: Offer | null, mint: string | null): Price | null {
  return offer?.prices.find((price) => price.mint === mint) ?? offer?.prices[0] ?? null;
}

/** Returns what a payment would be for now. */
function operation(state: State): Operation {
  const { session } = state.saved;
  return state.isExtending && session ? { kind: 'extend', id: session.id, token: session.token } : { kind: 'access' };
}

/** Begins an attempt to pay with a wallet. */
function begin(state: State, wallet: string, wanted: Operation, steal: boolean, now: number): Step {
  const price = shown(state.offer, state.mint);
  const mayBuy = wanted.kind === 'extend' || !isRunning(state.saved.session, now);
  if (!state.offer || !price || state.saved.kept || !mayBuy) return [state];
  const run = state.run + 1;
  const flow: Attempt = {
    phase: 'locking',
    run,
    operation: wanted,
    wallet,
    offer: state.offer,
    price,
    account: '',
    prepared: null,
    since: now,
  };
  return [{ ...state, run, flow, notice: null }, { type: 'lock', run, steal }];
}

/** Returns the state in the attempt's next phase. */
function next(state: State, attempt: Attempt, change: Partial<Attempt>, now: number): State {
  return { ...state, flow: { ...attempt, since: now, ...change } };
}

/** Returns whether a transaction is what the page shows. */
function isAsShown({ offer, price }: Attempt, prepared: Prepared): boolean {
  return (
    prepared.mint === price.mint &&
    prepared.amount === price.amount &&
    prepared.decimals === price.decimals &&
    prepared.quantity === offer.quantity &&
    prepared.seconds === offer.seconds
  );
}

/** Signs what was prepared, or shows its price if that is not the one that the buyer saw. */
function prepared(state: State, attempt: Attempt, got: Prepared, now: number): Step {
  const { run, wallet, account } = attempt;
  if (isAsShown(attempt, got)) {
    const after = next(state, attempt, { phase: 'signing', prepared: got }, now);
    return [after, { type: 'sign', run, wallet, account, transaction: got.transaction }];
  }
  const prices = attempt.offer.prices.map((price) => {
    const { amount, decimals, display } = got;
    return price.mint === got.mint ? { ...price, amount, decimals, display } : price;
  });
  const offer = { quantity: got.quantity, seconds: got.seconds, prices };
  return abandon({ ...state, offer }, { key: 'price_changed' }, { type: 'reprice' });
}

/** Keeps what was signed, before it is sent. */
function signed(state: State, attempt: Attempt, transaction: string, now: number): Step {
  const { operation: wanted, prepared: got, run } = attempt;
  if (!got) return abandon(state, null);
  const { accepted, quantity, display } = got;
  const sums = { accepted, quantity, display };
  const kept: Kept = { ...sums, operation: wanted, transaction, at: now, sentAt: 0, claimed: false };
  const saved: Saved = { ...state.saved, revision: state.saved.revision + 1, kept, refused: null };
  return [next(state, attempt, { phase: 'keeping' }, now), { type: 'keep', run, saved }];
}

/** Sends what was kept. While only this tab knows of it, others are kept from paying. */
function sent(state: State, saved: Saved, isStored: boolean, now: number): Step {
  if (!saved.kept) return [state];
  const flow: Sending = { ...resumed(saved.kept, now), doubtUntil: 0 };
  const [after, ...effects] = send({ ...state, saved, isMemoryOnly: !isStored }, flow, now);
  return isStored ? [after, ...effects, { type: 'unlock' }] : [after, ...effects];
}

/** Goes on when this tab alone may pay, unless another has paid meanwhile. */
function locked(state: State, attempt: Attempt, isHeld: boolean, saved: Saved, now: number): Step {
  const { wallet, operation: wanted, run } = attempt;
  const before = state.saved;
  const [after, ...effects] = saved.revision > before.revision ? follow(state, saved, now) : [state];
  if (after.flow !== state.flow) return [after, ...effects];
  if (!isHeld) return [{ ...after, flow: { phase: 'elsewhere', wallet, operation: wanted } }, ...effects];
  return [next(after, attempt, { phase: 'connecting' }, now), ...effects, { type: 'connect', run, wallet }];
}

/** Asks for a transaction of the account that the wallet has named. */
function connected(state: State, { run, ...rest }: Attempt, account: string, now: number): Step {
  const attempt: Attempt = { run, ...rest, phase: 'preparing', account, since: now };
  return [{ ...state, flow: attempt }, { type: 'prepare', run, attempt }];
}

/** Takes over what was written by the tab that was faster. */
function conflict(state: State, saved: Saved, now: number): Step {
  const [after, ...effects] = follow(state, saved, now);
  return after.flow === state.flow ? abandon(after, { key: 'followed' }, ...effects) : [after, ...effects];
}

const UNSENT = 'locking connecting preparing signing';

/** In which phases an event is waited for. One that comes in another phase is thrown away. */
const AWAITED: Readonly<Partial<Record<Event['type'], string>>> = {
  locked: 'locking',
  connected: 'connecting',
  prepared: 'preparing',
  unprepared: 'preparing',
  signed: 'signing',
  wallet_failed: 'connecting signing',
  kept: 'keeping',
  conflict: 'keeping',
  stolen: UNSENT,
  cancel: UNSENT,
};

/** Carries on an attempt to pay. */
function attempted(state: State, event: Event, now: number): Step {
  const { flow } = state;
  const isLate = 'run' in event && 'run' in flow && event.run !== flow.run;
  if (!('run' in flow) || isLate || !AWAITED[event.type]?.includes(flow.phase)) return [state];
  switch (event.type) {
    case 'locked':
      return locked(state, flow, event.isHeld, event.saved, now);
    case 'connected':
      return connected(state, flow, event.account, now);
    case 'prepared':
      return prepared(state, flow, event.prepared, now);
    case 'unprepared':
      return abandon(state, { key: 'refused', refusal: event.refusal }, ...staleness(event.refusal));
    case 'signed':
      return signed(state, flow, event.transaction, now);
    case 'wallet_failed':
      return abandon(state, event.isDeclined ? { key: 'declined' } : { key: 'wallet_failed', words: event.words });
    case 'kept':
      return sent(state, event.saved, event.isStored, now);
    case 'conflict':
      return conflict(state, event.saved, now);
    default:
      return abandon(state, { key: event.type === 'stolen' ? 'moved' : 'cancelled' });
  }
}

/** Carries on a payment that is kept. */
function pursued(state: State, event: Event, now: number): Step {
  const { flow } = state;
  const isCurrent = 'kept' in flow && 'transaction' in event && event.transaction === flow.kept.transaction;
  // A payment that was put aside has bought something after all.
  if (event.type === 'answer' && !isCurrent && event.outcome.kind === 'sold') return adopted(state, event.outcome.sale, null, now);
  if (!('kept' in flow)) return [state];
  if (event.type === 'forget') return forgotten(state, flow, now);
  if (flow.phase !== 'sending' || !isCurrent) return [state];
  if (event.type === 'retry') return send(state, flow, now);
  return event.type === 'answer' ? answered(state, flow, event.outcome, now) : [state];
}

/** Returns whether another tab has sent the payment that this tab sends. */
function isSentAgain({ flow }: State, { kept }: Saved): boolean {
  return flow.phase === 'sending' && kept?.transaction === flow.kept.transaction && kept.sentAt > flow.kept.sentAt;
}

/** Returns the state after an event, and what is to be done. `now` is the gateway's time in milliseconds since 1970. */
export function step(state: State, event: Event, now: number): Step {
  switch (event.type) {
    case 'boot':
      return restarted(state, event.saved, now);
    case 'stored':
      // Two tabs that keep at once would each follow the other. Whoever keeps is told of a conflict instead.
      if (state.flow.phase === 'keeping') return [state];
      if (isSentAgain(state, event.saved)) return [doubted(state, now)];
      return event.saved.revision > state.saved.revision ? follow(state, event.saved, now) : [state];
    case 'offer':
      return [{ ...state, offer: event.offer }];
    case 'token':
      return [{ ...state, mint: event.mint }];
    case 'extending':
      if (state.flow.phase !== 'idle') return [state];
      return [{ ...state, isExtending: event.open, notice: null }];
    case 'pay':
      return state.flow.phase === 'idle' ? begin(state, event.wallet, operation(state), false, now) : [state];
    case 'here':
      if (state.flow.phase !== 'elsewhere') return [state];
      return begin(state, state.flow.wallet, state.flow.operation, true, now);
    case 'adopt':
      // What is being kept can't be called back.
      if (state.flow.phase === 'keeping') return [state];
      return adopted(state, event.sale, event.isLinked, now);
    case 'session':
      return updated(state, event.status, now);
    case 'cancel':
      if (state.flow.phase === 'elsewhere') return [{ ...state, flow: { phase: 'idle' } }];
      return attempted(state, event, now);
    case 'dismiss':
      return state.flow.phase === 'idle' ? dismissed(state) : [state];
    case 'answer':
    case 'retry':
    case 'forget':
      return pursued(state, event, now);
    default:
      return attempted(state, event, now);
  }
}
