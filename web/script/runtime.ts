// Carries out what the state machine asks for.

import type { Api } from './api';
import { fromBase64, toBase64 } from './base';
import type { Clock } from './clock';
import { makeLock } from './lock';
import { step } from './purchase';
import type { World } from './model';
import { START, type Effect, type Event, type State } from './state';
import type { Store } from './store';
import type { Saved } from './types';
import { connect, isDeclined, sign, type Account, type Wallet } from './wallets';

export interface Tools {
  readonly api: Api;
  readonly clock: Clock;
  readonly store: Store;
  readonly world: World;
  readonly chain: string;
  /** Shows a state. */
  readonly render: () => void;
  /** Asks for the asset's status. */
  readonly poll: () => void;
  /** Fetches the prices again. */
  readonly reprice: () => void;
}

export interface Runtime {
  state(): State;
  /** Takes an event, shows the state that follows, and does what it asks for. */
  dispatch(event: Event): void;
}

/** Makes what runs a purchase. */
export function makeRuntime({ api, clock, store, world, chain, render, poll, reprice }: Tools): Runtime {
  const accounts = new Map<string, Account>();
  const lock = makeLock(store.key);
  let state = START;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const dispatch = (event: Event): void => {
    const [after, ...effects] = step(state, event, clock.now());
    state = after;
    render();
    effects.forEach(carryOut);
  };

  /** Asks a wallet for something. Whatever it throws ends the attempt. */
  const ask = async (run: number, name: string, what: (wallet: Wallet) => Promise<Event>): Promise<void> => {
    let event: Event;
    try {
      const wallet = world.wallets.get(name);
      if (!wallet) throw new Error();
      event = await what(wallet);
    } catch (error) {
      const words = error instanceof Error ? error.message.slice(0, 200) : '';
      event = { type: 'wallet_failed', run, isDeclined: isDeclined(error), words };
    }
    dispatch(event);
  };

  const connected = (run: number, name: string): Promise<void> =>
    ask(run, name, async (wallet) => {
      const account = await connect(wallet, chain);
      accounts.set(account.address, account);
      return { type: 'connected', run, account: account.address };
    });

  const signed = ({ run, wallet: name, account, transaction }: Extract<Effect, { type: 'sign' }>): Promise<void> =>
    ask(run, name, async (wallet) => {
      const signer = accounts.get(account);
      if (!signer) throw new Error();
      return { type: 'signed', run, transaction: toBase64(await sign(wallet, signer, fromBase64(transaction), chain)) };
    });

  const prepared = async ({ run, attempt }: Extract<Effect, { type: 'prepare' }>): Promise<void> => {
    const result = await api.prepare(attempt);
    dispatch('ok' in result ? { type: 'prepared', run, prepared: result.ok } : { type: 'unprepared', run, ...result });
  };

  const keep = async (run: number, saved: Saved): Promise<void> => {
    const give = (rival: Saved): void => dispatch({ type: 'conflict', run, saved: rival });
    // Another tab may be sending what it could not store.
    if (!(await lock.seal())) return give(state.saved);
    const { isStored, conflict } = store.keep(saved);
    if (conflict) return give(conflict);
    dispatch({ type: 'kept', run, isStored, saved });
  };

  const send = async ({ kept }: Extract<Effect, { type: 'send' }>): Promise<void> => {
    clearTimeout(timer);
    store.touch(kept);
    dispatch({ type: 'answer', transaction: kept.transaction, outcome: await api.pay(kept) });
  };

  /** Locks out other tabs for one attempt. */
  const locked = (run: number, steal: boolean): void => {
    const answer = (isHeld: boolean): boolean => {
      dispatch({ type: 'locked', run, isHeld, saved: store.read() ?? state.saved });
      return 'run' in state.flow && state.flow.run === run;
    };
    void lock.take(steal, answer, () => dispatch({ type: 'stolen', run }));
  };

  const carryOut = (effect: Effect): unknown => {
    switch (effect.type) {
      case 'lock':
        return locked(effect.run, effect.steal);
      case 'unlock':
        return lock.release();
      case 'connect':
        return connected(effect.run, effect.wallet);
      case 'prepare':
        return prepared(effect);
      case 'sign':
        return signed(effect);
      case 'keep':
        return keep(effect.run, effect.saved);
      case 'save': {
        const written = store.save(effect.saved, effect.cleared);
        // Another tab had written too.
        return written.revision === effect.saved.revision || dispatch({ type: 'stored', saved: written });
      }
      case 'send':
        return send(effect);
      case 'wait':
        clearTimeout(timer);
        return (timer = setTimeout(() => dispatch({ type: 'retry', transaction: effect.transaction }), effect.ms));
      case 'paid':
        world.paidAt = performance.now();
        return poll();
      case 'reprice':
        return reprice();
    }
  };

  return { state: () => state, dispatch };
}
