// The entry of the screen beside a machine: it shows whether the machine is free, and the check code.

import { makeApi } from './api';
import { instant } from './classify';
import { makeClock } from './clock';
import { pageData, type PageData } from './data';
import { makePoll, onWake } from './poll';
import { conditionOf, showCondition, showDevice } from './state_line';
import { textsOf } from './strings';
import { makeWatch, watched } from './watch';

const POLL_MS = 3_000;

/** Keeps a screen up to date. */
function runKiosk(page: PageData): void {
  const t = textsOf(page.lang, page.strings);
  const clock = makeClock(() => performance.now(), Date.now());
  clock.learn(page.status?.now, 0);
  const known = watched(page);
  const scan = document.querySelector<HTMLElement>('.scan');
  const api = makeApi(page.api, page.asset.id, clock, () => undefined);
  const changes = { repriced: () => undefined, reshaped: () => location.reload() };
  const watch = makeWatch(known, api, t.language, changes);
  const show = (): void => {
    const { asset, status, isDown } = known;
    // Nobody is invited to pay while nobody knows whether it is free.
    if (scan) scan.hidden = isDown;
    // Without a status the server has written no code to scan.
    else if (!isDown) location.reload();
    showCondition(conditionOf(asset, status, isDown), instant(status?.session?.endsAt), clock.now(), t);
    showDevice(status, false, t);
  };
  const poll = makePoll(
    async () => {
      await watch.ask();
      show();
    },
    () => POLL_MS,
  );
  show();
  onWake(poll);
  poll();
}

const page = pageData();
if (page) runKiosk(page);
