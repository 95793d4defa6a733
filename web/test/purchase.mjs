// A purchase in a test: a state machine whose effects are recorded.

import { load } from './load.mjs';

const { step } = await load('purchase');
const { START, NOTHING_SAVED } = await load('state');

export const MINT = 'mint-usdc';
export const OFFER = {
  quantity: 10,
  seconds: 10,
  prices: [
    { token: 'USDC', amount: '10000', decimals: 6, display: '0.01 USDC', mint: MINT },
    { token: 'EURC', amount: '9000', decimals: 6, display: '0.009 EURC', mint: 'mint-eurc' },
  ],
};
export const PREPARED = {
  transaction: 'dW5zaWduZWQ=',
  accepted: { scheme: 'exact' },
  quantity: 10,
  seconds: 10,
  amount: '10000',
  decimals: 6,
  display: '0.01 USDC',
  mint: MINT,
};
export const NOTHING = NOTHING_SAVED;
export const T0 = Date.parse('2026-11-30T10:00:00Z');

/** Returns a sale as the gateway answers it. */
export function sale(change = {}) {
  return {
    sessionId: 'ses-1',
    sessionToken: 'token-1',
    startsAt: new Date(T0).toISOString(),
    endsAt: new Date(T0 + 10_000).toISOString(),
    quantity: 10,
    display: '0.01 USDC',
    mint: MINT,
    transaction: 'tx-1',
    ...change,
  };
}

/** Returns a refusal of which the gateway is sure. */
export const refused = (code, more = {}) => ({ kind: 'refused', refusal: { code, detail: '' }, judged: true, ...more });
export const unclear = (more = {}) => ({ kind: 'unclear', code: 'no_answer', over: false, retryMs: null, ...more });
export const pending = { kind: 'pending', retryMs: null };

/** One tab of a browser. */
export class Tab {
  constructor(saved = NOTHING, now = T0) {
    this.state = START;
    this.now = now;
    this.effects = [];
    this.send({ type: 'boot', saved });
    this.send({ type: 'offer', offer: OFFER });
  }

  /** Gives the machine an event, and returns the effects of just this event. */
  send(event) {
    const [state, ...effects] = step(this.state, event, this.now);
    this.state = state;
    this.effects.push(...effects);
    return effects;
  }

  wait(ms) {
    this.now += ms;
    return this;
  }

  get phase() {
    return this.state.flow.phase;
  }

  get mode() {
    return this.state.flow.mode;
  }

  get notice() {
    return this.state.notice?.key ?? null;
  }

  get kept() {
    return this.state.saved.kept;
  }

  count(type) {
    return this.effects.filter((effect) => effect.type === type).length;
  }

  /** Goes on to one of the phases of an attempt. */
  to(phase, wallet = 'Phantom') {
    this.send({ type: 'pay', wallet });
    const { run } = this.state;
    const steps = [
      ['locking', () => undefined],
      ['connecting', () => this.send({ type: 'locked', run, isHeld: true, saved: this.state.saved })],
      ['preparing', () => this.send({ type: 'connected', run, account: 'wallet-1' })],
      ['signing', () => this.send({ type: 'prepared', run, prepared: PREPARED })],
      ['keeping', () => this.send({ type: 'signed', run, transaction: 'c2lnbmVk' })],
      ['sending', () => this.keep()],
    ];
    for (const [name, act] of steps) {
      act();
      if (name === phase) return this;
    }
    throw new Error(phase);
  }

  /** Writes what is to be kept; without storage if `isStored` is false. */
  keep(isStored = true) {
    const { saved, run } = this.effects.findLast((effect) => effect.type === 'keep');
    return this.send({ type: 'kept', run, isStored, saved });
  }

  answer(outcome, transaction = 'c2lnbmVk') {
    return this.send({ type: 'answer', transaction, outcome });
  }

  retry(transaction = 'c2lnbmVk') {
    return this.send({ type: 'retry', transaction });
  }
}
