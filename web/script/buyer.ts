// The page of an asset, and the screen beside its machine.

import { Api } from './api';
import { Clock } from './clock';
import { takeCode } from './code';
import { pageData, type PageData } from './data';
import { runKiosk } from './kiosk';
import type { Model, World } from './model';
import { Order } from './order';
import { refusalText } from './notices';
import { onWake, Poll } from './poll';
import { Runtime } from './runtime';
import { isRunning } from './session';
import { conditionOf, showCondition, showDevice, takenUntil, type Condition } from './state_line';
import { parse, Store } from './store';
import { Strings } from './strings';
import { takeOver } from './view';
import { discover } from './wallets';
import { writeOrHide } from './dom';

const LOOK_MS = 500;
/** How many requests in a row may stay without an answer before the page says that there is no connection. */
const OFFLINE_AFTER = 2;
/** How many times in a row the status may stay unknown before the page says so. */
const MISSES = 2;
const TICK_MS = 500;
const POLL_MS = 5_000;
const FAST_POLL_MS = 2_000;
/** How long the device is asked more often after a payment. */
const FAST_MS = 20_000;
/** How long after its end a session is still shown by itself. */
const REMEMBER_MS = 3_600_000;

/** Runs the page of an asset. `code` continues a session of another device. */
function runPage(page: PageData, panel: HTMLElement, orderNode: HTMLElement, code: string | null): void {
  const texts = new Strings(page.lang, page.strings);
  const clock = new Clock(() => performance.now(), () => Date.now());
  clock.learn(page.status?.now, 0);
  const world: World = {
    asset: page.asset,
    status: page.status,
    isDown: page.status === null,
    isOnline: navigator.onLine,
    wallets: new Map(),
    hasLooked: false,
    paidAt: Number.NEGATIVE_INFINITY,
    hasActed: false,
  };
  let failures = 0;
  const api = new Api(page.api, page.asset.id, clock, (isAnswered) => {
    failures = isAnswered ? 0 : failures + 1;
    world.isOnline = isAnswered || (navigator.onLine && failures < OFFLINE_AFTER);
  });
  const store = new Store(page.asset.id, () => localStorage);
  const model = (): Model => ({ page, world, state: runtime.state, now: clock.now(), texts, api, dispatch: runtime.dispatch, wake: render });
  const condition = (now: Model): Condition =>
    conditionOf(world.asset, world.status, world.isDown, now.state.saved.session, now.now);
  const render = (): void => {
    try {
      show(model());
    } catch (error) {
      // What is shown must never stop what is done.
      console.error(error);
    }
  };
  let misses = 0;
  const poll = new Poll(
    async () => {
      const result = await api.status();
      misses = 'ok' in result ? 0 : misses + 1;
      if ('ok' in result) world.status = result.ok;
      world.isDown = world.status === null || misses >= MISSES;
      const isHeld = world.status !== null && !world.status.available && !world.status.session;
      const asset = isHeld ? await api.asset() : null;
      if (asset && 'ok' in asset) world.asset = { ...world.asset, enabled: asset.ok.enabled, tariff: asset.ok.tariff };
      render();
    },
    () => (performance.now() - world.paidAt < FAST_MS ? FAST_POLL_MS : POLL_MS),
  );
  const runtime = new Runtime({
    api,
    clock,
    store,
    world,
    chain: page.chain,
    render,
    paid: () => void poll.now(),
    reprice: () => {
      void api.asset().then((result) => {
        if ('ok' in result) world.asset = { ...world.asset, enabled: result.ok.enabled, tariff: result.ok.tariff };
        render();
      });
      order.refresh(true);
    },
  });
  const order = new Order(orderNode, model);
  const showPanel = takeOver(panel, order, condition, model);
  const show = (now: Model): void => {
    const present = condition(now);
    const isPaying = 'kept' in now.state.flow && present === 'paying';
    const end = present === 'yours' ? (now.state.saved.session?.endsAt ?? null) : takenUntil(world.status);
    showCondition(isPaying ? 'yours_paying' : present, end, now.now, texts);
    showDevice(world.status, texts);
    order.update(now);
    showPanel(now);
  };
  /** Asks for the session, which another device may have extended. */
  const look = async (): Promise<void> => {
    const { session } = runtime.state.saved;
    if (!session || session.dismissed) return;
    const result = await api.session(session.id, session.token);
    if ('ok' in result) runtime.dispatch({ type: 'session', status: result.ok });
    else render();
  };
  let wasRunning = false;
  setInterval(() => {
    if (clock.hasSlept()) wake();
    const runs = isRunning(runtime.state.saved.session, clock.now());
    if (wasRunning && !runs) void Promise.all([look(), poll.now()]);
    wasRunning = runs;
    if (!document.hidden) render();
  }, TICK_MS);
  const wake = (): void => {
    world.isOnline = navigator.onLine;
    failures = 0;
    const stored = store.read();
    if (stored) runtime.dispatch({ type: 'stored', saved: stored });
    runtime.hurry();
    order.refresh(false);
    void poll.now();
    void look();
  };
  onWake(wake);
  window.addEventListener('offline', () => {
    world.isOnline = false;
    render();
  });
  window.addEventListener('storage', (event) => {
    const saved = event.key === store.key ? parse(event.newValue) : null;
    if (saved) runtime.dispatch({ type: 'stored', saved });
  });
  window.addEventListener('beforeunload', (event) => {
    if (runtime.state.isMemoryOnly && 'kept' in runtime.state.flow) event.preventDefault();
  });

  runtime.dispatch({ type: 'boot', saved: store.read() ?? runtime.state.saved });
  const { session } = runtime.state.saved;
  if (session?.endsAt != null && clock.now() - session.endsAt > REMEMBER_MS) runtime.dispatch({ type: 'dismiss' });
  order.start();
  if (window.isSecureContext) discover(page.chain, (wallet) => {
    world.wallets.set(wallet.name, wallet);
    render();
  });
  setTimeout(() => {
    world.hasLooked = true;
    render();
  }, LOOK_MS);
  void poll.now();
  void look();
  if (code !== null) void redeem();

  /** Exchanges the code. It works once, so it is tried again only if nothing was answered. */
  async function redeem(): Promise<void> {
    for (let tries = 0; tries < 3; tries += 1) {
      const result = await api.redeem(code ?? '');
      if ('ok' in result) return runtime.dispatch({ type: 'adopt', sale: result.ok });
      if (result.refusal.code !== 'no_answer' || tries === 2) {
        const line = document.createElement('p');
        line.className = 'notice';
        writeOrHide(line, refusalText(model(), result.refusal, 'fault'));
        panel.before(line);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 2_000));
    }
  }
}

const code = takeCode();
const page = pageData();
const main = document.getElementById('main');
const panel = document.getElementById('panel');
const order = document.getElementById('order');
if (page && main?.dataset.page === 'kiosk') runKiosk(page);
else if (page && panel && order) {
  document.documentElement.classList.add('js');
  runPage(page, panel, order, code);
}
