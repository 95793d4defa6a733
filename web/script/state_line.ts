// The lines that the server has written: whether the asset is free, what its device does, and the check code.

import { instant } from './classify';
import { isRunning } from './session';
import { write } from './dom';
import type { Strings } from './strings';
import { timeOfDay } from './time';
import type { Asset, Session, Status } from './types';

export type Condition = 'free' | 'taken' | 'full' | 'paying' | 'off' | 'unreachable' | 'yours' | 'yours_paying';

/** Returns whether the asset can be had, as far as is known. */
export function conditionOf(asset: Asset, status: Status | null, isDown: boolean, mine: Session | null, now: number): Condition {
  if (isRunning(mine, now)) return 'yours';
  if (isDown || !status) return 'unreachable';
  if (!asset.enabled) return 'off';
  if (status.available) return 'free';
  if (asset.capacity !== undefined && asset.capacity !== null) return 'full';
  return status.session ? 'taken' : 'paying';
}

/** Shows the condition in `#state`. */
export function showCondition(condition: Condition, end: number | null, now: number, texts: Strings): void {
  const line = document.getElementById('state');
  if (!line) return;
  const time = end === null ? '' : timeOfDay(end, now, texts.language);
  const key = time === '' && (condition === 'taken' || condition === 'yours') ? `state.${condition}.open` : `state.${condition}`;
  line.dataset.state = condition;
  write(line, texts.text(key, { time }));
}

/** Shows the device in `#device`, and the code in `#check`. */
export function showDevice(status: Status | null, texts: Strings): void {
  const line = document.getElementById('device');
  if (line && status?.device) {
    line.dataset.state = status.device.state;
    write(line, texts.text(`device.${status.device.state}`));
  }
  const code = document.querySelector('#check strong');
  if (code && status?.checkCode) write(code, status.checkCode);
}

/** Returns when the asset is free again, if somebody has it. */
export function takenUntil(status: Status | null): number | null {
  return instant(status?.session?.endsAt);
}
