// The page of an asset: what it asks for again and again, and what it shows.

import { makeApi, type Result } from './api';
import { instant } from './classify';
import { makeClock } from './clock';
import type { PageData } from './data';
import { el } from './dom';
import { shown } from './machine';
import type { Model, World } from './model';
import { money } from './money';
import { refusalText } from './notices';
import { makeOrder } from './order';
import { makePoll, onWake } from './poll';
import { makeRuntime } from './runtime';
import { isRunning } from './session';
import { conditionOf, isHeld, priceLine, showCondition, showDevice } from './state_line';
import type { Event } from './state';
import { makeStore, parse } from './store';
import { textsOf } from './strings';
import type { Asset, Saved } from './types';
import { takeOver } from './view';
import { discover } from './wallets';

/** How long wallets have to appear. */
const LOOK_MS = 500;
const TICK_MS = 500;
const POLL_MS = 5_000;
/** How often the device is asked after a payment, and for how long. */
const FAST_POLL_MS = 2_000;
const FAST_MS = 20_000;
/** How many answers may be missing before the page says so. */
const MISSES = 2;
/** How long after its end a session is still shown by itself. */
const REMEMBER_MS = 3_600_000;
const REDEEM_TRIES = 3;
const REDEEM_PAUSE_MS = 2_000;

/** Runs the page of an asset. `code` continues a session of another device. */
export function runPage(page: PageData, panel: HTMLElement, orderNode: HTMLElement, code: string | null): void {
  const t = textsOf(page.lang, page.strings);
  const clock = makeClock(() => performance.now(), Date.now());
  clock.learn(page.status?.now, 0);
  const store = makeStore(page.asset.id, () => localStorage);
  const world: World = {
    asset: page.asset,
    status: page.status,
    isDown: !page.status,
    isOnline: navigator.onLine,
    wallets: new Map(),
    hasLooked: false,
    paidAt: -Infinity,
    hasActed: false,
  };
  const showPrice = priceLine(page.asset, t);
  let failures = 0;
  let misses = 0;
  let wasRunning = false;

  const api = makeApi(page.api, page.asset.id, clock, (isAnswered) => {
    failures = isAnswered ? 0 : failures + 1;
    world.isOnline = isAnswered || (navigator.onLine && failures < MISSES);
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
    return {
      ...{ page, world, state, now, t, api, price, dispatch, act, render },
      cost: price ? money(price.display, t.language) : '',
      condition: runs ? 'yours' : conditionOf(world.asset, world.status, world.isDown),
      lock: world.status?.device?.state ?? null,
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
      showDevice(world.status, t);
      order.update(now);
      showPanel(now);
    } catch (error) {
      console.error(error);
    }
  };

  const learn = (result: Result<Asset>): void => {
    if ('ok' in result) world.asset = { ...world.asset, ...result.ok };
    showPrice(world.asset);
  };

  const ask = async (): Promise<void> => {
    const result = await api.status();
    misses = 'ok' in result ? 0 : misses + 1;
    if ('ok' in result) world.status = result.ok;
    const { status } = world;
    world.isDown = !status || misses >= MISSES;
    if (isHeld(status)) learn(await api.asset());
    const { session } = runtime.state().saved;
    const end = instant(status?.session?.endsAt);
    if (end && model().isRunning && end !== session?.endsAt) void look();
    render();
  };

  /** Fetches the prices again. */
  const reprice = async (): Promise<void> => {
    order.refresh(true);
    learn(await api.asset());
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
    if ('ok' in result) return runtime.dispatch({ type: 'adopt', sale: result.ok });
    if (result.refusal.code === 'no_answer' && tries > 1) {
      setTimeout(() => void redeem(given, tries - 1), REDEEM_PAUSE_MS);
      return;
    }
    panel.before(el('p.notice', { role: 'status' }, refusalText(model(), result.refusal, 'fault')));
  };

  const listen = (): void => {
    onWake(wake);
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
        world.wallets.set(wallet.name, wallet);
        render();
      });
    }
    setTimeout(() => {
      world.hasLooked = true;
      render();
    }, LOOK_MS);
  };

  const poll = makePoll(ask, () => (performance.now() - world.paidAt < FAST_MS ? FAST_POLL_MS : POLL_MS));
  const runtime = makeRuntime({ api, clock, store, world, chain: page.chain, render, poll, reprice: () => void reprice() });
  const order = makeOrder(orderNode, model);
  const showPanel = takeOver(panel, order, model);

  showPrice(page.asset);
  listen();
  runtime.dispatch({ type: 'boot', saved: store.read() ?? runtime.state().saved });
  const { session } = runtime.state().saved;
  if (session?.endsAt && clock.now() - session.endsAt > REMEMBER_MS) runtime.dispatch({ type: 'dismiss' });
  order.start();
  lookForWallets();
  setInterval(tick, TICK_MS);
  poll();
  void look();
  if (code !== null) void redeem(code, REDEEM_TRIES);
}
