// The page of an asset: what it asks for again and again, and what it shows.

import { makeApi } from './api';
import { instant } from './classify';
import { makeClock } from './clock';
import type { PageData } from './data';
import { takeCode } from './code';
import { button, el } from './dom';
import { shown } from './purchase';
import type { Model, World } from './model';
import { money } from './money';
import { refusalText } from './notices';
import { makeOrder } from './order';
import { makePoll, onWake } from './poll';
import { makeRuntime } from './runtime';
import { isRunning } from './session';
import { conditionOf, showCondition, showDevice } from './state_line';
import type { Event } from './state';
import { makeStore, parse } from './store';
import { textsOf } from './strings';
import type { Saved } from './types';
import { takeOver } from './view';
import { discover } from './wallets';
import { makeWatch, watched } from './watch';

/** How long wallets have to appear. */
const LOOK_MS = 500;
const TICK_MS = 500;
const POLL_MS = 5_000;
/** How often the device is asked after a payment: at first very often, for it opens within a second. */
const FIRST_POLL_MS = 500;
const FIRST_MS = 3_000;
const FAST_POLL_MS = 2_000;
/** How long a device may take to open. */
const OPENING_MS = 20_000;
/** How many calls may fail before the page says that there is no connection. */
const FAILURES = 2;
/** How long after its end a session is still shown by itself. */
const REMEMBER_MS = 3_600_000;
/** How long the question about a link takes no answer. */
const LINKED_MS = 700;
const REDEEM_TRIES = 3;
const REDEEM_PAUSE_MS = 2_000;

/** Runs the page of an asset. `code` continues a session of another device. */
export function runPage(page: PageData, panel: HTMLElement, orderNode: HTMLElement, code: string | null): void {
  const t = textsOf(page.lang, page.strings);
  const clock = makeClock(() => performance.now(), Date.now());
  clock.learn(page.status?.now, 0);
  const store = makeStore(page.asset.id, () => localStorage);
  const world: World = {
    ...watched(page),
    isOnline: navigator.onLine,
    wallets: new Map(),
    hasLooked: false,
    paidAt: -Infinity,
    hasActed: false,
  };
  const linked = el('div.aside', { role: 'status' });
  let failures = 0;
  let wasRunning = false;

  const api = makeApi(page.api, page.asset.id, clock, (isAnswered) => {
    failures = isAnswered ? 0 : failures + 1;
    world.isOnline = isAnswered || (navigator.onLine && failures < FAILURES);
  });

  const act = (event: Event): void => {
    world.hasActed = true;
    runtime.dispatch(event);
  };

  const model = (): Model => {
    const { dispatch } = runtime;
    const state = runtime.state();
    const now = clock.now();
    const price = shown(state.offer, state.mint);
    const runs = isRunning(state.saved.session, now);
    const lock = world.status?.device?.state ?? null;
    return {
      ...{ page, world, state, now, t, api, price, dispatch, act, render },
      cost: price ? money(price.display, t.language) : '',
      condition: runs ? 'yours' : conditionOf(world.asset, world.status, world.isDown),
      lock,
      isOpening: runs && lock !== null && lock !== 'unlocked' && performance.now() - world.paidAt < OPENING_MS,
      isIdle: state.flow.phase === 'idle',
      isRunning: runs,
      isExtending: runs && state.isExtending,
    };
  };

  /** Shows what is known. An error here never stops what is being done. */
  const render = (): void => {
    try {
      const now = model();
      const { flow, saved } = now.state;
      const end = now.isRunning ? saved.session?.endsAt : instant(world.status?.session?.endsAt);
      showCondition('kept' in flow && !now.isRunning ? 'yours_paying' : now.condition, end ?? null, now.now, t);
      showDevice(world.status, now.isOpening, t);
      order.update(now);
      showPanel(now);
    } catch (error) {
      console.error(error);
    }
  };

  const ask = async (): Promise<void> => {
    await watch.ask();
    const { session } = runtime.state().saved;
    const end = instant(world.status?.session?.endsAt);
    const { isRunning: runs, lock } = model();
    // A session with a device may also have ended before its time.
    if ((end || lock) && runs && end !== session?.endsAt) void look();
    render();
  };

  /** Fetches the prices again. */
  const reprice = async (): Promise<void> => {
    order.refresh(true);
    await watch.askAsset();
    render();
  };

  /** Asks for the session, which another device may have extended. */
  const look = async (): Promise<void> => {
    const { session } = runtime.state().saved;
    if (!session || session.dismissed) return;
    const result = await api.session(session);
    if ('ok' in result) runtime.dispatch({ type: 'session', status: result.ok });
  };

  /** Takes over what another tab has written. */
  const follow = (saved: Saved | null): void => {
    if (saved) runtime.dispatch({ type: 'stored', saved });
  };

  /** Catches up with what the page may have missed. */
  const wake = (): void => {
    world.isOnline = navigator.onLine;
    failures = 0;
    follow(store.read());
    const { flow } = runtime.state();
    if ('kept' in flow) runtime.dispatch({ type: 'retry', transaction: flow.kept.transaction });
    order.refresh(false);
    poll();
    void look();
  };

  const tick = (): void => {
    const runs = isRunning(runtime.state().saved.session, clock.now());
    if (wasRunning && !runs) {
      poll();
      void look();
    }
    wasRunning = runs;
    if (!document.hidden) render();
  };

  /** Exchanges a code. It works once, so it is sent again only if there was no answer. */
  const redeem = async (given: string, tries: number): Promise<void> => {
    const result = await api.redeem(given);
    if ('ok' in result) return runtime.dispatch({ type: 'adopt', sale: result.ok, isLinked: true });
    if (result.refusal.code === 'no_answer' && tries > 1) {
      setTimeout(() => void redeem(given, tries - 1), REDEEM_PAUSE_MS);
      return;
    }
    panel.before(el('p.notice', { role: 'status' }, refusalText(model(), result.refusal, 'fault')));
  };

  /** Asks whether a link's session is wanted here. Anyone can send a link, so nothing happens by itself. */
  const offerCode = (given: string | null): void => {
    if (given === null) return;
    const mayOpen = (): boolean => {
      const { saved, flow } = runtime.state();
      return flow.phase === 'idle' && !isRunning(saved.session, clock.now());
    };
    const ask = (): void => {
      const isWanted = mayOpen();
      const asked = performance.now();
      const yes = button('button', t('linked.yes'), () => {
        // A tap that was meant for what stood here a moment ago does not count.
        if (performance.now() - asked < LINKED_MS) return;
        // Something may have been bought since.
        if (!mayOpen()) return ask();
        linked.remove();
        void redeem(given, REDEEM_TRIES);
      });
      linked.replaceChildren(el('p', t(isWanted ? 'linked.ask' : 'linked.refused')), ...(isWanted ? [yes] : []));
    };
    panel.before(linked);
    ask();
  };

  const listen = (): void => {
    onWake(wake);
    window.addEventListener('hashchange', () => offerCode(takeCode()));
    window.addEventListener('offline', () => {
      world.isOnline = false;
      render();
    });
    window.addEventListener('storage', ({ key, newValue }) => {
      if (key === store.key) follow(parse(newValue));
    });
    window.addEventListener('beforeunload', (event) => {
      const { isMemoryOnly, flow } = runtime.state();
      if (isMemoryOnly && 'kept' in flow) event.preventDefault();
    });
  };

  /** Looks for wallets, which only a secure page may use. */
  const lookForWallets = (): void => {
    if (window.isSecureContext) {
      discover(page.chain, (wallet) => {
        // A second wallet of the same name can't be told from the first.
        if (!world.wallets.has(wallet.name)) world.wallets.set(wallet.name, wallet);
        render();
      });
    }
    setTimeout(() => {
      world.hasLooked = true;
      render();
    }, LOOK_MS);
  };

  const pause = (): number => {
    const since = performance.now() - world.paidAt;
    return since < FIRST_MS ? FIRST_POLL_MS : since < OPENING_MS ? FAST_POLL_MS : POLL_MS;
  };
  const poll = makePoll(ask, pause);
  const runtime = makeRuntime({ api, clock, store, world, chain: page.chain, render, poll, reprice: () => void reprice() });
  const order = makeOrder(orderNode, model);
  const showPanel = takeOver(panel, order, model);
  const watch = makeWatch(world, api, t.language, {
    repriced: () => order.refresh(true),
    // What is known here alone would be lost.
    reshaped: () => model().isIdle && !model().state.isMemoryOnly && location.reload(),
  });

  listen();
  runtime.dispatch({ type: 'boot', saved: store.read() ?? runtime.state().saved });
  const { session } = runtime.state().saved;
  if (session?.endsAt && clock.now() - session.endsAt > REMEMBER_MS) runtime.dispatch({ type: 'dismiss' });
  order.start();
  lookForWallets();
  setInterval(tick, TICK_MS);
  poll();
  void look();
  offerCode(code);
}
