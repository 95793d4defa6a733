// The screen beside a machine: it shows whether the machine is free, and the check code.

import { makeApi } from './api';
import { instant } from './classify';
import { makeClock } from './clock';
import type { PageData } from './data';
import { makePoll, onWake } from './poll';
import { conditionOf, isHeld, priceLine, showCondition, showDevice } from './state_line';
import { textsOf } from './strings';

const POLL_MS = 3_000;
/** How many answers may be missing before the screen says so. */
const MISSES = 2;

/** Keeps a screen up to date. */
export function runKiosk(page: PageData): void {
  const t = textsOf(page.lang, page.strings);
  const clock = makeClock(() => performance.now(), Date.now());
  clock.learn(page.status?.now, 0);
  let { asset, status } = page;
  let misses = page.status ? 0 : MISSES;
  const scan = document.querySelector<HTMLElement>('.scan');
  const api = makeApi(page.api, page.asset.id, clock, () => undefined);
  const show = (): void => {
    const now = clock.now();
    const condition = conditionOf(asset, status, misses >= MISSES);
    // Nobody is invited to pay while nobody knows whether it is free.
    if (scan) scan.hidden = condition === 'unreachable';
    else if (status && misses === 0) location.reload();
    showCondition(condition, instant(status?.session?.endsAt), now, t);
    showDevice(status, t);
  };
  const poll = makePoll(
    async () => {
      const result = await api.status();
      misses = 'ok' in result ? 0 : misses + 1;
      if ('ok' in result) status = result.ok;
      const held = isHeld(status) ? await api.asset() : null;
      if (held && 'ok' in held) asset = held.ok;
      show();
    },
    () => POLL_MS,
  );
  priceLine(page.asset, t)(page.asset);
  show();
  onWake(poll);
  poll();
}
