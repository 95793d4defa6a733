// Carries out what the state machine asks for.

import type { Api } from './api';
import { fromBase64, toBase64 } from './base';
import type { Clock } from './clock';
import { step } from './machine';
import type { World } from './model';
import { START, type Effect, type Event, type State } from './state';
import type { Store } from './store';
import type { Kept, Saved } from './types';
import { connect, isDeclined, sign, type Account } from './wallets';

export interface Tools {
  readonly api: Api;
  readonly clock: Clock;
  readonly store: Store;
  readonly world: World;
  readonly chain: string;
  /** Shows a state. */
  readonly render: () => void;
  /** Is told that something was bought. */
  readonly paid: () => void;
  /** Fetches the prices again. */
  readonly reprice: () => void;
}

export class Runtime {
  state: State = START;
  private readonly tools: Tools;
  private readonly accounts = new Map<string, Account>();
  private release: (() => void) | null = null;
  private lockEnded: Promise<unknown> = Promise.resolve();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tools: Tools) {
    this.tools = tools;
  }

  /** Takes an event, shows the state that follows, and does what it asks for. */
  readonly dispatch = (event: Event): void => {
    const [state, effects] = step(this.state, event, this.tools.clock.now());
    this.state = state;
    this.tools.render();
    for (const effect of effects) this.carryOut(effect);
  };

  /** Sends a kept payment now, if one waits. */
  hurry(): void {
    const { flow } = this.state;
    if (flow.phase === 'sending') this.dispatch({ type: 'retry', transaction: flow.kept.transaction });
  }

  private carryOut(effect: Effect): void {
    const { store, world } = this.tools;
    switch (effect.type) {
      case 'lock':
        return void this.lock(effect.run, effect.steal);
      case 'unlock':
        this.release?.();
        this.release = null;
        return;
      case 'connect':
        return void this.connect(effect.run, effect.wallet);
      case 'prepare':
        return void this.prepare(effect);
      case 'sign':
        return void this.sign(effect);
      case 'keep':
        return this.keep(effect.run, effect.saved);
      case 'save':
        return this.saved(effect.saved, store.save(effect.saved, effect.cleared));
      case 'send':
        return void this.send(effect.kept);
      case 'wait':
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.dispatch({ type: 'retry', transaction: effect.transaction }), effect.ms);
        return;
      case 'paid':
        world.paidAt = performance.now();
        return this.tools.paid();
      case 'reprice':
        return this.tools.reprice();
    }
  }

  /** Takes over what was written, if another tab had written too. */
  private saved(wanted: Saved, written: Saved): void {
    if (written.revision !== wanted.revision) this.dispatch({ type: 'stored', saved: written });
  }

  /** Returns what is stored now. Another tab may have written it a moment ago. */
  private stored(): Saved {
    return this.tools.store.read() ?? this.state.saved;
  }

  /** Locks out other tabs. Without Web Locks the storage alone decides who pays, when a payment is kept. */
  private async lock(run: number, steal: boolean): Promise<void> {
    const locks: LockManager | undefined = navigator.locks;
    let isAnswered = false;
    const answer = (isHeld: boolean): void => {
      isAnswered = true;
      this.dispatch({ type: 'locked', run, isHeld, saved: this.stored() });
    };
    if (!locks) return answer(true);
    await this.lockEnded;
    try {
      const options = steal ? { steal } : { ifAvailable: true };
      const request = locks.request(this.tools.store.key, options, (lock) => {
        const held = lock && new Promise<void>((resolve) => (this.release = resolve));
        answer(lock !== null);
        return held;
      });
      this.lockEnded = request.then(
        () => undefined,
        () => undefined,
      );
      await request;
    } catch {
      // Before the answer: there are no locks here. After it: another tab has taken the lock.
      if (isAnswered) this.dispatch({ type: 'stolen', run });
      else answer(true);
    }
  }

  /** Tells that a wallet has failed. */
  private failed(run: number, error: unknown): void {
    const words = error instanceof Error ? error.message.slice(0, 200) : '';
    this.dispatch({ type: 'wallet_failed', run, isDeclined: isDeclined(error), words });
  }

  private async connect(run: number, name: string): Promise<void> {
    try {
      const wallet = this.tools.world.wallets.get(name);
      if (!wallet) throw new Error('no wallet');
      const account = await connect(wallet, this.tools.chain);
      this.accounts.set(account.address, account);
      this.dispatch({ type: 'connected', run, account: account.address });
    } catch (error) {
      this.failed(run, error);
    }
  }

  private async prepare({ run, attempt }: Extract<Effect, { type: 'prepare' }>): Promise<void> {
    const result = await this.tools.api.prepare(attempt);
    if ('ok' in result) this.dispatch({ type: 'prepared', run, prepared: result.ok });
    else this.dispatch({ type: 'unprepared', run, refusal: result.refusal });
  }

  private async sign({ run, wallet: name, account: address, transaction }: Extract<Effect, { type: 'sign' }>): Promise<void> {
    try {
      const wallet = this.tools.world.wallets.get(name);
      const account = this.accounts.get(address);
      if (!wallet || !account) throw new Error('no wallet');
      const signed = await sign(wallet, account, fromBase64(transaction), this.tools.chain);
      this.dispatch({ type: 'signed', run, transaction: toBase64(signed) });
    } catch (error) {
      this.failed(run, error);
    }
  }

  private keep(run: number, saved: Saved): void {
    const { isStored, conflict } = this.tools.store.keep(saved);
    if (conflict) this.dispatch({ type: 'conflict', run, saved: conflict });
    else this.dispatch({ type: 'kept', run, isStored, saved });
  }

  private async send(kept: Kept): Promise<void> {
    clearTimeout(this.timer);
    this.tools.store.touch(kept);
    const outcome = await this.tools.api.pay(kept);
    this.dispatch({ type: 'answer', transaction: kept.transaction, outcome });
  }
}
