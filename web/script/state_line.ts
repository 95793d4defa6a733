// The lines that the server has written: whether the asset is free, what its device does, and the check code.

import { write } from './dom';
import type { Texts } from './strings';
import { timeOfDay } from './time';
import type { Asset, Status } from './types';

export type Condition = 'free' | 'taken' | 'full' | 'paying' | 'broken' | 'off' | 'unreachable' | 'yours' | 'yours_paying';

/** Returns whether the asset can be had by somebody else, as far as is known. */
export function conditionOf(asset: Asset, status: Status | null, isDown: boolean): Condition {
  if (isDown || !status) return 'unreachable';
  if (status.available) return 'free';
  if (!asset.enabled) return 'off';
  if (asset.capacity !== undefined && asset.capacity !== null) return 'full';
  if (status.session) return 'taken';
  return status.device?.outOfOrder ? 'broken' : 'paying';
}

/** Returns whether an asset can't be had although nobody has it. It may have been taken off sale then. */
export function isUnavailable(status: Status | null): boolean {
  return status !== null && !status.available && !status.session;
}

/** Shows the condition in `#state`. */
export function showCondition(condition: Condition, end: number | null, now: number, t: Texts): void {
  const line = document.getElementById('state');
  if (!line) return;
  const time = end === null ? '' : timeOfDay(end, now, t.language);
  const isOpen = time === '' && (condition === 'taken' || condition === 'yours');
  line.dataset.state = condition;
  write(line, t(`state.${condition}${isOpen ? '.open' : ''}`, { time }));
}

/** Shows the device in `#device`, and the code in `#check`. A device that is being unlocked has nothing to report yet. */
export function showDevice(status: Status | null, isOpening: boolean, t: Texts): void {
  const line = document.getElementById('device');
  if (line && status?.device) {
    line.dataset.state = isOpening ? 'opening' : status.device.state;
    write(line, t(isOpening ? 'run.opening' : `device.${status.device.state}`));
  }
  const code = document.querySelector('#check strong');
  if (code && status?.checkCode) write(code, status.checkCode);
}
