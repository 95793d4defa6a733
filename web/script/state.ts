// The state of a purchase, what happens to it, and what is then to be done.

import type { Kept, Offer, Operation, Outcome, Prepared, Price, Refusal, Sale, Saved, SessionStatus } from './types';

/** What is said beside the way to pay. Each notice is shown only if it is certain that nothing was paid. */
export type Notice =
  | { readonly key: 'declined' | 'cancelled' | 'moved' | 'price_changed' | 'followed' | 'forgotten' }
  | { readonly key: 'wallet_failed'; readonly words: string }
  | { readonly key: 'refused'; readonly refusal: Refusal };

/** A purchase from the tap on Pay until its payment is kept. */
export interface Attempt {
  readonly phase: 'locking' | 'connecting' | 'preparing' | 'signing' | 'keeping';
  readonly run: number;
  readonly operation: Operation;
  readonly wallet: string;
  readonly offer: Offer;
  /** The offer's price in the chosen token. */
  readonly price: Price;
  readonly account: string;
  readonly prepared: Prepared | null;
  /** When the phase began. */
  readonly since: number;
}

/** A kept payment that is being sent until its outcome is clear. */
export interface Sending {
  readonly phase: 'sending';
  readonly kept: Kept;
  /**
   * `sent`: no answer yet. `pending`: the gateway has it. `unclear`: the last request had no clear answer.
   * `checking`: it was refused, but an earlier request may still be under way.
   */
  readonly mode: 'sent' | 'pending' | 'unclear' | 'checking';
  /** Until when an earlier request without an answer may still be under way; 0 if all were answered. */
  readonly doubtUntil: number;
  readonly isOut: boolean;
  readonly failures: number;
  /** The code of the last unclear answer. */
  readonly code: string;
  readonly since: number;
}

/** A kept payment whose outcome sending can't clear up. */
export interface Unsure {
  readonly phase: 'unsure';
  readonly kept: Kept;
  readonly refusal: Refusal;
}

export type Flow =
  | { readonly phase: 'idle' }
  | { readonly phase: 'elsewhere'; readonly wallet: string; readonly operation: Operation }
  | Attempt
  | Sending
  | Unsure;

export interface State {
  /** What is kept in the browser's storage, as far as this tab knows. */
  readonly saved: Saved;
  /** Whether the storage does not work, so that only this tab knows. */
  readonly isMemoryOnly: boolean;
  readonly flow: Flow;
  readonly notice: Notice | null;
  /** What the page shows with its price; null while the price is not known. */
  readonly offer: Offer | null;
  /** The token that was chosen; null for the first one. */
  readonly mint: string | null;
  readonly isExtending: boolean;
  /** The number of the latest attempt. Answers to earlier ones are thrown away. */
  readonly run: number;
}

export type Event =
  | { readonly type: 'boot'; readonly saved: Saved }
  | { readonly type: 'stored'; readonly saved: Saved }
  | { readonly type: 'offer'; readonly offer: Offer | null }
  | { readonly type: 'token'; readonly mint: string }
  | { readonly type: 'extending'; readonly open: boolean }
  | { readonly type: 'pay'; readonly wallet: string }
  | { readonly type: 'here' }
  | { readonly type: 'cancel' }
  | { readonly type: 'locked'; readonly run: number; readonly isHeld: boolean; readonly saved: Saved }
  | { readonly type: 'stolen'; readonly run: number }
  | { readonly type: 'connected'; readonly run: number; readonly account: string }
  | { readonly type: 'prepared'; readonly run: number; readonly prepared: Prepared }
  | { readonly type: 'unprepared'; readonly run: number; readonly refusal: Refusal }
  | { readonly type: 'signed'; readonly run: number; readonly transaction: string }
  | { readonly type: 'wallet_failed'; readonly run: number; readonly isDeclined: boolean; readonly words: string }
  | { readonly type: 'kept'; readonly run: number; readonly isStored: boolean; readonly saved: Saved }
  | { readonly type: 'conflict'; readonly run: number; readonly saved: Saved }
  | { readonly type: 'answer'; readonly transaction: string; readonly outcome: Outcome }
  | { readonly type: 'retry'; readonly transaction: string }
  /** `isLinked` is whether a link has brought the session, and not a wallet's signature. */
  | { readonly type: 'adopt'; readonly sale: Sale; readonly isLinked: boolean }
  | { readonly type: 'session'; readonly status: SessionStatus }
  | { readonly type: 'forget' }
  | { readonly type: 'dismiss' };

export type Effect =
  | { readonly type: 'lock'; readonly run: number; readonly steal: boolean }
  | { readonly type: 'unlock' }
  | { readonly type: 'connect'; readonly run: number; readonly wallet: string }
  | { readonly type: 'prepare'; readonly run: number; readonly attempt: Attempt }
  | {
      readonly type: 'sign';
      readonly run: number;
      readonly wallet: string;
      readonly account: string;
      readonly transaction: string;
    }
  /** Writes a payment, unless another tab has written since `saved` was read. */
  | { readonly type: 'keep'; readonly run: number; readonly saved: Saved }
  | { readonly type: 'save'; readonly saved: Saved; readonly cleared: string | null }
  | { readonly type: 'send'; readonly kept: Kept }
  | { readonly type: 'wait'; readonly ms: number; readonly transaction: string }
  | { readonly type: 'paid' }
  | { readonly type: 'reprice' };

/** A new state, and what is to be done. */
export type Step = readonly [State, ...Effect[]];

export const NOTHING_SAVED: Saved = { version: 1, revision: 0, kept: null, session: null, refused: null };

export const START: State = {
  saved: NOTHING_SAVED,
  isMemoryOnly: false,
  flow: { phase: 'idle' },
  notice: null,
  offer: null,
  mint: null,
  isExtending: false,
  run: 0,
};
