// The screen beside a machine: it shows whether the machine is free, and the check code.

import { Api } from './api';
import { Clock } from './clock';
import type { PageData } from './data';
import { onWake, Poll } from './poll';
import { conditionOf, showCondition, showDevice, takenUntil } from './state_line';
import { Strings } from './strings';
import type { Status } from './types';

const POLL_MS = 3_000;
/** How many answers may be missing before the screen says so. */
const MISSES = 2;

/** Keeps a screen up to date. */
export function runKiosk(page: PageData): void {
  const texts = new Strings(page.lang, page.strings);
  const clock = new Clock(() => performance.now(), () => Date.now());
  clock.learn(page.status?.now, 0);
  let status: Status | null = page.status;
  let misses = 0;
  const api = new Api(page.api, page.asset.id, clock, () => undefined);
  const show = (): void => {
    const now = clock.now();
    const condition = conditionOf(page.asset, status, misses >= MISSES, null, now);
    showCondition(condition, takenUntil(status), now, texts);
    showDevice(status, texts);
  };
  const poll = new Poll(
    async () => {
      const result = await api.status();
      misses = 'ok' in result ? 0 : misses + 1;
      if ('ok' in result) status = result.ok;
      show();
    },
    () => POLL_MS,
  );
  show();
  onWake(() => void poll.now());
  void poll.now();
}
